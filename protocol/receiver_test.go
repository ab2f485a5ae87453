package protocol_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
	"github.com/seed60239977/websocket/protocol"
)

// seen is what a receiver reported, independent of how the bytes were cut: parts of a message that nothing stands
// between are one.
type seen struct {
	events []protocol.Event
	err    error
}

func (s *seen) add(ev protocol.Event) {
	ev.Payload = bytes.Clone(ev.Payload)
	if n := len(s.events); ev.Kind == protocol.Data && n > 0 && s.events[n-1].Kind == protocol.Data && !s.events[n-1].Fin {
		last := &s.events[n-1]
		last.Payload = append(last.Payload, ev.Payload...)
		last.Fin = ev.Fin
		return
	}
	s.events = append(s.events, ev)
}

// unfinished takes off the part of a message at the end that an error has cut, and returns it.
func (s *seen) unfinished() []byte {
	if n := len(s.events); s.err != nil && n > 0 && s.events[n-1].Kind == protocol.Data && !s.events[n-1].Fin {
		part := s.events[n-1].Payload
		s.events = s.events[:n-1]
		return part
	}
	return nil
}

// feed gives a receiver the session in pieces, whose lengths cut tells, as a driver would: what was not taken comes again
// with more behind it. With output, compressed messages go to pieces of that many bytes.
func feed(t testing.TB, role frame.Role, o protocol.Options, session []byte, output int, cut func(left int) int) *seen {
	o.Role = role
	r := protocol.NewReceiver(o)
	defer r.Release()
	if output > 0 {
		r.SetOutput(nil)
	}
	s := &seen{}
	var unread []byte
	for len(session) > 0 {
		n := cut(len(session))
		unread = append(slices.Clone(unread), session[:n]...)
		session = session[n:]
		for {
			var ev protocol.Event
			taken, err := r.Next(unread, &ev)
			require.LessOrEqual(t, taken, len(unread))
			unread = unread[taken:]
			if err != nil {
				s.err = err
				return s
			}
			if ev.Kind == protocol.NeedBytes {
				break
			}
			if ev.Kind == protocol.NeedOutput {
				require.Positive(t, output, "only who says where output goes is asked for more")
				r.SetOutput(make([]byte, output))
				continue
			}
			s.add(ev)
		}
		require.LessOrEqual(t, len(unread), 139, "a header, or a control frame, that is not whole")
	}
	return s
}

func whole(left int) int { return left }
func byByte(int) int     { return 1 }

func atRandom(seed uint64) func(int) int {
	random := rand.New(rand.NewPCG(seed, 1))
	return func(left int) int { return min(left, 1+random.IntN(1<<random.IntN(12))) }
}

// requireSound checks what holds for everything that is ever reported.
func requireSound(t testing.TB, o protocol.Options, s *seen) {
	var text []byte
	inText, size, begins := false, 0, true
	for _, ev := range s.events {
		if ev.Kind != protocol.Data {
			require.LessOrEqual(t, len(ev.Payload), frame.MaxControlPayload)
			continue
		}
		if begins {
			text, inText, size = nil, ev.Type == protocol.Text, 0
		}
		begins = ev.Fin
		size += len(ev.Payload)
		require.LessOrEqual(t, int64(size), o.ReadLimit)
		if inText && !o.SkipUTF8 {
			text = append(text, ev.Payload...)
			require.True(t, startsText(text), "%q", text)
			require.True(t, !ev.Fin || utf8.Valid(text), "%q", text)
		}
	}
}

// startsText reports whether p, with something behind it, may be UTF-8.
func startsText(p []byte) bool {
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		if r == utf8.RuneError && n == 1 {
			return !utf8.FullRune(p)
		}
		p = p[n:]
	}
	return true
}

