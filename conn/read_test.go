package conn_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// got is a message as a test compares it.
type got struct {
	typ  conn.MessageType
	data string
}

// ways are all the ways of reading a message. Each returns one.
var ways = map[string]func(context.Context, *conn.Conn) (got, error){
	"Read": func(ctx context.Context, c *conn.Conn) (got, error) {
		typ, data, err := c.Read(ctx)
		return got{typ, string(data)}, err
	},
	"ReadAppend": func(ctx context.Context, c *conn.Conn) (got, error) {
		typ, data, err := c.ReadAppend(ctx, []byte("before"))
		s, ok := strings.CutPrefix(string(data), "before")
		if !ok || err != nil && s != "" {
			panic("dst was not kept")
		}
		return got{typ, s}, err
	},
	"Reader": func(ctx context.Context, c *conn.Conn) (got, error) {
		typ, r, err := c.Reader(ctx)
		if err != nil {
			return got{}, err
		}
		data, err := io.ReadAll(r)
		return got{typ, string(data)}, err
	},
	"Messages": func(ctx context.Context, c *conn.Conn) (got, error) {
		for m, err := range c.Messages(ctx) {
			return got{m.Type, string(m.Data)}, err
		}
		panic("Messages ended without an error")
	},
}

// callback is the way in which messages come from an event loop.
func callback(ctx context.Context, c *conn.Conn) (got, error) {
	typ, data, err := receive(ctx, c)
	return got{typ, string(data)}, err
}

// readTest is a test of a way to get messages.
type readTest = func(t *testing.T, c *conn.Conn, peer *wstest.Peer, read func(context.Context, *conn.Conn) (got, error))

// inAllWays runs test with every call that reads, and with an event loop, in both roles.
func inAllWays(t *testing.T, cfg *setup, test readTest) {
	t.Run("callback", func(t *testing.T) {
		inBothRolesBy(t, openDriven, cfg, 0, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) { test(t, c, peer, callback) })
	})
	byCalls(t, cfg, test)
}

// byCalls runs test with every call that reads, in both roles.
func byCalls(t *testing.T, cfg *setup, test readTest) {
	for name, read := range ways {
		t.Run(name, func(t *testing.T) {
			inBothRoles(t, cfg, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) { test(t, c, peer, read) })
		})
	}
}

func TestMessagesArriveAsTheyWereSent(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 10_000)
	inAllWays(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer, read func(context.Context, *conn.Conn) (got, error)) {
		go peer.Send(
			text("Hello"), binary(""), text(""),
			wstest.Part(frame.Text, false, "Hel"), wstest.Part(frame.Continuation, true, "lo"),
			wstest.Part(frame.Binary, false, ""), wstest.Part(frame.Continuation, false, ""), wstest.Part(frame.Continuation, true, ""),
			wstest.Part(frame.Text, false, "κόσ"), ping("between"), wstest.Part(frame.Continuation, false, "μ"), pong("unasked"), wstest.Part(frame.Continuation, true, "ε"),
			binary(large), text(large),
		)
		for _, want := range []got{
			{conn.Text, "Hello"}, {conn.Binary, ""}, {conn.Text, ""}, {conn.Text, "Hello"}, {conn.Binary, ""},
			{conn.Text, "κόσμε"}, {conn.Binary, large}, {conn.Text, large},
		} {
			m, err := read(t.Context(), c)
			require.NoError(t, err)
			require.Equal(t, want, m)
		}
		peer.Expect(pong("between"))
	})
}

func TestBytesMayArriveOneByOne(t *testing.T) {
	inAllWays(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer, read func(context.Context, *conn.Conn) (got, error)) {
		go func() {
			for _, b := range peer.Encode(wstest.Part(frame.Text, false, "日本"), ping("?"), wstest.Part(frame.Continuation, true, "語"), binary(strings.Repeat("x", 300))) {
				peer.SendRaw([]byte{b})
			}
		}()
		for _, want := range []got{{conn.Text, "日本語"}, {conn.Binary, strings.Repeat("x", 300)}} {
			m, err := read(t.Context(), c)
			require.NoError(t, err)
			require.Equal(t, want, m)
		}
		peer.Expect(pong("?"))
	})
}

