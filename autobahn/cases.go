package autobahn

import (
	"fmt"
	"time"

	"github.com/seed60239977/websocket/autobahn/internal/wire"
)

// Cases returns the 517 cases, in order. The slice is the caller's.
func Cases() []Case {
	var all []Case
	for _, family := range []func() []Case{
		echoedFrames, pings, reservedBits, reservedOpcodes, fragmentation,
		unicodeBasics, unicodeFailFast, unicodeSequences, closing, limits, autoFragment, compression,
	} {
		all = append(all, family()...)
	}
	return all
}

const (
	hello     = "Hello, world!"
	highBytes = "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
)

func frame(opcode byte, payload string) Step {
	return Step{Do: SendFrame, Opcode: opcode, Fin: true, Payload: whole(payload)}
}

func reserved(rsv, opcode byte, payload string) Step {
	s := frame(opcode, payload)
	s.RSV = rsv
	return s
}

// open makes a frame one that others follow.
func open(opcode byte, payload string) Step {
	s := frame(opcode, payload)
	s.Fin = false
	return s
}

func killAfter(d time.Duration) Step  { return Step{Do: KillAfter, After: d} }
func closeAfter(d time.Duration) Step { return Step{Do: CloseAfter, After: d} }

func message(opcode byte, p Payload) Event {
	if opcode == wire.Binary {
		return Event{Kind: BinaryMessage, Payload: p}
	}
	return Event{Kind: TextMessage, Payload: p}
}

func textEvent(s string) Event { return message(wire.Text, whole(s)) }
func pongEvent(s string) Event { return Event{Kind: PongFrame, Payload: whole(s)} }

func expect(v Verdict, events ...Event) Expectation { return Expectation{v, events} }

// closesNormally: the suite closes with 1000 once everything has come back.
var closesNormally = CloseExpectation{BySuite: true, Codes: []int{1000}, Clean: true, WhenReceived: true}

// failsWith: the endpoint fails the connection.
func failsWith(code int) CloseExpectation { return CloseExpectation{Codes: []int{code}} }

// echoes is a case whose steps must lead to exactly these events.
func echoes(id, shows string, steps []Step, end Step, events ...Event) Case {
	return Case{ID: id, Shows: shows, Steps: append(steps, end), Expect: []Expectation{expect(OK, events...)}, Close: closesNormally}
}

// breaks is a case whose steps must make the endpoint fail the connection with
// 1002: strictly after the events given, loosely (when there are any) before
// them.
func breaks(id, shows string, steps []Step, events ...Event) Case {
	c := Case{ID: id, Shows: shows, Steps: append(steps, killAfter(time.Second)), Close: failsWith(1002)}
	c.Expect = []Expectation{expect(OK, events...)}
	if len(events) > 0 {
		c.Expect = append(c.Expect, expect(NonStrict))
	}
	return c
}

// alone and chopped give every frame a write of its own, or cut it in bytes.
func alone(steps ...Step) []Step {
	return changed(steps, func(s *Step) { s.Alone = true })
}

func chopped(steps ...Step) []Step {
	return changed(steps, func(s *Step) { s.Chop = 1 })
}

func together(steps ...Step) []Step { return changed(steps, func(*Step) {}) }

func changed(steps []Step, change func(*Step)) []Step {
	out := make([]Step, 0, len(steps)+1)
	for _, s := range steps {
		if s.Do == SendFrame {
			change(&s)
		}
		out = append(out, s)
	}
	return out
}

// echoedFrames are the groups 1.1 and 1.2: one frame of each length encoding.
func echoedFrames() (cases []Case) {
	kinds := []struct {
		opcode byte
		unit   string
	}{{wire.Text, "*"}, {wire.Binary, "\xfe"}}
	shapes := []struct {
		length, chop int
		kill         time.Duration
	}{
		{0, 0, time.Second}, {125, 0, time.Second}, {126, 0, time.Second}, {127, 0, time.Second}, {128, 0, time.Second},
		{65535, 0, 10 * time.Second}, {65536, 0, 10 * time.Second}, {65536, 997, 10 * time.Second},
	}
	for k, kind := range kinds {
		for i, s := range shapes {
			p := repeat(kind.unit, s.length)
			shows := fmt.Sprintf("a %s message of %d bytes comes back", wire.Name(kind.opcode), s.length)
			if s.chop > 0 {
				shows += fmt.Sprintf(", sent %d bytes at a time", s.chop)
			}
			step := Step{Do: SendFrame, Opcode: kind.opcode, Fin: true, Payload: p, Chop: s.chop}
			cases = append(cases, echoes(fmt.Sprintf("1.%d.%d", k+1, i+1), shows, []Step{step}, killAfter(s.kill), message(kind.opcode, p)))
		}
	}
	return cases
}

