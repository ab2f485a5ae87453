package autobahn

import (
	"fmt"
	"time"

	"github.com/seed60239977/websocket/autobahn/internal/wire"
)

// timings are the three ways that most cases of group 5 send their frames.
var timings = []struct {
	how   string
	apply func(...Step) []Step
}{{"", together}, {", a write for each frame", alone}, {", byte by byte", chopped}}

// fragmentation is group 5.
func fragmentation() (cases []Case) {
	part := func(opcode byte, i int) Step { return open(opcode, fmt.Sprintf("fragment%d", i)) }
	last := func(opcode byte, i int) Step { return frame(opcode, fmt.Sprintf("fragment%d", i)) }
	const cont, text, pinged = wire.Continuation, wire.Text, "ping payload"
	add := func(c Case) { cases = append(cases, c) }
	id := func() string { return fmt.Sprintf("5.%d", len(cases)+1) }
	both := textEvent("fragment1fragment2")
	after := closeAfter(time.Second)

	add(breaks(id(), "a ping in two fragments", []Step{part(wire.Ping, 1), last(cont, 2)}))
	add(breaks(id(), "a pong in two fragments", []Step{part(wire.Pong, 1), last(cont, 2)}))
	for _, t := range timings {
		add(echoes(id(), "a text message in two fragments"+t.how, t.apply(part(text, 1), last(cont, 2)), after, both))
	}
	for _, t := range timings {
		steps := t.apply(part(text, 1), frame(wire.Ping, pinged), last(cont, 2))
		add(echoes(id(), "a ping between two fragments"+t.how, steps, after, pongEvent(pinged), both))
	}
	const stray = "non-continuation payload"
	for _, t := range timings {
		add(breaks(id(), "a last continuation with nothing to continue, then a message"+t.how, t.apply(frame(cont, stray), frame(text, hello))))
	}
	for _, t := range timings {
		add(breaks(id(), "a continuation with nothing to continue, then a message"+t.how, t.apply(open(cont, stray), frame(text, hello))))
	}
	add(breaks(id(), "a message in two fragments, then a continuation with nothing to continue, then a message",
		[]Step{part(text, 1), last(cont, 2), part(cont, 3), last(text, 4)}, both))
	add(breaks(id(), "twice a continuation with nothing to continue before a message in two fragments",
		[]Step{part(cont, 1), part(text, 2), last(cont, 3), part(cont, 1), part(text, 2), last(cont, 3)}))
	add(breaks(id(), "twice a last continuation with nothing to continue before a message in two fragments",
		[]Step{last(cont, 1), part(text, 2), last(cont, 3), last(cont, 1), part(text, 2), last(cont, 3)}))
	add(breaks(id(), "a new message inside a fragmented one", []Step{part(text, 1), last(text, 2)}))
	for _, t := range timings[:2] {
		const first, second = "pongme 1!", "pongme 2!"
		steps := t.apply(part(text, 1), part(cont, 2), frame(wire.Ping, first), Step{Do: Wait, After: time.Second},
			part(cont, 3), part(cont, 4), frame(wire.Ping, second), last(cont, 5))
		add(echoes(id(), "a message in five fragments with two pings and a pause between"+t.how, steps, after,
			pongEvent(first), pongEvent(second), textEvent("fragment1fragment2fragment3fragment4fragment5")))
	}
	return cases
}

// autoFragment is group 10.
func autoFragment() []Case {
	p := repeat("*", 65536)
	c := echoes("10.1.1", "a text message of 65,536 bytes in frames of 1,300",
		[]Step{{Do: SendMessage, Opcode: wire.Text, Payload: p, Fragment: 1300}}, killAfter(10*time.Second), message(wire.Text, p))
	c.Override = FragmentsCount
	return []Case{c}
}

// limits are the groups 9.1 to 9.8.
func limits() (cases []Case) {
	cases = append(cases, large(1, wire.Text, "BAsd7&jh23", []int{10, 10, 100, 100, 100, 100})...)
	cases = append(cases, large(2, wire.Binary, "\x00\xfe#\xfa\xf0", []int{10, 10, 10, 10, 100, 100})...)
	cases = append(cases, fragmented(3, wire.Text)...)
	cases = append(cases, fragmented(4, wire.Binary)...)
	cases = append(cases, slow(5, wire.Text, "BAsd7&jh23")...)
	cases = append(cases, slow(6, wire.Binary, "\x00\xfe#\xfa\xf0")...)
	cases = append(cases, roundTrips(7, wire.Text, "*")...)
	return append(cases, roundTrips(8, wire.Binary, "\xfe")...)
}

// measured is a case of group 9 judged by type and length of what comes back.
func measured(id, shows string, step Step, seconds int) Case {
	c := echoes(id, shows, []Step{step}, closeAfter(time.Duration(seconds)*time.Second), message(step.Opcode, step.Payload))
	c.Close.WhenReceived = false
	c.AnyContents = true
	return c
}

// large: one frame of 64 KiB to 16 MiB.
func large(group int, opcode byte, unit string, seconds []int) (cases []Case) {
	for i, size := range []int{64, 256, 1024, 4096, 8192, 16384} {
		step := Step{Do: SendFrame, Opcode: opcode, Fin: true, Payload: repeat(unit, size<<10)}
		shows := fmt.Sprintf("a %s message of %d KiB in one frame", wire.Name(opcode), size)
		cases = append(cases, measured(fmt.Sprintf("9.%d.%d", group, i+1), shows, step, seconds[i]))
	}
	return cases
}

// fragmented: 4 MiB in frames of 64 bytes to 4 MiB.
func fragmented(group int, opcode byte) (cases []Case) {
	for i := range 9 {
		unit, fragment := "*", 64<<(2*i)
		if group == 4 && i == 0 {
			unit = "\xfe"
		}
		step := Step{Do: SendMessage, Opcode: opcode, Payload: repeat(unit, 4<<20), Fragment: fragment}
		shows := fmt.Sprintf("a %s message of 4 MiB in frames of %d bytes", wire.Name(opcode), fragment)
		cases = append(cases, measured(fmt.Sprintf("9.%d.%d", group, i+1), shows, step, 100))
	}
	return cases
}

// slow: 1 MiB written 64 to 2048 bytes at a time.
func slow(group int, opcode byte, unit string) (cases []Case) {
	for i := range 6 {
		chop := 64 << i
		step := Step{Do: SendFrame, Opcode: opcode, Fin: true, Payload: repeat(unit, 1<<20), Chop: chop}
		shows := fmt.Sprintf("a %s message of 1 MiB sent %d bytes at a time", wire.Name(opcode), chop)
		cases = append(cases, measured(fmt.Sprintf("9.%d.%d", group, i+1), shows, step, 1000))
	}
	return cases
}

// roundTrips: a thousand messages, one after the other.
func roundTrips(group int, opcode byte, unit string) (cases []Case) {
	for i, size := range []int{0, 16, 64, 256, 1024, 4096} {
		seconds := []int{60, 60, 60, 120, 240, 480}[i]
		cases = append(cases, Case{
			ID:    fmt.Sprintf("9.%d.%d", group, i+1),
			Shows: fmt.Sprintf("1000 %s messages of %d bytes, each after the echo of the last", wire.Name(opcode), size),
			Echo:  &Echo{Binary: opcode == wire.Binary, Len: size, Messages: 1000, Timeout: time.Duration(seconds) * time.Second, Unit: unit},
			Close: CloseExpectation{BySuite: true, Codes: []int{1000}, Clean: true},
		})
	}
	return cases
}
