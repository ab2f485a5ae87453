package protocol_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/protocol"
)

// end is one end of a conversation over byte slices: a driver as short as it can be.
type end struct {
	r     *protocol.Receiver
	s     *protocol.Sender
	c     protocol.Closing
	in    []byte // arrived and not taken
	part  []byte // of the message that is coming in
	heard []string
	echo  bool // answer messages with the same
}

func newEnd(o protocol.Options, echo bool) *end {
	return &end{
		r: protocol.NewReceiver(o), s: protocol.NewSender(o), c: protocol.Closing{Role: o.Role, Timeout: limit}, echo: echo,
	}
}

// hear takes bytes that have arrived.
func (e *end) hear(p []byte) {
	e.in = append(e.in, p...)
	for e.c.Step() == protocol.ReadOn {
		var ev protocol.Event
		n, err := e.r.Next(e.in, &ev)
		e.in = e.in[n:]
		if err != nil {
			if code, reason, send := e.c.Violated(err, start); send {
				e.s.Close(code, reason)
				e.c.Sent(false, start)
			}
			return
		}
		switch ev.Kind {
		case protocol.NeedBytes:
			return
		case protocol.Data:
			if e.part = append(e.part, ev.Payload...); ev.Fin {
				e.heard = append(e.heard, fmt.Sprintf("%s %s", ev.Type, e.part))
				e.part = nil
			}
			if e.echo {
				e.s.Fragment(ev.Type, ev.Payload, ev.Fin)
			}
		case protocol.Ping:
			e.s.Answer(ev.Payload)
		case protocol.Pong:
			e.heard = append(e.heard, "pong "+string(ev.Payload))
		case protocol.Close:
			if e.c.Received(ev.Code, string(ev.Payload), start) {
				e.s.Close(ev.Code, string(ev.Payload))
				e.c.Sent(false, start)
			}
		}
	}
}

// say returns up to n bytes to be sent.
func (e *end) say(n int) []byte {
	if !e.s.Take() {
		e.c.Flushed()
		return nil
	}
	p, more := e.s.Pending()
	both := append(bytes.Clone(p), more...)
	both = both[:min(n, len(both))]
	e.s.Sent(len(both))
	return both
}

// close begins the closing handshake.
func (e *end) close(code protocol.StatusCode, reason string) {
	if e.s.Close(code, reason) == nil {
		e.c.Sent(true, start)
	}
}

// talk carries bytes both ways, step at a time, until neither end has more, and ends TCP where that is asked for.
func talk(a, b *end, step int) {
	for moved := true; moved; {
		moved = false
		for _, way := range [][2]*end{{a, b}, {b, a}} {
			if p := way[0].say(step); len(p) > 0 {
				way[1].hear(p)
				moved = true
			}
		}
	}
	for range 2 {
		for _, way := range [][2]*end{{a, b}, {b, a}} {
			if s := way[0].c.Step(); s == protocol.Drop || s == protocol.HalfClose {
				way[1].c.ReadFailed(io.EOF)
			}
		}
	}
}

var conversationOptions = map[string]*deflate.Params{
	"plain": nil, "compressed": {}, "without context": {ServerNoContextTakeover: true, ClientNoContextTakeover: true},
}

func TestTwoEndsTalkWhereverTheBytesAreCut(t *testing.T) {
	for name, params := range conversationOptions {
		t.Run(name, func(t *testing.T) {
			for step := 1; step < 60; step++ {
				client := newEnd(protocol.Options{Role: protocol.Client, Deflate: params}, false)
				server := newEnd(protocol.Options{Role: protocol.Server, Deflate: params}, true)
				require.NoError(t, client.s.Message(protocol.Text, []byte("Grüße, 世界")))
				require.NoError(t, client.s.Ping([]byte("are you there?")))
				require.NoError(t, client.s.Fragment(protocol.Binary, []byte(strings.Repeat("first ", 50)), false))
				require.NoError(t, client.s.Pong(nil))
				require.NoError(t, client.s.Fragment(protocol.Binary, []byte("second"), true))
				talk(client, server, step)
				client.close(4000, "done")
				talk(client, server, step)
				require.Equal(t, []string{
					"text Grüße, 世界", "pong are you there?", "binary " + strings.Repeat("first ", 50) + "second",
				}, client.heard)
				for _, e := range []*end{client, server} {
					require.Equal(t, protocol.Drop, e.c.Step())
					require.Equal(t, protocol.StatusCode(4000), e.c.End().Code)
					require.Equal(t, "done", e.c.End().Reason)
					require.True(t, e.c.End().WasClean)
					require.Equal(t, e == server, e.c.End().Remote)
				}
			}
		})
	}
}

