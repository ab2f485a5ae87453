package protocol_test

import (
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/protocol"
)

var (
	errLocal   = errors.New("closed here")
	errNetwork = errors.New("network gone")
	errWrite   = errors.New("broken pipe")
	errRule    = &frame.ProtocolError{Code: 1002, Section: "5.1", Reason: "not masked"}
	start      = time.Unix(1000, 0)
)

const limit = 5 * time.Second

// The events of a Closing, in words.
var closingEvents = map[string]func(c *protocol.Closing){
	"we close": func(c *protocol.Closing) { c.Sent(true, start) },
	"they close": func(c *protocol.Closing) {
		if c.Received(4001, "token expired", start) {
			c.Sent(false, start)
		}
	},
	"they break": func(c *protocol.Closing) {
		if _, _, send := c.Violated(errRule, start); send {
			c.Sent(false, start)
		}
	},
	"flushed":       func(c *protocol.Closing) { c.Flushed() },
	"half-closed":   func(c *protocol.Closing) { c.HalfClosed() },
	"write fails":   func(c *protocol.Closing) { c.SendFailed(errWrite, start) },
	"end of stream": func(c *protocol.Closing) { c.ReadFailed(io.EOF) },
	"a cut":         func(c *protocol.Closing) { c.ReadFailed(protocol.ErrMessageCut) },
	"read fails":    func(c *protocol.Closing) { c.ReadFailed(errNetwork) },
	"expired":       func(c *protocol.Closing) { c.Expired() },
	"abort":         func(c *protocol.Closing) { c.Abort(errLocal) },
}

// outcome is what is compared of a CloseError.
type outcome struct {
	code   protocol.StatusCode
	remote bool
	clean  bool
	cause  error
	local  bool
}

