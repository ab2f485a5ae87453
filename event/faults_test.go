package event

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

var errFault = errors.New("fault on demand")

// faultyStream fails its nth read or write, and all that follow.
type faultyStream struct {
	memoryStream
	reads, writes int // until the fault; negative: never
	failed        bool
}

func (f *faultyStream) TryRead(p []byte) (int, error) {
	if f.reads--; f.reads == 0 {
		f.failed = true
	}
	if f.failed {
		return 0, errFault
	}
	return f.memoryStream.TryRead(p[:1]) // every byte is a read of its own
}

func (f *faultyStream) TryWrite(p, more []byte) (int, error) {
	if f.writes--; f.writes == 0 {
		f.failed = true
	}
	if f.failed {
		return 0, errFault
	}
	if len(p) == 0 {
		p = more
	}
	return f.memoryStream.TryWrite(p[:min(1, len(p))], nil)
}

// TestEveryReadAndWriteMayFail: whichever it is, the connection ends once, with the fault as its cause or in good order, and leaves
// nothing behind.
func TestEveryReadAndWriteMayFail(t *testing.T) {
	for _, role := range []frame.Role{frame.Server, frame.Client} {
		for _, writes := range []bool{false, true} {
			failed := true
			for n := 1; failed; n++ {
				synctest.Test(t, func(t *testing.T) {
					failed = failNth(t, role, writes, n)
				})
			}
		}
	}
}

// failNth runs a session in which the nth read or write fails, and reports whether there was one.
func failNth(t *testing.T, role frame.Role, writes bool, n int) bool {
	l := newLoop(&Options{}, []poller{newMemoryPoller()})
	near, far := wstest.Pipe(0)
	s := &faultyStream{memoryStream: memoryStream{End: near}, reads: -1, writes: -1}
	if writes {
		s.writes = n
	} else {
		s.reads = n
	}
	r := newRecord()
	c, err := newSocketFor(l.shard(), s).attach(role, &Opening{Context: t.Context(), Events: r.events(echo)})
	require.NoError(t, err)
	peerRole := frame.Client
	if role == frame.Client {
		peerRole = frame.Server
	}
	peer := wstest.NewPeer(t, far, peerRole)
	go func() { // all that comes, until the end
		for _, err := peer.TryReceive(); err == nil; _, err = peer.TryReceive() {
		}
	}()
	far.Write(peer.Encode(text("one"), wstest.Whole(frame.Ping, "p"), text("two"), wstest.CloseFrame(frame.StatusNormalClosure, "")))
	synctest.Wait()
	far.CloseWrite()
	<-c.Done()
	require.NoError(t, l.Shutdown(t.Context()))
	told := r.all()
	require.Equal(t, []string{"open", "close"}, []string{told[0], told[len(told)-1]})
	require.Len(t, r.closed, 1)
	var e *conn.CloseError
	require.ErrorAs(t, c.Err(), &e)
	if s.failed && !writes && !e.WasClean {
		require.ErrorIs(t, e, errFault)
	}
	far.Close()
	return s.failed
}
