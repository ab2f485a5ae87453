package event

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/netpoll"
	"github.com/seed60239977/websocket/internal/pipe"
	"github.com/seed60239977/websocket/internal/wstest"
)

// memoryListener is an acceptor, and the net.Listener that belongs to it.
type memoryListener struct {
	memoryStream // an end that gets a byte for each connection, so that the poller tells of it
	far          *pipe.End
	mu           sync.Mutex
	waiting      []*pipe.End
	fail         []error // instead of the next connections
	size         int
	reads        atomic.Int32 // by all connections
}

func newMemoryListener(size int) *memoryListener {
	near, far := wstest.Pipe(0)
	return &memoryListener{memoryStream: memoryStream{End: near}, far: far, size: size}
}

// connect returns the far end of a new connection, of which the listener hears once arrive is called.
func (l *memoryListener) connect() (far *pipe.End, arrive func()) {
	near, far := wstest.Pipe(l.size)
	return far, func() {
		l.mu.Lock()
		l.waiting = append(l.waiting, near)
		l.mu.Unlock()
		l.far.Write([]byte{0})
	}
}

// dial returns the far end of a new connection.
func (l *memoryListener) dial() *pipe.End {
	far, arrive := l.connect()
	arrive()
	return far
}

func (l *memoryListener) local() net.Addr { return nil }

func (l *memoryListener) accept(s *Socket) (peer netip.AddrPort, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.fail) > 0 {
		err := l.fail[0]
		l.fail = l.fail[1:]
		return peer, err
	}
	if len(l.waiting) == 0 {
		return peer, syscall.EAGAIN
	}
	var st stream = &countingStream{memoryStream{End: l.waiting[0]}, &l.reads}
	s.at.Store(&place{shard: s.shard(), other: &st})
	if l.waiting = l.waiting[1:]; len(l.waiting) > 0 {
		l.far.Write([]byte{0}) // so that the poller tells of it again
	}
	return peer, nil
}

// countingStream counts its reads.
type countingStream struct {
	memoryStream
	reads *atomic.Int32
}

func (c *countingStream) TryRead(p []byte) (int, error) {
	c.reads.Add(1)
	return c.memoryStream.TryRead(p)
}

// closer is a net.Listener that only Close is called of.
type closer struct{ net.Listener }

func (closer) Close() error { return nil }

// knock is a Greeter whose request is a line: "open" followed by anything behind it, or "refuse".
type knock struct {
	events *Events
	failed chan error
	made   chan *conn.Conn
	hold   chan struct{} // Greet waits for it if the line is "hold"
	config *conn.Config  // of the connections
}

func (k *knock) Greet(_ net.Conn, received, room []byte) Reply {
	line, rest, ok := bytes.Cut(received, []byte("\n"))
	switch string(line) {
	case "panic":
		panic("of a hook")
	case "hold":
		<-k.hold
	}
	switch {
	case !ok:
		return Reply{}
	case string(line) != "open" && string(line) != "hold":
		return Reply{Response: append(room, "no\n"...)}
	}
	return Reply{Response: append(room, "yes\n"...), Opening: &Opening{
		Context: context.Background(), Negotiated: conn.Negotiated{Buffered: bytes.Clone(rest)}, Config: k.config, Events: k.events,
		Made: func(c *conn.Conn) { k.made <- c }, Failed: func(err error) { k.failed <- err },
	}}
}

func (k *knock) Failed(_ net.Conn, err error) []byte {
	k.failed <- err
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return []byte("late\n")
	}
	return nil
}

// listeningTest runs f with a loop that listens in memory.
func listeningTest(t *testing.T, size int, f func(t *testing.T, l *Loop, ln *memoryListener, k *knock, r *record)) {
	t.Helper()
	if !netpoll.Supported {
		t.Skip("there is no poller on this system")
	}
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(&Options{ErrorLog: log.New(io.Discard, "", 0)}, []poller{newMemoryPoller(), newMemoryPoller()})
		ln, r := newMemoryListener(size), newRecord()
		k := &knock{events: r.events(echo), failed: make(chan error, 10), made: make(chan *conn.Conn, 10), hold: make(chan struct{})}
		served := make(chan error, 1)
		go func() { served <- l.listen(closer{}, ln, 10*time.Second, k) }()
		synctest.Wait() // it waits for connections
		f(t, l, ln, k, r)
		l.Shutdown(canceled)
		require.ErrorIs(t, <-served, ErrLoopClosed)
		l.workers.Wait()
	})
}

