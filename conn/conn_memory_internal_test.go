package conn

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// readers are the ways of waiting for a message.
var readers = map[string]func(ctx context.Context, c *Conn) error{
	"Read": func(ctx context.Context, c *Conn) error { _, _, err := c.Read(ctx); return err },
	"ReadAppend": func(ctx context.Context, c *Conn) error {
		_, _, err := c.ReadAppend(ctx, make([]byte, 0, 10))
		return err
	},
	"Reader": func(ctx context.Context, c *Conn) error {
		_, r, err := c.Reader(ctx)
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		return err
	},
	"Messages": func(ctx context.Context, c *Conn) error {
		for _, err := range c.Messages(ctx) {
			return err
		}
		return nil
	},
	"Serve": func(ctx context.Context, c *Conn) error {
		return c.Serve(ctx, func(*Conn, Message) error { return io.EOF })
	},
}

func inAllWays(t *testing.T, cfg *Config, test func(t *testing.T, c *Conn, peer *wstest.Peer, read func(context.Context, *Conn) error)) {
	for name, read := range readers {
		for role := range frame.Role(2) {
			t.Run(fmt.Sprint(name, " ", role), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					near, far := wstest.Pipe(0)
					c := newConn(near, role, nil, cfg)
					defer far.Close()
					defer c.CloseNow()
					test(t, c, wstest.NewPeer(t, far, 1-role), read)
				})
			})
		}
	}
}

// requireNoBuffer requires a connection on which everybody waits to hold no memory for what may come.
func requireNoBuffer(t *testing.T, c *Conn) {
	t.Helper()
	synctest.Wait()
	require.Nil(t, c.in.buf)
	require.Nil(t, c.read.now().partial)
	require.Nil(t, c.read.now().inflated)
	require.Zero(t, c.out.sender.Waiting())
	require.False(t, c.out.sender.Taken())
	require.True(t, c.cold == nil || c.cold.deferred == nil)
}

func TestAnIdleConnectionHoldsNoBuffer(t *testing.T) {
	inAllWays(t, nil, func(t *testing.T, c *Conn, peer *wstest.Peer, read func(context.Context, *Conn) error) {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for c.Err() == nil {
				read(context.Background(), c)
			}
		}()
		requireNoBuffer(t, c)
		big := string(make([]byte, 100_000))
		for _, frames := range [][]wstest.Frame{
			{wstest.Whole(frame.Text, "small")},
			{wstest.Whole(frame.Binary, big)},
			{wstest.Part(frame.Binary, false, big), wstest.Whole(frame.Ping, "p"), wstest.Part(frame.Continuation, true, big)},
			{wstest.Whole(frame.Ping, "p"), wstest.Whole(frame.Text, ""), wstest.Whole(frame.Text, "")},
		} {
			peer.Send(frames...)
			require.NoError(t, c.Write(t.Context(), Text, []byte("out")))
			require.NoError(t, c.Send(Binary, []byte("out")))
			requireNoBuffer(t, c)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Ping(ctx)
		require.Error(t, err)
		requireNoBuffer(t, c)
		require.NoError(t, c.CloseNow())
		<-ended
		requireNoBuffer(t, c)
	})
}

func TestNothingIsHeldOfAReaderWhoseMessageWasLeft(t *testing.T) {
	inAllWays(t, nil, func(t *testing.T, c *Conn, peer *wstest.Peer, read func(context.Context, *Conn) error) {
		peer.Send(wstest.Part(frame.Text, false, "left"), wstest.Part(frame.Continuation, true, " in the middle"))
		_, r, err := c.Reader(t.Context())
		require.NoError(t, err)
		_, err = r.Read(make([]byte, 1))
		require.NoError(t, err)
		peer.Send(wstest.Whole(frame.Text, "the next"))
		read(t.Context(), c)
		require.Nil(t, c.read.now().reader)
	})
}

func TestAReaderThatIsReusedHoldsNothingOfAMessageThatWasReadToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := wstest.Pipe(1000)
		defer far.Close()
		c := Server(near, nil, &Config{ReuseReader: true})
		defer c.CloseNow()
		wstest.NewPeer(t, far, frame.Client).Send(wstest.Whole(frame.Text, "all of it"))
		_, r, err := c.Reader(t.Context())
		require.NoError(t, err)
		_, err = io.ReadFull(r, make([]byte, len("all of it")))
		require.NoError(t, err)
		require.Nil(t, r.(*messageReader).rest)
		requireNoBuffer(t, c)
	})
}

func TestNothingIsHeldOfALoopThatWasLeftOnceTheConnectionHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := wstest.Pipe(0)
		defer far.Close()
		c := newConn(near, frame.Server, nil, nil)
		wstest.NewPeer(t, far, frame.Client).Send(wstest.Whole(frame.Text, "the last"))
		for range c.Messages(t.Context()) {
			break
		}
		require.NotNil(t, c.read.now().kept)
		c.CloseNow()
		require.Nil(t, c.read.now().kept)
	})
}

