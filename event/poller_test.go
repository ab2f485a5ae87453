package event

import (
	"errors"
	"io"
	"log"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// fullPoller has no room for sockets once it is full.
type fullPoller struct {
	*memoryPoller
	full    atomic.Bool
	removed atomic.Bool // the listener
}

var errFull = errors.New("no space left")

func (p *fullPoller) Add(s stream, token uint64) error {
	if p.full.Load() {
		return errFull
	}
	p.removed.Store(false)
	return p.memoryPoller.Add(s, token)
}

func (p *fullPoller) Remove(s stream) {
	p.removed.Store(true)
	p.memoryPoller.Remove(s)
}

func TestASocketThatCannotBeWaitedForIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged strings.Builder
		p := &fullPoller{memoryPoller: newMemoryPoller()}
		l := newLoop(&Options{ErrorLog: log.New(&logged, "", 0)}, []poller{p})
		ln := newMemoryListener(0)
		served := make(chan error, 1)
		go func() { served <- l.listen(closer{}, ln, 0, &knock{}) }()
		synctest.Wait()
		p.full.Store(true)

		_, err := ln.dial().Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		synctest.Wait()
		require.Equal(t, "websocket: cannot wait for a connection: no space left\n", logged.String())

		near, far := wstest.Pipe(0)
		_, err = newSocketFor(l.shard(), &memoryStream{End: near}).attach(frame.Server, &Opening{Context: t.Context(), Events: &Events{}})
		require.ErrorIs(t, err, errFull)
		_, err = far.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)

		require.ErrorIs(t, l.listen(closer{}, newMemoryListener(0), 0, &knock{}), errFull)
		require.NoError(t, l.Shutdown(t.Context()))
		require.ErrorIs(t, <-served, ErrLoopClosed)
	})
}
