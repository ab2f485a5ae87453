package conn_test

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

func TestAReaderIsAReader(t *testing.T) {
	content := string(pattern(50_000))
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		for _, frames := range [][]wstest.Frame{
			{binary(content)},
			{binary("")},
			{wstest.Part(frame.Binary, false, content[:100]), ping(""), more(""), more(content[100:200]), last(content[200:])},
		} {
			go peer.Send(frames...)
			typ, r, err := c.Reader(t.Context())
			require.NoError(t, err)
			require.Equal(t, conn.Binary, typ)
			want := content
			if len(frames) == 1 {
				want = string(frames[0].Payload)
			}
			require.NoError(t, iotest.TestReader(r, []byte(want)))
			n, err := r.Read(make([]byte, 1))
			require.Zero(t, n)
			require.Equal(t, io.EOF, err, "for ever")
		}
	})
}

func TestAReaderGivesOutPartsAsTheyCome(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(begin("a"))
		_, r, err := c.Reader(t.Context())
		require.NoError(t, err)
		p := make([]byte, 10)
		for _, part := range []string{"a", "b", "c"} {
			n, err := r.Read(p)
			require.NoError(t, err)
			require.Equal(t, part, string(p[:n]))
			peer.Send(more(string(part[0] + 1)))
		}
		n, err := r.Read(nil)
		require.NoError(t, err)
		require.Zero(t, n)
	})
}

func TestAReaderThatIsReusedReadsEachMessage(t *testing.T) {
	inBothRoles(t, &setup{Config: conn.Config{ReuseReader: true}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		go peer.Send(text("one"), begin("left "), last("over"), text("three"), begin("cut"))
		_, first, err := c.Reader(t.Context())
		require.NoError(t, err)
		all, err := io.ReadAll(first)
		require.NoError(t, err)
		require.Equal(t, "one", string(all))
		n, err := first.Read(make([]byte, 1))
		require.Zero(t, n)
		require.Equal(t, io.EOF, err, "until the next message")

		_, second, err := c.Reader(t.Context())
		require.NoError(t, err)
		require.Same(t, first, second)
		_, third, err := c.Reader(t.Context())
		require.NoError(t, err)
		require.Same(t, first, third)
		all, err = io.ReadAll(third)
		require.NoError(t, err)
		require.Equal(t, "three", string(all))

		_, _, err = c.Read(within(t, time.Second))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		peer.Send(more("s"), last(""))
		_, fourth, err := c.Reader(t.Context())
		require.NoError(t, err)
		all, err = io.ReadAll(fourth)
		require.NoError(t, err)
		require.Equal(t, "cuts", string(all))
	})
}

// TestAReaderThatIsReusedMayLeaveMessages, and their memory is used again.
func TestAReaderThatIsReusedMayLeaveMessages(t *testing.T) {
	if wstest.Racing {
		t.Skip("with the race detector pools forget at random")
	}
	inBothRoles(t, &setup{Config: conn.Config{ReuseReader: true}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		const times = 100
		var taken uint64
		for n := range times {
			peer.Send(text("left behind"))
			taken += wstest.Allocated(func() {
				_, r, err := c.Reader(t.Context())
				require.NoError(t, err)
				_, err = io.ReadFull(r, make([]byte, n%3))
				require.NoError(t, err)
			})
		}
		require.Less(t, taken, uint64(times*1000))
		peer.Send(text("next"))
		_, data, err := c.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "next", string(data))
	})
}

func TestAReaderFillsLongBuffersFromLongFrames(t *testing.T) {
	content := string(pattern(300_000))
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		for _, size := range []int{1000, 16 << 10, 20_000, 1 << 20} {
			go peer.Send(wstest.Part(frame.Binary, false, content[:100_001]), ping(""), more(content[100_001:200_002]), more(""),
				last(content[200_002:]), text("next"))
			_, r, err := c.Reader(t.Context())
			require.NoError(t, err)
			var all []byte
			for p := make([]byte, size); err == nil; {
				var n int
				n, err = r.Read(p)
				all = append(all, p[:n]...)
			}
			require.Equal(t, io.EOF, err)
			require.True(t, content == string(all), "buffers of %d bytes", size)
			_, next, err := c.Read(t.Context())
			require.NoError(t, err)
			require.Equal(t, "next", string(next))
		}
	})
}