// requireSameEverywhere feeds the session in every way and requires the same result.
func requireSameEverywhere(t testing.TB, role frame.Role, o protocol.Options, session []byte, seed uint64) *seen {
	want := feed(t, role, o, bytes.Clone(session), 0, whole)
	requireSound(t, o, want)
	cutWhole := want.unfinished()
	for name, way := range map[string]struct {
		output int
		cut    func(int) int
	}{"byte by byte": {0, byByte}, "at random": {0, atRandom(seed)}, "with little output": {1 + int(seed%50), atRandom(seed)}} {
		got := feed(t, role, o, bytes.Clone(session), way.output, way.cut)
		requireSound(t, o, got)
		cutGot := got.unfinished()
		require.Equal(t, want.err, got.err, name)
		require.Equal(t, normal(want.events), normal(got.events), name)
		// Of a message that is cut by an error, what came before the bad byte may be reported or not.
		require.True(t, bytes.HasPrefix(cutGot, cutWhole) || bytes.HasPrefix(cutWhole, cutGot), name)
	}
	return want
}

// normal makes what is empty comparable.
func normal(events []protocol.Event) []protocol.Event {
	events = append([]protocol.Event{}, events...)
	for i := range events {
		events[i].Payload = append([]byte{}, events[i].Payload...)
	}
	return events
}

// receiverOptions are small enough for limits to be met.
var receiverOptions = []protocol.Options{
	{ReadLimit: 2000, MaxFragments: 20},
	{ReadLimit: 2000, MaxFragments: 20, SkipUTF8: true},
	{ReadLimit: 2000, MaxFragments: 20, Deflate: &deflate.Params{}},
	{ReadLimit: 2000, MaxFragments: 20, Deflate: &deflate.Params{ServerNoContextTakeover: true, ClientNoContextTakeover: true, ServerMaxWindowBits: 9, ClientMaxWindowBits: 9}},
}

// sessions are frames of everything that a peer may do, well or badly.
func sessions() map[string][]wstest.Frame {
	squeezed := func(message string) []byte {
		return (&deflate.Params{}).Compressor(true, &deflate.Options{MinSize: -1}).Append(nil, []byte(message))
	}
	long := squeezed(strings.Repeat("compressed ", 100))
	return map[string][]wstest.Frame{
		"all well": {
			wstest.Whole(frame.Text, "Hello, 世界"), wstest.Whole(frame.Binary, ""), wstest.Whole(frame.Ping, "p"),
			wstest.Part(frame.Text, false, "κόσ"), wstest.Whole(frame.Pong, strings.Repeat("x", 125)),
			wstest.Part(frame.Continuation, false, ""), wstest.Part(frame.Continuation, true, "με"),
			wstest.Whole(frame.Binary, strings.Repeat("\xff", 300)), wstest.CloseFrame(frame.StatusNormalClosure, "bye"),
		},
		"text that is cut within a character": {wstest.Part(frame.Text, false, "ab\xe4\xb8"), wstest.Part(frame.Continuation, true, "\x96\xf0\x9f")},
		"text with a bad byte":                {wstest.Whole(frame.Text, "good until here \xc0\x80 and not after")},
		"too long":                            {wstest.Part(frame.Binary, false, strings.Repeat("x", 1500)), wstest.Part(frame.Continuation, true, strings.Repeat("x", 501))},
		"too many":                            {wstest.Part(frame.Binary, false, ""), wstest.Part(frame.Continuation, false, "x"), wstest.Part(frame.Continuation, false, strings.Repeat("x", 70))},
		"interleaved":                         {wstest.Part(frame.Text, false, "a"), wstest.Whole(frame.Text, "b")},
		"reserved":                            {wstest.Whole(frame.Text, "a"), {Fin: true, RSV: frame.RSV2, Opcode: frame.Text}, wstest.Whole(11, "b")},
		"compressed": {
			{Fin: true, RSV: frame.RSV1, Opcode: frame.Text, Payload: squeezed("Hello")},
			{RSV: frame.RSV1, Opcode: frame.Text, Payload: long[:5]}, wstest.Whole(frame.Ping, ""), wstest.Part(frame.Continuation, true, string(long[5:])),
			wstest.Whole(frame.Text, "not compressed"), {Fin: true, RSV: frame.RSV1, Opcode: frame.Binary},
		},
		"a bomb":         {{Fin: true, RSV: frame.RSV1, Opcode: frame.Binary, Payload: squeezed(strings.Repeat("\x00", 3000))}},
		"corrupt":        {{Fin: true, RSV: frame.RSV1, Opcode: frame.Binary, Payload: []byte("\xf2H\xff\xff\xff\xff")}},
		"no text inside": {{Fin: true, RSV: frame.RSV1, Opcode: frame.Text, Payload: squeezed(strings.Repeat("good ", 50) + "\xff bad")}},
	}
}

