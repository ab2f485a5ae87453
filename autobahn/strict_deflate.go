package autobahn

import (
	"fmt"
	"net/http"
	"time"

	"github.com/seed60239977/websocket/autobahn/internal/payload"
	"github.com/seed60239977/websocket/autobahn/internal/pmd"
	"github.com/seed60239977/websocket/autobahn/internal/wire"
)

// helloDeflated is "Hello" in one block with fixed codes (RFC 7692 §7.2.3.1).
const helloDeflated = "\xf2\x48\xcd\xc9\xc9\x07\x00"

// withDeflate makes a case one on a connection with permessage-deflate, without
// takeover on either side so that bytes can be fixed.
func withDeflate(c Case) Case {
	c.Offers = []pmd.Params{{ClientBitsBare: true}}
	c.Answers = []Answer{{}}
	return c
}

// strictCompressed are 14.2: frames on a connection with permessage-deflate.
func strictCompressed() []Case {
	const bits, coding = "RFC 7692 §6", "RFC 7692 §7.2.3"
	deflated := func(data string) Step { return reserved(4, wire.Text, data) }
	first := func(data string) Step {
		s := deflated(data)
		s.Fin = false
		return s
	}
	hello := textEvent("Hello")
	echo := func(shows string, steps ...Step) Case { return mustEcho(coding, shows, steps, hello) }
	cases := []Case{
		mustFail(bits, "RSV1 set on a ping", []Step{reserved(4, wire.Ping, "")}, 1002),
		mustFail(bits, "RSV1 set on a pong", []Step{reserved(4, wire.Pong, "")}, 1002),
		mustFail(bits, "RSV1 set on a close frame", []Step{reserved(4, wire.Close, "\x03\xe8")}, 1002),
		mustFail(bits, "RSV1 set on a continuation frame of a compressed message",
			[]Step{first(helloDeflated[:3]), reserved(4, wire.Continuation, helloDeflated[3:])}, 1002),
		mustFail(bits, "RSV1 set on a continuation frame of an uncompressed message",
			[]Step{open(wire.Text, "Hel"), reserved(4, wire.Continuation, "lo")}, 1002),
		mustFail("RFC 6455 §5.2", "RSV2 set on a compressed message", []Step{reserved(6, wire.Text, helloDeflated)}, 1002),
		mustFail("RFC 6455 §5.2", "RSV3 set on a compressed message", []Step{reserved(5, wire.Text, helloDeflated)}, 1002),
		mustFail("RFC 6455 §5.2", "RSV2 set on an uncompressed message", []Step{reserved(2, wire.Text, "Hello")}, 1002),
		mustFail("RFC 7692 §7.2.2", "data that are not DEFLATE: a block of the reserved type", []Step{deflated("\x07\xff\xff")}),
		mustFail("RFC 7692 §7.2.2", "data that are not DEFLATE: a back-reference before the beginning",
			[]Step{deflated("\x02\x02\x00")}),
		mustFail("RFC 6455 §8.1", "compressed text that is not UTF-8",
			[]Step{{Do: SendCompressed, Opcode: wire.Text, Fin: true, RSV: 4, Payload: whole(kosme + surrogate)}}, 1007),
		echo("one block", deflated(helloDeflated)),
		echo("a block without compression", deflated("\x00\x05\x00\xfa\xffHello\x00")),
		echo("a block with BFINAL set", deflated("\xf3\x48\xcd\xc9\xc9\x07\x00\x00")),
		echo("two blocks", deflated("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00")),
		echo("two fragments", first(helloDeflated[:3]), frame(wire.Continuation, helloDeflated[3:])),
		echo("an empty first fragment", first(""), frame(wire.Continuation, helloDeflated)),
		echo("fragments of one byte, with a ping between", fragments(helloDeflated)...),
		mustEcho(bits, "an uncompressed message between compressed ones",
			[]Step{deflated(helloDeflated), frame(wire.Text, "plain"), deflated(helloDeflated)}, hello, textEvent("plain"), hello),
		mustEcho("RFC 7692 §7.2.3.6", "an empty message", []Step{deflated("\x00")}, textEvent("")),
	}
	at := len(cases) - 3
	cases[at].Expect[0].Events = []Event{pongEvent("between"), hello}
	for i := range cases {
		cases[i] = withDeflate(cases[i])
	}
	return cases
}

// fragments cuts a compressed text into frames of one byte, with a ping after
// the first.
func fragments(data string) []Step {
	steps := []Step{{Do: SendFrame, Opcode: wire.Text, RSV: 4, Payload: whole(data[:1])}, frame(wire.Ping, "between")}
	for i := 1; i < len(data); i++ {
		s := frame(wire.Continuation, data[i:i+1])
		s.Fin = i == len(data)-1
		steps = append(steps, s)
	}
	return steps
}

// strictWindows are 14.3: every back-reference is held against what was agreed
// on, for each window, with and without takeover.
func strictWindows() (cases []Case) {
	for bits := 8; bits <= 15; bits++ {
		cases = append(cases, windowCase(bits, false))
	}
	for _, bits := range []int{0, 9, 15} {
		cases = append(cases, windowCase(bits, true))
	}
	return cases
}

