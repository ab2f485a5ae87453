//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package netpoll

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/wstest"

	"github.com/seed60239977/websocket/internal/nonblock"
)

// pair returns a descriptor and the connection at its other end.
func pair(t *testing.T) (*FD, net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	far, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	near, err := ln.Accept()
	require.NoError(t, err)
	f := duplicateOf(t, near)
	t.Cleanup(func() { f.Close(); far.Close() })
	return f, far
}

func duplicateOf(t *testing.T, nc net.Conn) *FD {
	t.Helper()
	fd, err := Duplicate(nc)
	require.NoError(t, err)
	require.NoError(t, nc.Close())
	f := new(FD)
	require.NoError(t, f.Init(fd))
	return f
}

func open(t *testing.T) *Poller {
	t.Helper()
	p, err := Open()
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

// next waits for the next events.
func next(t *testing.T, p *Poller) []Event {
	t.Helper()
	events := make([]Event, 8)
	n, err := p.Wait(events, time.Minute)
	require.NoError(t, err)
	return events[:n]
}

// requireNothing requires that there is nothing to report.
func requireNothing(t *testing.T, p *Poller) {
	t.Helper()
	events := make([]Event, 8)
	n, err := p.Wait(events, 0)
	require.NoError(t, err)
	require.Zero(t, n, events)
}

func TestReadinessIsReportedOnce(t *testing.T) {
	f, far := pair(t)
	p := open(t)
	require.NoError(t, p.Add(f, 7))
	requireNothing(t, p)
	_, err := f.TryRead(make([]byte, 1))
	require.ErrorIs(t, err, nonblock.ErrWouldBlock)
	far.Write([]byte("a"))
	require.Equal(t, []Event{{7, Readable}}, next(t, p))
	requireNothing(t, p)
	far.Write([]byte("b"))
	require.Equal(t, []Event{{7, Readable}}, next(t, p))
	b := make([]byte, 8)
	n, err := f.TryRead(b)
	require.NoError(t, err)
	require.Equal(t, "ab", string(b[:n]))

	far.(*net.TCPConn).CloseWrite()
	require.Equal(t, []Event{{7, Readable | HungUp}}, next(t, p))
	_, err = f.TryRead(b)
	require.Equal(t, io.EOF, err)
}

func TestWritingIsReportedWhenArmed(t *testing.T) {
	f, far := pair(t)
	p := open(t)
	require.NoError(t, p.Add(f, 9))
	require.NoError(t, p.Arm(f, 9))
	require.Equal(t, []Event{{9, Writable}}, next(t, p))
	block := make([]byte, 1<<20)
	sent := 0
	for { // until the kernel takes no more, however much that is
		n, err := f.TryWrite(block, block)
		require.NoError(t, err)
		sent += n
		if n == 0 {
			break
		}
	}
	require.NoError(t, p.Arm(f, 9))
	got, err := io.CopyN(io.Discard, far, int64(sent))
	require.NoError(t, err)
	require.EqualValues(t, sent, got)
	require.Equal(t, []Event{{9, Writable}}, next(t, p))
}

func TestBothPiecesAreWritten(t *testing.T) {
	f, far := pair(t)
	for _, pieces := range [][2]string{{"a", "b"}, {"", "only"}, {"only", ""}, {"", ""}} {
		n, err := f.TryWrite([]byte(pieces[0]), []byte(pieces[1]))
		require.NoError(t, err)
		want := pieces[0] + pieces[1]
		require.Equal(t, len(want), n)
		got := make([]byte, len(want))
		_, err = io.ReadFull(far, got)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
}

func TestWakeEndsWait(t *testing.T) {
	p := open(t)
	done := make(chan int, 1)
	go func() {
		n, _ := p.Wait(make([]Event, 8), -1)
		done <- n
	}()
	p.Wake()
	require.Zero(t, <-done)
	p.Wake() // before anybody waits
	require.Empty(t, next(t, p))
	n, err := p.Wait(make([]Event, 8), time.Millisecond)
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestMoreIsReadyThanFits(t *testing.T) {
	p := open(t)
	var far []net.Conn
	for token := range uint64(10) {
		f, c := pair(t)
		require.NoError(t, p.Add(f, token))
		far = append(far, c)
	}
	for _, c := range far {
		c.Write([]byte("x"))
	}
	seen := map[uint64]bool{}
	events := make([]Event, 3)
	for len(seen) < 10 {
		n, err := p.Wait(events, time.Minute)
		require.NoError(t, err)
		for _, e := range events[:n] {
			seen[e.Token] = true
		}
	}
}

func TestADescriptorIsClosedOnceAndNotWhileInUse(t *testing.T) {
	f, far := pair(t)
	inUse, release := make(chan struct{}), make(chan struct{})
	var using sync.WaitGroup
	using.Go(func() {
		f.Do(func(int) error { close(inUse); <-release; return nil })
	})
	<-inUse
	require.True(t, f.Close())
	require.False(t, f.Close())
	_, err := f.TryRead(make([]byte, 1))
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = f.TryWrite([]byte("x"), nil)
	require.ErrorIs(t, err, net.ErrClosed)
	require.ErrorIs(t, f.CloseWrite(), net.ErrClosed)
	require.Nil(t, f.LocalAddr())
	require.NoError(t, far.SetReadDeadline(time.Now().Add(-1)))
	_, err = far.Read(make([]byte, 1))
	require.NotErrorIs(t, err, io.EOF, "it is not closed yet")
	require.NoError(t, far.SetReadDeadline(time.Time{}))
	close(release)
	using.Wait()
	_, err = far.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
}

func TestManyMayUseADescriptorThatIsClosed(t *testing.T) {
	for range 100 {
		f, _ := pair(t)
		var all sync.WaitGroup
		closed := make(chan bool, 4)
		for range 4 {
			all.Go(func() {
				f.TryWrite([]byte("x"), nil)
				closed <- f.Close()
				f.TryRead(make([]byte, 1))
			})
		}
		all.Wait()
		n := 0
		for range 4 {
			if <-closed {
				n++
			}
		}
		require.Equal(t, 1, n)
	}
}

func TestADescriptorThatCannotBePreparedIsClosed(t *testing.T) {
	f, far := pair(t)
	failed := errors.New("cannot be prepared")
	var other FD
	require.NoError(t, f.Do(func(fd int) error {
		copied, err := syscall.Dup(fd)
		require.NoError(t, err)
		require.ErrorIs(t, other.own(copied, func(n int) error {
			require.Equal(t, copied, n)
			return failed
		}), failed)
		return nil
	}))
	require.True(t, f.Close())
	_, err := far.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err, "nobody has the connection any more")
}

func TestAListenerAcceptsWithoutWaiting(t *testing.T) {
	for network, address := range map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0", "unix": wstest.SocketPath(t)} {
		ln, err := net.Listen(network, address)
		if network == "tcp6" && err != nil {
			t.Logf("no IPv6 here: %v", err)
			continue
		}
		require.NoError(t, err)
		defer ln.Close()
		l, err := Listen(ln)
		require.NoError(t, err)
		defer l.Close()
		var f FD
		_, err = l.TryAccept(&f)
		require.True(t, WouldBlock(err), err)
		far, err := net.Dial(network, ln.Addr().String())
		require.NoError(t, err)
		defer far.Close()
		p := open(t)
		require.NoError(t, p.AddListener(&l.FD, 1))
		require.Equal(t, []Event{{1, Readable}}, next(t, p))
		peer, err := l.TryAccept(&f)
		require.NoError(t, err)
		defer f.Close()
		if network == "unix" {
			require.False(t, peer.IsValid())
		} else {
			require.Equal(t, far.LocalAddr().String(), peer.String())
			require.Equal(t, far.LocalAddr(), f.RemoteAddr())
			require.Equal(t, far.RemoteAddr(), f.LocalAddr())
		}
		_, err = f.TryRead(make([]byte, 1))
		require.ErrorIs(t, err, nonblock.ErrWouldBlock)
	}
	_, err := Listen(wrapped{})
	require.Error(t, err)
}

func TestAListenerIsReportedForAsLongAsSomebodyWaits(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	l, err := Listen(ln)
	require.NoError(t, err)
	defer l.Close()
	for range 2 {
		far, err := net.Dial("tcp", ln.Addr().String())
		require.NoError(t, err)
		defer far.Close()
	}
	p := open(t)
	for range 2 {
		require.NoError(t, p.AddListener(&l.FD, 1))
		for range 3 {
			require.Equal(t, []Event{{1, Readable}}, next(t, p))
		}
		require.NoError(t, p.Remove(&l.FD))
		requireNothing(t, p)
		require.Error(t, p.Remove(&l.FD))
	}
	require.NoError(t, p.AddListener(&l.FD, 2))
	for range 2 {
		require.Equal(t, []Event{{2, Readable}}, next(t, p))
		var f FD
		_, err := l.TryAccept(&f)
		require.NoError(t, err)
		defer f.Close()
	}
	requireNothing(t, p)
	require.True(t, l.Close())
	require.ErrorIs(t, p.AddListener(&l.FD, 1), net.ErrClosed)
	require.ErrorIs(t, p.Remove(&l.FD), net.ErrClosed)
}

// wrapped is a listener that is no socket.
type wrapped struct{ net.Listener }

func TestTimeoutsAreRoundedUp(t *testing.T) {
	for d, want := range map[time.Duration]int{-1: -1, 0: 0, 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2, 1 << 62: 1<<31 - 1} {
		require.Equal(t, want, milliseconds(d), d)
	}
}
