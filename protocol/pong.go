package protocol

import "github.com/seed60239977/websocket/frame"

// MaxPongs is how many answers may be queued before only the newest ping is answered.
const MaxPongs = 16

// latePong is the answer to the newest ping, once answers were too many.
type latePong struct {
	due     bool
	n       uint8
	payload [frame.MaxControlPayload]byte
}

// Answer queues the pong for a ping with this payload, which is not kept. "If an endpoint receives a Ping frame and has not
// yet sent Pong frame(s) in response to previous Ping frame(s), the endpoint MAY elect to send a Pong frame for only the
// most recently processed Ping frame" (§5.5.3): that is what happens to a peer that pings and does not read, behind
// [MaxPongs] answers. Once a close frame was queued, Answer does nothing.
func (s *Sender) Answer(payload []byte) {
	if s.closeSent {
		return
	}
	if s.pongs < MaxPongs && !s.Full() {
		s.pongs++
		s.add(frame.Pong, 0, payload, true)
		return
	}
	more := s.needMore()
	if more.newest == nil {
		more.newest = new(latePong)
	}
	more.newest.due = true
	more.newest.n = uint8(copy(more.newest.payload[:], payload))
}

// answerNewest queues the pong that was put off.
func (s *Sender) answerNewest() {
	if p := s.more.newest; p != nil && p.due {
		p.due = false
		if !s.closeSent {
			s.add(frame.Pong, 0, p.payload[:p.n], true)
		}
	}
}
