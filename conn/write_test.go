package conn_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// writes are all the ways of sending one message.
var writes = map[string]func(context.Context, *conn.Conn, conn.MessageType, []byte) error{
	"Write": func(ctx context.Context, c *conn.Conn, typ conn.MessageType, data []byte) error {
		return c.Write(ctx, typ, data)
	},
	"WritePrepared": func(ctx context.Context, c *conn.Conn, typ conn.MessageType, data []byte) error {
		return c.WritePrepared(ctx, conn.Prepare(typ, data))
	},
	"Send": func(ctx context.Context, c *conn.Conn, typ conn.MessageType, data []byte) error {
		if err := c.Send(typ, data); err != nil {
			return err
		}
		return c.Flush(ctx)
	},
	"SendPrepared": func(ctx context.Context, c *conn.Conn, typ conn.MessageType, data []byte) error {
		if err := c.SendPrepared(conn.Prepare(typ, data)); err != nil {
			return err
		}
		return c.Flush(ctx)
	},
	"Writer": func(ctx context.Context, c *conn.Conn, typ conn.MessageType, data []byte) error {
		w, err := c.Writer(ctx, typ)
		if err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			w.Close()
			return err
		}
		return w.Close()
	},
}

// TestAMessageIsOneFrame looks at the bytes on the wire: the shortest length, masked by a client and by nobody else.
func TestAMessageIsOneFrame(t *testing.T) {
	for name, write := range writes {
		for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 100_000} {
			if name == "Writer" && n > conn.DefaultFragmentSize {
				continue
			}
			t.Run(fmt.Sprint(name, " ", n), func(t *testing.T) {
				withDriversOver(t, nil, 1<<20, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
					for _, typ := range []conn.MessageType{conn.Text, conn.Binary} {
						data := pattern(n)
						require.NoError(t, write(t.Context(), c, typ, data))
						require.Equal(t, pattern(n), data, "the caller's bytes are not changed")
						clear(data) // and not kept
						peer.Expect(wstest.Frame{Fin: true, Opcode: frame.Opcode(typ), Payload: pattern(n)})
						require.Zero(t, peer.Conn().(*wstest.End).Buffered(), "nothing else is on the wire")
					}
				})
			})
		}
	}
}

func TestAWriterSendsFragments(t *testing.T) {
	const full = conn.DefaultFragmentSize
	for _, n := range []int{0, 1, full - 1, full, full + 1, 2 * full, 2*full + 1, 50_000} {
		for _, chunk := range []int{1000, full, full + 1, 1 << 20} {
			t.Run(fmt.Sprint(n, " in ", chunk), func(t *testing.T) {
				withDriversOver(t, nil, 1<<20, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
					w, err := c.Writer(t.Context(), conn.Text)
					require.NoError(t, err)
					data := pattern(n)
					for rest := data; len(rest) > 0; {
						k, err := w.Write(rest[:min(chunk, len(rest))])
						require.NoError(t, err)
						require.Equal(t, min(chunk, len(rest)), k)
						rest = rest[k:]
					}
					require.NoError(t, w.Close())
					opcode := frame.Text
					for len(data) > full {
						peer.Expect(wstest.Frame{Opcode: opcode, Payload: data[:full]})
						data, opcode = data[full:], frame.Continuation
					}
					peer.Expect(wstest.Frame{Fin: true, Opcode: opcode, Payload: data})
				})
			})
		}
	}
}

func TestOtherMessagesWaitForTheEndOfAWriterAndControlFramesDoNot(t *testing.T) {
	withDriversOver(t, nil, 1<<20, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		reading(c)
		w, err := c.Writer(t.Context(), conn.Binary)
		require.NoError(t, err)
		_, err = w.Write(pattern(conn.DefaultFragmentSize + 1))
		require.NoError(t, err)
		peer.Expect(wstest.Frame{Opcode: frame.Binary, Payload: pattern(conn.DefaultFragmentSize)})

		written := make(chan error, 1)
		go func() { written <- c.Write(t.Context(), conn.Text, []byte("written")) }()
		first := []byte("first")
		require.NoError(t, c.Send(conn.Text, first))
		clear(first) // Send copies, also what it puts aside
		require.NoError(t, c.SendPrepared(conn.Prepare(conn.Binary, []byte("second"))))
		require.EqualValues(t, 2*frame.MaxHeaderSize+len("first")+len("second"), c.BufferedAmount())
		pinged := make(chan error, 1)
		go func() {
			_, err := c.Ping(t.Context())
			pinged <- err
		}()
		peer.Send(ping("theirs"))
		synctest.Wait()
		for range 2 {
			f := peer.Receive()
			if f.Opcode == frame.Ping {
				peer.Send(pong(string(f.Payload)))
			} else {
				require.Equal(t, pong("theirs"), f)
			}
		}
		require.NoError(t, <-pinged)
		require.Zero(t, peer.Conn().(*wstest.End).Buffered(), "no message between the fragments of another")
		require.Empty(t, written)

		require.NoError(t, w.Close())
		require.NoError(t, <-written)
		peer.Expect(last(string(pattern(conn.DefaultFragmentSize + 1)[conn.DefaultFragmentSize:])), text("first"), binary("second"), text("written"))
		require.Zero(t, c.BufferedAmount())
	})
}

