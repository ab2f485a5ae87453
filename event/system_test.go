//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package event

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/netpoll"
	"github.com/seed60239977/websocket/internal/wstest"
)

// realLoop returns a loop over the system's poller, which is shut down with the test.
func realLoop(t *testing.T) *Loop {
	t.Helper()
	l, err := New(&Options{ErrorLog: log.New(io.Discard, "", 0)})
	require.NoError(t, err)
	t.Cleanup(func() {
		l.Shutdown(canceled)
		l.workers.Wait()
	})
	return l
}

func TestASystemsListenerGreetsAndOpens(t *testing.T) {
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": wstest.SocketPath(t)} {
		l := realLoop(t)
		ln, err := net.Listen(network, address)
		require.NoError(t, err)
		r := newRecord()
		k := &asking{knock: knock{events: r.events(echo), failed: make(chan error, 1), made: make(chan *conn.Conn, 1)}}
		served := make(chan error, 1)
		go func() { served <- l.Listen(ln, time.Hour, k) }()
		far, err := net.Dial(network, ln.Addr().String())
		require.NoError(t, err)
		defer far.Close()
		io.WriteString(far, "open\n")
		require.Equal(t, "yes\n", read(t, far, 4))
		peer := wstest.NewPeer(t, far, frame.Client)
		peer.Send(text("hello"))
		peer.Expect(text("hello"))
		c := <-k.made
		require.True(t, c.EventDriven())
		if network == "tcp" {
			require.Equal(t, far.LocalAddr(), k.peer)
			require.Equal(t, far.LocalAddr(), c.RemoteAddr())
			require.Equal(t, far.RemoteAddr(), c.LocalAddr())
		}
		requireOptionsOnly(t, c.NetConn())
		require.NoError(t, l.Shutdown(sendAway(t, peer)))
		require.ErrorIs(t, <-served, ErrLoopClosed)
		require.ErrorIs(t, c.NetConn().Close(), net.ErrClosed)
	}
}

// TestAddressesAreKnownOnceAConnectionIsClosed, as they are with other drivers: to be logged, say. That of a peer that has reset
// the connection may be lost, but is an address.
func TestAddressesAreKnownOnceAConnectionIsClosed(t *testing.T) {
	ends := map[string]func(c *conn.Conn, far *net.TCPConn){
		"now":     func(c *conn.Conn, _ *net.TCPConn) { c.CloseNow() },
		"by peer": func(_ *conn.Conn, far *net.TCPConn) { far.Close() },
		"reset":   func(_ *conn.Conn, far *net.TCPConn) { far.SetLinger(0); far.Close() },
	}
	l := realLoop(t)
	for name, end := range ends {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		far, err := net.Dial("tcp", ln.Addr().String())
		require.NoError(t, err)
		near, err := ln.Accept()
		require.NoError(t, err)
		require.NoError(t, ln.Close())
		told := make(chan []net.Addr, 1)
		c, err := l.Attach(near, frame.Server, &Opening{Context: t.Context(), Events: &Events{
			Close: func(c *conn.Conn, _ error) { told <- []net.Addr{c.LocalAddr(), c.RemoteAddr()} },
		}})
		require.NoError(t, err)
		require.Equal(t, far.LocalAddr(), c.RemoteAddr())
		end(c, far.(*net.TCPConn))
		at := <-told
		if name == "reset" {
			require.Contains(t, []string{far.LocalAddr().String(), "unknown"}, at[1].String())
		} else {
			require.Equal(t, []net.Addr{far.RemoteAddr(), far.LocalAddr()}, at, name)
		}
		require.Equal(t, at, []net.Addr{c.LocalAddr(), c.RemoteAddr()}, "and they stay")
		far.Close()
	}
}

