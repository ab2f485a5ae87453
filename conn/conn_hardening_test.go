package conn_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// TestAPromiseOverTCPTakesNoMemory: sockets are read in a way of their own, straight into long messages.
func TestAPromiseOverTCPTakesNoMemory(t *testing.T) {
	for name, read := range ways {
		for _, role := range roles {
			for _, length := range []int64{1 << 30, 1 << 62} {
				t.Run(fmt.Sprint(name, " ", role, " ", length), func(t *testing.T) {
					wstest.NoLeaks(t)
					near, far := tcpPair(t)
					defer far.Close()
					c := open(near, role, &setup{Config: conn.Config{ReadLimit: -1}})
					defer c.CloseNow()
					h := frame.Header{Fin: true, Opcode: frame.Binary, Length: length, Masked: other(role).Masks()}
					_, err := far.Write(append(h.Append(nil), make([]byte, 100)...))
					require.NoError(t, err)
					require.Less(t, wstest.Allocated(func() {
						for range 3 {
							_, err := read(within(t, 5*time.Millisecond), c)
							require.ErrorIs(t, err, context.DeadlineExceeded)
							far.Write([]byte{0})
						}
					}), uint64(512<<10))
				})
			}
		}
	}
}

// TestAPromiseThatIsNotKeptEndsWithTheIdleTimeout: nothing comes of a frame, or one byte and then nothing.
func TestAPromiseThatIsNotKeptEndsWithTheIdleTimeout(t *testing.T) {
	for _, arrives := range []int{0, 1} {
		inAllWays(t, &setup{Config: conn.Config{ReadLimit: -1, IdleTimeout: time.Minute}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer, read func(context.Context, *conn.Conn) (got, error)) {
			masked := peer.Encode(text(""))[1]&0x80 != 0
			h := frame.Header{Fin: true, Opcode: frame.Text, Length: 1 << 30, Masked: masked}
			peer.SendRaw(append(h.Append(nil), make([]byte, arrives)...))
			start := time.Now()
			_, err := read(context.Background(), c)
			require.ErrorIs(t, err, conn.ErrPeerTimeout)
			require.LessOrEqual(t, time.Since(start), 2*time.Minute)
		})
	}
}

// TestABombTakesLittleMoreMemoryThanTheLimit, however much it would come to.
func TestABombTakesLittleMoreMemoryThanTheLimit(t *testing.T) {
	const limit, size = 100_000, 16 << 20
	single := squeeze(make([]byte, size))
	params := deflate.Params{}
	compressor := params.Compressor(true, compressAll)
	compressed := func(message []byte) wstest.Frame {
		return wstest.Frame{Fin: true, RSV: frame.RSV1, Opcode: frame.Binary, Payload: compressor.Append(nil, message)}
	}
	harmless, second := compressed(pattern(40_000)), compressed(make([]byte, size))
	inPieces := []wstest.Frame{{RSV: frame.RSV1, Opcode: frame.Binary}}
	for rest := single.Payload; len(rest) > 0; rest = rest[min(1000, len(rest)):] {
		inPieces = append(inPieces, ping("between"), pong("between"), more(string(rest[:min(1000, len(rest))])))
	}
	for name, frames := range map[string][]wstest.Frame{
		"single":                {single},
		"with takeover":         {harmless, second},
		"around control frames": append(inPieces, last("")),
	} {
		for _, role := range roles {
			t.Run(fmt.Sprint(name, " ", role), func(t *testing.T) {
				wstest.NoLeaks(t)
				near, far := tcpPair(t)
				defer far.Close()
				c := open(near, role, &setup{Config: conn.Config{ReadLimit: limit, CloseTimeout: 10 * time.Millisecond}, Negotiated: conn.Negotiated{Deflate: &params}})
				defer c.CloseNow()
				encoded := wstest.NewPeer(t, far, other(role)).Encode(frames...)
				go func() {
					far.Write(encoded)
					io.Copy(io.Discard, far)
				}()
				start := time.Now()
				require.Less(t, wstest.Allocated(func() {
					for range frames {
						if _, _, err := receive(t.Context(), c); err != nil {
							require.ErrorIs(t, err, conn.ErrMessageTooBig)
							return
						}
					}
					require.Fail(t, "the bomb was read")
				}), uint64(3<<20))
				require.Less(t, time.Since(start), 2*wstest.Patience)
			})
		}
	}
}

