package autobahn

import (
	"github.com/seed60239977/websocket/autobahn/internal/wire"
)

// advance sends the steps up to the next wait.
func (s *session) advance() {
	for s.step < len(s.c.Steps) {
		step := s.c.Steps[s.step]
		s.step++
		if step.Do == Wait {
			s.wait(step)
			return
		}
		s.play(step)
	}
}

func (s *session) wait(step Step) {
	s.after(step.After, func() {
		if !s.isOpen() {
			return
		}
		if step.Tag != "" {
			s.log.note("waited " + step.After.String() + ": " + step.Tag)
			s.event(Event{Kind: TimedOut, Tag: step.Tag}, nil)
		}
		s.advance()
	})
}

func (s *session) play(step Step) {
	how := output{chop: step.Chop, alone: step.Alone}
	h := wire.Header{Fin: step.Fin, RSV: step.RSV, Opcode: step.Opcode}
	switch step.Do {
	case SendFrame:
		s.send(h, step.Payload.Bytes(), how)
	case SendMessage:
		frames := s.sendMessage(h, step.Payload.Bytes(), step.Fragment, how)
		s.fragmentsOff = step.Fragment > 0 && frames != step.Payload.Len/step.Fragment+1
	case SendHeader:
		s.sendHeader(h, step.Payload.Len)
	case SendPart:
		b := step.Payload.Bytes()
		s.log.part(b)
		s.out.push(output{data: wire.AppendPart(nil, s.stream, s.streamed, b)})
		s.streamed += len(b)
	case SendClose:
		s.sendClose(step.Code, step.Payload.Bytes())
	case SendRaw:
		s.sendRaw(step.Payload.Bytes(), how)
	case SendCompressed:
		s.send(h, s.deflater.Message(step.Payload.Bytes()), how)
	case CloseAfter:
		s.after(step.After, func() { s.sendClose(NoCode, nil) })
	case KillAfter:
		s.after(step.After, s.kill)
	}
}

// kill ends a case that has not ended by itself.
func (s *session) kill() {
	if s.gotClose {
		return // the closing handshake is under way, and has its own limits
	}
	s.fail(1001, "the case took too long")
}

func (s *session) sendHeader(h wire.Header, n int) {
	if !s.isServer {
		h.Masked, h.Key = true, wire.RandomKey()
	}
	h.Len = int64(n)
	s.stream, s.streamed = h, 0
	s.log.sent(h, nil, 0)
	s.out.push(output{data: wire.AppendHeader(nil, h)})
}
