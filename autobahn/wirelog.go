package autobahn

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/seed60239977/websocket/autobahn/internal/wire"
)

const (
	logEntries = 120 // beyond these a log only counts
	logBytes   = 128 // shown of a payload
)

// LogEntry is one line of a wire log: a frame, or a remark when Opcode is empty.
type LogEntry struct {
	At     float64 `json:"at"`             // milliseconds since the connection opened
	Sent   bool    `json:"sent"`           // by the suite; else received
	Opcode string  `json:"opcode"`         // "text", "ping", …; "part" for a part of a payload
	Fin    bool    `json:"fin"`            //
	RSV    int     `json:"rsv"`            // RSV1 is 4, RSV2 is 2, RSV3 is 1
	Masked bool    `json:"masked"`         //
	Len    int64   `json:"length"`         // bytes of payload
	Chop   int     `json:"chop,omitempty"` // bytes in a TCP write, when cut
	Data   string  `json:"data"`           // the payload, or its beginning, as text or in hexadecimal
	Note   string  `json:"note,omitempty"`
}

// wireLog keeps the frames of one connection in the order of time.
type wireLog struct {
	start   time.Time
	entries []LogEntry
	left    int
	rx, tx  map[string]int
	rxBytes int64
	txBytes int64
}

func (l *wireLog) begin() {
	l.start, l.rx, l.tx = time.Now(), map[string]int{}, map[string]int{}
}

func (l *wireLog) add(e LogEntry, payload []byte) {
	if len(l.entries) >= logEntries {
		l.left++
		return
	}
	e.At = float64(time.Since(l.start).Microseconds()) / 1000
	e.Data = e.shown(payload)
	l.entries = append(l.entries, e)
}

// shown is what a log shows of a payload: of a close frame its code and reason.
func (e *LogEntry) shown(payload []byte) string {
	switch {
	case e.Opcode == "" || payload == nil && e.Len > 0:
		return ""
	case e.Opcode == wire.Name(wire.Close) && len(payload) > 2:
		return fmt.Sprintf("%d %s", binary.BigEndian.Uint16(payload), readable(payload[2:]))
	case e.Opcode == wire.Name(wire.Close) && len(payload) == 2:
		return strconv.Itoa(int(binary.BigEndian.Uint16(payload)))
	}
	return readable(payload)
}

func (l *wireLog) note(s string) { l.add(LogEntry{Note: s}, nil) }

func (l *wireLog) part(b []byte) {
	l.txBytes += int64(len(b))
	l.add(LogEntry{Sent: true, Opcode: "part", Len: int64(len(b))}, b)
}

func (l *wireLog) sent(h wire.Header, payload []byte, chop int) {
	l.tx[wire.Name(h.Opcode)]++
	l.txBytes += int64(len(payload))
	l.add(entry(h, true, chop), payload)
}

func (l *wireLog) received(f wire.Frame) {
	l.rx[wire.Name(f.Opcode)]++
	l.rxBytes += f.Len
	l.add(entry(f.Header, false, 0), f.Payload)
}

func entry(h wire.Header, sent bool, chop int) LogEntry {
	return LogEntry{Sent: sent, Opcode: wire.Name(h.Opcode), Fin: h.Fin, RSV: int(h.RSV), Masked: h.Masked, Len: h.Len, Chop: chop}
}

// readable shows the beginning of b: as text where it is, else in hexadecimal.
func readable(b []byte) string {
	more := ""
	if len(b) > logBytes {
		more = fmt.Sprintf(" … (%d bytes)", len(b))
		b = b[:logBytes]
	}
	if s := string(b); utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return fmt.Sprintf("%q", s) + more
	}
	return fmt.Sprintf("%x", b) + more
}