func TestMessagesOfManyGoroutinesStayWhole(t *testing.T) {
	const writers, each = 16, 24
	roomy := &setup{Config: conn.Config{SendQueue: 1 << 20}} // for all of them at once
	withDriversOver(t, roomy, 3000, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		errs := make(chan error)
		for i := range writers {
			go func() { errs <- writeMany(t.Context(), c, i, each) }()
		}
		go func() {
			for range 100 {
				peer.Send(ping("p"))
			}
		}()
		reading(c)
		received := make(chan struct{})
		next := map[string]int{} // number of the message that comes next, per writer
		go func() {
			defer close(received)
			for n := 0; n < writers*each; {
				m, pongs := receiveMessage(peer)
				assert.LessOrEqual(t, pongs, 100)
				who, rest, _ := bytes.Cut(m, []byte(" "))
				number, body, _ := bytes.Cut(rest, []byte(" "))
				assert.Equal(t, strconv.Itoa(next[string(who)]), string(number), "messages of one goroutine come in order")
				assert.Equal(t, pattern(len(body)), body)
				next[string(who)]++
				n++
			}
		}()
		for range writers {
			require.NoError(t, <-errs)
		}
		<-received
		require.Len(t, next, writers)
	})
}

// writeMany sends messages in every way, with bodies of many lengths.
func writeMany(ctx context.Context, c *conn.Conn, who, count int) error {
	names := []string{"Write", "Writer", "WritePrepared", "Send", "SendPrepared"}
	for n := range count {
		m := append(fmt.Appendf(nil, "%d %d ", who, n), pattern(n*n*n*3)...)
		if err := writes[names[(who+n)%len(names)]](ctx, c, conn.Binary, m); err != nil {
			return err
		}
	}
	return nil
}

// receiveMessage puts a message together from its frames and answers pings on the way.
func receiveMessage(peer *wstest.Peer) (m []byte, pongs int) {
	for {
		f := peer.Receive()
		switch f.Opcode {
		case frame.Pong:
			pongs++
			continue
		case frame.Continuation:
		default:
			if m != nil {
				panic("a message within another")
			}
		}
		m = append(m, f.Payload...)
		if f.Fin {
			return m, pongs
		}
	}
}

func TestAContextCutsAWriteAndTheRestGoesOutAheadOfTheNext(t *testing.T) {
	for name, write := range writes {
		if name == "Writer" {
			continue // cannot go on: see TestAWriterThatIsCutClosesTheConnection
		}
		t.Run(name, func(t *testing.T) {
			withDriversOver(t, nil, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				start := time.Now()
				data := pattern(10_000)
				require.ErrorIs(t, write(within(t, time.Second), c, conn.Binary, data), context.DeadlineExceeded)
				require.Equal(t, time.Second, time.Since(start))
				clear(data)
				require.ErrorIs(t, c.Flush(within(t, time.Second)), context.DeadlineExceeded)
				require.Equal(t, conn.StateOpen, c.State())
				require.Positive(t, c.BufferedAmount())
				next := make(chan error, 1)
				go func() { next <- write(t.Context(), c, conn.Text, []byte("next")) }()
				peer.Expect(binary(string(pattern(10_000))), text("next"))
				require.NoError(t, <-next)
				require.Zero(t, c.BufferedAmount())
			})
		})
	}
}

func TestAWriteThatIsCutWhileItWaitsForItsTurnIsNotSent(t *testing.T) {
	for name, write := range writes {
		if name == "Send" || name == "SendPrepared" {
			continue // do not wait
		}
		t.Run(name, func(t *testing.T) {
			withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				w, err := c.Writer(t.Context(), conn.Text)
				require.NoError(t, err)
				require.ErrorIs(t, write(within(t, time.Second), c, conn.Text, []byte("cut")), context.DeadlineExceeded)
				require.NoError(t, w.Close())
				require.NoError(t, write(t.Context(), c, conn.Text, []byte("sent")))
				peer.Expect(text(""), text("sent"))
			})
		})
	}
}

func TestWhatWritersMayLeaveBehindIsBounded(t *testing.T) {
	withDriversOver(t, nil, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		data := make([]byte, 100_000)
		for range 10 {
			require.ErrorIs(t, c.Write(within(t, time.Second), conn.Binary, data), context.DeadlineExceeded)
		}
		// One message is being written, one waits, and the others were not accepted.
		require.Less(t, c.BufferedAmount(), int64(200_100))
		go func() { c.Write(t.Context(), conn.Text, []byte("end")) }()
		peer.Expect(binary(string(data)), binary(string(data)), text("end"))
	})
}