func encoded(role frame.Role, frames []wstest.Frame) (session []byte) {
	for _, f := range frames {
		session = f.Append(session, 1-role)
	}
	return session
}

func TestEverySplitOfASessionGivesTheSameEvents(t *testing.T) {
	for name, frames := range sessions() {
		t.Run(name, func(t *testing.T) {
			for _, role := range []frame.Role{frame.Server, frame.Client} {
				for _, o := range receiverOptions {
					for seed := range uint64(5) {
						requireSameEverywhere(t, role, o, encoded(role, frames), seed)
					}
				}
			}
		})
	}
	for _, role := range []frame.Role{frame.Server, frame.Client} {
		s := requireSameEverywhere(t, role, receiverOptions[0], encoded(role, sessions()["all well"]), 0)
		require.NoError(t, s.err)
		require.Len(t, s.events, 8)
	}
}

func TestEverySplitInTwoGivesTheSameEvents(t *testing.T) {
	for _, frames := range sessions() {
		for _, role := range []frame.Role{frame.Server, frame.Client} {
			for _, o := range receiverOptions {
				session := encoded(role, frames)
				want := feed(t, role, o, bytes.Clone(session), 0, whole)
				want.unfinished()
				for at := 1; at < len(session); at++ {
					first := true
					got := feed(t, role, o, bytes.Clone(session), 0, func(left int) int {
						if first {
							first = false
							return at
						}
						return left
					})
					got.unfinished()
					require.Equal(t, want.err, got.err)
					require.Equal(t, normal(want.events), normal(got.events))
				}
			}
		}
	}
}

func FuzzReceiverGivesTheSameEventsForEverySplit(f *testing.F) {
	for _, frames := range sessions() {
		for role := range frame.Role(2) {
			f.Add(encoded(role, frames), role == frame.Client, byte(2*role), uint64(1))
		}
	}
	f.Fuzz(func(t *testing.T, session []byte, client bool, config byte, seed uint64) {
		role := frame.Server
		if client {
			role = frame.Client
		}
		requireSameEverywhere(t, role, receiverOptions[int(config)%len(receiverOptions)], session, seed)
	})
}

// header is the start of a frame that promises length bytes.
func header(role frame.Role, fin bool, opcode frame.Opcode, length int64) []byte {
	return (&frame.Header{Fin: fin, Opcode: opcode, Length: length, Masked: !role.Masks()}).Append(nil)
}

func TestLengthsThatAddUpToMoreThanAnIntegerHoldsAreRefusedWithoutALimitToo(t *testing.T) {
	for role := range frame.Role(2) {
		r := protocol.NewReceiver(protocol.Options{Role: role, ReadLimit: math.MaxInt64, MaxFragments: -1})
		session := append(header(role, false, frame.Binary, 3), 1, 2, 3)
		session = append(session, header(role, true, frame.Continuation, math.MaxInt64)...)
		var ev protocol.Event
		n, err := r.Next(session, &ev)
		require.NoError(t, err)
		require.Len(t, ev.Payload, 3)
		_, err = r.Next(session[n:], &ev)
		require.ErrorIs(t, err, protocol.ErrMessageTooBig)
	}
}

