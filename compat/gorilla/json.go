package websocket

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
)

// WriteJSON sends v in JSON as a text message. If v cannot be encoded, nothing is sent.
func (c *Conn) WriteJSON(v any) error {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		return err
	}
	return c.WriteMessage(TextMessage, b.Bytes())
}

// ReadJSON reads the next message into v. A message without a value is io.ErrUnexpectedEOF.
func (c *Conn) ReadJSON(v any) error {
	_, r, err := c.NextReader()
	if err != nil {
		return err
	}
	if err = json.NewDecoder(r).Decode(v); err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// WriteJSON is [Conn.WriteJSON].
//
// Deprecated: Use the method.
//
//go:fix inline
func WriteJSON(c *Conn, v any) error { return c.WriteJSON(v) }

// ReadJSON is [Conn.ReadJSON].
//
// Deprecated: Use the method.
//
//go:fix inline
func ReadJSON(c *Conn, v any) error { return c.ReadJSON(v) }

// JoinMessages returns a reader of all messages that come, one after the other, each with term behind it.
func JoinMessages(c *Conn, term string) io.Reader { return &joined{c: c, term: term} }

type joined struct {
	c    *Conn
	term string
	r    io.Reader // of the current message; nil before it
}

func (j *joined) Read(p []byte) (int, error) {
	if j.r == nil {
		_, r, err := j.c.NextReader()
		if err != nil {
			return 0, err
		}
		j.r = io.MultiReader(r, strings.NewReader(j.term))
	}
	n, err := j.r.Read(p)
	if err == io.EOF {
		j.r, err = nil, nil
	}
	return n, err
}