func TestACancelledContextSendsNothing(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, c.Write(ctx, conn.Text, nil), context.Canceled)
		require.ErrorIs(t, c.WritePrepared(ctx, conn.Prepare(conn.Text, nil)), context.Canceled)
		require.ErrorIs(t, c.Flush(ctx), context.Canceled)
		_, err := c.Writer(ctx, conn.Text)
		require.ErrorIs(t, err, context.Canceled)
		_, err = c.Ping(ctx)
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, peer.Conn().(*wstest.End).Buffered())
	})
}

func TestMessagesAreTextOrBinary(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		for _, typ := range []conn.MessageType{0, 3, 8, 9, 255} {
			require.ErrorIs(t, c.Write(t.Context(), typ, nil), conn.ErrMessageType)
			require.ErrorIs(t, c.Send(typ, nil), conn.ErrMessageType)
			_, err := c.Writer(t.Context(), typ)
			require.ErrorIs(t, err, conn.ErrMessageType)
			require.PanicsWithValue(t, conn.ErrMessageType, func() { conn.Prepare(typ, nil) })
			require.PanicsWithValue(t, conn.ErrMessageType, func() { conn.Stream(t.Context(), c, typ) })
		}
		require.Zero(t, peer.Conn().(*wstest.End).Buffered())
	})
	require.Equal(t, "text", conn.Text.String())
	require.Equal(t, "binary", conn.Binary.String())
}

func TestFragmentSizeSaysWhereAWriterCuts(t *testing.T) {
	for size, want := range map[int][]wstest.Frame{
		0:  {text("hello world")},
		5:  {begin("hello"), more(" worl"), last("d")},
		-1: {text("hello world")},
	} {
		withDriversOver(t, &setup{Config: conn.Config{FragmentSize: size}}, 1<<10, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
			w, err := c.Writer(t.Context(), conn.Text)
			require.NoError(t, err)
			require.NoError(t, w.Flush(), "with nothing to push")
			for _, b := range []byte("hello world") {
				_, err := w.Write([]byte{b})
				require.NoError(t, err)
			}
			require.NoError(t, w.Close())
			require.ErrorIs(t, w.Flush(), conn.ErrWriterClosed)
			for _, f := range want {
				require.Equal(t, f, peer.Receive())
			}
		})
	}
	withDriversOver(t, &setup{Config: conn.Config{FragmentSize: -1}}, 1<<20, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		w, err := c.Writer(t.Context(), conn.Binary)
		require.NoError(t, err)
		long := pattern(5 * conn.DefaultFragmentSize)
		_, err = w.Write(long)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.Equal(t, binary(string(long)), peer.Receive(), "in one frame")
	})
}

// TestEveryFrameOfAClientHasAKeyOfItsOwn looks at the wire.
func TestEveryFrameOfAClientHasAKeyOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := wstest.Pipe(4 << 20)
		c := conn.Client(near, nil, nil)
		p := conn.Prepare(conn.Text, []byte("prepared"))
		for range 500 {
			require.NoError(t, c.Write(t.Context(), conn.Text, []byte("the same")))
			require.NoError(t, c.Send(conn.Text, []byte("the same")))
			require.NoError(t, c.WritePrepared(t.Context(), p))
		}
		w, err := c.Writer(t.Context(), conn.Binary)
		require.NoError(t, err)
		_, err = w.Write(make([]byte, 5*conn.DefaultFragmentSize))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.NoError(t, c.Write(t.Context(), conn.Binary, make([]byte, 200_000)))
		require.NoError(t, c.CloseNow())
		wire, err := io.ReadAll(far)
		require.NoError(t, err)
		keys := map[[4]byte]bool{}
		frames := 0
		for len(wire) > 0 {
			h, n, err := frame.Parse(wire)
			require.NoError(t, err)
			require.True(t, h.Masked)
			keys[h.Key] = true
			frames++
			wire = wire[n+int(h.Length):]
		}
		require.Equal(t, 1500+5+1, frames)
		require.Greater(t, len(keys), frames-3, "of 32 random bits each")
	})
}

// TestAWriterWhoseContextHasEndedSendsNothingMore: also where the network would take it at once. The peer is told if it has a part of
// the message, and else the connection goes on.
func TestAWriterWhoseContextHasEndedSendsNothingMore(t *testing.T) {
	for _, begun := range []bool{false, true} {
		withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
			ctx, cancel := context.WithCancel(t.Context())
			w, err := c.Writer(ctx, conn.Text)
			require.NoError(t, err)
			_, err = w.Write([]byte("half a"))
			require.NoError(t, err)
			if begun {
				flushed := inBackground(w.Flush)
				peer.Expect(wstest.Part(frame.Text, false, "half a"))
				require.NoError(t, <-flushed)
			}
			cancel()
			closed := inBackground(w.Close)
			if begun {
				peer.Expect(wstest.CloseFrame(conn.StatusInternalError, "message abandoned"))
			}
			require.ErrorIs(t, <-closed, context.Canceled)
			if !begun {
				require.NoError(t, c.Send(conn.Text, []byte("next")))
				peer.Expect(wstest.Whole(frame.Text, "next"))
			}
		})
	}
}