func TestAListenerGreetsAndOpens(t *testing.T) {
	listeningTest(t, 0, func(t *testing.T, l *Loop, ln *memoryListener, k *knock, r *record) {
		for range 100 {
			far := ln.dial()
			peer := wstest.NewPeer(t, far, frame.Client)
			request := append([]byte("open\n"), peer.Encode(text("with the request"))...)
			for _, b := range request { // however it comes
				peer.SendRaw([]byte{b})
			}
			require.Equal(t, "yes\n", read(t, far, 4))
			peer.Expect(text("with the request"))
			peer.Send(text("later"))
			peer.Expect(text("later"))
			c := <-k.made
			require.True(t, c.EventDriven())
			peer.Send(wstest.CloseFrame(frame.StatusNormalClosure, ""))
			peer.Expect(wstest.CloseFrame(frame.StatusNormalClosure, ""))
			peer.ExpectEOF()
			require.Equal(t, []string{"open", "with the request", "later", "close"}, r.all())
			<-r.closed
		}
		require.Equal(t, 1, l.live, "only the listener is left")
	})
}

// read reads n bytes.
func read(t *testing.T, from io.Reader, n int) string {
	t.Helper()
	b := make([]byte, n)
	_, err := io.ReadFull(from, b)
	require.NoError(t, err)
	return string(b)
}

func TestWhoIsRefusedMayReadWhy(t *testing.T) {
	listeningTest(t, 0, func(t *testing.T, l *Loop, ln *memoryListener, k *knock, r *record) {
		far := ln.dial()
		far.Write([]byte("let me in\n"))
		all, err := io.ReadAll(far)
		require.NoError(t, err)
		require.Equal(t, "no\n", string(all))
		start := time.Now()
		_, err = far.Write([]byte("and more"))
		require.NoError(t, err, "it is listened to for a while")
		require.Eventually(t, func() bool { _, err := far.Write([]byte("x")); return err != nil }, time.Minute, time.Millisecond)
		require.InDelta(t, lingerTime.Seconds(), time.Since(start).Seconds(), 0.01)

		far = ln.dial()
		far.Write([]byte("no\n"))
		require.Equal(t, "no\n", read(t, far, 3))
		start = time.Now()
		for err = nil; err == nil; { // but not to everything
			_, err = far.Write(make([]byte, lingerBytes))
		}
		require.Less(t, time.Since(start), lingerTime)
		require.Empty(t, k.made)
	})
}

func TestALongRequestIsReadWhole(t *testing.T) {
	listeningTest(t, 0, func(t *testing.T, l *Loop, ln *memoryListener, k *knock, r *record) {
		far := ln.dial()
		far.Write(append(bytes.Repeat([]byte("x"), 10_000), '\n'))
		require.Equal(t, "no\n", read(t, far, 3))
	})
}

func TestAHookThatPanicsEndsItsConnectionAlone(t *testing.T) {
	listeningTest(t, 0, func(t *testing.T, l *Loop, ln *memoryListener, k *knock, r *record) {
		far := ln.dial()
		far.Write([]byte("panic\n"))
		_, err := far.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		healthy := ln.dial()
		healthy.Write([]byte("open\n"))
		require.Equal(t, "yes\n", read(t, healthy, 4))
		<-time.After(time.Minute)
		require.Empty(t, k.failed, "it is told of no more")
	})
}

func TestASlowRequestIsRefused(t *testing.T) {
	listeningTest(t, 0, func(t *testing.T, l *Loop, ln *memoryListener, k *knock, r *record) {
		far := ln.dial()
		start, gone := time.Now(), make(chan struct{})
		go func() {
			defer close(gone)
			for {
				if _, err := far.Write([]byte("o")); err != nil {
					return
				}
				<-time.After(time.Second)
			}
		}()
		require.Equal(t, "late\n", read(t, far, 5))
		require.Equal(t, 10*time.Second, time.Since(start))
		require.ErrorIs(t, <-k.failed, os.ErrDeadlineExceeded)
		far.Close()
		<-gone
	})
}

func TestWhoLeavesBeforeTheRequestIsForgotten(t *testing.T) {
	listeningTest(t, 0, func(t *testing.T, l *Loop, ln *memoryListener, k *knock, r *record) {
		for _, sent := range []string{"", "op"} {
			far := ln.dial()
			far.Write([]byte(sent))
			synctest.Wait()
			far.Close()
			require.ErrorIs(t, <-k.failed, io.ErrUnexpectedEOF)
		}
		synctest.Wait()
		require.Equal(t, 1, l.live)
	})
}