func TestFragmentsOfAMessageAreCounted(t *testing.T) {
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		for limit, most := range map[int]int{0: protocol.DefaultMaxFragments, 1: 1, 2: 2, -1: 0, -2: 0, math.MaxInt: 0} {
			for _, n := range []int{max(most, 1), most + 1, protocol.DefaultMaxFragments + 1} {
				wire := wstest.Part(frame.Binary, n == 1, "x").Append(nil, 1-role)
				for i := range n - 1 {
					wire = wstest.Part(frame.Continuation, i == n-2, "x").Append(wire, 1-role)
				}
				s := feed(t, role, protocol.Options{MaxFragments: limit}, wire, 0, whole)
				if most > 0 && n > most {
					require.Equal(t, protocol.ErrTooManyFragments, s.err, "%d fragments of %d", n, limit)
				} else {
					require.NoError(t, s.err, "%d fragments of %d", n, limit)
					require.Len(t, s.events[0].Payload, n)
				}
			}
		}
	})
}

func TestTextMayBeLeftUnchecked(t *testing.T) {
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		wire := wstest.Whole(frame.Text, "\xff").Append(nil, 1-role)
		require.NoError(t, feed(t, role, protocol.Options{SkipUTF8: true}, bytes.Clone(wire), 0, whole).err)
		require.Equal(t, protocol.ErrInvalidUTF8, feed(t, role, protocol.Options{}, wire, 0, whole).err)
	})
}

func TestAMessageMayBeAsLongAsItsLimit(t *testing.T) {
	const limit = 100
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		for _, over := range []int{0, 1} {
			for _, first := range []int{0, 50, limit} {
				payload := strings.Repeat("x", limit+over)
				wire := wstest.Part(frame.Binary, false, payload[:first]).Append(nil, 1-role)
				wire = wstest.Part(frame.Continuation, true, payload[first:]).Append(wire, 1-role)
				s := feed(t, role, protocol.Options{ReadLimit: limit}, wire, 0, whole)
				if over > 0 {
					require.Equal(t, protocol.ErrMessageTooBig, s.err)
				} else {
					require.NoError(t, s.err)
					require.Len(t, s.events[0].Payload, limit)
				}
			}
		}
	})
}

func TestLongFragmentsAreNotCounted(t *testing.T) {
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		for size, err := range map[int]error{protocol.SmallFragment: nil, protocol.SmallFragment - 1: protocol.ErrTooManyFragments} {
			payload := strings.Repeat("x", size)
			wire := wstest.Part(frame.Binary, false, payload).Append(nil, 1-role)
			wire = wstest.Part(frame.Continuation, false, payload).Append(wire, 1-role)
			wire = wstest.Part(frame.Continuation, true, "").Append(wire, 1-role)
			require.Equal(t, err, feed(t, role, protocol.Options{MaxFragments: 1}, wire, 0, whole).err, "%d bytes", size)
		}
	})
}

func TestAReceiverKnowsWhetherAMessageHasBegun(t *testing.T) {
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		first := wstest.Part(frame.Text, false, "ab").Append(nil, 1-role)
		last := wstest.Part(frame.Continuation, true, "cd").Append(nil, 1-role)
		r := protocol.NewReceiver(protocol.Options{Role: role})
		require.False(t, r.InMessage())
		var ev protocol.Event
		for _, step := range []struct {
			p     []byte
			after bool
		}{{first[:len(first)-1], true}, {first[len(first)-1:], true}, {last[:len(last)-1], true}, {last[len(last)-1:], false}} {
			n, err := r.Next(step.p, &ev)
			require.NoError(t, err)
			if n < len(step.p) { // the header
				_, err = r.Next(step.p[n:], &ev)
				require.NoError(t, err)
			}
			require.Equal(t, step.after, r.InMessage())
		}
	})
}