func TestAReaderIsCutByItsContextAndTheNextCallSkipsTheRest(t *testing.T) {
	byCalls(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer, read func(context.Context, *conn.Conn) (got, error)) {
		peer.Send(begin("begun"))
		_, r, err := c.Reader(within(t, time.Second))
		require.NoError(t, err)
		_, err = io.ReadAll(r)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		for range 2 { // the rest that is to be skipped has not come
			_, err = read(within(t, time.Second), c)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			_, err = r.Read(make([]byte, 1))
			require.ErrorIs(t, err, conn.ErrReaderDone)
			peer.Send(more("more"))
		}
		peer.Send(last("rest"), text("next"))
		m, err := read(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, got{conn.Text, "next"}, m)
	})
}

// Whoever has the last byte of a message has all of it, whatever becomes of the connection before the call that returns io.EOF.
func TestTheEndOfAMessageIsKnownWithItsLastByte(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(text("all"))
		ctx, cancel := context.WithCancel(t.Context())
		_, r, err := c.Reader(ctx)
		require.NoError(t, err)
		n, err := r.Read(make([]byte, 3))
		require.NoError(t, err)
		require.Equal(t, 3, n)
		cancel()
		c.CloseNow()
		_, err = r.Read(make([]byte, 3))
		require.Equal(t, io.EOF, err)
	})
}

func TestTheValidPartOfATextIsGivenOutAndNothingMore(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(begin("valid, "), more("also "))
		_, r, err := c.Reader(t.Context())
		require.NoError(t, err)
		_, err = io.ReadFull(r, make([]byte, len("valid, also ")))
		require.NoError(t, err)
		peer.Send(more("\xff"))
		halfClose(peer)
		rest, err := io.ReadAll(r)
		require.Empty(t, rest)
		require.ErrorIs(t, err, conn.ErrInvalidUTF8)
	})
}

// TestABadByteDeepInALongFrameEndsItAtOnce, although most of the frame has not come.
func TestABadByteDeepInALongFrameEndsItAtOnce(t *testing.T) {
	bad := strings.Repeat("good ", 10_000) + "\xc0\xaf" + strings.Repeat(" never", 50_000)
	inAllWays(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer, read func(context.Context, *conn.Conn) (got, error)) {
		go func() {
			raw := peer.Encode(text(bad))
			for part := range 7 {
				peer.SendRaw(raw[part*8000 : (part+1)*8000])
			}
			peer.Expect(closing(conn.StatusInvalidPayload, "text is not UTF-8"))
			hangUp(peer)
		}()
		_, err := read(t.Context(), c)
		require.ErrorIs(t, err, conn.ErrInvalidUTF8)
	})
}

func TestReadAppendKeepsWhatItWasGiven(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		memory := make([]byte, 0, 100)
		peer.Send(text("one"), begin("tw"))
		_, data, err := c.ReadAppend(t.Context(), append(memory, "zero "...))
		require.NoError(t, err)
		require.Equal(t, "zero one", string(data))
		require.Same(t, &memory[:1][0], &data[0], "the caller's memory, if the message fits")
		_, same, err := c.ReadAppend(within(t, time.Second), data)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, "zero one", string(same))
		peer.Send(last("o"))
		_, data, err = c.ReadAppend(t.Context(), same)
		require.NoError(t, err)
		require.Equal(t, "zero onetwo", string(data))
		go peer.Send(binary(string(pattern(70_000))))
		_, data, err = c.ReadAppend(t.Context(), data[:4])
		require.NoError(t, err)
		require.Equal(t, "zero"+string(pattern(70_000)), string(data))
	})
}

func TestMessagesMayBeLeftAndTakenUpAgain(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(numbered(10)...)
		for n := range 10 {
			for m, err := range c.Messages(t.Context()) {
				require.NoError(t, err)
				require.Equal(t, string(numbered(10)[n].Payload), string(m.Data))
				break
			}
		}
		hangUp(peer)
		times := 0
		for m, err := range c.Messages(t.Context()) {
			require.Error(t, err)
			require.Zero(t, m)
			times++
		}
		require.Equal(t, 1, times, "the iteration with an error is the last")
	})
}

func TestTheBodyOfALoopMayDoAnythingButRead(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(text("a"), ping("p"), text("b"))
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		for m, err := range c.Messages(ctx) {
			if err != nil {
				require.ErrorIs(t, err, context.Canceled)
				break
			}
			require.NoError(t, c.Write(ctx, m.Type, m.Data))
			require.NoError(t, c.Send(m.Type, m.Data))
			require.NoError(t, c.Flush(ctx))
			if string(m.Data) == "b" {
				stop()
			}
		}
		peer.Expect(text("a"), text("a"), pong("p"), text("b"), text("b"))
	})
}

