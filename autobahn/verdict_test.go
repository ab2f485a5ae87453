package autobahn

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJudgingFollowsTheRules(t *testing.T) {
	text := func(s string) Event { return Event{Kind: TextMessage, Payload: whole(s)} }
	script := Case{Expect: []Expectation{expect(OK, text("a")), expect(NonStrict)}, Close: CloseExpectation{BySuite: true, Codes: []int{1000}, Clean: true}}
	peer := Case{Expect: []Expectation{expect(OK)}, Close: CloseExpectation{Codes: []int{1002}}}
	with := func(c Case, change func(*Case)) Case {
		change(&c)
		return c
	}
	ended := func(change func(*tally)) tally {
		r := tally{opened: true, closedFirst: true, cleanClose: true, remoteCode: 1000}
		change(&r)
		return r
	}
	got := func(events ...string) func(*tally) {
		return func(r *tally) {
			for _, e := range events {
				r.received = append(r.received, Event{Kind: TextMessage})
				r.contents = append(r.contents, []byte(e))
			}
		}
	}
	for _, x := range []struct {
		name              string
		c                 Case
		t                 tally
		isServer          bool
		behavior, closing Verdict
	}{
		{"as expected", script, ended(got("a")), false, OK, OK},
		{"the looser expectation", script, ended(got()), false, NonStrict, OK},
		{"other contents", script, ended(got("b")), false, Failed, OK},
		{"too much", script, ended(got("a", "a")), false, Failed, OK},
		{"handshake not completed", script, tally{}, false, Failed, Failed},
		{"not clean", script, ended(func(r *tally) { got("a")(r); r.cleanClose = false }), false, OK, Unclean},
		{"wrong code", script, ended(func(r *tally) { got("a")(r); r.remoteCode = 1001 }), false, OK, WrongCode},
		{"no code is right", script, ended(func(r *tally) { got("a")(r); r.remoteCode = NoCode }), false, OK, OK},
		{"closed by the endpoint", script, ended(func(r *tally) { got("a")(r); r.closedFirst = false }), false, OK, Failed},
		{"TCP dropped by the suite as client", with(script, func(c *Case) { c.Close.Clean = false }),
			ended(func(r *tally) { got("a")(r); r.dropped = true }), false, OK, FailedByClient},
		{"TCP dropped by the suite as server", with(script, func(c *Case) { c.Close.Clean = false }),
			ended(func(r *tally) { got("a")(r); r.dropped = true }), true, OK, OK},
		{"closed by the endpoint as it should", peer, tally{opened: true, remoteCode: 1002}, false, OK, OK},
		{"TCP dropped by the endpoint counts as closed by it", peer, tally{opened: true, remoteCode: NoCode}, false, OK, OK},
		{"the suite had to close", peer, ended(got()), false, OK, Failed},
		{"the wrong closer decides", with(peer, func(c *Case) { c.Close.CloserDecides = true }), ended(got()), false, Failed, Failed},
		{"the code decides", with(script, func(c *Case) { c.Override = CodeDecides }),
			ended(func(r *tally) { got("a")(r); r.remoteCode = 1002 }), false, Failed, WrongCode},
		{"always informational", with(script, func(c *Case) { c.Override = AlwaysInform }), ended(got("z")), false, Informational, Informational},
		{"the suite sent other frames", with(script, func(c *Case) { c.Override = FragmentsCount }),
			ended(func(r *tally) { got("a")(r); r.fragmentsOff = true }), false, Failed, OK},
		{"permessage-deflate lacks", script, tally{opened: true, lacking: true}, false, Unimplemented, OK},
	} {
		behavior, closing, why := judge(&x.c, &x.t, x.isServer)
		require.Equal(t, x.behavior, behavior, x.name)
		require.Equal(t, x.closing, closing, x.name)
		if behavior == Failed || closing != OK && closing != Informational {
			require.NotEmpty(t, why, x.name)
		}
	}
}

func TestOnlyTypeAndLengthOfTheFirstMessageCountInGroup9(t *testing.T) {
	c := large(1, 1, "ab", []int{1, 1, 1, 1, 1, 1})[0]
	first := func(kind EventKind, n int) *tally {
		return &tally{opened: true, closedFirst: true, cleanClose: true, remoteCode: NoCode,
			received: []Event{{Kind: kind}, {Kind: BinaryMessage}}, contents: [][]byte{make([]byte, n), nil}}
	}
	behavior, _, _ := judge(&c, first(TextMessage, 65536), false)
	require.Equal(t, OK, behavior)
	behavior, _, _ = judge(&c, first(TextMessage, 65535), false)
	require.Equal(t, Failed, behavior)
	behavior, _, _ = judge(&c, first(BinaryMessage, 65536), false)
	require.Equal(t, Failed, behavior)
	behavior, _, _ = judge(&c, &tally{opened: true, closedFirst: true, remoteCode: NoCode}, false)
	require.Equal(t, Failed, behavior)
}
