package event

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/buffer"
	"github.com/seed60239977/websocket/internal/pipe"
	"github.com/seed60239977/websocket/internal/wstest"
)

// caller is a client that connects, and what it finds.
type caller struct {
	t      *testing.T
	far    *pipe.End
	arrive func() // lets the server know of the connection, which then finds what was sent before; only the first call does
	peer   *wstest.Peer
	k      *knock
	inner  chan struct{} // Events.Open waits for it
}

// send has the client send bytes, which the server has dealt with when send returns, as far as it does so now.
func (v *caller) send(p []byte) {
	sent := make(chan struct{})
	go func() { v.far.Write(p); close(sent) }()
	synctest.Wait() // all of it is in the pipe, or as much as fits
	v.arrive()
	<-sent
	synctest.Wait()
}

// ask returns the request that is accepted.
func ask() []byte { return []byte("open\n") }

// visits are what clients may do around a handshake, how many reads find that, and what Events are told.
var visits = map[string]struct {
	size  int // of the pipe
	come  func(v *caller)
	reads int32
	told  []string
}{
	"the request alone": {reads: 1, told: []string{"open"}, come: func(v *caller) {
		v.send(ask())
	}},
	"the request in two parts": {reads: 2, told: []string{"open"}, come: func(v *caller) {
		v.send(ask()[:2])
		v.send(ask()[2:])
	}},
	"a message behind it": {reads: 1, told: []string{"open", "a"}, come: func(v *caller) {
		v.send(append(ask(), v.peer.Encode(text("a"))...))
	}},
	"half a message behind it": {reads: 2, told: []string{"open", "a"}, come: func(v *caller) {
		all := append(ask(), v.peer.Encode(text("a"))...)
		v.send(all[:7])
		v.send(all[7:])
	}},
	"a message later": {reads: 2, told: []string{"open", "a"}, come: func(v *caller) {
		v.send(ask())
		v.send(v.peer.Encode(text("a")))
	}},
	"the end behind it": {reads: 2, told: []string{"open", "close"}, come: func(v *caller) {
		v.far.Write(ask())
		v.far.CloseWrite()
	}},
	"the end behind a message": {reads: 2, told: []string{"open", "a", "close"}, come: func(v *caller) {
		v.far.Write(append(ask(), v.peer.Encode(text("a"))...))
		v.far.CloseWrite()
	}},
	"the end later": {reads: 2, told: []string{"open", "close"}, come: func(v *caller) {
		v.send(ask())
		v.far.CloseWrite()
	}},
	"a read that is full": {reads: 2, told: []string{"open", strings.Repeat("a", buffer.Smallest)}, come: func(v *caller) {
		v.far.Write(append(ask(), v.peer.Encode(text(strings.Repeat("a", buffer.Smallest)))...))
	}},
	"a read that is just full": {reads: 2, told: []string{"open"}, come: func(v *caller) {
		all := append(ask(), v.peer.Encode(text(strings.Repeat("a", buffer.Smallest)))...)
		v.send(all[:buffer.Smallest])
	}},
	"a message while it is answered": {reads: 2, told: []string{"open", "a"}, come: func(v *caller) {
		v.send([]byte("hold\n"))
		v.send(v.peer.Encode(text("a")))
		close(v.k.hold)
	}},
	"the end while it is answered": {reads: 2, told: []string{"open", "close"}, come: func(v *caller) {
		v.send([]byte("hold\n"))
		v.far.CloseWrite()
		synctest.Wait()
		close(v.k.hold)
	}},
	"a message during Open": {reads: 2, told: []string{"open", "a"}, come: func(v *caller) {
		v.inner = make(chan struct{})
		v.send(ask())
		v.send(v.peer.Encode(text("a")))
		close(v.inner)
	}},
	"the end during Open": {reads: 2, told: []string{"open", "close"}, come: func(v *caller) {
		v.inner = make(chan struct{})
		v.send(ask())
		v.far.CloseWrite()
		synctest.Wait()
		close(v.inner)
	}},
	"a message while the answer waits": {size: 3, reads: 4, told: []string{"open", ""}, come: func(v *caller) {
		v.send(ask())
		sent := make(chan struct{})
		go func() { v.far.Write(v.peer.Encode(text(""))); close(sent) }()
		synctest.Wait()
		require.Empty(v.t, v.k.made)
		require.Equal(v.t, "yes\n", read(v.t, v.far, 4))
		<-sent
	}},
}

// TestWhatComesAroundTheHandshakeIsReadAndNoMore: each read finds something, or the end, and nothing is missed, whenever it
// comes.
func TestWhatComesAroundTheHandshakeIsReadAndNoMore(t *testing.T) {
	for name, c := range visits {
		t.Run(name, func(t *testing.T) {
			listeningTest(t, c.size, func(t *testing.T, l *Loop, ln *memoryListener, k *knock, r *record) {
				far, arrive := ln.connect()
				v := &caller{t: t, far: far, arrive: sync.OnceFunc(arrive), k: k}
				v.peer = wstest.NewPeer(t, v.far, frame.Client)
				e := r.events(nil)
				open := e.Open
				e.Open = func(ctx context.Context, c *conn.Conn) {
					open(ctx, c)
					if v.inner != nil {
						<-v.inner
					}
				}
				k.events = e
				c.come(v)
				v.arrive()
				require.Equal(t, c.told, r.all())
				require.Equal(t, c.reads, ln.reads.Load())
			})
		})
	}
}

// TestWhoNeverSaysAnythingIsWaitedForFromTheBeginning: the limit for idle peers holds although nothing was ever read.
func TestWhoNeverSaysAnythingIsWaitedForFromTheBeginning(t *testing.T) {
	listeningTest(t, 0, func(t *testing.T, l *Loop, ln *memoryListener, k *knock, r *record) {
		k.config = &conn.Config{IdleTimeout: time.Minute}
		far := ln.dial()
		start := time.Now()
		far.Write([]byte("open\n"))
		require.Equal(t, "yes\n", read(t, far, 4))
		c := <-k.made
		<-c.Done()
		require.ErrorIs(t, c.Err(), conn.ErrPeerTimeout)
		require.InDelta(t, time.Minute.Seconds(), time.Since(start).Seconds(), 0.1)
	})
}