// pings are group 2.
func pings() []Case {
	high := repeat("\xfe", 125)
	ping := Step{Do: SendFrame, Opcode: wire.Ping, Fin: true, Payload: high}
	slow, long := ping, ping
	slow.Chop = 1
	long.Payload.Len = 126
	ended := func(payload string) []Step {
		return []Step{frame(wire.Pong, payload), {Do: SendClose, Code: 1000}}
	}
	var ten []Step
	var pongs []Event
	for i := range 10 {
		p := fmt.Sprintf("payload-%d", i)
		ten = append(ten, frame(wire.Ping, p))
		pongs = append(pongs, pongEvent(p))
	}
	after := closeAfter(time.Second)
	highPong := Event{Kind: PongFrame, Payload: high}
	const unsolicited = "unsolicited pong payload"
	return []Case{
		echoes("2.1", "a ping without payload is answered", []Step{frame(wire.Ping, "")}, after, pongEvent("")),
		echoes("2.2", "a ping's text payload comes back", []Step{frame(wire.Ping, hello)}, after, pongEvent(hello)),
		echoes("2.3", "a ping's binary payload comes back", []Step{frame(wire.Ping, highBytes)}, after, pongEvent(highBytes)),
		echoes("2.4", "a ping with the longest payload, 125 bytes, is answered", []Step{ping}, after, highPong),
		breaks("2.5", "a ping of 126 bytes fails the connection", []Step{long}),
		echoes("2.6", "a ping of 125 bytes is answered when it comes byte by byte", []Step{slow}, closeAfter(2*time.Second), highPong),
		echoes("2.7", "an unsolicited pong without payload is ignored", ended(""), after),
		echoes("2.8", "an unsolicited pong with payload is ignored", ended(unsolicited), after),
		echoes("2.9", "an unsolicited pong is ignored, the ping after it answered",
			[]Step{frame(wire.Pong, unsolicited), frame(wire.Ping, "ping payload")}, after, pongEvent("ping payload")),
		echoes("2.10", "ten pings are answered in order", together(ten...), closeAfter(3*time.Second), pongs...),
		echoes("2.11", "ten pings that come byte by byte are answered in order", chopped(ten...), closeAfter(3*time.Second), pongs...),
	}
}

// reservedBits are group 3: RSV bits without an extension that gives them a
// meaning (RFC 6455 §5.2).
func reservedBits() []Case {
	within := func(rsv byte) []Step {
		return []Step{frame(wire.Text, hello), reserved(rsv, wire.Text, hello), frame(wire.Ping, "")}
	}
	back := textEvent(hello)
	return []Case{
		breaks("3.1", "a text frame with RSV3 set fails the connection", []Step{reserved(1, wire.Text, hello)}),
		breaks("3.2", "RSV2 set on the second of two messages", together(within(2)...), back),
		breaks("3.3", "RSV2 and RSV3 set on the second of two messages, a write for each frame", alone(within(3)...), back),
		breaks("3.4", "RSV1 set on the second of two messages, byte by byte", chopped(within(4)...), back),
		breaks("3.5", "a binary frame with RSV1 and RSV3 set", []Step{reserved(5, wire.Binary, highBytes)}),
		breaks("3.6", "a binary frame with RSV1 and RSV2 set", []Step{reserved(6, wire.Binary, hello)}),
		breaks("3.7", "a close frame with all RSV bits set", []Step{reserved(7, wire.Close, "")}),
	}
}

// reservedOpcodes are the groups 4.1 and 4.2.
func reservedOpcodes() (cases []Case) {
	for g, first := range []byte{3, 11} {
		id := func(i int) string { return fmt.Sprintf("4.%d.%d", g+1, i) }
		shows := func(i byte, how string) string {
			return fmt.Sprintf("a frame with the reserved opcode %d%s", first+i, how)
		}
		within := func(i byte, payload string) []Step {
			return []Step{frame(wire.Text, hello), frame(first+i, payload), frame(wire.Ping, "")}
		}
		back := textEvent(hello)
		cases = append(cases,
			breaks(id(1), shows(0, ""), []Step{frame(first, "")}),
			breaks(id(2), shows(1, " and a payload"), []Step{frame(first+1, "reserved opcode payload")}),
			breaks(id(3), shows(2, " after a message"), within(2, ""), back),
			breaks(id(4), shows(3, " and a payload after a message"), within(3, hello), back),
			breaks(id(5), shows(4, " and a payload after a message, byte by byte"), chopped(within(4, hello)...), back),
		)
	}
	return cases
}