func TestAResponseMayHaveToWait(t *testing.T) {
	listeningTest(t, 3, func(t *testing.T, l *Loop, ln *memoryListener, k *knock, r *record) {
		far := ln.dial()
		for _, b := range []byte("open\n") {
			far.Write([]byte{b})
		}
		synctest.Wait()
		require.Empty(t, k.made, "yes has not gone out")
		require.Equal(t, "yes\n", read(t, far, 4))
		<-k.made

		far = ln.dial() // this one never reads
		for _, b := range []byte("open\n") {
			far.Write([]byte{b})
		}
		require.ErrorIs(t, <-k.failed, os.ErrDeadlineExceeded)
	})
}

func TestWhoLeavesBeforeTheResponseIsForgotten(t *testing.T) {
	listeningTest(t, 0, func(t *testing.T, l *Loop, ln *memoryListener, k *knock, r *record) {
		far := ln.dial()
		far.Write([]byte("hold\n"))
		synctest.Wait()
		far.Close()
		close(k.hold)
		require.Error(t, <-k.failed)
		synctest.Wait()
		require.Equal(t, 1, l.live)
		require.Empty(t, k.made)
	})
}

func TestWhoIsGreetedDuringShutdownIsSentAway(t *testing.T) {
	listeningTest(t, 0, func(t *testing.T, l *Loop, ln *memoryListener, k *knock, r *record) {
		far := ln.dial()
		far.Write([]byte("hold\n"))
		synctest.Wait()
		down := make(chan error, 1)
		go func() { down <- l.Shutdown(t.Context()) }()
		synctest.Wait()
		close(k.hold)
		require.Equal(t, "yes\n", read(t, far, 4))
		peer := wstest.NewPeer(t, far, frame.Client)
		peer.Expect(wstest.CloseFrame(frame.StatusGoingAway, ""))
		peer.Send(wstest.CloseFrame(frame.StatusGoingAway, ""))
		peer.ExpectEOF()
		require.NoError(t, <-down)
		require.Equal(t, []string{"open", "close"}, r.all())
	})
}

func TestWhoCannotBeWaitedForIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		p := &pollerForOne{memoryPoller: newMemoryPoller()}
		l := newLoop(&Options{ErrorLog: log.New(&logged, "", 0)}, []poller{p})
		ln, served := newMemoryListener(0), make(chan error, 1)
		go func() { served <- l.listen(closer{}, ln, time.Hour, &knock{}) }()
		_, err := ln.dial().Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		require.NoError(t, l.Shutdown(t.Context()))
		require.ErrorIs(t, <-served, ErrLoopClosed)
		require.Contains(t, logged.String(), "no more")
	})
}

// pollerForOne takes one stream, and no more.
type pollerForOne struct {
	*memoryPoller
	taken bool
}

func (p *pollerForOne) Add(s stream, token uint64) error {
	if p.taken {
		return errors.New("no more")
	}
	p.taken = true
	return p.memoryPoller.Add(s, token)
}

func TestShutdownForgetsWhoIsNotGreeted(t *testing.T) {
	listeningTest(t, 0, func(t *testing.T, l *Loop, ln *memoryListener, k *knock, r *record) {
		far := ln.dial()
		far.Write([]byte("op"))
		synctest.Wait()
		require.NoError(t, l.Shutdown(t.Context()))
		_, err := far.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
	})
}

func TestWithoutDescriptorsItAcceptsLater(t *testing.T) {
	listeningTest(t, 0, func(t *testing.T, l *Loop, ln *memoryListener, k *knock, r *record) {
		var logged bytes.Buffer
		l.log.SetOutput(&logged)
		emfile := os.NewSyscallError("accept", syscall.EMFILE)
		ln.mu.Lock()
		ln.fail = []error{emfile, emfile, emfile, emfile}
		ln.mu.Unlock()
		start := time.Now()
		far := ln.dial()
		far.Write([]byte("open\n"))
		synctest.Wait()
		ln.dial().Write([]byte("open\n")) // which is no reason to try at once
		require.Equal(t, "yes\n", read(t, far, 4))
		require.Equal(t, (5+10+20+40)*time.Millisecond, time.Since(start))
		require.Equal(t, 4, bytes.Count(logged.Bytes(), []byte("cannot accept")))
	})
}