func TestAContextCutsTheCallAndTheNextOneGoesOnWhereItStopped(t *testing.T) {
	for from := range ways {
		for to, resume := range ways {
			t.Run(from+" then "+to, func(t *testing.T) {
				inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
					session := peer.Encode(wstest.Part(frame.Text, false, "one, "), wstest.Part(frame.Continuation, false, "two, "), wstest.Part(frame.Continuation, true, "three"))
					for _, b := range session {
						if from == "Reader" && len(session) > 0 {
							// A Reader that has begun gives out its parts; what it gave out is not given out again.
							break
						}
						ctx, cancel := context.WithTimeout(t.Context(), time.Second)
						_, err := ways[from](ctx, c)
						require.ErrorIs(t, err, context.DeadlineExceeded)
						require.Equal(t, conn.StateOpen, c.State())
						cancel()
						peer.SendRaw([]byte{b})
					}
					if from == "Reader" {
						ctx, cancel := context.WithTimeout(t.Context(), time.Second)
						_, _, err := c.Reader(ctx)
						require.ErrorIs(t, err, context.DeadlineExceeded)
						cancel()
						peer.SendRaw(session)
					}
					m, err := resume(t.Context(), c)
					require.NoError(t, err)
					require.Equal(t, got{conn.Text, "one, two, three"}, m)
				})
			})
		}
	}
}

func TestAContextThatEndsBetweenCallsChangesNothing(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		for range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			peer.Send(text("a"))
			_, _, err := receive(ctx, c)
			require.NoError(t, err)
			cancel()
			synctest.Wait()
			_, _, err = receive(ctx, c)
			require.ErrorIs(t, err, context.Canceled)
			peer.Send(text("b"))
			_, data, err := receive(t.Context(), c)
			require.NoError(t, err)
			require.Equal(t, "b", string(data))
		}
	})
}

func TestAReaderLeftBeforeTheEndIsSkipped(t *testing.T) {
	for how, left := range map[string][]wstest.Frame{
		"in parts": {wstest.Part(frame.Text, false, "left"), wstest.Part(frame.Continuation, true, " behind"), text("next")},
		"whole":    {text("left behind"), text("next")},
		"alone":    {text("left behind")},
	} {
		for name, read := range ways {
			t.Run(name+", "+how, func(t *testing.T) {
				inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
					peer.Send(left...)
					_, r, err := c.Reader(t.Context())
					require.NoError(t, err)
					_, err = io.ReadFull(r, make([]byte, 2))
					require.NoError(t, err)
					if len(left) == 1 {
						peer.Send(text("next"))
					}
					m, err := read(t.Context(), c)
					require.NoError(t, err)
					require.Equal(t, got{conn.Text, "next"}, m)
					_, err = r.Read(make([]byte, 1))
					require.ErrorIs(t, err, conn.ErrReaderDone)
				})
			})
		}
	}
}

func TestMessagesLeavesDataAloneUntilTheNextIteration(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(text("first"), text("second"))
		n := 0
		for m, err := range c.Messages(t.Context()) {
			require.NoError(t, err)
			n++
			if n == 1 {
				require.Equal(t, "first", string(m.Data))
				continue
			}
			peer.Send(text(strings.Repeat("other", 2000)), wstest.CloseFrame(conn.StatusNormalClosure, ""))
			go peer.Conn().Close()
			c.Close(conn.StatusNormalClosure, "") // reads what is left
			require.Equal(t, "second", string(m.Data))
			break
		}
		require.Equal(t, conn.StateClosed, c.State())
	})
}

