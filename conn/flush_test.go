package conn_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// Whatever was accepted goes out by itself, whoever was cut while waiting for it.

func TestTheRestOfALongMessageGoesOutByItself(t *testing.T) {
	const size = tcpFull
	for _, role := range roles {
		t.Run(role.String(), func(t *testing.T) {
			near, far := tcpPair(t)
			defer far.Close()
			c := open(near, role, nil)
			defer c.CloseNow()
			ctx, cancel := context.WithCancel(t.Context())
			cut := inBackground(func() error { return c.Write(ctx, conn.Binary, make([]byte, size)) })
			_, err := io.CopyN(io.Discard, far, 14) // the message is on its way
			require.NoError(t, err)
			cancel()
			require.ErrorIs(t, <-cut, context.Canceled)
			require.NoError(t, far.SetReadDeadline(time.Now().Add(wstest.Patience)))
			n, err := io.CopyN(io.Discard, far, size-4)
			require.NoError(t, err, "%d of %d bytes came, %d wait", n, size, c.BufferedAmount())
		})
	}
}

func TestAMessageThatWaitedForAnotherGoesOutByItself(t *testing.T) {
	withDriversOver(t, nil, 10, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		writing := inBackground(func() error { return c.Write(t.Context(), conn.Text, []byte("is being written")) })
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cut := inBackground(func() error { return c.Write(ctx, conn.Text, []byte("accepted")) })
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-cut, context.Canceled)
		require.GreaterOrEqual(t, c.BufferedAmount(), int64(len("accepted")))
		peer.Expect(text("is being written"))
		require.NoError(t, <-writing)
		synctest.Wait()
		require.NotZero(t, peer.Conn().(*wstest.End).Buffered(), "%d bytes wait for ever", c.BufferedAmount())
		peer.Expect(text("accepted"))
	})
}

func TestWhatSendTookDuringAWriterGoesOutThoughThatIsCut(t *testing.T) {
	withDriversOver(t, nil, 5, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ctx, cancel := context.WithCancel(t.Context())
		w, err := c.Writer(ctx, conn.Text)
		require.NoError(t, err)
		first := make(chan wstest.Frame, 1)
		go func() { first <- peer.Receive() }()
		_, err = io.WriteString(w, strings.Repeat("a", conn.DefaultFragmentSize+1))
		require.NoError(t, err)
		<-first
		require.NoError(t, c.Send(conn.Text, []byte("sent")))
		go c.Ping(t.Context()) // is being written
		synctest.Wait()
		closed := inBackground(w.Close)
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-closed, context.Canceled)
		require.Equal(t, frame.Ping, peer.Receive().Opcode)
		synctest.Wait()
		require.NotZero(t, peer.Conn().(*wstest.End).Buffered(), "%d bytes wait for ever", c.BufferedAmount())
		peer.Expect(last("a"), text("sent"))
	})
}

// sendSomehow sends data in one of the ways there are, within a random part of most, and takes no interest in errors.
func sendSomehow(c *conn.Conn, r *rand.Rand, most time.Duration, data []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.Int64N(int64(most))))
	defer cancel()
	switch r.IntN(6) {
	case 0:
		c.Send(conn.Binary, data)
	case 1:
		c.WritePrepared(ctx, conn.Prepare(conn.Binary, data))
	case 2:
		c.SendPrepared(conn.Prepare(conn.Binary, data))
	case 3:
		c.Flush(ctx)
	case 4:
		c.Ping(ctx)
	default:
		c.Write(ctx, conn.Binary, data)
	}
}

func TestNothingThatWasAcceptedWaitsForEver(t *testing.T) {
	for seed := range uint64(wstest.Rounds(60)) {
		withDriversOver(t, nil, 500+int(seed*97%5000), nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
			go func() { // a slow peer
				for b := make([]byte, 4096); ; <-time.After(time.Millisecond) {
					if _, err := peer.Conn().Read(b); err != nil {
						return
					}
				}
			}()
			var all sync.WaitGroup
			for g := range uint64(5) {
				r := rand.New(rand.NewPCG(seed, g))
				all.Go(func() {
					for range 10 {
						sendSomehow(c, r, 20*time.Millisecond, make([]byte, []int{0, 10, 1000, 20_000, 100_000}[r.IntN(5)]))
						<-time.After(time.Duration(r.IntN(3000)) * time.Microsecond)
					}
				})
			}
			all.Wait()
			<-time.After(time.Minute)
			require.Zero(t, c.BufferedAmount(), "seed %d", seed)
		})
	}
}

func TestNothingThatWasAcceptedWaitsForEverOverTCP(t *testing.T) {
	for _, role := range roles {
		for seed := range uint64(wstest.Rounds(6)) {
			near, far := tcpPair(t)
			c, peer := open(near, role, nil), open(far, other(role), &setup{Config: conn.Config{ReadLimit: -1}})
			mixed := make(chan []byte, 1)
			received := inBackground(func() error {
				for m, err := range peer.Messages(context.Background()) {
					if err != nil {
						return err
					}
					if len(m.Data) > 0 && !bytes.Equal(m.Data, bytes.Repeat(m.Data[:1], len(m.Data))) {
						mixed <- bytes.Clone(m.Data[:1])
					}
				}
				return nil
			})
			var all sync.WaitGroup
			for g := range uint64(4) {
				r := rand.New(rand.NewPCG(seed, g))
				all.Go(func() {
					for i := range uint64(8) {
						data := bytes.Repeat([]byte{byte(g*8 + i)}, []int{10, 1000, 20_000, 100_000, 8 << 20}[r.IntN(5)])
						sendSomehow(c, r, 2*time.Millisecond, data)
						clear(data) // it is the caller's again
					}
				})
			}
			all.Wait()
			require.Eventually(t, func() bool { return c.BufferedAmount() == 0 }, wstest.Patience, time.Millisecond, "seed %d", seed)
			c.Close(conn.StatusNormalClosure, "")
			peer.CloseNow()
			require.Error(t, <-received)
			require.Empty(t, mixed, "bytes of two messages in one")
		}
	}
}

// endsAtCheck is a context that ends when its Err is asked for once more after left times.
type endsAtCheck struct {
	context.Context
	cancel context.CancelFunc
	left   int
}

func (e *endsAtCheck) Err() error {
	if e.left--; e.left < 0 {
		e.cancel()
	}
	return e.Context.Err()
}

// TestAMessageWhoseContextEndsBeforeItIsWrittenGoesOutByItself: for every moment in which a call looks at its context.
func TestAMessageWhoseContextEndsBeforeItIsWrittenGoesOutByItself(t *testing.T) {
	for _, role := range roles {
		for _, n := range []int{2, 100_000} {
			for left := range 6 {
				near, far := tcpPair(t)
				c := open(near, role, nil)
				ctx, cancel := context.WithCancel(t.Context())
				err := c.Write(&endsAtCheck{ctx, cancel, left}, conn.Binary, pattern(n))
				if c.BufferedAmount() > 0 {
					require.ErrorIs(t, err, context.Canceled)
				}
				go io.Copy(io.Discard, far)
				for end := time.Now().Add(wstest.Patience); c.BufferedAmount() > 0 && time.Now().Before(end); {
					runtime.Gosched()
				}
				require.Zero(t, c.BufferedAmount(), "it waits for ever")
				c.CloseNow()
				far.Close()
				cancel()
			}
		}
	}
}