// TestAddressesOfWhatALoopHasAcceptedAreKnown at all times, whatever becomes of the connection and of its slot.
func TestAddressesOfWhatALoopHasAcceptedAreKnown(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", ":0", "[::1]:0"} {
		ln, err := net.Listen("tcp", address)
		if address == "[::1]:0" && err != nil {
			t.Logf("no IPv6 here: %v", err)
			continue
		}
		require.NoError(t, err)
		l := realLoop(t)
		told := make(chan []string, 1)
		both := func(c *conn.Conn) []string { return []string{c.LocalAddr().String(), c.RemoteAddr().String()} }
		k := &knock{made: make(chan *conn.Conn, 1), events: &Events{
			Open:  func(_ context.Context, c *conn.Conn) { told <- both(c) },
			Close: func(c *conn.Conn, _ error) { told <- both(c) },
		}}
		served := make(chan error, 1)
		go func() { served <- l.Listen(ln, time.Hour, k) }()
		_, port, err := net.SplitHostPort(ln.Addr().String())
		require.NoError(t, err)
		host := "127.0.0.1"
		if address == "[::1]:0" {
			host = "::1"
		}
		var all []*conn.Conn
		var want [][]string
		for range 3 { // each in the slot of the one before
			far, err := net.Dial("tcp", net.JoinHostPort(host, port))
			require.NoError(t, err)
			want = append(want, []string{far.RemoteAddr().String(), far.LocalAddr().String()})
			io.WriteString(far, "open\n")
			require.Equal(t, want[len(want)-1], <-told, address)
			require.Equal(t, "yes\n", read(t, far, 4))
			all = append(all, <-k.made)
			require.NoError(t, far.(*net.TCPConn).SetLinger(0)) // resets the connection
			require.NoError(t, far.Close())
			if at := <-told; host == "::1" {
				require.Contains(t, []string{want[len(want)-1][1], "unknown"}, at[1])
				want[len(want)-1] = at
			} else {
				require.Equal(t, want[len(want)-1], at, address)
			}
		}
		for i, c := range all {
			require.Equal(t, want[i], both(c), address)
		}
		require.NoError(t, l.Shutdown(t.Context()))
		require.ErrorIs(t, <-served, ErrLoopClosed)
	}
}

// asking is a knock that asks who it is.
type asking struct {
	knock
	peer net.Addr
}

func (a *asking) Greet(nc net.Conn, received, room []byte) Reply {
	a.peer = nc.RemoteAddr()
	return a.knock.Greet(nc, received, room)
}

// sendAway has the peer answer the close frame that is to come.
func sendAway(t *testing.T, peer *wstest.Peer) context.Context {
	go func() {
		for f, err := peer.TryReceive(); err == nil && f.Opcode != frame.Close; f, err = peer.TryReceive() {
		}
		peer.Conn().Write(peer.Encode(wstest.CloseFrame(frame.StatusGoingAway, "")))
	}()
	return t.Context()
}

// requireOptionsOnly requires a net.Conn to be good for socket options, and for nothing that would come between the connection
// and its loop.
func requireOptionsOnly(t *testing.T, nc net.Conn) {
	t.Helper()
	_, err := nc.Read(make([]byte, 1))
	require.ErrorIs(t, err, errThroughConn)
	_, err = nc.Write([]byte("x"))
	require.ErrorIs(t, err, errThroughConn)
	for _, set := range []func(time.Time) error{nc.SetDeadline, nc.SetReadDeadline, nc.SetWriteDeadline} {
		require.ErrorIs(t, set(time.Now()), os.ErrNoDeadline)
	}
	raw, err := nc.(syscall.Conn).SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		_, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_TYPE)
		require.NoError(t, err)
	}))
	require.ErrorIs(t, raw.Read(func(uintptr) bool { return true }), errThroughConn)
	require.ErrorIs(t, raw.Write(func(uintptr) bool { return true }), errThroughConn)
}

