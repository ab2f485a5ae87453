//go:build unix && !websocket_portable

package conn

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
)

// socketPair returns two ends of a socket. What is written to one and not read from the other fills it at a size that its
// system knows at once: unlike TCP it has no buffers that grow while somebody waits.
func socketPair(t *testing.T) (near, far *net.UnixConn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	end := func(fd int) *net.UnixConn {
		f := os.NewFile(uintptr(fd), "socket")
		defer f.Close()
		nc, err := net.FileConn(f)
		require.NoError(t, err)
		t.Cleanup(func() { nc.Close() })
		return nc.(*net.UnixConn)
	}
	return end(fds[0]), end(fds[1])
}

// fill writes to nc until it takes not one byte more, and returns how many it took.
func fill(t *testing.T, nc *net.UnixConn) (taken int) {
	t.Helper()
	raw, err := nc.SyscallConn()
	require.NoError(t, err)
	var errno error
	require.NoError(t, raw.Write(func(fd uintptr) bool {
		for piece := make([]byte, 64<<10); len(piece) > 0; {
			var n int
			switch n, errno = syscall.Write(int(fd), piece); errno {
			case nil:
				taken += n
			case syscall.EINTR:
			case syscall.EAGAIN:
				piece = piece[:len(piece)/2]
			default:
				return true
			}
		}
		return true
	}))
	require.ErrorIs(t, errno, syscall.EAGAIN)
	return taken
}

// TestALongWriteThatIsCutBehindAPreparedMessage: what is left of both is gathered in one place, which is not the memory
// that others send from.
func TestALongWriteThatIsCutBehindAPreparedMessage(t *testing.T) {
	server, client := socketPair(t)
	filling := fill(t, server)
	c := Server(server, nil, nil)
	defer c.CloseNow()
	p := Prepare(Text, []byte("prepared"))
	c.out.mu.Lock()
	require.NoError(t, c.accept(&outgoing{typ: p.typ, fin: true, payload: p.plain.Payload(), prepared: p}))
	c.out.mu.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	payload := bytes.Repeat([]byte("long "), 20<<10)
	written := make(chan error, 1)
	go func() { written <- c.Write(ctx, Binary, payload) }()
	for c.BufferedAmount() < int64(len(payload)) { // until it is accepted
		runtime.Gosched()
	}
	cancel()
	require.ErrorIs(t, <-written, context.Canceled)
	// Nothing of this one is accepted: it finds the other's rest, and cannot write that.
	ctx, cancel = context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, c.Write(ctx, Binary, payload), context.DeadlineExceeded)

	flushed := make(chan error, 1)
	go func() { flushed <- c.Flush(t.Context()) }()
	_, err := io.CopyN(io.Discard, client, int64(filling))
	require.NoError(t, err)
	want := append([]byte{0x81, 8}, "prepared"...)
	want = (&frame.Header{Fin: true, Opcode: frame.Binary, Length: int64(len(payload))}).Append(want)
	want = append(want, payload...)
	got := make([]byte, len(want))
	_, err = io.ReadFull(client, got)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got))
	require.NoError(t, <-flushed)
	require.Zero(t, c.BufferedAmount())
	require.Equal(t, "prepared", string(p.Message().Data))
}
