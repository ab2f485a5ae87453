package event

import (
	"context"
	"io"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/netpoll"
	"github.com/seed60239977/websocket/internal/wstest"
)

// TestShutdownMissesNobody has Shutdown look for connections at the moment when one is counted already, and cannot be found yet.
func TestShutdownMissesNobody(t *testing.T) {
	if !netpoll.Supported {
		t.Skip("there is no poller on this system")
	}
	for name, arrive := range map[string]func(l *Loop, near *wstest.End, look func()){
		"a connection that is made": func(l *Loop, near *wstest.End, look func()) {
			cfg := &conn.Config{Observer: &conn.Observer{Opened: func(*conn.Conn) { look() }}}
			newSocketFor(l.shard(), &memoryStream{End: near}).attach(frame.Server, &Opening{Context: context.Background(), Config: cfg, Events: &Events{}})
		},
		"a client that has not asked yet": func(l *Loop, near *wstest.End, look func()) {
			l.enter()
			look()
			p := &listening{greeter: &knock{}}
			p.admit(newSocketFor(l.shard(), &memoryStream{End: near}), netip.AddrPort{})
		},
		"a connection with a goroutine": func(l *Loop, near *wstest.End, look func()) {
			c := conn.Server(near, nil, nil)
			l.enter()
			look()
			l.know(c)
			l.workers.Go(func() { l.serve(context.Background(), c, &Events{}) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // it is cut
				l := newLoop(&Options{}, []poller{newMemoryPoller()})
				near, far := wstest.Pipe(1 << 10)
				start := time.Now()
				arrive(l, near, func() { require.ErrorIs(t, l.Shutdown(canceled), context.Canceled) })
				_, err := io.Copy(io.Discard, far)
				require.NoError(t, err)
				l.workers.Wait()
				require.Zero(t, time.Since(start))
			})
			synctest.Test(t, func(t *testing.T) { // it is asked to go
				l := newLoop(&Options{}, []poller{newMemoryPoller()})
				near, far := wstest.Pipe(1 << 10)
				down := make(chan error, 1)
				start := time.Now()
				arrive(l, near, func() {
					go func() { down <- l.Shutdown(context.Background()) }()
					synctest.Wait()
				})
				peer := wstest.NewPeer(t, far, frame.Client)
				if f, err := peer.TryReceive(); err == nil {
					require.Equal(t, wstest.CloseFrame(conn.StatusGoingAway, ""), f)
					peer.Send(f)
				}
				peer.ExpectEOF()
				require.NoError(t, <-down)
				require.Zero(t, time.Since(start))
			})
		})
	}
}
