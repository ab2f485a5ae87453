package event

import (
	"io"
	"log"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/pipe"
	"github.com/seed60239977/websocket/internal/wstest"
)

// aheadTest runs f with a loop of one shard that listens in memory.
func aheadTest(t *testing.T, poll func(p *memoryPoller) poller, f func(t *testing.T, l *Loop, ln *memoryListener, k *knock, r *record)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(&Options{ErrorLog: log.New(io.Discard, "", 0)}, []poller{poll(newMemoryPoller())})
		ln, r := newMemoryListener(0), newRecord()
		k := &knock{events: r.events(echo), failed: make(chan error, 10), made: make(chan *conn.Conn, 10)}
		served := make(chan error, 1)
		go func() { served <- l.listen(closer{}, ln, time.Minute, k) }()
		synctest.Wait()
		f(t, l, ln, k, r)
		l.Shutdown(canceled)
		require.ErrorIs(t, <-served, ErrLoopClosed)
		l.workers.Wait()
	})
}

// dialWith is dial for a client that has sent something before it is accepted, and closed its side if closed.
func (l *memoryListener) dialWith(data []byte, closed bool) *pipe.End {
	end, arrive := l.connect()
	end.Write(data)
	if closed {
		end.CloseWrite()
	}
	arrive()
	return end
}

// silentPoller tells of the first stream, and of no other.
type silentPoller struct {
	*memoryPoller
	taken bool
}

func silent(p *memoryPoller) poller { return &silentPoller{memoryPoller: p} }

func telling(p *memoryPoller) poller { return p }

func (p *silentPoller) Add(s stream, token uint64) error {
	if p.taken {
		return nil
	}
	p.taken = true
	return p.memoryPoller.Add(s, token)
}

func TestARequestThatCameWithTheConnectionIsReadWithoutBeingToldOf(t *testing.T) {
	aheadTest(t, silent, func(t *testing.T, l *Loop, ln *memoryListener, k *knock, r *record) {
		for range 3 {
			far := ln.dialWith([]byte("open\n"), false)
			require.Equal(t, "yes\n", read(t, far, 4))
			require.True(t, (<-k.made).EventDriven())
		}
	})
}

func TestAnyPartOfARequestMayComeWithTheConnection(t *testing.T) {
	aheadTest(t, telling, func(t *testing.T, l *Loop, ln *memoryListener, k *knock, r *record) {
		request := append([]byte("open\n"), wstest.NewPeer(t, nil, frame.Client).Encode(text("with the request"))...)
		for cut := range len(request) + 1 {
			far := ln.dialWith(request[:cut], false)
			synctest.Wait()
			_, err := far.Write(request[cut:])
			require.NoError(t, err)
			require.Equal(t, "yes\n", read(t, far, 4))
			wstest.NewPeer(t, far, frame.Client).Expect(text("with the request"))
			(<-k.made).CloseNow()
			<-r.closed
			require.Equal(t, []string{"open", "with the request", "close"}, r.all())
		}
	})
}

func TestARequestIsWaitedForNoLongerThanTheLimit(t *testing.T) {
	aheadTest(t, telling, func(t *testing.T, l *Loop, ln *memoryListener, k *knock, r *record) {
		for _, sent := range []string{"", "op"} {
			start := time.Now()
			far := ln.dialWith([]byte(sent), false)
			require.Equal(t, "late\n", read(t, far, 5))
			require.InDelta(t, time.Minute, time.Since(start), float64(time.Second))
			require.ErrorIs(t, <-k.failed, os.ErrDeadlineExceeded)
		}
		<-time.After(lingerTime)
		synctest.Wait()
		far := ln.dialWith([]byte("open\n"), false)
		require.Equal(t, "yes\n", read(t, far, 4))
		<-k.made
		synctest.Wait()
		h := l.shards[0]
		h.mu.Lock()
		defer h.mu.Unlock()
		_, set := h.timers.Next()
		require.False(t, set, "a request that is there has no need of a timer")
	})
}

func TestAClientThatIsGoneBeforeItIsAccepted(t *testing.T) {
	for sent, want := range map[string][]string{"": nil, "op": nil, "open\n": {"open", "close"}} {
		t.Run(sent, func(t *testing.T) {
			aheadTest(t, telling, func(t *testing.T, l *Loop, ln *memoryListener, k *knock, r *record) {
				ln.dialWith([]byte(sent), true)
				if want == nil {
					require.ErrorIs(t, <-k.failed, io.ErrUnexpectedEOF)
				} else {
					<-r.closed
				}
				synctest.Wait()
				require.Equal(t, want, r.all())
				require.Equal(t, 1, l.live, "only the listener is left")
			})
		})
	}
}

// TestASessionThatWasOverBeforeItWasAccepted: nothing of it is lost, and its end is noticed, although the poller says all of that at
// once, or nothing of it.
func TestASessionThatWasOverBeforeItWasAccepted(t *testing.T) {
	for _, size := range []int{1, 4000, 4100, 20_000} {
		said := strings.Repeat("x", size)
		for i := range 2 { // whichever shard gets it
			listeningTest(t, 0, func(t *testing.T, l *Loop, ln *memoryListener, k *knock, r *record) {
				k.events = r.events(nil)
				l.next.Add(uint32(i))
				ln.dialWith(append([]byte("open\n"), wstest.NewPeer(t, nil, frame.Client).Encode(text(said))...), true)
				<-r.closed
				require.Equal(t, []string{"open", said, "close"}, r.all())
			})
		}
	}
}

// latePoller has something happen right behind the second Add.
type latePoller struct {
	*memoryPoller
	added int
	late  func()
}

func (p *latePoller) Add(s stream, token uint64) error {
	err := p.memoryPoller.Add(s, token)
	if p.added++; p.added == 2 {
		p.late()
	}
	return err
}

// TestWhatComesBeforeTheFirstTurnIsRead: the poller has told of it, and does not do so again.
func TestWhatComesBeforeTheFirstTurnIsRead(t *testing.T) {
	const request = "open\n"
	for cut := range len(request) {
		synctest.Test(t, func(t *testing.T) {
			p := &latePoller{memoryPoller: newMemoryPoller()}
			l := newLoop(&Options{ErrorLog: log.New(io.Discard, "", 0)}, []poller{p})
			ln, r := newMemoryListener(0), newRecord()
			k := &knock{events: r.events(echo), failed: make(chan error, 1), made: make(chan *conn.Conn, 1)}
			near, far := wstest.Pipe(0)
			ln.waiting = append(ln.waiting, near) // it has connected before somebody listens
			far.Write([]byte(request[:cut]))
			p.late = func() { far.Write([]byte(request[cut:])) }
			served := make(chan error, 1)
			start := time.Now()
			go func() { served <- l.listen(closer{}, ln, time.Minute, k) }()
			require.Equal(t, "yes\n", read(t, far, 4))
			require.Zero(t, time.Since(start))
			l.Shutdown(canceled)
			require.ErrorIs(t, <-served, ErrLoopClosed)
			l.workers.Wait()
		})
	}
}
