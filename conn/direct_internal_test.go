//go:build unix && !websocket_portable

package conn

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
)

// TestALongWriteThatIsCutBehindAPreparedMessage: what is left of both is gathered in one place, which is not the memory
// that others send from.
func TestALongWriteThatIsCutBehindAPreparedMessage(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	server, err := l.Accept()
	require.NoError(t, err)
	require.NoError(t, server.SetWriteDeadline(time.Now().Add(100*time.Millisecond)))
	filling := 0 // what the system takes
	for n := 1; n > 0; filling += n {
		n, _ = server.Write(make([]byte, 1<<20))
	}
	require.NoError(t, server.SetWriteDeadline(time.Time{}))

	c := Server(server, nil)
	defer c.CloseNow()
	p := Prepare(Text, []byte("prepared"))
	m := p.outgoing()
	_, err = c.accept(&m)
	require.NoError(t, err)
	require.Same(t, &p.plain, c.out.pending)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	payload := bytes.Repeat([]byte("long "), 20<<10)
	require.ErrorIs(t, c.Write(ctx, Binary, payload), context.DeadlineExceeded)
	// Nothing of that one is accepted: it finds the other's rest, and cannot write it in time.
	ctx, cancel = context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, c.Write(ctx, Binary, payload), context.DeadlineExceeded)

	flushed := make(chan error, 1)
	go func() { flushed <- c.Flush(t.Context()) }()
	_, err = io.CopyN(io.Discard, client, int64(filling))
	require.NoError(t, err)
	want := bytes.Clone(p.plain.b)
	want = frame.Header{Fin: true, Opcode: frame.Binary, Length: int64(len(payload))}.Append(want)
	want = append(want, payload...)
	got := make([]byte, len(want))
	_, err = io.ReadFull(client, got)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got))
	require.NoError(t, <-flushed)
	require.Zero(t, c.BufferedAmount())
	require.Equal(t, "prepared", string(p.Message().Data))
}