// TestAFullSocketIsWrittenLater: the poller tells when the kernel takes more.
func TestAFullSocketIsWrittenLater(t *testing.T) {
	l := realLoop(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	far, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	defer far.Close()
	near, err := ln.Accept()
	require.NoError(t, err)
	c, err := l.Attach(near, frame.Server, &Opening{Context: t.Context(), Events: &Events{}})
	require.NoError(t, err)
	message := make([]byte, 64<<20) // more than any kernel holds
	written := make(chan error, 1)
	go func() { written <- c.Write(context.Background(), conn.Binary, message) }()
	peer := wstest.NewPeer(t, far, frame.Client)
	require.Len(t, peer.Receive().Payload, len(message))
	require.NoError(t, <-written)
}

func TestWhatTheLoopCannotDriveIsSaid(t *testing.T) {
	usual, err := New(nil)
	require.NoError(t, err)
	require.Len(t, usual.shards, runtime.GOMAXPROCS(0))
	require.NoError(t, usual.Shutdown(t.Context()))
	none := newLoop(&Options{}, nil)
	require.ErrorIs(t, none.Listen(nil, 0, nil), ErrNoListener)
	require.NoError(t, none.Shutdown(t.Context()))
	l := realLoop(t)
	require.ErrorIs(t, l.Listen(struct{ net.Listener }{}, 0, nil), ErrNoListener)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.ErrorIs(t, usual.Listen(ln, 0, nil), ErrLoopClosed)
	require.ErrorIs(t, l.Listen(ln, 0, nil), net.ErrClosed)
	require.EqualError(t, ErrLoopClosed, "websocket: the event loop is shut down")

	// A socket of the system that is closed already gets a goroutine, which finds out.
	a, b := net.Pipe()
	b.Close()
	closed := make(chan error, 1)
	_, err = l.Attach(a, frame.Server, &Opening{Context: t.Context(), Events: &Events{Close: func(_ *conn.Conn, err error) { closed <- err }}})
	require.NoError(t, err)
	require.Error(t, <-closed)
}

// failing is a net.Listener whose Accept returns these errors, and then waits until it is closed.
type failingListener struct {
	net.Listener
	errs   chan error
	closed chan struct{}
	once   sync.Once
}

func (f *failingListener) Accept() (net.Conn, error) {
	select {
	case err := <-f.errs:
		if err == nil {
			near, _ := net.Pipe()
			return near, nil
		}
		return nil, err
	case <-f.closed:
		return nil, net.ErrClosed
	}
}

func (f *failingListener) Close() error {
	f.once.Do(func() { close(f.closed) })
	return nil
}

func TestAcceptOutlastsWantOfDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		l := newLoop(&Options{ErrorLog: log.New(&logged, "", 0)}, nil)
		f := &failingListener{errs: make(chan error, 10), closed: make(chan struct{})}
		emfile := os.NewSyscallError("accept", syscall.EMFILE)
		for _, err := range []error{emfile, emfile, nil} {
			f.errs <- err
		}
		start, came, served := time.Now(), make(chan context.Context, 1), make(chan error, 1)
		go func() { served <- l.Accept(f, func(ctx context.Context, nc net.Conn) { nc.Close(); came <- ctx }) }()
		ctx := <-came
		require.Equal(t, 15*time.Millisecond, time.Since(start))
		require.Equal(t, 2, bytes.Count(logged.Bytes(), []byte("next try in")))
		require.NoError(t, ctx.Err())
		f.errs <- emfile
		synctest.Wait() // it is in a pause
		require.NoError(t, l.Shutdown(t.Context()))
		require.ErrorIs(t, <-served, ErrLoopClosed)
		require.Error(t, ctx.Err())
		require.ErrorIs(t, l.Accept(f, nil), ErrLoopClosed)
	})
}

// passingErrors are those after which accept(2) is to be called again, and that of a firewall.
var passingErrors = []syscall.Errno{
	syscall.ENETDOWN, syscall.EPROTO, syscall.ENOPROTOOPT, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.EOPNOTSUPP,
	syscall.ENETUNREACH, syscall.ETIMEDOUT, syscall.EPERM,
}

