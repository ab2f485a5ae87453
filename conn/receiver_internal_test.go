package conn

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// seen is what a receiver reported, independent of how the bytes were cut: parts of a message that nothing stands
// between are one.
type seen struct {
	events []event
	err    error
}

func (s *seen) add(ev event) {
	ev.payload = bytes.Clone(ev.payload)
	if n := len(s.events); ev.kind == eventData && n > 0 && s.events[n-1].kind == eventData && !s.events[n-1].fin {
		last := &s.events[n-1]
		last.payload = append(last.payload, ev.payload...)
		last.fin = ev.fin
		return
	}
	s.events = append(s.events, ev)
}

// unfinished takes off the part of a message at the end that an error has cut, and returns it.
func (s *seen) unfinished() []byte {
	if n := len(s.events); s.err != nil && n > 0 && s.events[n-1].kind == eventData && !s.events[n-1].fin {
		part := s.events[n-1].payload
		s.events = s.events[:n-1]
		return part
	}
	return nil
}

// feed gives a receiver the session in pieces, whose lengths cut tells, as Conn would: what was not taken comes again
// with more behind it.
func feed(t testing.TB, role frame.Role, cfg *Config, session []byte, cut func(left int) int) *seen {
	var r receiver
	full := cfg.withDefaults()
	newReceiver(&r, role, &full)
	defer r.release()
	s := &seen{}
	var unread []byte
	for len(session) > 0 {
		n := cut(len(session))
		unread = append(slices.Clone(unread), session[:n]...)
		session = session[n:]
		for {
			var ev event
			taken, err := r.next(unread, &ev)
			require.LessOrEqual(t, taken, len(unread))
			unread = unread[taken:]
			if err != nil {
				s.err = err
				return s
			}
			if ev.kind == eventNone {
				break
			}
			s.add(ev)
		}
		require.Less(t, len(unread), minRead, "there is always room for more behind what is left")
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
func requireSound(t testing.TB, cfg *Config, s *seen) {
	var text []byte
	inText, size, begins := false, 0, true
	for _, ev := range s.events {
		if ev.kind != eventData {
			require.LessOrEqual(t, len(ev.payload), frame.MaxControlPayload)
			continue
		}
		if begins {
			text, inText, size = nil, ev.typ == Text, 0
		}
		begins = ev.fin
		size += len(ev.payload)
		require.LessOrEqual(t, int64(size), cfg.ReadLimit)
		if inText && !cfg.SkipUTF8 {
			text = append(text, ev.payload...)
			require.True(t, startsText(text), "%q", text)
			require.True(t, !ev.fin || utf8.Valid(text), "%q", text)
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
func requireSameEverywhere(t testing.TB, role frame.Role, cfg *Config, session []byte, seed uint64) *seen {
	want := feed(t, role, cfg, bytes.Clone(session), whole)
	requireSound(t, cfg, want)
	cutWhole := want.unfinished()
	for name, cut := range map[string]func(int) int{"byte by byte": byByte, "at random": atRandom(seed)} {
		got := feed(t, role, cfg, bytes.Clone(session), cut)
		requireSound(t, cfg, got)
		cutGot := got.unfinished()
		require.Equal(t, want.err, got.err, name)
		require.Equal(t, normal(want.events), normal(got.events), name)
		// Of a message that is cut by an error, what came before the bad byte may be reported or not.
		require.True(t, bytes.HasPrefix(cutGot, cutWhole) || bytes.HasPrefix(cutWhole, cutGot), name)
	}
	return want
}

// normal makes what is empty comparable.
func normal(events []event) []event {
	events = append([]event{}, events...)
	for i := range events {
		events[i].payload = append([]byte{}, events[i].payload...)
	}
	return events
}

// receiverConfigs are small enough for limits to be met.
var receiverConfigs = []*Config{
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
			wstest.Whole(frame.Binary, strings.Repeat("\xff", 300)), wstest.CloseFrame(StatusNormalClosure, "bye"),
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
				for _, cfg := range receiverConfigs {
					for seed := range uint64(5) {
						requireSameEverywhere(t, role, cfg, encoded(role, frames), seed)
					}
				}
			}
		})
	}
	for _, role := range []frame.Role{frame.Server, frame.Client} {
		s := requireSameEverywhere(t, role, receiverConfigs[0], encoded(role, sessions()["all well"]), 0)
		require.NoError(t, s.err)
		require.Len(t, s.events, 8)
	}
}

func TestEverySplitInTwoGivesTheSameEvents(t *testing.T) {
	for _, frames := range sessions() {
		for _, role := range []frame.Role{frame.Server, frame.Client} {
			for _, cfg := range receiverConfigs {
				session := encoded(role, frames)
				want := feed(t, role, cfg, bytes.Clone(session), whole)
				want.unfinished()
				for at := 1; at < len(session); at++ {
					first := true
					got := feed(t, role, cfg, bytes.Clone(session), func(left int) int {
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
		requireSameEverywhere(t, role, receiverConfigs[int(config)%len(receiverConfigs)], session, seed)
	})
}