// TestARestingListenerIsNotReported: it would be all the time.
func TestARestingListenerIsNotReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		p := &fullPoller{memoryPoller: newMemoryPoller()}
		l := newLoop(&Options{ErrorLog: log.New(writerFunc(func(line []byte) (int, error) {
			require.True(t, p.removed.Load(), "before the log, which may take long")
			return logged.Write(line)
		}), "", 0)}, []poller{p})
		ln, served := newMemoryListener(0), make(chan error, 1)
		ln.fail = []error{os.NewSyscallError("accept", syscall.EMFILE)}
		k := &knock{events: &Events{}, made: make(chan *conn.Conn, 1)}
		go func() { served <- l.listen(closer{}, ln, 0, k) }()
		synctest.Wait()
		require.True(t, p.removed.Load())

		p.full.Store(true) // then it cannot be waited for again either
		<-time.After(firstPause)
		synctest.Wait()
		p.full.Store(false)
		far := ln.dial()
		far.Write([]byte("open\n"))
		require.Equal(t, "yes\n", read(t, far, 4))
		require.False(t, p.removed.Load())
		require.Equal(t, "websocket: cannot accept connections: accept: too many open files; next try in 5ms\n"+
			"websocket: cannot accept connections: no space left; next try in 10ms\n", logged.String())
		l.Shutdown(canceled)
		require.ErrorIs(t, <-served, ErrLoopClosed)
		l.workers.Wait()
	})
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestAListenerThatHasEndedIsNotReported: somebody else may have the socket too, so that it is not gone.
func TestAListenerThatHasEndedIsNotReported(t *testing.T) {
	for name, end := range map[string]func(l *Loop, ln *memoryListener){
		"Shutdown": func(l *Loop, ln *memoryListener) { l.Shutdown(canceled) },
		"an error": func(l *Loop, ln *memoryListener) {
			ln.mu.Lock()
			ln.fail = []error{errFull}
			ln.mu.Unlock()
			ln.dial()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &fullPoller{memoryPoller: newMemoryPoller()}
				l := newLoop(&Options{}, []poller{p})
				ln, served := newMemoryListener(0), make(chan error, 1)
				go func() { served <- l.listen(closer{}, ln, 0, &knock{}) }()
				synctest.Wait()
				end(l, ln)
				require.Error(t, <-served)
				require.True(t, p.removed.Load())
				l.Shutdown(canceled)
				l.workers.Wait()
			})
		})
	}
}

func TestAListenerThatRestsWhenTheLoopEndsRestsForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		p := &fullPoller{memoryPoller: newMemoryPoller()}
		l := newLoop(&Options{ErrorLog: log.New(&logged, "", 0)}, []poller{p})
		require.True(t, l.enter()) // a connection that takes its time to close
		ln, served := newMemoryListener(0), make(chan error, 1)
		ln.fail = []error{os.NewSyscallError("accept", syscall.EMFILE)}
		go func() { served <- l.listen(closer{}, ln, 0, &knock{}) }()
		synctest.Wait()
		p.full.Store(true)
		l.Shutdown(canceled)
		require.ErrorIs(t, <-served, ErrLoopClosed)
		<-time.After(10 * maxPause)
		require.Equal(t, 1, bytes.Count(logged.Bytes(), []byte("\n")), logged.String())
		l.leave()
		l.workers.Wait()
	})
}

func TestAListenerTakesMoreWhereMuchIsServedMeanwhile(t *testing.T) {
	for reported, want := range map[int]int{0: 1, 1: 1, 4: 1, 8: 2, 100: 25, batchSize: acceptBatch} {
		p := &listening{shard: &shard{}}
		p.shard.reported.Store(int32(reported))
		require.Equal(t, want, p.share(), reported)
	}
}

func TestAListenerThatBreaksEndsListen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(&Options{}, []poller{newMemoryPoller()})
		ln := newMemoryListener(0)
		broken := errors.New("broken")
		ln.fail = []error{broken}
		require.ErrorIs(t, l.listen(closer{}, ln, 0, &knock{}), broken)
		require.NoError(t, l.Shutdown(t.Context()))
		require.ErrorIs(t, l.listen(closer{}, newMemoryListener(0), 0, &knock{}), ErrLoopClosed)
	})
}
