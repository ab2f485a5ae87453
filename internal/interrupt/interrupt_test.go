package interrupt

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/wstest"
)

// blocking is a call that waits for the other end.
func blocking(nc net.Conn, d Direction) error {
	if d == Reading {
		_, err := nc.Read(make([]byte, 1))
		return err
	}
	_, err := nc.Write(make([]byte, 100))
	return err
}

// inBothDirections runs f over a pipe on which every call blocks.
func inBothDirections(t *testing.T, wrap func(net.Conn) net.Conn, f func(t *testing.T, nc net.Conn, far *wstest.End, d Direction)) {
	for _, d := range []Direction{Reading, Writing} {
		synctest.Test(t, func(t *testing.T) {
			near, far := wstest.Pipe(1)
			defer far.Close()
			nc := wrap(near)
			defer nc.Close()
			f(t, nc, far, d)
		})
	}
}

// requireBlocked makes the call that has begun, and ends it by the other end's hanging up: nothing else does.
func requireBlocked(t *testing.T, calls *Calls, nc net.Conn, far *wstest.End, d Direction) {
	t.Helper()
	result := make(chan error, 1)
	go func() { result <- blocking(nc, d) }()
	synctest.Wait()
	require.Empty(t, result)
	far.Close()
	require.NotErrorIs(t, <-result, os.ErrDeadlineExceeded)
	require.NoError(t, calls.End(d))
}

func asItIs(nc net.Conn) net.Conn { return nc }

func TestACallEndsWithItsContextAndTheNextOneWaitsAgain(t *testing.T) {
	inBothDirections(t, asItIs, func(t *testing.T, nc net.Conn, far *wstest.End, d Direction) {
		var calls Calls
		start := time.Now()
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			require.NoError(t, calls.Begin(ctx, nc, d))
			require.ErrorIs(t, blocking(nc, d), os.ErrDeadlineExceeded)
			require.NoError(t, calls.End(d))
			require.ErrorIs(t, calls.Begin(ctx, nc, d), context.DeadlineExceeded)
			require.False(t, calls.Closed(d))
			cancel()
		}
		require.Equal(t, 3*time.Second, time.Since(start))
		<-time.After(2 * Grace) // nothing comes behind
		require.NoError(t, calls.Begin(t.Context(), nc, d))
		requireBlocked(t, &calls, nc, far, d)
		calls.Forget(d)
	})
}

func TestAContextThatEndsBetweenCallsChangesNothing(t *testing.T) {
	inBothDirections(t, asItIs, func(t *testing.T, nc net.Conn, far *wstest.End, d Direction) {
		var calls Calls
		ctx, cancel := context.WithCancel(t.Context())
		require.NoError(t, calls.Begin(ctx, nc, d))
		require.NoError(t, calls.End(d))
		cancel()
		synctest.Wait()
		require.NoError(t, calls.Begin(context.Background(), nc, d))
		requireBlocked(t, &calls, nc, far, d)
	})
}

func TestWhereDeadlinesDoNotWorkClosingDoes(t *testing.T) {
	for name, wrap := range wstest.BadDeadlines {
		t.Run(name, func(t *testing.T) {
			inBothDirections(t, wrap, func(t *testing.T, nc net.Conn, far *wstest.End, d Direction) {
				var calls Calls
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				require.NoError(t, calls.Begin(ctx, nc, d))
				require.Error(t, blocking(nc, d))
				require.True(t, calls.Closed(d))
				require.ErrorIs(t, calls.End(d), context.DeadlineExceeded)
				require.GreaterOrEqual(t, time.Since(start), time.Second)
				require.LessOrEqual(t, time.Since(start), time.Second+Grace)
				calls.Forget(d)
			})
		})
	}
}

// TestACallThatEndsWithinTheGraceIsNotClosed: its deadline works, late.
func TestACallThatEndsWithinTheGraceIsNotClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := wstest.Pipe(0)
		defer far.Close()
		var calls Calls
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		nc := wstest.BadDeadlines["do nothing"](near)
		require.NoError(t, calls.Begin(ctx, nc, Reading))
		go func() {
			<-time.After(time.Second + Grace/2)
			far.Write([]byte{1})
		}()
		require.NoError(t, blocking(nc, Reading))
		require.NoError(t, calls.End(Reading))
		<-time.After(2 * Grace)
		_, err := near.Write([]byte{1})
		require.NoError(t, err, "open")
	})
}