func TestTheWayFromOpenToClosed(t *testing.T) {
	theirs := func(remote bool) *outcome { return &outcome{code: 4001, remote: remote, clean: true, local: !remote} }
	cases := []struct {
		name   string
		role   protocol.Role
		events []string
		step   protocol.Step
		end    *outcome
	}{
		{"nothing", 0, nil, protocol.ReadOn, nil},
		{"we close", 0, []string{"we close"}, protocol.ReadOn, nil},
		{"we close, they answer", protocol.Server, []string{"we close", "they close"}, protocol.Flush, nil},
		{"we close, both are done", protocol.Server, []string{"we close", "they close", "flushed"}, protocol.Drop, theirs(false)},
		{"as a client it is not ours to end TCP, but all is known", protocol.Client, []string{"we close", "they close", "flushed"}, protocol.AwaitEOF, theirs(false)},
		{"until it ends", protocol.Client, []string{"we close", "they close", "flushed", "end of stream"}, protocol.Drop, theirs(false)},
		{"or takes too long", protocol.Client, []string{"we close", "they close", "flushed", "expired"}, protocol.Drop, theirs(false)},
		{"they close", protocol.Client, []string{"they close"}, protocol.Flush, nil},
		{"they close, we answer", protocol.Client, []string{"they close", "flushed"}, protocol.AwaitEOF, theirs(true)},
		{"they close, we answer, as a server", protocol.Server, []string{"they close", "flushed"}, protocol.Drop, theirs(true)},
		{"they close and are gone before we answer", protocol.Server, []string{"they close", "write fails"}, protocol.Drop, theirs(true)},
		{"a write fails, and then what they said is found", protocol.Client, []string{"write fails", "they close"}, protocol.Drop, theirs(true)},
		{"a write fails", protocol.Client, []string{"write fails"}, protocol.ReadOn, nil},
		{"a write fails, and nothing is found", protocol.Client, []string{"write fails", "end of stream"}, protocol.Drop, &outcome{1006, true, false, errWrite, false}},
		{"a write fails, and so does reading: the first error counts", protocol.Client, []string{"write fails", "read fails"}, protocol.Drop, &outcome{1006, false, false, errWrite, false}},
		{"a write fails, and nobody reads", protocol.Client, []string{"write fails", "expired"}, protocol.Drop, &outcome{1006, false, false, errWrite, false}},
		{"our close frame cannot go out, theirs came", protocol.Client, []string{"we close", "write fails", "they close"}, protocol.Drop, &outcome{4001, true, true, nil, true}},
		{"our close frame was queued first, and cannot go out", protocol.Server, []string{"we close", "they close", "write fails"}, protocol.Drop, &outcome{4001, true, true, nil, true}},
		{"both are known when a write fails", protocol.Client, []string{"we close", "they close", "flushed", "write fails"}, protocol.Drop, theirs(false)},
		{"they break a rule", protocol.Server, []string{"they break"}, protocol.Flush, nil},
		{"they are told", protocol.Server, []string{"they break", "flushed"}, protocol.HalfClose, nil},
		{"and hang up", protocol.Server, []string{"they break", "flushed", "end of stream"}, protocol.Drop, &outcome{1002, false, false, errRule, false}},
		{"and nobody waits for them", protocol.Server, []string{"they break", "flushed", "half-closed"}, protocol.AwaitEOF, &outcome{1002, false, false, errRule, false}},
		{"which is for those alone who broke a rule", protocol.Server, []string{"they close", "half-closed"}, protocol.Flush, nil},
		{"or do not", protocol.Client, []string{"they break", "flushed", "expired"}, protocol.Drop, &outcome{1002, false, false, errRule, false}},
		{"they break a rule and take nothing", protocol.Client, []string{"they break", "write fails"}, protocol.Drop, &outcome{1002, false, false, errRule, false}},
		{"a write fails, and then they break a rule", protocol.Server, []string{"write fails", "they break"}, protocol.Drop, &outcome{1002, false, false, errRule, false}},
		{"they break a rule while we close", protocol.Client, []string{"we close", "they break", "flushed", "read fails"}, protocol.Drop, &outcome{1002, false, false, errRule, true}},
		{"they hang up", protocol.Client, []string{"end of stream"}, protocol.Drop, &outcome{1006, true, false, protocol.ErrPeerVanished, false}},
		{"they hang up in a message", protocol.Client, []string{"a cut"}, protocol.Drop, &outcome{1006, true, false, protocol.ErrMessageCut, false}},
		{"they hang up in a message, but they had closed", protocol.Client, []string{"they close", "flushed", "a cut"}, protocol.Drop, theirs(true)},
		{"the network is gone", protocol.Client, []string{"read fails"}, protocol.Drop, &outcome{1006, false, false, errNetwork, false}},
		{"they do not answer", protocol.Client, []string{"we close", "expired"}, protocol.Drop, &outcome{1006, false, false, protocol.ErrCloseTimeout, true}},
		{"they close and do not read the answer", protocol.Client, []string{"they close", "expired"}, protocol.Drop, &outcome{4001, true, false, protocol.ErrCloseTimeout, false}},
		{"we give up", protocol.Client, []string{"abort"}, protocol.Drop, &outcome{1006, false, false, errLocal, true}},
		{"we give up while closing", protocol.Client, []string{"we close", "abort"}, protocol.Drop, &outcome{1006, false, false, errLocal, true}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := protocol.Closing{Role: tc.role, Timeout: limit, Local: errLocal}
			for _, e := range tc.events {
				closingEvents[e](&c)
			}
			require.Equal(t, tc.step, c.Step())
			requireOutcome(t, tc.end, c.End())
		})
	}
}

func requireOutcome(t *testing.T, want *outcome, e *protocol.CloseError) {
	if want == nil {
		require.Nil(t, e)
		return
	}
	require.NotNil(t, e)
	require.Equal(t, *want, outcome{e.Code, e.Remote, e.WasClean, e.Err, e.Is(errLocal)})
}

// TestEveryWayFromOpenToClosed walks all ways of up to four events, for both roles, and holds each against what must be so
// wherever one is.
func TestEveryWayFromOpenToClosed(t *testing.T) {
	var walk func(role protocol.Role, events []string)
	walk = func(role protocol.Role, events []string) {
		c := protocol.Closing{Role: role, Timeout: limit, Local: errLocal}
		var end *protocol.CloseError
		var was protocol.CloseError
		step := c.Step()
		for _, e := range events {
			closingEvents[e](&c)
			require.GreaterOrEqual(t, c.Step(), step, "%v: there is no way back", events)
			if end != nil {
				require.Same(t, end, c.End(), "%v: an end does not change", events)
				require.Equal(t, was, *end, "%v: an end does not change", events)
			}
			step, end = c.Step(), c.End()
			if end != nil {
				was = *end
			}
		}
		require.Equal(t, end != nil, step >= protocol.AwaitEOF, "%v: who does not read any more knows the end", events)
		background := role == protocol.Client || slices.Contains(events, "half-closed")
		require.True(t, step != protocol.AwaitEOF || background, "%v: a server does not wait", events)
		if began := step > protocol.ReadOn && step < protocol.Drop; began {
			require.Equal(t, start.Add(limit), c.Deadline(), "%v: what may take time is limited", events)
		}
		if end != nil && end.WasClean {
			require.Equal(t, protocol.StatusCode(4001), end.Code, "%v: only a close frame makes it clean", events)
		}
		if len(events) < 4 {
			for e := range closingEvents {
				walk(role, append(events[:len(events):len(events)], e))
			}
		}
	}
	bothRoles(t, func(t *testing.T, role protocol.Role) { walk(role, nil) })
}