func TestBothEndsMayCloseAtOnce(t *testing.T) {
	client, server := newEnd(protocol.Options{Role: protocol.Client}, false), newEnd(protocol.Options{}, false)
	client.close(4001, "client")
	server.close(4002, "server")
	talk(client, server, 3)
	require.Equal(t, protocol.StatusCode(4002), client.c.End().Code)
	require.Equal(t, protocol.StatusCode(4001), server.c.End().Code)
	require.True(t, client.c.End().WasClean && server.c.End().WasClean)
	require.False(t, client.c.End().Remote || server.c.End().Remote, "each closed first, as far as it knows")
}

func TestABrokenRuleEndsBothEnds(t *testing.T) {
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		strict := newEnd(protocol.Options{Role: role}, false)
		sloppy := newEnd(protocol.Options{Role: role}, false) // masks when it should not, or does not when it should
		require.NoError(t, sloppy.s.Message(protocol.Text, []byte("hi")))
		strict.hear(sloppy.say(100))
		require.Equal(t, protocol.Flush, strict.c.Step())
		fs := frames(t, role, strict.say(100))
		require.Equal(t, "\x03\xea", string(fs[0].Payload[:2]))
		strict.say(100)
		require.Equal(t, protocol.HalfClose, strict.c.Step())
		strict.c.ReadFailed(io.EOF)
		require.Equal(t, protocol.StatusCode(1002), strict.c.End().Code)
	})
}

// TestAConversationMayFailAtAnyStep has the driver of one end fail at its n-th read or write, for every n until none fails,
// and holds how it ends against what the peer had said by then.
func TestAConversationMayFailAtAnyStep(t *testing.T) {
	for _, writes := range []bool{false, true} {
		for n := 1; ; n++ {
			client := newEnd(protocol.Options{Role: protocol.Client}, false)
			server := newEnd(protocol.Options{}, true)
			require.NoError(t, client.s.Message(protocol.Text, []byte("one")))
			server.s.Message(protocol.Text, []byte("two"))
			server.close(4001, "token expired")
			failed := false
			for round := 1; round < 200 && client.c.End() == nil; round++ {
				if p := client.say(3); round == n && writes {
					client.c.SendFailed(errWrite, start)
					failed = true
				} else if len(p) > 0 {
					server.hear(p)
				}
				if p := server.say(3); round == n && !writes {
					client.c.ReadFailed(errNetwork)
					failed = true
				} else if len(p) > 0 {
					client.hear(p)
				}
			}
			e := client.c.End()
			require.NotNil(t, e)
			if writes || !failed { // what has arrived is delivered, and their code wins
				require.Equal(t, []string{"text two"}, client.heard)
				require.Equal(t, protocol.StatusCode(4001), e.Code)
				require.True(t, e.Remote && e.WasClean)
			} else if e.Code != 4001 {
				require.Equal(t, errNetwork, e.Err)
				require.Equal(t, protocol.StatusCode(1006), e.Code)
			}
			if !failed {
				require.Greater(t, n, 5)
				break
			}
		}
	}
}

// FuzzConversation lets two ends talk about whatever the input says, and requires both to have heard all of it.
func FuzzConversation(f *testing.F) {
	f.Add([]byte("a few words\x00and more"), byte(0), uint8(1))
	f.Add([]byte("compressed compressed compressed"), byte(1), uint8(7))
	f.Fuzz(func(t *testing.T, script []byte, option byte, step uint8) {
		var params *deflate.Params
		if option%2 == 1 {
			params = &deflate.Params{ServerMaxWindowBits: 9, ClientNoContextTakeover: option%4 == 3}
		}
		client := newEnd(protocol.Options{Role: protocol.Client, Deflate: params}, false)
		server := newEnd(protocol.Options{Deflate: params}, true)
		words := bytes.Split(script[:min(len(script), 2000)], []byte{0})
		for i, word := range words {
			if i%3 == 2 {
				client.s.Ping(word[:min(len(word), 125)])
			}
			require.NoError(t, client.s.Message(protocol.Binary, word))
		}
		talk(client, server, 1+int(step))
		client.close(1000, "")
		talk(client, server, 1+int(step))
		require.Len(t, server.heard, len(words))
		for i, word := range words {
			require.Equal(t, "binary "+string(word), server.heard[i])
		}
		for _, e := range []*end{client, server} {
			require.True(t, e.c.End().WasClean)
			require.Equal(t, protocol.StatusCode(1000), e.c.End().Code)
		}
	})
}