func TestAnErrorOfOneConnectionIsNotThatOfTheListener(t *testing.T) {
	for _, errno := range passingErrors {
		t.Run(errno.Error(), func(t *testing.T) {
			listeningTest(t, 0, func(t *testing.T, l *Loop, ln *memoryListener, k *knock, r *record) {
				var logged bytes.Buffer
				l.log.SetOutput(&logged)
				ln.mu.Lock()
				ln.fail = []error{os.NewSyscallError("accept", errno)}
				ln.mu.Unlock()
				start := time.Now()
				far := ln.dial()
				far.Write([]byte("open\n"))
				require.Equal(t, "yes\n", read(t, far, 4))
				require.Equal(t, firstPause, time.Since(start))
				require.Contains(t, logged.String(), errno.Error()+"; next try in 5ms")
			})
		})
	}
}

// passing is an error that says itself whether it is for good.
type passing bool

func (passing) Error() string     { return "passing" }
func (p passing) Temporary() bool { return bool(p) }

func TestAcceptOutlastsErrorsOfOneConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		l := newLoop(&Options{ErrorLog: log.New(&logged, "", 0)}, nil)
		f := &failingListener{errs: make(chan error, 20), closed: make(chan struct{})}
		for _, errno := range passingErrors {
			f.errs <- os.NewSyscallError("accept", errno)
		}
		f.errs <- &net.OpError{Op: "accept", Err: passing(true)}
		f.errs <- fmt.Errorf("wrapped: %w", passing(true))
		f.errs <- nil
		came, served := make(chan struct{}), make(chan error, 1)
		go func() { served <- l.Accept(f, func(_ context.Context, nc net.Conn) { nc.Close(); close(came) }) }()
		<-came
		require.Equal(t, len(passingErrors)+2, bytes.Count(logged.Bytes(), []byte("next try in")))
		f.errs <- passing(false)
		require.ErrorIs(t, <-served, passing(false))
		require.NoError(t, l.Shutdown(t.Context()))
	})
}

func TestAPanicOfWhoServesAConnectionIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		l := newLoop(&Options{ErrorLog: log.New(&logged, "", 0)}, nil)
		f := &failingListener{errs: make(chan error, 2), closed: make(chan struct{})}
		f.errs <- nil
		f.errs <- nil
		came, served := make(chan net.Conn, 2), make(chan error, 1)
		go func() {
			served <- l.Accept(f, func(_ context.Context, nc net.Conn) { came <- nc; panic("oh no") })
		}()
		for range 2 { // the first one does not keep the second from being served
			_, err := (<-came).Read(make([]byte, 1))
			require.ErrorIs(t, err, io.ErrClosedPipe, "it was closed")
		}
		require.NoError(t, l.Shutdown(t.Context()))
		require.ErrorIs(t, <-served, ErrLoopClosed)
		require.Equal(t, 2, bytes.Count(logged.Bytes(), []byte("oh no")))
	})
}

func TestABrokenListenerEndsAccept(t *testing.T) {
	l := newLoop(&Options{}, nil)
	broken := errors.New("broken")
	f := &failingListener{errs: make(chan error, 1), closed: make(chan struct{})}
	f.errs <- broken
	require.ErrorIs(t, l.Accept(f, nil), broken)
	require.NoError(t, l.Shutdown(t.Context()))
}

func TestAPollerThatFailsIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		p := &brokenPoller{memoryPoller: newMemoryPoller(), err: errors.New("broken poller")}
		l := newLoop(&Options{ErrorLog: log.New(&logged, "", 0)}, []poller{p})
		near, far := wstest.Pipe(0)
		_, err := newSocketFor(l.shard(), &memoryStream{End: near}).attach(frame.Server, &Opening{Context: t.Context(), Events: &Events{}})
		require.ErrorIs(t, err, p.err)
		_, err = far.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF, "it is closed")
		synctest.Wait()
		require.NoError(t, l.Shutdown(t.Context()))
		require.Contains(t, logged.String(), "broken poller")
	})
}

// brokenPoller fails to add, and once to wait.
type brokenPoller struct {
	*memoryPoller
	err  error
	once sync.Once
}

func (p *brokenPoller) Add(stream, uint64) error { return p.err }

func (p *brokenPoller) Wait(events []netpoll.Event, timeout time.Duration) (n int, err error) {
	p.once.Do(func() { err = p.err })
	if err != nil {
		return 0, err
	}
	return p.memoryPoller.Wait(events, timeout)
}
