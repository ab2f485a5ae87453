// Package record keeps what happens on a connection, as JSON lines, and reads it again.
package record

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
)

// Entry is one line of a recording. Which fields it has depends on its type:
//
//	open     a connection was made: URL, Subprotocol
//	text     Data
//	binary   Base64
//	ping     Data, or Base64 if that is not UTF-8; so has pong
//	close    Code and Reason: how the connection has ended
type Entry struct {
	Time        time.Time `json:"time"`
	Type        string    `json:"type"`
	Dir         string    `json:"dir,omitempty"` // in or out, as the client sees it
	URL         string    `json:"url,omitempty"` // without a password
	Subprotocol string    `json:"subprotocol,omitempty"`
	Data        *string   `json:"data,omitempty"`
	Base64      *string   `json:"base64,omitempty"`
	Code        int       `json:"code,omitempty"`
	Reason      string    `json:"reason,omitempty"`
}

// Directions of an [Entry].
const (
	In  = "in"
	Out = "out"
)

// Message makes an entry for a message.
func Message(dir string, typ websocket.MessageType, data []byte) Entry {
	if typ == websocket.Text {
		s := string(data)
		return Entry{Type: "text", Dir: dir, Data: &s}
	}
	s := base64.StdEncoding.EncodeToString(data)
	return Entry{Type: "binary", Dir: dir, Base64: &s}
}

// Control makes an entry for a ping or a pong.
func Control(dir, typ string, payload []byte) Entry {
	if len(payload) == 0 {
		return Entry{Type: typ, Dir: dir}
	}
	e := Message(dir, websocket.Binary, payload)
	if utf8.Valid(payload) {
		e = Message(dir, websocket.Text, payload)
	}
	e.Type = typ
	return e
}

// IsMessage reports whether the entry is a message, and not what happened around it.
func (e *Entry) IsMessage() bool { return e.Type == "text" || e.Type == "binary" }

// Payload returns the type and the bytes of a message, or of a ping or a pong.
func (e *Entry) Payload() (typ websocket.MessageType, data []byte, err error) {
	typ = websocket.Text
	if e.Type == "binary" {
		typ = websocket.Binary
	}
	switch {
	case e.Base64 != nil:
		data, err = base64.StdEncoding.DecodeString(*e.Base64)
	case e.Data != nil:
		data = []byte(*e.Data)
	}
	return typ, data, err
}

// Writer writes a recording. A nil Writer writes nothing. Its methods may be called from any goroutine.
type Writer struct {
	mu   sync.Mutex
	out  io.Writer
	line bytes.Buffer
	json *json.Encoder // to line
	now  func() time.Time
	err  error
}

// NewWriter returns a Writer. now is the clock; nil is time.Now.
func NewWriter(w io.Writer, now func() time.Time) *Writer {
	if now == nil {
		now = time.Now
	}
	r := &Writer{out: w, now: now}
	r.json = json.NewEncoder(&r.line)
	r.json.SetEscapeHTML(false)
	return r
}

// Write adds an entry, with the time that it is. After an error it does nothing.
func (w *Writer) Write(e Entry) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	e.Time = w.now().UTC().Round(0)
	if w.err != nil {
		return
	}
	w.line.Reset()
	if w.err = w.json.Encode(e); w.err == nil {
		_, w.err = w.out.Write(cli.JSON(w.line.Bytes()))
	}
}

// Err returns the first error of writing.
func (w *Writer) Err() error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Read reads a whole recording. Errors name the line.
func Read(r io.Reader) ([]Entry, error) {
	var all []Entry
	in := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if len(line) > 1 {
			e, bad := parse(line)
			if bad != nil {
				return nil, fmt.Errorf("line %d of the recording: %w", n, bad)
			}
			all = append(all, e)
		}
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func parse(line []byte) (e Entry, err error) {
	if err = json.Unmarshal(line, &e); err != nil {
		return e, err
	}
	switch e.Type {
	case "open", "close":
		return e, nil
	case "text", "binary", "ping", "pong":
	default:
		return e, fmt.Errorf("there is no type %q", e.Type)
	}
	if e.Dir != In && e.Dir != Out {
		return e, fmt.Errorf("dir is in or out, not %q", e.Dir)
	}
	_, _, err = e.Payload()
	return e, err
}