func windowCase(bits int, noTakeover bool) Case {
	shows, section := "", "RFC 7692 §7.1.2"
	if bits > 0 {
		shows = fmt.Sprintf("a window of 2^%d is kept to", bits)
	}
	if noTakeover {
		section = "RFC 7692 §7.1.1"
		if shows != "" {
			shows += ", and "
		}
		shows += "no context is taken over"
	}
	return Case{
		Section: section, Shows: shows,
		Echo: &Echo{
			Data: payload.JSON, Len: 6000, Messages: 12, Timeout: 20 * time.Second,
			Offers:  []pmd.Params{{ServerBits: bits, ServerNoTakeover: noTakeover, ClientBitsBare: true}},
			Answers: []Answer{{ClientBits: bits, ClientNoTakeover: noTakeover}},
		},
		Close: CloseExpectation{BySuite: true, Codes: []int{1000}, Clean: true},
	}
}

// honours says what is wrong with an answer to the offers, "" for nothing
// (RFC 7692 §7.1).
func honours(offers []pmd.Params, answer *pmd.Params) string {
	why := ""
	for _, o := range offers {
		switch {
		case o.ServerNoTakeover && !answer.ServerNoTakeover:
			why = "the answer lacks server_no_context_takeover"
		case o.ServerBits > 0 && (answer.ServerBits == 0 || answer.ServerBits > o.ServerBits):
			why = fmt.Sprintf("the answer does not keep to server_max_window_bits=%d", o.ServerBits)
		case answer.ClientBits > 0 && !o.ClientBitsBare && (o.ClientBits == 0 || answer.ClientBits > o.ClientBits):
			why = "the answer names client_max_window_bits beyond the offer"
		default:
			return ""
		}
	}
	return why
}

// illegalOffers are parameters that make an offer one to decline (RFC 7692 §7.1).
var illegalOffers = []struct{ shows, params string }{
	{"an unknown parameter", "; unknown_parameter"},
	{"a parameter twice", "; server_no_context_takeover; server_no_context_takeover"},
	{"server_no_context_takeover with a value", "; server_no_context_takeover=1"},
	{"client_no_context_takeover with a value", "; client_no_context_takeover=true"},
	{"server_max_window_bits without a value", "; server_max_window_bits"},
	{"server_max_window_bits=7", "; server_max_window_bits=7"},
	{"server_max_window_bits=16", "; server_max_window_bits=16"},
	{"server_max_window_bits with a leading zero", "; server_max_window_bits=010"},
	{"client_max_window_bits=7", "; client_max_window_bits=7"},
	{"client_max_window_bits=16", "; client_max_window_bits=16"},
	{"client_max_window_bits that is no number", "; client_max_window_bits=x"},
}

// strictOffers are 14.4: what a server makes of offers.
func strictOffers() (cases []Case) {
	offer := func(values ...string) func(*lines) {
		return func(l *lines) {
			for _, v := range values {
				l.add("Sec-WebSocket-Extensions", v)
			}
		}
	}
	declined := func(_ http.Header, p *pmd.Params) string {
		if p != nil {
			return "the server accepted an offer that it must decline"
		}
		return ""
	}
	for _, x := range illegalOffers {
		c := opens("RFC 7692 §7.1", "an offer is declined: "+x.shows, offer(pmd.Name+x.params))
		c.Opening.check = declined
		cases = append(cases, c)
	}
	c := opens("RFC 7692 §7.1", "an illegal offer does not spoil the legal one after it", offer(pmd.Name+"; server_max_window_bits=16, "+pmd.Name))
	cases = append(cases, c)
	cases = append(cases, opens("RFC 6455 §9.1", "offers in two header lines", offer("x-unknown; a=1", pmd.Name)))
	c = opens("RFC 6455 §9.1", "a quoted parameter value", offer(pmd.Name+`; server_max_window_bits="12"`))
	c.Opening.check = func(_ http.Header, p *pmd.Params) string {
		if p == nil {
			return ""
		}
		return honours([]pmd.Params{{ServerBits: 12}}, p)
	}
	cases = append(cases, c)
	c = opens("RFC 6455 §9.1", "an unknown extension is passed over", offer("x-unknown"))
	c.Opening.check = func(h http.Header, _ *pmd.Params) string {
		if len(elements(h, "Sec-Websocket-Extensions")) > 0 {
			return "the server accepted an extension that it cannot know"
		}
		return ""
	}
	return append(cases, c)
}

// strictAnswers are 14.5: what a client makes of answers that are illegal
// whatever it offered.
func strictAnswers() (cases []Case) {
	for _, x := range []struct{ shows, answer string }{
		{"an extension that nobody offers", "x-unknown"},
		{"permessage-deflate with an unknown parameter", pmd.Name + "; unknown_parameter"},
		{"permessage-deflate with a parameter twice", pmd.Name + "; server_no_context_takeover; server_no_context_takeover"},
		{"server_no_context_takeover with a value", pmd.Name + "; server_no_context_takeover=1"},
		{"server_max_window_bits=7", pmd.Name + "; server_max_window_bits=7"},
		{"server_max_window_bits=16", pmd.Name + "; server_max_window_bits=16"},
		{"server_max_window_bits without a value", pmd.Name + "; server_max_window_bits"},
		{"client_max_window_bits without a value", pmd.Name + "; client_max_window_bits"},
		{"client_max_window_bits=16", pmd.Name + "; client_max_window_bits=16"},
		{"permessage-deflate twice", pmd.Name + ", " + pmd.Name},
	} {
		cases = append(cases, refuses("RFC 7692 §7.1", "an answer fails the connection: "+x.shows,
			func(l *lines) { l.add("Sec-WebSocket-Extensions", x.answer) }))
	}
	return cases
}
