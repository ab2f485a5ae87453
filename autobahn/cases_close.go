package autobahn

import (
	"fmt"
	"time"

	"github.com/seed60239977/websocket/autobahn/internal/wire"
)

func closeFrame(code int, reason string) Step {
	return Step{Do: SendClose, Code: code, Payload: whole(reason)}
}

// closing is group 7.
func closing() []Case {
	all := closeAndMore()
	all = append(all, closeBodies()...)
	for i, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		c := closes(fmt.Sprintf("7.7.%d", i+1), fmt.Sprintf("the close code %d is legal", code), 1000, true, closeFrame(code, ""))
		c.Close.Codes = append(c.Close.Codes, code)
		c.Close.WhenReceived = true
		all = append(all, c)
	}
	for i, code := range []int{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999} {
		c := closes(fmt.Sprintf("7.9.%d", i+1), fmt.Sprintf("the close code %d is illegal", code), 1002, false, closeFrame(code, ""))
		c.Close.WhenReceived = true
		all = append(all, c)
	}
	for i, code := range []int{5000, 65535} {
		c := closes(fmt.Sprintf("7.13.%d", i+1), fmt.Sprintf("the close code %d is beyond all ranges", code), 1000, false, closeFrame(code, ""))
		c.Close.Codes = append(c.Close.Codes, code, 1002)
		c.Override = AlwaysInform
		all = append(all, c)
	}
	return all
}

// closes is a case in which the suite sends the first close frame and nothing
// but a close frame may come back.
func closes(id, shows string, code int, clean bool, steps ...Step) Case {
	return Case{
		ID: id, Shows: shows,
		Steps:    append(steps, killAfter(time.Second)),
		Expect:   []Expectation{expect(OK)},
		Close:    CloseExpectation{BySuite: true, Codes: []int{code}, Clean: clean},
		Override: CodeDecides,
	}
}

func closeAndMore() []Case {
	const greeting = "Hello World!"
	normal := closeFrame(1000, "")
	first := echoes("7.1.1", "a message comes back before the connection closes",
		[]Step{frame(wire.Text, greeting)}, killAfter(time.Second), textEvent(greeting))
	first.Override = CodeDecides
	last := closes("7.1.6", "a long message, a short one, a close frame and a ping", 1000, true,
		Step{Do: SendFrame, Opcode: wire.Text, Fin: true, Payload: repeat("BAsd7&jh23", 256<<10)},
		frame(wire.Text, greeting), normal, frame(wire.Ping, ""))
	last.Expect = []Expectation{expect(OK, textEvent(greeting)), expect(NonStrict)}
	last.Override = AlwaysInform
	return []Case{
		first,
		closes("7.1.2", "a second close frame is ignored", 1000, true, normal, frame(wire.Close, "")),
		closes("7.1.3", "a ping after the close frame is ignored", 1000, true, normal, frame(wire.Ping, "")),
		closes("7.1.4", "a message after the close frame is ignored", 1000, true, normal, frame(wire.Text, greeting)),
		closes("7.1.5", "the rest of a message after the close frame is ignored", 1000, true,
			open(wire.Text, "fragment1"), normal, frame(wire.Continuation, "fragment2")),
		last,
	}
}

// closeBodies are the groups 7.3 and 7.5.
func closeBodies() []Case {
	stars := func(n int) Step { return Step{Do: SendClose, Code: 1000, Payload: repeat("*", n)} }
	bad := closes("7.5.1", "a close reason that is not UTF-8", 1002, false, closeFrame(1000, kosme+surrogate+"edited"))
	bad.Close.Codes = append(bad.Close.Codes, 1007)
	return []Case{
		closes("7.3.1", "a close frame without body", 1000, true, closeFrame(NoCode, "")),
		closes("7.3.2", "a close frame whose body is one byte", 1002, false, closeFrame(NoCode, "a")),
		closes("7.3.3", "a close frame with a code", 1000, true, closeFrame(1000, "")),
		closes("7.3.4", "a close frame with a code and a reason", 1000, true, closeFrame(1000, "Hello World!")),
		closes("7.3.5", "a close frame with the longest reason, 123 bytes", 1000, true, stars(123)),
		closes("7.3.6", "a close frame whose reason is a byte too long", 1002, false, stars(124)),
		bad,
	}
}
