package event

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/wstest"
)

// TestEventsComeInOrderWhateverHappensFirst ends a connection before, or in, Events.Open. The peer's messages are there already.
func TestEventsComeInOrderWhateverHappensFirst(t *testing.T) {
	shutDown := func(h *harness) {
		go h.loop.Shutdown(context.Background())
		<-time.After(time.Second) // until it has done what it does
	}
	type moment struct {
		made, open func(h *harness, c *conn.Conn)
		told       []string // before "close"
		code       conn.StatusCode
	}
	for name, at := range map[string]moment{
		"it is cut before":     {made: func(_ *harness, c *conn.Conn) { c.CloseNow() }, told: []string{"open"}, code: conn.StatusAbnormalClosure},
		"it is cut":            {open: func(_ *harness, c *conn.Conn) { c.CloseNow() }, told: []string{"open"}, code: conn.StatusAbnormalClosure},
		"a panic":              {open: func(*harness, *conn.Conn) { panic("oh no") }, told: []string{"open"}},
		"the loop ends before": {made: func(h *harness, _ *conn.Conn) { shutDown(h) }, told: []string{"open", "a", "b"}, code: conn.StatusGoingAway},
		"the loop ends":        {open: func(h *harness, _ *conn.Conn) { shutDown(h) }, told: []string{"open", "a", "b"}, code: conn.StatusGoingAway},
	} {
		t.Run(name, func(t *testing.T) {
			withDrivers(t, func(t *testing.T, h *harness) {
				r := newRecord()
				e := r.events(nil)
				e.Open = func(_ context.Context, c *conn.Conn) {
					r.told <- "open"
					if at.open != nil {
						at.open(h, c)
					}
				}
				near, far := wstest.Pipe(0)
				peer := wstest.NewPeer(t, far, h.peer())
				peer.Send(text("a"), text("b"))
				made := func(c *conn.Conn) {
					if at.made != nil {
						at.made(h, c)
					}
				}
				h.attachOpening(near, &Opening{Context: t.Context(), Events: e, Made: made})
				if f, err := peer.TryReceive(); err == nil {
					peer.Send(f)
					peer.Conn().Close()
				}
				err := <-r.closed
				require.Equal(t, append(at.told, "close"), r.all())
				if at.code == 0 {
					require.ErrorContains(t, err, "oh no")
					return
				}
				var end *conn.CloseError
				require.True(t, errors.As(err, &end))
				require.Equal(t, at.code, end.Code)
			})
		})
	}
}

// TestAPanicOfWhoIsToldOfAConnectionLeavesNothing: nobody gets the connection, so that nobody else would end it.
func TestAPanicOfWhoIsToldOfAConnectionLeavesNothing(t *testing.T) {
	withDrivers(t, func(t *testing.T, h *harness) {
		r := newRecord()
		near, far := wstest.Pipe(0)
		require.PanicsWithValue(t, "oh no", func() {
			h.attachOpening(near, &Opening{Context: t.Context(), Events: r.events(nil), Made: func(*conn.Conn) { panic("oh no") }})
		})
		_, err := far.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		require.NoError(t, h.loop.Shutdown(t.Context()), "there is nothing to wait for")
		require.Empty(t, r.all())
	})
}