func TestOneReaderAtATime(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		done := make(chan error, 1)
		go func() {
			_, _, err := c.Read(t.Context())
			done <- err
		}()
		synctest.Wait()
		for name, read := range ways {
			_, err := read(t.Context(), c)
			require.ErrorIs(t, err, conn.ErrConcurrentRead, name)
		}
		peer.Send(text("still here"))
		require.NoError(t, <-done)
	})
}

func TestTwoLoopsOverMessagesDoNotTakeEachOthersMemory(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(text("first"), text("second"))
		lent, goOn, done := make(chan struct{}), make(chan struct{}), make(chan string)
		go func() {
			for m := range c.Messages(t.Context()) {
				lent <- struct{}{}
				<-goOn
				done <- string(m.Data)
				break
			}
		}()
		<-lent
		for m, err := range c.Messages(t.Context()) {
			require.NoError(t, err)
			goOn <- struct{}{}
			require.Equal(t, "first", <-done)
			synctest.Wait() // the first loop has given back what it was lent
			require.Equal(t, "second", string(m.Data))
			break
		}
		peer.Send(text("third"))
		_, data, err := c.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "third", string(data))
	})
}

func TestPingsThatPileUpAreAnsweredByTheNewest(t *testing.T) {
	for _, role := range roles {
		t.Run(role.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := wstest.Pipe(64)
				c := open(near, role, nil)
				defer c.CloseNow()
				go receive(t.Context(), c)
				sent := make(chan struct{})
				peer := wstest.NewPeer(t, far, other(role))
				go func() {
					defer close(sent)
					for i := range 1000 {
						peer.Send(ping(strings.Repeat("x", 100) + string(rune('a'+i%26))))
					}
					peer.Send(ping("newest"))
				}()
				<-sent
				synctest.Wait()
				require.Less(t, c.BufferedAmount(), int64(40*110), "pongs for a peer that does not read are bounded")
				n := 0
				for string(peer.Receive().Payload) != "newest" {
					n++
				}
				require.Less(t, n, 40)
			})
		})
	}
}