// TestUnixSocketsCarryMessages: they are sockets, as those of TCP are.
func TestUnixSocketsCarryMessages(t *testing.T) {
	wstest.NoLeaks(t)
	l, err := net.Listen("unix", wstest.SocketPath(t))
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no unix sockets here")
	}
	require.NoError(t, err)
	defer l.Close()
	near, err := net.Dial("unix", l.Addr().String())
	require.NoError(t, err)
	far, err := l.Accept()
	require.NoError(t, err)
	client, server := conn.Client(near, nil, nil), conn.Server(far, nil, nil)
	ended := inBackground(func() error { return server.Serve(t.Context(), echo) })
	for _, n := range []int{0, 10, 100_000} {
		go client.Write(t.Context(), conn.Binary, pattern(n))
		_, data, err := client.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, string(pattern(n)), string(data))
	}
	require.NoError(t, client.Close(conn.StatusNormalClosure, ""))
	require.Equal(t, conn.StatusNormalClosure, conn.CloseStatus(<-ended))
	require.NoError(t, server.CloseNow())
}

// TestAReaderGivesBackWhatAReadThatWasCutHadAssembled counts the memory that is not used again.
func TestAReaderGivesBackWhatAReadThatWasCutHadAssembled(t *testing.T) {
	if wstest.Racing {
		t.Skip("with the race detector pools forget at random")
	}
	const size, times = 60_000, 100
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		b := make([]byte, size, 2*size)
		var taken uint64
		for range times {
			peer.Send(begin(string(b)))
			taken += wstest.Allocated(func() {
				_, _, err := c.ReadAppend(within(t, time.Second), b[:0])
				require.ErrorIs(t, err, context.DeadlineExceeded)
				_, r, err := c.Reader(t.Context())
				require.NoError(t, err)
				_, err = io.ReadFull(r, b[:size])
				require.NoError(t, err)
				peer.Send(last(""))
				_, err = r.Read(b)
				require.Equal(t, io.EOF, err)
			})
		}
		require.Less(t, taken, uint64(size*times/2))
	})
}

// TestALongWriteToASocketMayBeCutWhileItWaits: behind what is being written already, nothing of it is sent.
func TestALongWriteToASocketMayBeCutWhileItWaits(t *testing.T) {
	for _, role := range roles {
		near, far := tcpPair(t)
		c := open(near, role, nil)
		require.NoError(t, c.Send(conn.Binary, make([]byte, tcpFull)))
		waiting := c.BufferedAmount()
		require.Positive(t, waiting)
		if portable { // the first one waits among other frames, and so is accepted
			ctx, cancel := context.WithCancel(t.Context())
			cut := inBackground(func() error { return c.Write(ctx, conn.Binary, make([]byte, 100_000)) })
			for c.BufferedAmount() < waiting+100_000 {
				runtime.Gosched()
			}
			cancel()
			require.ErrorIs(t, <-cut, context.Canceled)
		}
		for range 3 {
			require.ErrorIs(t, c.Write(within(t, 10*time.Millisecond), conn.Binary, make([]byte, 100_000)), context.DeadlineExceeded)
		}
		require.Equal(t, conn.StateOpen, c.State())
		go c.Write(t.Context(), conn.Text, []byte("next"))
		peer := wstest.NewPeer(t, far, other(role))
		require.Len(t, peer.Receive().Payload, tcpFull)
		if portable {
			peer.Expect(binary(string(make([]byte, 100_000))))
		}
		peer.Expect(text("next"))
		require.NoError(t, c.CloseNow())
		far.Close()
	}
}

func TestALimitLoweredWithinAMessageCountsFromTheNextFrame(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(begin("0123456789"))
		_, r, err := c.Reader(t.Context())
		require.NoError(t, err)
		c.SetReadLimit(5)
		b := make([]byte, 100)
		n, err := r.Read(b)
		require.NoError(t, err)
		require.Equal(t, "0123456789", string(b[:n]))
		peer.Send(last(""))
		go func() {
			peer.Receive() // our close frame
			peer.Conn().Close()
		}()
		_, err = r.Read(b)
		require.ErrorIs(t, err, conn.ErrMessageTooBig)
	})
}
