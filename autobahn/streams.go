package autobahn

import (
	"bytes"
	"slices"
	"sync"

	"github.com/seed60239977/websocket/autobahn/internal/payload"
	"github.com/seed60239977/websocket/autobahn/internal/pmd"
)

// streamsKept bounds the bytes that streams keeps.
const streamsKept = 96 << 20

// streams are the compressed messages that cases of groups 12 and 13 send, as
// long as there is room. Half of the cases send the same ones as another does, in
// frames of another length. It is safe for concurrent use.
type streams struct {
	mu     sync.Mutex
	recent []*stream // the last used first
}

// streamKey is all that the bytes of a stream depend on.
type streamKey struct {
	data       payload.Kind
	length     int
	window     int
	noTakeover bool
}

// of returns the messages of an echo case as the deflater compresses them, which
// has not been used yet.
func (c *streams) of(e *Echo, d *pmd.Deflater) *stream {
	key := streamKey{e.Data, e.Len, d.Window, d.NoTakeover}
	c.mu.Lock()
	defer c.mu.Unlock()
	at := slices.IndexFunc(c.recent, func(s *stream) bool { return s.key == key })
	if at >= 0 {
		s := c.recent[at]
		c.recent = slices.Insert(slices.Delete(c.recent, at, at+1), 0, s)
		return s
	}
	s := newStream(key, d)
	size := len(s.messages[0]) * e.Messages
	if size > streamsKept {
		s.forgetful = true
		return s
	}
	s.size = size
	c.recent = slices.Insert(c.recent, 0, s)
	total := 0
	for i, kept := range c.recent {
		if total += kept.size; total > streamsKept {
			c.recent = slices.Delete(c.recent, i, len(c.recent))
			break
		}
	}
	return s
}

// stream are the compressed messages of one connection, in order.
type stream struct {
	key  streamKey
	size int // bytes of all messages, by the length of the first

	mu       sync.Mutex
	deflater *pmd.Deflater
	messages [][]byte
	// forgetful: only the first message is kept.
	forgetful bool
}

func newStream(key streamKey, d *pmd.Deflater) *stream {
	first := d.Message(payload.Of(key.data).Message(nil, 0, key.length))
	return &stream{key: key, deflater: d, messages: [][]byte{bytes.Clone(first)}}
}

// message returns message k, counted from 0, compressed; it must be whole plain.
// Callers ask for one after the other. The result is to be read only, and is
// valid until the next call by the same caller.
func (s *stream) message(k int, plain []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k < len(s.messages) {
		return s.messages[k]
	}
	m := s.deflater.Message(plain)
	if s.forgetful {
		return m
	}
	s.messages = append(s.messages, bytes.Clone(m))
	return s.messages[k]
}
