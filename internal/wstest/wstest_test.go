package wstest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
)

func TestAPeerSendsAndReceivesFrames(t *testing.T) {
	for _, role := range []frame.Role{frame.Server, frame.Client} {
		synctest.Test(t, func(t *testing.T) {
			near, far := Pipe(0)
			peer, wire := NewPeer(t, far, role), NewPeer(t, near, 1-role)
			frames := []Frame{Whole(frame.Text, "Hello"), Part(frame.Binary, false, ""), CloseFrame(frame.StatusNormalClosure, "bye")}
			peer.Send(frames...)
			wire.Expect(frames...)
			require.NoError(t, peer.Conn().Close())
			wire.ExpectEOF()
			_, err := wire.TryReceive()
			require.ErrorIs(t, err, io.EOF)
		})
	}
}

func TestFaultsHitTheCallTheyAreMeantFor(t *testing.T) {
	near, far := Pipe(0)
	defer far.Close()
	c := Faulty(near,
		Fault{Op: OpRead, N: 2, Err: ErrFault}, Fault{Op: OpRead, N: 3, Short: true},
		Fault{Op: OpWrite, N: 1, Short: true}, Fault{Op: OpWrite, N: 2, Short: true, Err: ErrFault}, Fault{Op: OpWrite, N: 3, Err: ErrFault},
		Fault{Op: OpSetReadDeadline, N: 1, Err: ErrFault}, Fault{Op: OpClose, N: 1, Err: ErrFault},
		Fault{Op: OpCloseWrite, N: 1, Err: ErrFault},
	)
	far.Write([]byte("abcdef"))
	p := make([]byte, 2)
	for _, want := range []struct {
		data string
		err  error
	}{{"ab", nil}, {"", ErrFault}, {"c", nil}, {"de", nil}} {
		n, err := c.Read(p)
		require.ErrorIs(t, err, want.err)
		require.Equal(t, want.data, string(p[:n]))
	}
	for _, want := range []struct {
		n   int
		err error
	}{{2, nil}, {2, ErrFault}, {0, ErrFault}, {4, nil}} {
		n, err := c.Write([]byte("wxyz"))
		require.ErrorIs(t, err, want.err)
		require.Equal(t, want.n, n)
	}
	require.Equal(t, 8, far.Buffered())
	require.ErrorIs(t, c.SetReadDeadline(time.Time{}), ErrFault)
	require.NoError(t, c.SetReadDeadline(time.Time{}))
	require.ErrorIs(t, c.CloseWrite(), ErrFault)
	require.NoError(t, c.CloseWrite())
	require.ErrorIs(t, c.Close(), ErrFault)
	_, err := c.Read(p)
	require.ErrorIs(t, err, net.ErrClosed, "closed whatever Close returned")
	for op, n := range map[Op]int{OpRead: 5, OpWrite: 4, OpSetReadDeadline: 2, OpClose: 1, OpCloseWrite: 2} {
		require.Equal(t, n, c.Calls(op), op)
	}
}

func TestAFaultMayBeADelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := Pipe(0)
		c := Faulty(near, Fault{Op: OpWrite, N: 2, Delay: time.Minute})
		start := time.Now()
		c.Write([]byte("a"))
		require.Zero(t, time.Since(start))
		n, err := c.Write([]byte("b"))
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, time.Minute, time.Since(start))
		require.Equal(t, 2, far.Buffered())
	})
	plain, other := net.Pipe()
	require.ErrorIs(t, Faulty(plain).CloseWrite(), errors.ErrUnsupported)
	other.Close()
}

func TestAStalledWriteEndsWithClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := Pipe(0)
		c := Stall(near, 5)
		n, err := c.Write([]byte("abc"))
		require.NoError(t, err)
		require.Equal(t, 3, n)
		ends := make(chan int, 2)
		for range 2 {
			go func() {
				n, err := c.Write([]byte("defg"))
				assert.ErrorIs(t, err, net.ErrClosed)
				ends <- n
			}()
		}
		<-c.Stalled()
		require.NoError(t, c.SetDeadline(time.Now().Add(time.Second)))
		<-time.After(time.Hour)
		require.Empty(t, ends, "no deadline helps")
		require.NoError(t, c.Close())
		require.NoError(t, c.Close())
		require.Equal(t, 2, <-ends+<-ends)
		got, err := io.ReadAll(far)
		require.NoError(t, err)
		require.Equal(t, "abcde", string(bytes.TrimSpace(got)))
	})
}

func TestWhatIsLeftBehindIsNamed(t *testing.T) {
	before, sockets := goroutines(), openSockets()
	stop := make(chan struct{})
	go func() { <-stop }()
	require.Contains(t, leftBehind(before, sockets, 0), "TestWhatIsLeftBehindIsNamed")
	close(stop)
	require.Empty(t, leftBehind(before, sockets, leakPatience))
	if runtime.GOOS == "linux" {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.Contains(t, leftBehind(goroutines(), sockets, 0), "a socket")
		require.NoError(t, l.Close())
	}
	NoLeaks(t)
}
