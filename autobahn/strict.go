package autobahn

import (
	"fmt"
	"net/http"
	"time"

	"github.com/seed60239977/websocket/autobahn/internal/pmd"
	"github.com/seed60239977/websocket/autobahn/internal/wire"
)

// Side says which endpoints a case is for.
type Side int

// The sides.
const (
	BothSides Side = iota
	ServersOnly
	ClientsOnly
)

// Opening departs from the ordinary opening handshake.
type Opening struct {
	// change edits the head of what the suite sends: its request to a server, or
	// its answer to a client.
	change func(*lines)
	// Refused: the server must not answer 101. (That a client refuses shows in
	// what follows: it must not take part in the connection.)
	Refused bool
	// MayAccept makes a server that accepts what it had better refuse
	// Informational instead of Failed.
	MayAccept bool
	// check looks at the answer of a server and returns what is wrong with it.
	check func(http.Header, *pmd.Params) string
	// joined sends the answer to a client and the first frames in one write.
	joined bool
}

// StrictCases returns group 14, in order: rules that the 517 do not look at,
// each with its section. They are reported apart. The slice is the caller's.
func StrictCases() []Case {
	var all []Case
	for g, family := range []func() []Case{
		strictFrames, strictCompressed, strictWindows, strictOffers, strictAnswers, strictRequests, strictResponses,
	} {
		for i, c := range family() {
			c.ID = fmt.Sprintf("14.%d.%d", g+1, i+1)
			all = append(all, c)
		}
	}
	return all
}

// forSide leaves out the cases that are for the other side alone.
func forSide(cases []Case, not Side) (kept []Case) {
	for _, c := range cases {
		if c.Only != not {
			kept = append(kept, c)
		}
	}
	return kept
}

// offersNeeded are the offers of permessage-deflate that the case makes.
func (c *Case) offersNeeded() []pmd.Params {
	if c.Echo != nil {
		return c.Echo.Offers
	}
	return c.Offers
}

func (c *Case) answers() []Answer {
	if c.Echo != nil {
		return c.Echo.Answers
	}
	return c.Answers
}

// needsDeflate: without permessage-deflate the case has nothing to show.
func (c *Case) needsDeflate() bool { return len(c.answers()) > 0 || len(c.offersNeeded()) > 0 }

// mustFail is a case whose steps must fail the connection, with any of the
// codes; with none given, any will do.
func mustFail(section, shows string, steps []Step, codes ...int) Case {
	return Case{
		Section: section, Shows: shows,
		Steps:  append(steps, killAfter(time.Second)),
		Expect: []Expectation{expect(OK)},
		Close:  CloseExpectation{Codes: codes, CloserDecides: true},
	}
}

// mustEcho is a case whose steps must lead to exactly these events.
func mustEcho(section, shows string, steps []Step, events ...Event) Case {
	c := echoes("", shows, steps, killAfter(time.Second), events...)
	c.Section = section
	return c
}

// raw is a frame with its length in the given number of bits, masked by the key
// of zeros where masked.
func raw(h wire.Header, bits int, payload string) Step {
	h.Len = int64(len(payload))
	b := string(wire.AppendLongHeader(nil, h, bits)) + payload
	return Step{Do: SendRaw, Payload: whole(b), Alone: true}
}

// sided makes two cases of one whose bytes differ with the masking.
func sided(make func(masked bool) Case) []Case {
	toServer, toClient := make(true), make(false)
	toServer.Only, toClient.Only = ServersOnly, ClientsOnly
	toServer.Shows += ", to a server"
	toClient.Shows += ", to a client"
	return []Case{toServer, toClient}
}

// strictFrames are 14.1.
func strictFrames() (cases []Case) {
	const section = "RFC 6455 §5.2"
	add := func(c ...Case) { cases = append(cases, c...) }
	for _, f := range []struct {
		opcode byte
		length int
		bits   int
	}{{wire.Text, 5, 16}, {wire.Text, 125, 16}, {wire.Text, 5, 64}, {wire.Binary, 126, 64}, {wire.Binary, 65535, 64}, {wire.Ping, 5, 16}, {wire.Ping, 5, 64}, {wire.Close, 0, 16}} {
		add(sided(func(masked bool) Case {
			h := wire.Header{Fin: true, Opcode: f.opcode, Masked: masked}
			shows := fmt.Sprintf("a %s frame of %d bytes with its length in %d bits", wire.Name(f.opcode), f.length, f.bits)
			return mustFail(section, shows, []Step{raw(h, f.bits, string(repeat("*", f.length).Bytes()))}, 1002)
		})...)
	}
	add(sided(func(masked bool) Case {
		h := wire.Header{Fin: true, Opcode: wire.Text, Masked: masked, Len: -1 << 63}
		b := string(wire.AppendLongHeader(nil, h, 64)) + "Hello"
		return mustFail(section, "a 64-bit length whose most significant bit is set", []Step{{Do: SendRaw, Payload: whole(b)}}, 1002, 1009)
	})...)
	wrong := sided(func(masked bool) Case {
		h := wire.Header{Fin: true, Opcode: wire.Text, Masked: !masked}
		return mustFail("RFC 6455 §5.1", "a frame that is masked when it must not be, or the reverse", []Step{raw(h, 7, "Hello")}, 1002)
	})
	add(wrong...)
	add(mustEcho("RFC 6455 §5.4", "a ping between fragments of one byte, each in a write of its own",
		alone(open(wire.Text, "a"), frame(wire.Ping, "1"), open(wire.Continuation, "b"), frame(wire.Ping, "2"), frame(wire.Continuation, "c")),
		pongEvent("1"), pongEvent("2"), textEvent("abc")))
	late := mustFail("RFC 6455 §8.1", "text that ends inside a character, in the last fragment",
		[]Step{open(wire.Text, "ab\xe2\x82"), frame(wire.Continuation, "")}, 1007)
	add(late)
	return cases
}
