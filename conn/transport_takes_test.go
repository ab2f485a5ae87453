package conn

import (
	"context"
	"net"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/wstest"
)

// TestWhoWritesToATLSConn: a tls.Conn does not survive a write that is cut. So a write under a context that can end is done by
// another goroutine, which the caller need not wait for, unless the socket below takes the bytes at once.
func TestWhoWritesToATLSConn(t *testing.T) {
	for name, test := range map[string]struct {
		takes  func(n int) bool
		opened bool // the TLS handshake is over
		caller bool // the caller itself writes
	}{
		"cannot be asked":    {nil, true, false},
		"has no room":        {func(int) bool { return false }, true, false},
		"has room":           {func(int) bool { return true }, true, true},
		"has room for that":  {func(n int) bool { return n == 2+5 }, true, true},
		"handshake not over": {func(int) bool { return true }, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := wstest.Pipe(1) // of which each byte is waited for
				defer far.Close()
				c := Server(struct{ *wstest.End }{near}, nil, nil)
				defer c.CloseNow()
				p := &portable{nc: near, takes: test.takes}
				p.opened.Store(test.opened)
				c.transport = p

				ctx, cancel := context.WithCancel(t.Context())
				result := make(chan error, 1)
				go func() { result <- c.Write(ctx, Text, []byte("hello")) }()
				synctest.Wait()
				cancel()
				synctest.Wait()
				require.Equal(t, test.caller, len(result) == 0, "the caller is not free")
				got := make([]byte, 7)
				for n := 0; n < len(got); {
					k, err := far.Read(got[n:])
					require.NoError(t, err)
					n += k
				}
				require.Equal(t, "\x81\x05hello", string(got), "it goes out either way")
				if err := <-result; test.caller {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, context.Canceled)
				}
				synctest.Wait()
				require.True(t, p.opened.Load(), "what was written shows that the handshake is over")
			})
		})
	}
}

// TestAPeerThatIsReadFromHasOpened: whoever answers a request need not have written before.
func TestAPeerThatIsReadFromHasOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := wstest.Pipe(10)
		defer near.Close()
		defer far.Close()
		p := &portable{nc: near, takes: func(int) bool { return true }}
		require.False(t, p.opened.Load())
		_, err := far.Write([]byte("x"))
		require.NoError(t, err)
		require.NoError(t, p.read(&readBuffer{}))
		require.True(t, p.opened.Load())
	})
}

// TestATLSConnSaysGoodbyeWhereThatNeedNotWait: also if the connection does not end cleanly.
func TestATLSConnSaysGoodbyeWhereThatNeedNotWait(t *testing.T) {
	for name, test := range map[string]struct {
		takes func(n int) bool
		says  bool
	}{
		"cannot be asked": {nil, false},
		"has no room":     {func(int) bool { return false }, false},
		"has room":        {func(int) bool { return true }, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := wstest.Pipe(wstest.PipeBuffer)
				_, server := wstest.TLSOver(t, far, near)
				c := Server(server, nil, nil)
				p := &portable{nc: server, takes: test.takes}
				p.opened.Store(true)
				c.transport = p
				before := far.Buffered() // tickets of TLS
				require.NoError(t, c.CloseNow())
				require.Equal(t, test.says, far.Buffered() > before)
				_, err := near.Write(nil)
				require.ErrorIs(t, err, net.ErrClosed, "and it is closed")
			})
		})
	}
}