func TestWhatThePeerDoesWrongIsToldWithTheRightCode(t *testing.T) {
	cases := []struct {
		name string
		cfg  setup
		raw  func(peer *wstest.Peer) []byte
		code conn.StatusCode
		is   error
	}{
		{name: "reserved opcode", raw: func(p *wstest.Peer) []byte { return p.Encode(wstest.Whole(3, "x")) }, code: conn.StatusProtocolError},
		{name: "reserved bit", raw: func(p *wstest.Peer) []byte {
			return p.Encode(wstest.Frame{Fin: true, RSV: frame.RSV1, Opcode: frame.Text})
		}, code: conn.StatusProtocolError},
		{name: "wrong masking", raw: func(p *wstest.Peer) []byte {
			b := p.Encode(text(""))
			if len(b) == 6 {
				return []byte{0x81, 0}
			}
			return []byte{0x81, 0x80, 1, 2, 3, 4}
		}, code: conn.StatusProtocolError},
		{name: "length not minimal", raw: func(p *wstest.Peer) []byte { return []byte{0x81, p.Encode(text(""))[1] | 126, 0, 5, 0, 0, 0, 0} }, code: conn.StatusProtocolError},
		{name: "length with the top bit", raw: func(p *wstest.Peer) []byte {
			return []byte{0x82, p.Encode(text(""))[1] | 127, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
		}, code: conn.StatusProtocolError},
		{name: "length over the limit", raw: func(p *wstest.Peer) []byte {
			return []byte{0x82, p.Encode(text(""))[1] | 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}
		}, code: conn.StatusMessageTooBig, is: conn.ErrMessageTooBig},
		{name: "fragments over the limit", cfg: setup{Config: conn.Config{ReadLimit: 10}}, raw: func(p *wstest.Peer) []byte {
			return p.Encode(wstest.Part(frame.Text, false, "012345"), wstest.Part(frame.Continuation, true, "67890"))
		}, code: conn.StatusMessageTooBig, is: conn.ErrMessageTooBig},
		{name: "too many fragments", cfg: setup{Config: conn.Config{MaxFragments: 2}}, raw: func(p *wstest.Peer) []byte {
			return p.Encode(wstest.Part(frame.Text, false, ""), wstest.Part(frame.Continuation, false, ""), wstest.Part(frame.Continuation, true, ""))
		}, code: conn.StatusPolicyViolation, is: conn.ErrTooManyFragments},
		{name: "continuation of nothing", raw: func(p *wstest.Peer) []byte { return p.Encode(wstest.Part(frame.Continuation, true, "x")) }, code: conn.StatusProtocolError},
		{name: "interleaved", raw: func(p *wstest.Peer) []byte { return p.Encode(wstest.Part(frame.Text, false, "x"), text("y")) }, code: conn.StatusProtocolError},
		{name: "fragmented ping", raw: func(p *wstest.Peer) []byte { return p.Encode(wstest.Part(frame.Ping, false, "x")) }, code: conn.StatusProtocolError},
		{name: "long ping", raw: func(p *wstest.Peer) []byte { return p.Encode(ping(strings.Repeat("x", 126))) }, code: conn.StatusProtocolError},
		{name: "text that is not UTF-8", raw: func(p *wstest.Peer) []byte { return p.Encode(text("ab\xff")) }, code: conn.StatusInvalidPayload, is: conn.ErrInvalidUTF8},
		{name: "text cut within a character", raw: func(p *wstest.Peer) []byte {
			return p.Encode(wstest.Part(frame.Text, false, "ab\xe6"), wstest.Part(frame.Continuation, true, ""))
		}, code: conn.StatusInvalidPayload, is: conn.ErrInvalidUTF8},
		{name: "bad byte in an unfinished frame", raw: func(p *wstest.Peer) []byte { return p.Encode(text("\xce\xba\xff" + strings.Repeat("x", 100)))[:12] }, code: conn.StatusInvalidPayload, is: conn.ErrInvalidUTF8},
		{name: "close body of one byte", raw: func(p *wstest.Peer) []byte { return p.Encode(wstest.Whole(frame.Close, "\x03")) }, code: conn.StatusProtocolError},
		{name: "close code that may not be sent", raw: func(p *wstest.Peer) []byte { return p.Encode(wstest.Whole(frame.Close, "\x03\xed")) }, code: conn.StatusProtocolError},
		{name: "close reason that is not UTF-8", raw: func(p *wstest.Peer) []byte { return p.Encode(wstest.Whole(frame.Close, "\x03\xe8\xff")) }, code: conn.StatusInvalidPayload},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			inAllWays(t, &tc.cfg, func(t *testing.T, c *conn.Conn, peer *wstest.Peer, read func(context.Context, *conn.Conn) (got, error)) {
				go func() {
					peer.SendRaw(tc.raw(peer))
					reply := peer.Receive()
					assert.Equal(t, frame.Close, reply.Opcode)
					code, _, err := frame.ParseClose(reply.Payload)
					assert.NoError(t, err)
					assert.Equal(t, tc.code, code)
					peer.ExpectEOF()
					peer.Conn().Close()
				}()
				_, err := read(t.Context(), c)
				var closed *conn.CloseError
				require.ErrorAs(t, err, &closed)
				require.Equal(t, tc.code, closed.Code)
				require.False(t, closed.WasClean)
				if tc.is != nil {
					require.ErrorIs(t, err, tc.is)
				} else {
					var protocol *frame.ProtocolError
					require.ErrorAs(t, err, &protocol)
				}
				_, again := read(t.Context(), c)
				require.Same(t, closed, again)
			})
		})
	}
}

func TestSkipUTF8LetsAnythingThrough(t *testing.T) {
	inAllWays(t, &setup{Config: conn.Config{SkipUTF8: true}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer, read func(context.Context, *conn.Conn) (got, error)) {
		peer.Send(text("\xff\xfe"))
		m, err := read(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, got{conn.Text, "\xff\xfe"}, m)
	})
}

