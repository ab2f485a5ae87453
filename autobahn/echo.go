package autobahn

import (
	"bytes"
	"fmt"

	"github.com/seed60239977/websocket/autobahn/internal/payload"
	"github.com/seed60239977/websocket/autobahn/internal/wire"
)

// echoState is how far a case of many messages has come.
type echoState struct {
	count   int    // messages sent
	current []byte // the one whose echo is awaited
	data    *payload.Data
	stream  *stream // of data, compressed
}

func (s *session) startEcho() {
	e := s.c.Echo
	if e.Data != "" {
		if s.agreed == nil {
			s.endEcho(Unimplemented, "permessage-deflate was not agreed on")
			return
		}
		s.echoing.data = payload.Of(e.Data)
		s.echoing.stream = s.streams.of(e, s.deflater)
	} else {
		s.echoing.current = repeat(e.Unit, e.Len).Bytes()
	}
	s.echo.verdict = Failed
	s.after(e.Timeout, func() {
		if s.isOpen() {
			s.echo.why += ", and time is up"
			s.sendClose(NoCode, nil)
		}
	})
	s.sendNext()
}

func (s *session) endEcho(v Verdict, why string) {
	s.echo = echoResult{v, why}
	s.sendClose(1000, nil)
}

// sendNext sends the next message, or closes when all have come back.
func (s *session) sendNext() {
	e := s.c.Echo
	if s.echoing.count == e.Messages {
		s.endEcho(OK, "")
		return
	}
	h := wire.Header{Opcode: wire.Text}
	if e.Binary {
		h.Opcode = wire.Binary
	}
	if s.echoing.data == nil {
		s.sendMessage(h, s.echoing.current, 0, output{})
	} else {
		s.echoing.current = s.echoing.data.Message(s.echoing.current[:0], s.echoing.count, e.Len)
		h.RSV = 4
		s.sendMessage(h, s.echoing.stream.message(s.echoing.count, s.echoing.current), e.Fragment, output{})
	}
	s.echoing.count++
	s.echo.why = fmt.Sprintf("the echo of message %d did not come", s.echoing.count)
}

func (s *session) echoArrived(opcode byte, data []byte) {
	if !s.isOpen() {
		return
	}
	e, k := s.c.Echo, s.echoing.count
	switch {
	case (opcode == wire.Binary) != e.Binary:
		s.endEcho(Failed, fmt.Sprintf("message %d came back with another type", k))
	case len(data) != len(s.echoing.current):
		s.endEcho(Failed, fmt.Sprintf("message %d came back with %d bytes instead of %d", k, len(data), len(s.echoing.current)))
	case e.Data != "" && !bytes.Equal(data, s.echoing.current):
		s.endEcho(Failed, fmt.Sprintf("message %d came back with other contents", k))
	default:
		s.sendNext()
	}
}

// inflateLimit is how long an inflated message may be: an echo is no longer
// than what was sent.
func (s *session) inflateLimit() int {
	if s.c.Echo != nil {
		return len(s.echoing.current)
	}
	return maxMessage
}