// TestAnIdleCompressedConnectionHoldsNoMoreThanAPlainOne, if its messages do not refer to each other.
func TestAnIdleCompressedConnectionHoldsNoMoreThanAPlainOne(t *testing.T) {
	alone := &deflate.Params{ServerNoContextTakeover: true, ClientNoContextTakeover: true}
	n := &Negotiated{Deflate: alone, DeflateOptions: &deflate.Options{MinSize: -1}}
	for name, read := range readers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := wstest.Pipe(0)
				c, peer := Server(near, n, nil), Client(far, n, nil)
				defer c.CloseNow()
				defer peer.CloseNow()
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					for c.Err() == nil {
						read(context.Background(), c)
					}
				}()
				for _, size := range []int{0, 10, 1000, 100_000} {
					require.NoError(t, peer.Write(t.Context(), Text, bytes.Repeat([]byte("x"), size)))
					require.NoError(t, c.Write(t.Context(), Text, bytes.Repeat([]byte("x"), size)))
					requireNoBuffer(t, c)
					require.Nil(t, c.read.held)
					_, data, err := peer.Read(t.Context())
					require.NoError(t, err)
					require.Len(t, data, size)
					require.Nil(t, peer.read.held)
				}
				c.CloseNow()
				<-ended
			})
		})
	}
}

func TestBetweenCallsAConnectionHoldsOnlyWhatHasArrived(t *testing.T) {
	inAllWays(t, nil, func(t *testing.T, c *Conn, peer *wstest.Peer, read func(context.Context, *Conn) error) {
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			require.ErrorIs(t, read(ctx, c), context.DeadlineExceeded)
			requireNoBuffer(t, c)
			cancel()
			peer.Send(wstest.Whole(frame.Text, "long enough that it is read in more than one piece"))
			read(t.Context(), c)
			if c.read.now().kept == nil { // by the loop that was left; the next read gives it back
				requireNoBuffer(t, c)
			}
		}
	})
}

// header is the start of a frame that promises length bytes.
func header(role frame.Role, fin bool, opcode frame.Opcode, length int64) []byte {
	return (&frame.Header{Fin: fin, Opcode: opcode, Length: length, Masked: !role.Masks()}).Append(nil)
}

func TestMemoryFollowsWhatArrivesAndNotWhatIsPromised(t *testing.T) {
	for _, length := range []int64{1 << 30, math.MaxInt32, 1 << 62, math.MaxInt64} {
		for _, arrives := range []int{0, 1, 100} { // one a second
			t.Run(fmt.Sprint(length, " ", arrives), func(t *testing.T) {
				inAllWays(t, &Config{ReadLimit: -1}, func(t *testing.T, c *Conn, peer *wstest.Peer, read func(context.Context, *Conn) error) {
					require.Less(t, wstest.Allocated(func() {
						ctx, cancel := context.WithTimeout(t.Context(), 200*time.Second)
						defer cancel()
						go func() {
							peer.SendRaw(header(c.receiver.Role(), true, frame.Binary, length))
							for range arrives {
								<-time.After(time.Second)
								peer.SendRaw([]byte{0})
							}
						}()
						require.ErrorIs(t, read(ctx, c), context.DeadlineExceeded)
					}), uint64(256<<10))
				})
			})
		}
	}
}

func TestMemoryIsNoMoreThanFourTimesWhatHasArrived(t *testing.T) {
	reads := map[string]func(ctx context.Context, c *Conn){
		"Messages": func(ctx context.Context, c *Conn) {
			for range c.Messages(ctx) {
			}
		},
		"Read":       func(ctx context.Context, c *Conn) { c.Read(ctx) },
		"ReadAppend": func(ctx context.Context, c *Conn) { c.ReadAppend(ctx, make([]byte, 1000)) },
	}
	for name, read := range reads {
		for _, arrives := range []int{1, 5000, 16 << 10, 64 << 10, 100_000} {
			t.Run(fmt.Sprint(name, " ", arrives), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					near, far := wstest.Pipe(1 << 20)
					c := newConn(near, frame.Server, nil, nil)
					defer far.Close()
					defer c.CloseNow()
					promise := frame.Header{Fin: true, Opcode: frame.Binary, Length: 1 << 20, Masked: true}
					far.Write(append(promise.Append(nil), make([]byte, arrives)...))
					go read(t.Context(), c)
					synctest.Wait()
					require.NotNil(t, c.in.buf, "the memory that the message is read to")
					require.LessOrEqual(t, cap(c.in.buf.B), max(4*(arrives+14), minReadInto)+1000)
				})
			})
		}
	}
}