func TestBytesThatCameWithTheHandshakeAreReadFirst(t *testing.T) {
	for _, role := range roles {
		synctest.Test(t, func(t *testing.T) {
			near, far := wstest.Pipe(0)
			peer := wstest.NewPeer(t, far, other(role))
			b := peer.Encode(text("early"), text("cut in two"))
			c := open(near, role, &setup{Negotiated: conn.Negotiated{Buffered: bytes.Clone(b[:len(b)-4])}})
			defer c.CloseNow()
			peer.SendRaw(b[len(b)-4:])
			for _, want := range []string{"early", "cut in two"} {
				_, data, err := receive(t.Context(), c)
				require.NoError(t, err)
				require.Equal(t, want, string(data))
			}
		})
	}
}

func TestAMessageKeptAfterBreakStaysUntilTheNextRead(t *testing.T) {
	inBothRolesOver(t, nil, 64<<10, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		for _, frames := range [][]wstest.Frame{{text("kept")}, {begin("ke"), last("pt")}} {
			for range 3 {
				peer.Send(frames...)
				var kept conn.Message
				for m, err := range c.Messages(t.Context()) {
					require.NoError(t, err)
					kept = m
					break
				}
				peer.Send(ping("x"), text("other"))
				require.NoError(t, c.Write(t.Context(), conn.Text, []byte("output")))
				require.Equal(t, "kept", string(kept.Data))
				_, data, err := c.Read(t.Context())
				require.NoError(t, err)
				require.Equal(t, "other", string(data))
				require.Equal(t, text("output"), peer.Receive())
				require.Equal(t, pong("x"), peer.Receive())
			}
		}
	})
}

// TestADeadlineOfTheProgramsOwnEndsTheConnection: unless Config.NetDeadlines says that it is expected.
func TestADeadlineOfTheProgramsOwnEndsTheConnection(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ended := reading(c)
		synctest.Wait()
		require.NoError(t, c.NetConn().SetReadDeadline(time.Unix(1, 0)))
		requireEnded(t, c, <-ended, conn.CloseError{Code: conn.StatusAbnormalClosure}, os.ErrDeadlineExceeded)
	})
}

func TestWithNetDeadlinesADeadlineEndsTheCallThatReadsAndNothingElse(t *testing.T) {
	inBothRoles(t, &setup{Config: conn.Config{NetDeadlines: true}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.SendRaw(peer.Encode(wstest.Whole(frame.Text, "hello"))[:3])
		ended := reading(c)
		synctest.Wait()
		require.NoError(t, c.NetConn().SetReadDeadline(time.Unix(1, 0)))
		require.ErrorIs(t, <-ended, os.ErrDeadlineExceeded)
		require.NoError(t, c.Err())
		sent := inBackground(func() error { return c.Write(t.Context(), conn.Text, []byte("still here")) })
		peer.Expect(wstest.Whole(frame.Text, "still here"))
		require.NoError(t, <-sent)
		require.NoError(t, c.NetConn().SetReadDeadline(time.Time{}))
		go peer.SendRaw(peer.Encode(wstest.Whole(frame.Text, "hello"))[3:])
		_, p, err := c.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "hello", string(p))
	})
}

func TestWithNetDeadlinesAContextThatHasEndedLeavesWhatWasReadBefore(t *testing.T) {
	inBothRoles(t, &setup{Config: conn.Config{NetDeadlines: true}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		peer.Send(text("a"), text("b"), text("c"))
		_, p, err := c.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "a", string(p))
		_, p, err = c.Read(ended)
		require.NoError(t, err)
		require.Equal(t, "b", string(p))
		_, r, err := c.Reader(ended)
		require.NoError(t, err)
		p, err = io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, "c", string(p))
		go peer.Send(text("d"))
		synctest.Wait()
		for range 20 { // what the network has stays there
			_, _, err = c.Read(ended)
			require.ErrorIs(t, err, context.Canceled)
			require.NoError(t, c.Err())
		}
		_, p, err = c.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "d", string(p))
	})
}