// TestAFloodOfPingsTakesNoMemory: a peer pings for ever and reads nothing. Its messages still arrive, and to close the
// connection takes no longer than it may. Not over TCP: two ends that are full in both directions may, depending on the kernel, no
// longer take each other's acknowledgements.
func TestAFloodOfPingsTakesNoMemory(t *testing.T) {
	const bound = 50 * time.Millisecond
	withDrivers(t, &setup{Config: conn.Config{CloseTimeout: bound}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		const bursts, pings = 100, 1000
		one := peer.Encode(ping(strings.Repeat("p", 125)))
		burst := append([]byte(strings.Repeat(string(one), pings)), peer.Encode(text("after a burst"))...)
		sent := make(chan error, 1)
		go func() {
			var err error
			for range bursts {
				if _, err = peer.Conn().Write(burst); err != nil {
					break
				}
			}
			sent <- err
		}()
		require.Less(t, wstest.Allocated(func() {
			for range bursts {
				_, data, err := receive(t.Context(), c)
				require.NoError(t, err)
				require.Equal(t, "after a burst", string(data))
			}
			require.NoError(t, <-sent)
		}), uint64(8<<20))
		require.Less(t, c.BufferedAmount(), int64(64<<10))
		start := time.Now()
		c.Close(conn.StatusNormalClosure, "")
		require.LessOrEqual(t, time.Since(start), bound)
	})
}

// TestPongsThatComeTwiceOrLateAnswerNothingElse: a peer answers each ping twice, the second time when the next ping is on
// its way, with pongs that are almost right in between.
func TestPongsThatComeTwiceOrLateAnswerNothingElse(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		reading(c)
		old := ""
		for range 100 {
			answered := pinging(t.Context(), c)
			own := string(peer.Receive().Payload)
			flipped := []byte(own)
			flipped[0] ^= 1
			peer.Send(pong(old), pong(own+"x"), pong(own[1:]), pong(string(flipped)), pong(strings.Repeat("\xff", 125)))
			synctest.Wait()
			require.Empty(t, answered)
			peer.Send(pong(own), pong(own))
			require.NoError(t, (<-answered).err)
			old = own
		}
		require.Zero(t, peer.Conn().(*wstest.End).Buffered(), "pongs are not answered")
	})
}

// TestAStormOfClosesSendsOneCloseFrame: closes, writes and pings from many goroutines, over real sockets, while the peer
// closes too.
func TestAStormOfClosesSendsOneCloseFrame(t *testing.T) {
	for _, role := range roles {
		for round := range 10 {
			t.Run(fmt.Sprint(role, " ", round), func(t *testing.T) {
				wstest.NoLeaks(t)
				near, far := tcpPair(t)
				c, peer := open(near, role, nil), wstest.NewPeer(t, far, other(role))
				defer c.CloseNow()
				defer far.Close()
				start, ended := make(chan struct{}), reading(c)
				ctx, errs := within(t, wstest.Patience), make(chan error, 64)
				var storm sync.WaitGroup
				for i := range 64 {
					storm.Go(func() {
						<-start
						switch i % 4 {
						case 0:
							errs <- c.Write(context.Background(), conn.Text, []byte("m"))
						case 1:
							_, err := c.Ping(ctx)
							errs <- err
						default:
							errs <- c.Close(conn.StatusCode(3000+i), "storm")
						}
					})
				}
				close(start)
				if round%2 == 1 {
					peer.Send(bye)
				}
				closes := 0
				for {
					f, err := peer.TryReceive()
					if err != nil {
						break
					}
					require.Zero(t, closes, "nothing comes behind a close frame, but there was %v", f)
					if f.Opcode == frame.Close {
						closes++
						if round%2 == 0 {
							peer.Send(bye)
						}
						far.(interface{ CloseWrite() error }).CloseWrite()
					}
				}
				require.Equal(t, 1, closes)
				storm.Wait()
				close(errs)
				for err := range errs {
					requireTyped(t, err)
				}
				requireTyped(t, <-ended)
			})
		}
	}
}

// TestFragmentsThatInflateToNothingEnd: blocks of DEFLATE may be empty, so that neither the read limit, which is of what
// comes out, nor the count of small fragments would ever be reached.
func TestFragmentsThatInflateToNothingEnd(t *testing.T) {
	nothing := strings.Repeat("\x00\x00\x00\xff\xff", 200) // stored blocks without content
	withDrivers(t, &setup{Config: conn.Config{ReadLimit: 10_000}, Negotiated: conn.Negotiated{Deflate: &deflate.Params{}}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		go func() {
			peer.Conn().Write(peer.Encode(wstest.Frame{RSV: frame.RSV1, Opcode: frame.Binary, Payload: []byte(nothing)}))
			parts := peer.Encode(more(nothing))
			for range 10_000 { // 10 MB of nothing
				if _, err := peer.Conn().Write(parts); err != nil {
					return
				}
			}
			peer.Conn().Close()
		}()
		_, _, err := receive(t.Context(), c)
		var closed *conn.CloseError
		require.ErrorAs(t, err, &closed)
		require.Contains(t, []conn.StatusCode{conn.StatusMessageTooBig, conn.StatusPolicyViolation}, closed.Code)
	})
}