func TestWhatACallerHasInFrontOfAMessageDoesNotCountAsArrived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := wstest.Pipe(1 << 20)
		c := newConn(near, frame.Server, nil, &Config{ReadLimit: -1})
		defer far.Close()
		defer c.CloseNow()
		promise := frame.Header{Fin: true, Opcode: frame.Binary, Length: 1 << 40, Masked: true}
		far.Write(append(promise.Append(nil), 0))
		go c.ReadAppend(t.Context(), make([]byte, 1<<20))
		synctest.Wait()
		require.LessOrEqual(t, cap(c.in.buf.B), 2<<20, "what is in front has to move; but 15 bytes have arrived")
	})
}

func TestALengthOverTheLimitTakesNoMemory(t *testing.T) {
	for name, raw := range map[string]func(role frame.Role) []byte{
		"1 GiB":          func(role frame.Role) []byte { return header(role, true, frame.Binary, 1<<30) },
		"2^62":           func(role frame.Role) []byte { return header(role, true, frame.Binary, 1<<62) },
		"the longest":    func(role frame.Role) []byte { return header(role, true, frame.Binary, math.MaxInt64) },
		"one too much":   func(role frame.Role) []byte { return header(role, true, frame.Binary, DefaultReadLimit+1) },
		"a sum of parts": func(role frame.Role) []byte { return overflowing(role) },
	} {
		t.Run(name, func(t *testing.T) {
			inAllWays(t, nil, func(t *testing.T, c *Conn, peer *wstest.Peer, read func(context.Context, *Conn) error) {
				require.Less(t, wstest.Allocated(func() {
					peer.SendRaw(raw(c.receiver.Role()))
					peer.Conn().(*wstest.End).CloseWrite()
					require.ErrorIs(t, read(t.Context(), c), ErrMessageTooBig)
				}), uint64(256<<10))
			})
		})
	}
}

// overflowing are fragments whose lengths come to more than fits into an int64.
func overflowing(role frame.Role) []byte {
	b := append(header(role, false, frame.Binary, 3), 1, 2, 3)
	return append(b, header(role, true, frame.Continuation, math.MaxInt64)...)
}

func TestALengthWithTheTopBitIsRefused(t *testing.T) {
	for _, length := range []uint64{1 << 63, math.MaxUint64, 1<<63 | 1<<31} {
		inAllWays(t, &Config{ReadLimit: -1}, func(t *testing.T, c *Conn, peer *wstest.Peer, read func(context.Context, *Conn) error) {
			second := header(c.receiver.Role(), true, frame.Binary, 0)[1]
			peer.SendRaw(binary.BigEndian.AppendUint64([]byte{0x82, second | 127}, length))
			peer.Conn().(*wstest.End).CloseWrite()
			require.ErrorAs(t, read(t.Context(), c), new(*frame.ProtocolError))
		})
	}
}

func TestALongMessageTakesMemoryInProportion(t *testing.T) {
	message := bytes.Repeat([]byte("x"), 8<<20)
	for role := range frame.Role(2) {
		synctest.Test(t, func(t *testing.T) {
			near, far := wstest.Pipe(1 << 20)
			c := newConn(near, role, nil, &Config{ReadLimit: -1})
			defer c.CloseNow()
			encoded := wstest.NewPeer(t, far, 1-role).Encode(wstest.Whole(frame.Binary, string(message)))
			go far.Write(encoded)
			require.Less(t, wstest.Allocated(func() {
				_, got, err := c.Read(t.Context())
				require.NoError(t, err)
				require.Len(t, got, len(message))
			}), uint64(5*len(message)))
		})
	}
}

func TestAConnFitsItsSizeClass(t *testing.T) {
	if strconv.IntSize == 64 {
		require.LessOrEqual(t, int(unsafe.Sizeof(Conn{})), 288, "the next class of the allocator is 320")
	}
}

// TestAReadLimitTakesNoMemory: many programs set one on every connection.
func TestAReadLimitTakesNoMemory(t *testing.T) {
	near, far := wstest.Pipe(0)
	defer far.Close()
	c := Server(near, nil, nil)
	defer c.CloseNow()
	require.Zero(t, testing.AllocsPerRun(10, func() { c.SetReadLimit(4 << 20) }))
	require.Nil(t, c.cold)
}

func TestAPartOfAMessageIsNotKeptBehindTheEnd(t *testing.T) {
	inAllWays(t, nil, func(t *testing.T, c *Conn, peer *wstest.Peer, read func(context.Context, *Conn) error) {
		peer.Send(wstest.Part(frame.Binary, false, string(make([]byte, 10_000))))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, read(ctx, c), context.DeadlineExceeded)
		c.CloseNow()
		requireNoBuffer(t, c)
	})
}

func TestPingsThatWereGivenUpDoNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := wstest.Pipe(1 << 20)
		defer far.Close()
		c := Server(near, nil, nil)
		defer c.CloseNow()
		waits := make(chan error, 1)
		go func() {
			_, err := c.Ping(context.Background())
			waits <- err
		}()
		synctest.Wait()
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := c.Ping(ctx)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		require.LessOrEqual(t, len(c.cold.pings), 2, "the one that waits, and the newest")
		c.CloseNow()
		require.Error(t, <-waits)
	})
}