func TestADeadlineThatCannotBeUndoneClosesToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := wstest.Pipe(0)
		nc := wstest.Faulty(near, wstest.Fault{Op: wstest.OpSetReadDeadline, N: 2, Err: wstest.ErrFault})
		var calls Calls
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.NoError(t, calls.Begin(ctx, nc, Reading))
		require.ErrorIs(t, blocking(nc, Reading), os.ErrDeadlineExceeded)
		require.ErrorIs(t, calls.End(Reading), context.DeadlineExceeded)
		_, err := far.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
	})
}

// over is somebody's net.Conn over another one, whose own Close waits for the peer.
type over struct {
	net.Conn
	under net.Conn
}

func (o over) NetConn() net.Conn { return o.under }
func (o over) Close() error {
	_, err := o.under.Write(make([]byte, 100))
	return errors.Join(err, o.under.Close())
}

func TestClosingDoesNotWaitForAPeerThatDoesNotRead(t *testing.T) {
	for _, c := range []struct {
		close func(net.Conn)
		took  time.Duration
		said  int
	}{{Close, Grace, 1}, {CloseGently, Grace, 1}} {
		synctest.Test(t, func(t *testing.T) {
			near, far := wstest.Pipe(1)
			start := time.Now()
			c.close(over{near, near})
			require.Equal(t, c.took, time.Since(start))
			all, err := io.ReadAll(far)
			require.NoError(t, err)
			require.Len(t, all, c.said)
		})
	}
}

func TestATLSConnIsClosedAtOnceOrSaysGoodbye(t *testing.T) {
	for _, gently := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			near, far := wstest.Pipe(wstest.PipeBuffer)
			_, server := wstest.TLSOver(t, far, near)
			before := far.Buffered() // tickets of TLS
			if gently {
				CloseGently(server)
			} else {
				Close(server)
			}
			require.Equal(t, gently, far.Buffered() > before)
			_, err := near.Write(nil)
			require.ErrorIs(t, err, net.ErrClosed)
		})
	}
}

func TestACallGoesOnWithTheContextAsItIsByThen(t *testing.T) {
	inBothDirections(t, asItIs, func(t *testing.T, nc net.Conn, far *wstest.End, d Direction) {
		var calls Calls
		ctx, cancel := context.WithCancel(t.Context())
		require.NoError(t, calls.Begin(ctx, nc, d))
		require.NoError(t, calls.End(d))
		cancel()
		synctest.Wait()
		start := time.Now()
		calls.Resume(ctx, nc, d)
		require.ErrorIs(t, blocking(nc, d), os.ErrDeadlineExceeded)
		require.Zero(t, time.Since(start))
		require.NoError(t, calls.End(d))
		<-time.After(2 * Grace) // nothing comes behind
		calls.Resume(t.Context(), nc, d)
		requireBlocked(t, &calls, nc, far, d)
	})
}

// TestADeadlineThatSomebodyElseTakesBackIsSetAgain is about a socket, whose deadlines work. What is over stays over.
func TestADeadlineThatSomebodyElseTakesBackIsSetAgain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	nc, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer nc.Close()
	var calls Calls
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	calls.Resume(ctx, nc, Reading)
	for range 2 {
		require.ErrorIs(t, blocking(nc, Reading), os.ErrDeadlineExceeded)
		require.NoError(t, nc.SetReadDeadline(time.Time{}))
	}
	require.NoError(t, calls.End(Reading))
	require.False(t, calls.Closed(Reading))
}

// TestResumeDoesNotWaitForADeadlineThatDoesNotReturn: the network is closed after the grace, wherever the call is by then.
func TestResumeDoesNotWaitForADeadlineThatDoesNotReturn(t *testing.T) {
	inBothDirections(t, wstest.BadDeadlines["block"], func(t *testing.T, nc net.Conn, far *wstest.End, d Direction) {
		var calls Calls
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		calls.Resume(ctx, nc, d)
		require.Zero(t, time.Since(start))
		require.Error(t, blocking(nc, d))
		require.ErrorIs(t, calls.End(d), context.Canceled)
		require.LessOrEqual(t, time.Since(start), Grace)
	})
}

// emptied is a net.Conn over another that has let go of it, and closes late.
type emptied struct{ net.Conn }

func (emptied) NetConn() net.Conn { return nil }

func (e emptied) Close() error {
	<-time.After(2 * Grace)
	return e.Conn.Close()
}

func TestWhatIsOverNothingAnyMoreIsClosedAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		Close(emptied{near})
		_, err := far.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
	})
}