func TestACloseFrameIsAnsweredOnce(t *testing.T) {
	c := protocol.Closing{Timeout: limit}
	require.False(t, c.Begun())
	require.True(t, c.Received(1000, "", start))
	require.True(t, c.Begun())
	c.Sent(false, start)
	require.True(t, c.SentClose())
	require.False(t, c.Own())
	require.False(t, c.Received(1000, "", start))
	_, _, send := c.Violated(errRule, start)
	require.False(t, send)

	c = protocol.Closing{Timeout: limit}
	c.Sent(true, start)
	require.True(t, c.Own())
	require.False(t, c.Received(1000, "", start), "ours is on its way")

	c = protocol.Closing{Timeout: limit}
	c.SendFailed(errWrite, start)
	require.False(t, c.Received(1000, "", start), "nothing can be sent any more")
	mute, err := c.Mute()
	require.True(t, mute)
	require.Equal(t, errWrite, err)
	c = protocol.Closing{Timeout: limit}
	c.SendFailed(errWrite, start)
	_, _, send = c.Violated(errRule, start)
	require.False(t, send)
}

func TestAWriteOnANetworkThatThisSideHasClosedIsNotTheCause(t *testing.T) {
	c := protocol.Closing{Role: protocol.Client, Timeout: limit, Local: errLocal}
	c.SendFailed(errLocal, start)
	c.ReadFailed(errNetwork)
	requireOutcome(t, &outcome{1006, false, false, errNetwork, false}, c.End())
}

func TestACloseFrameMayBeRefusedBeforeItIsAnswered(t *testing.T) {
	c := protocol.Closing{Role: protocol.Client, Timeout: limit}
	require.True(t, c.Received(4001, "", start))
	code, reason, send := c.Violated(errRule, start)
	require.Equal(t, protocol.StatusCode(1002), code)
	require.Equal(t, errRule.Reason, reason)
	require.True(t, send)
	c.Sent(false, start)
	c.Flushed()
	c.ReadFailed(io.EOF)
	requireOutcome(t, &outcome{1002, false, false, errRule, false}, c.End())
}

func TestTheDeadlineCountsFromTheFirstEvent(t *testing.T) {
	for _, first := range []string{"we close", "they close", "they break", "write fails"} {
		c := protocol.Closing{Timeout: limit}
		require.Zero(t, c.Deadline())
		closingEvents[first](&c)
		require.Equal(t, start.Add(limit), c.Deadline(), first)
		c.Sent(true, start.Add(time.Second))
		require.Equal(t, start.Add(limit), c.Deadline(), first)
	}
	c := protocol.Closing{Timeout: limit}
	c.Received(1000, "", start)
	require.Equal(t, start.Add(limit), c.Deadline(), "also before it is answered")
	c = protocol.Closing{Timeout: limit}
	c.Violated(errRule, start)
	require.Equal(t, start.Add(limit), c.Deadline(), "also before they are told")
	for _, none := range []time.Duration{0, -1} {
		c := protocol.Closing{Timeout: none}
		c.Sent(true, start)
		require.Zero(t, c.Deadline(), "no limit")
	}
}

func TestWhoClosesFirstHasClosed(t *testing.T) {
	for _, first := range []func(c *protocol.Closing){
		func(c *protocol.Closing) { c.Received(1000, "", start) },
		func(c *protocol.Closing) { c.Sent(false, start) },
	} {
		c := protocol.Closing{Timeout: limit}
		first(&c)
		c.Sent(true, start)
		require.False(t, c.Own())
	}
}

func TestWhoGivesUpAfterThePeerHasClosedHasNotClosed(t *testing.T) {
	for _, role := range []frame.Role{protocol.Client, protocol.Server} {
		fresh := protocol.Closing{Role: role, Timeout: limit}
		fresh.Abort(errLocal)
		require.True(t, fresh.Own())
		closed := protocol.Closing{Role: role, Timeout: limit}
		closed.Received(4001, "", start)
		closed.Abort(errLocal)
		require.False(t, closed.Own())
		ended := protocol.Closing{Role: role, Timeout: limit}
		ended.ReadFailed(io.EOF)
		ended.Abort(errLocal)
		require.False(t, ended.Own())
	}
}
