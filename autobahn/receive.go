package autobahn

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/seed60239977/websocket/autobahn/internal/wire"
)

// arrived takes one frame from the peer.
func (s *session) arrived(a arrival) {
	f := a.frame
	if a.err == nil || !a.err.Lost {
		s.log.received(f)
	}
	if s.gotClose {
		return // §5.5.1: nothing follows a close frame
	}
	if v := s.violated(a); v != nil {
		s.breach(v)
		if f.Opcode != wire.Close || v.Lost {
			return
		}
	}
	switch {
	case f.Opcode == wire.Close:
		s.closeArrived(f.Payload)
	case s.failing:
	case f.Opcode == wire.Ping:
		if !s.sentClose {
			s.send(wire.Header{Fin: true, Opcode: wire.Pong}, f.Payload, output{})
		}
	case f.Opcode == wire.Pong:
		s.event(Event{Kind: PongFrame}, f.Payload)
	default:
		s.dataArrived(f)
	}
}

func (s *session) breach(v *wire.Violation) {
	if s.violation == "" {
		s.violation = v.What
	}
	s.log.note("violation: " + v.What)
	s.fail(v.Code, v.What)
}

// violated checks what depends on earlier frames and on the extension.
func (s *session) violated(a arrival) *wire.Violation {
	f := a.frame
	protocol := func(format string, args ...any) *wire.Violation {
		return &wire.Violation{Code: 1002, What: fmt.Sprintf(format, args...)}
	}
	compressible := s.agreed != nil && !f.IsControl() && f.Opcode != wire.Continuation
	switch {
	case a.err != nil:
		return a.err
	case f.RSV&3 != 0 || f.RSV != 0 && !compressible:
		return protocol("RSV bits %03b set on a %s frame", f.RSV, wire.Name(f.Opcode))
	case f.Opcode > wire.Pong || f.Opcode > wire.Binary && f.Opcode < wire.Close:
		return protocol("reserved opcode %d", f.Opcode)
	case f.IsControl() && !f.Fin:
		return protocol("a fragmented %s frame", wire.Name(f.Opcode))
	case f.IsControl() && f.Len > 125:
		return protocol("a %s frame of %d octets", wire.Name(f.Opcode), f.Len)
	case f.Opcode == wire.Continuation && !s.assembling.active:
		return protocol("a continuation frame with nothing to continue")
	case (f.Opcode == wire.Text || f.Opcode == wire.Binary) && s.assembling.active:
		return protocol("a new message inside a fragmented one")
	}
	return nil
}

func (s *session) dataArrived(f wire.Frame) {
	m := &s.assembling
	if f.Opcode != wire.Continuation {
		*m = assembly{active: true, opcode: f.Opcode, compressed: f.RSV != 0}
	}
	if len(m.data)+len(f.Payload) > maxMessage {
		s.breach(&wire.Violation{Code: 1009, What: "a message is longer than this suite reads"})
		return
	}
	if m.data == nil {
		m.data = f.Payload
	} else {
		m.data = append(m.data, f.Payload...)
	}
	if !f.Fin {
		return
	}
	m.active = false
	data := m.data
	m.data = nil
	if m.compressed {
		var err error
		if data, err = s.inflater.Message(data, s.inflateLimit()); err != nil {
			s.breach(&wire.Violation{Code: 1007, What: err.Error()})
			return
		}
		if s.c.Echo == nil { // the event stays, the inflater's octets do not
			data = bytes.Clone(data)
		}
	}
	s.messageArrived(m.opcode, data)
}

func (s *session) messageArrived(opcode byte, data []byte) {
	if opcode == wire.Text && !wire.ValidUTF8(data) {
		s.breach(&wire.Violation{Code: 1007, What: "a text message that is not UTF-8"})
		return
	}
	if s.c.Echo != nil {
		s.echoArrived(opcode, data)
		return
	}
	s.event(message(opcode, Payload{}), data)
	if s.c.AnyContents {
		s.sendClose(s.c.Close.Codes[0], nil)
	}
}

// event lists something received, and closes when nothing more is expected.
func (s *session) event(e Event, contents []byte) {
	s.tally.received = append(s.tally.received, e)
	s.contents = append(s.contents, contents)
	if s.c.Close.WhenReceived && equalEvents(s.c.Expect[0].Events, &s.tally) {
		s.sendClose(s.c.Close.Codes[0], nil)
	}
}

// closeArrived takes part in the closing handshake (RFC 6455 §7.1.2). As the
// client, the suite leaves it to the server to drop TCP (§7.1.1).
func (s *session) closeArrived(body []byte) {
	s.gotClose = true
	if v := s.closeBody(body); v != nil {
		s.badClose = true
		s.breach(v)
	}
	if !s.sentClose {
		s.closeFrame(1000, nil)
	}
	s.cleanClose = true
	if s.isServer {
		s.drop()
		return
	}
	s.after(closeTimeout, func() {
		s.cleanClose = false
		s.dropped = true
		s.abort()
	})
}

func (s *session) closeBody(body []byte) *wire.Violation {
	if len(body) == 0 {
		return nil
	}
	if len(body) == 1 {
		return &wire.Violation{Code: 1002, What: "a close frame whose body is one octet"}
	}
	s.remoteCode, s.remoteWhy = int(binary.BigEndian.Uint16(body)), string(body[2:])
	if !validCode(s.remoteCode) {
		return &wire.Violation{Code: 1002, What: fmt.Sprintf("the close code %d", s.remoteCode)}
	}
	if !wire.ValidUTF8(body[2:]) {
		return &wire.Violation{Code: 1007, What: "a close reason that is not UTF-8"}
	}
	return nil
}

// validCode: the close codes that may stand in a frame (§7.4).
func validCode(code int) bool {
	return code >= 1000 && code <= 1003 || code >= 1007 && code <= 1011 || code >= 3000 && code <= 4999
}
