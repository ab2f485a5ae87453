package hub

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"

	"github.com/seed60239977/websocket/conn"
)

// recordVersion is the first byte of a record. Another one would mean that processes of different versions share a broker.
const recordVersion = 1

// AppendRecord appends m as brokers store and send it: everything but Topic and Position, in a few bytes more than Data.
// It is for those who write brokers.
func AppendRecord(dst []byte, m *Message) []byte {
	flags := byte(m.Type)
	if m.Latest {
		flags |= recordLatest
	}
	if m.Except != (Origin{}) {
		flags |= recordExcept
	}
	dst = append(dst, recordVersion, flags)
	if m.Latest {
		dst = binary.AppendUvarint(dst, uint64(len(m.Key)))
		dst = append(dst, m.Key...)
	}
	if m.Except != (Origin{}) {
		dst = binary.AppendUvarint(dst, m.Except.Hub)
		dst = binary.AppendUvarint(dst, m.Except.Conn)
	}
	return append(dst, m.Data...)
}

// The second byte of a record: a message type, and these.
const (
	recordLatest = 0x10
	recordExcept = 0x20
)

// errRecord: a program of another kind, or another version, uses the broker.
var errRecord = errors.New("websocket: no record of a hub")

// ParseRecord is the opposite of [AppendRecord]. Data of the message refers to record.
func ParseRecord(record []byte) (*Message, error) {
	c := cursor{b: record}
	version, flags := c.byte(), c.byte()
	m := &Message{Type: conn.MessageType(flags &^ (recordLatest | recordExcept)), Latest: flags&recordLatest != 0}
	if version != recordVersion || m.Type != conn.Text && m.Type != conn.Binary {
		return nil, errRecord
	}
	if m.Latest {
		m.Key = string(c.take(c.number()))
	}
	if flags&recordExcept != 0 {
		m.Except = Origin{Hub: c.number(), Conn: c.number()}
	}
	m.Data = c.take(uint64(len(c.b)))
	if c.err != nil || m.Type == conn.Text && !utf8.Valid(m.Data) {
		return nil, errRecord
	}
	return m, nil
}

// AppendPresence appends who is, or was, present as brokers store and send it. It is for those who write brokers.
func AppendPresence(dst []byte, p Presence) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(p.ID)))
	return append(append(dst, p.ID...), p.Value...)
}

// ParsePresence is the opposite of [AppendPresence].
func ParsePresence(record []byte) (Presence, error) {
	c := cursor{b: record}
	p := Presence{ID: string(c.take(c.number())), Value: string(c.b)}
	if c.err != nil {
		return Presence{}, errRecord
	}
	return p, nil
}
