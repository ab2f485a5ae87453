package autobahn

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/seed60239977/websocket/autobahn/internal/wire"
)

// arrived takes one frame from the peer. What breaks a rule is answered, and the
// frame is then taken for what it is, as the original suite does: a pong counts
// that comes after a violation, a message does not, and a second violation finds
// the closing handshake under way.
func (s *session) arrived(a arrival) {
	f := a.frame
	lost := a.err != nil && a.err.Lost
	if !lost {
		s.log.received(f)
	}
	if s.gotClose || s.dropped {
		return // §5.5.1: nothing follows a close frame
	}
	for _, v := range s.violations(a) {
		s.breach(v)
	}
	switch {
	case lost:
	case f.Opcode == wire.Close:
		s.closeArrived(f.Payload)
	case f.Opcode == wire.Ping:
		if !s.sentClose {
			s.send(wire.Header{Fin: true, Opcode: wire.Pong}, f.Payload, output{})
		}
	case f.Opcode == wire.Pong:
		s.event(Event{Kind: PongFrame}, f.Payload)
	case !f.IsControl():
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

// violations are what is wrong with a frame by itself, by earlier frames and by
// the extension. Each of them fails the connection, the second for good.
func (s *session) violations(a arrival) (all []*wire.Violation) {
	f := a.frame
	check := func(broken bool, format string, args ...any) {
		if broken {
			all = append(all, &wire.Violation{Code: 1002, What: fmt.Sprintf(format, args...)})
		}
	}
	if a.err != nil {
		all = append(all, a.err)
		if a.err.Lost {
			return all
		}
	}
	name, control := wire.Name(f.Opcode), f.IsControl()
	compressible := s.agreed != nil && !control && f.Opcode != wire.Continuation
	check(f.RSV&3 != 0 || f.RSV != 0 && !compressible, "RSV bits %03b set on a %s frame", f.RSV, name)
	check(control && !f.Fin, "a fragmented %s frame", name)
	check(control && f.Len > 125, "a %s frame of %d bytes", name, f.Len)
	check(f.Opcode > wire.Pong || f.Opcode > wire.Binary && f.Opcode < wire.Close, "reserved opcode %d", f.Opcode)
	check(f.Opcode == wire.Continuation && !s.assembling.active, "a continuation frame with nothing to continue")
	check(!control && f.Opcode != wire.Continuation && s.assembling.active, "a new message inside a fragmented one")
	return all
}

// dataArrived adds a frame to its message. Once the connection has failed,
// payloads are looked at but not kept.
func (s *session) dataArrived(f wire.Frame) {
	m := &s.assembling
	if !m.active {
		*m = assembly{active: true, opcode: f.Opcode, compressed: f.RSV == 4 && s.agreed != nil}
	}
	if len(m.data)+len(f.Payload) > maxMessage {
		s.breach(&wire.Violation{Code: 1009, What: "a message is longer than this suite reads"})
	}
	if m.isText() && !m.compressed {
		s.textArrived(f.Payload, f.Fin)
	}
	m.active = !f.Fin
	switch {
	case s.failing:
		m.data = nil
		return
	case m.data == nil:
		m.data = f.Payload
	default:
		m.data = append(m.data, f.Payload...)
	}
	if f.Fin {
		data := m.data
		m.data = nil
		s.complete(data)
	}
}

// textArrived checks a part of a text message, and at its end that no character
// is cut short. Text that goes wrong before its end is wrong twice.
func (s *session) textArrived(part []byte, last bool) {
	notUTF8 := &wire.Violation{Code: 1007, What: "a text message that is not UTF-8"}
	if !s.assembling.text.Add(part) {
		s.breach(notUTF8)
	}
	if last && !s.assembling.text.Complete() {
		s.breach(notUTF8)
	}
}

// complete takes the payload of a whole message.
func (s *session) complete(data []byte) {
	m := &s.assembling
	if m.compressed {
		var err error
		if data, err = s.inflater.Message(data, s.inflateLimit()); err != nil {
			s.breach(&wire.Violation{Code: 1007, What: err.Error()})
			return
		}
		if s.c.Echo == nil { // the event stays, the inflater's bytes do not
			data = bytes.Clone(data)
		}
		if m.isText() {
			s.textArrived(data, true)
		}
	}
	if !s.failing {
		s.messageArrived(m.opcode, data)
	}
}

func (s *session) messageArrived(opcode byte, data []byte) {
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
	if s.dropped {
		return // the second violation: this is no closing handshake any more
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
		return &wire.Violation{Code: 1002, What: "a close frame whose body is one byte"}
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
