package browser

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
	"github.com/seed60239977/websocket/protocol"
)

// result is what a call returned.
type result struct {
	n   int
	err error
}

// begin calls f on a goroutine of its own.
func begin(f func() (int, error)) <-chan result {
	done := make(chan result, 1)
	go func() {
		n, err := f()
		done <- result{n, err}
	}()
	return done
}

func TestAReadWaitsForAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := open()
		p := make([]byte, 100)
		read := func() (int, error) { return c.Read(p) }
		waits := begin(read)
		synctest.Wait()
		require.Empty(t, waits)
		c.Message(true, bytes("x"))
		require.Equal(t, result{3, nil}, <-waits)

		waits = begin(read)
		synctest.Wait()
		c.Closed(1006, "")
		require.Equal(t, result{0, io.EOF}, <-waits)
		n, err := c.Read(nil)
		require.Equal(t, result{0, nil}, result{n, err})
	})
}

func TestAWriteWaitsWhileTheBrowserHasMuchToSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := open()
		text := masked(wstest.Whole(frame.Text, "x"))
		write := func() (int, error) { return c.Write(text) }
		f.buffer(maxBuffered)
		require.Equal(t, result{len(text), nil}, <-begin(write))
		f.buffer(maxBuffered + 1)
		waits := begin(write)
		<-time.After(time.Minute)
		require.Empty(t, waits)
		require.Len(t, f.did(), 1)
		f.buffer(0)
		start := time.Now()
		require.Equal(t, result{len(text), nil}, <-waits)
		require.LessOrEqual(t, time.Since(start), lastLook)
		require.Len(t, f.did(), 2)
	})
}

func TestADeadlineCutsACallAndNotTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := open()
		f.buffer(maxBuffered + 1)
		text := masked(wstest.Whole(frame.Text, "x"))
		for range 2 {
			require.NoError(t, c.SetDeadline(time.Now().Add(time.Second)))
			start := time.Now()
			reads := begin(func() (int, error) { return c.Read(make([]byte, 9)) })
			_, err := c.Write(text)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.ErrorIs(t, (<-reads).err, os.ErrDeadlineExceeded)
			require.Equal(t, time.Second, time.Since(start))
		}
		waits := begin(func() (int, error) { return c.Read(make([]byte, 9)) })
		require.ErrorIs(t, (<-waits).err, os.ErrDeadlineExceeded, "it has passed")
		require.NoError(t, c.SetReadDeadline(time.Time{}))
		waits = begin(func() (int, error) { return c.Read(make([]byte, 9)) })
		synctest.Wait()
		require.NoError(t, c.SetReadDeadline(time.Unix(1, 0)))
		require.ErrorIs(t, (<-waits).err, os.ErrDeadlineExceeded, "it was moved to the past")
		require.NoError(t, c.SetDeadline(time.Time{}))
		f.buffer(0)
		n, err := c.Write(text)
		require.Equal(t, result{len(text), nil}, result{n, err})
		require.Equal(t, []call{{"text", "x", 0}}, f.did())
	})
}

func TestCloseEndsAllCallsAndLeavesTheBrowserAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := open()
		f.buffer(maxBuffered + 1)
		require.NoError(t, c.SetDeadline(time.Now().Add(time.Hour)))
		reads := begin(func() (int, error) { return c.Read(make([]byte, 9)) })
		writes := begin(func() (int, error) { return c.Write(masked(wstest.Whole(frame.Text, "x"))) })
		synctest.Wait()
		require.NoError(t, c.Close())
		require.NoError(t, c.Close())
		require.ErrorIs(t, (<-reads).err, net.ErrClosed)
		require.ErrorIs(t, (<-writes).err, net.ErrClosed)
		require.ErrorIs(t, c.SetReadDeadline(time.Now()), net.ErrClosed)
		c.Message(true, bytes("late"))
		c.Closed(1000, "")
		_, err := c.Read(make([]byte, 9))
		require.ErrorIs(t, err, net.ErrClosed)
		require.Equal(t, []call{{do: "abandon"}}, f.did(), "once")
		require.Equal(t, []string{"websocket", "here", "there:80"}, []string{c.LocalAddr().Network(), c.LocalAddr().String(), c.RemoteAddr().String()})
	})
}

func TestAWriteEndsWithTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := open()
		f.buffer(maxBuffered + 1)
		waits := begin(func() (int, error) { return c.Write(masked(wstest.Whole(frame.Text, "x"))) })
		synctest.Wait()
		c.Closed(1001, "")
		require.Equal(t, result{0, errGone}, <-waits)
		n, err := c.Write(masked(wstest.CloseFrame(1001, "")))
		require.NoError(t, err, "the browser has answered")
		require.Equal(t, 8, n)
		require.Empty(t, f.did())
	})
}

// What follows has a conn.Conn on top, as programs have.

func TestAConnOverABrowser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc, f := open()
		c := conn.Client(nc, &conn.Negotiated{Subprotocol: "chat"}, &conn.Config{FragmentSize: 2})
		require.Equal(t, "chat", c.Subprotocol())
		require.NoError(t, c.Write(t.Context(), conn.Text, []byte("one")))
		require.NoError(t, c.Send(conn.Binary, []byte("two")))
		w, err := c.Writer(t.Context(), conn.Text)
		require.NoError(t, err)
		_, err = io.WriteString(w, "in fragments")
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.NoError(t, c.Flush(t.Context()))
		require.Equal(t, []call{{"text", "one", 0}, {"binary", "two", 0}, {"text", "in fragments", 0}}, f.did())

		nc.Message(false, bytes("\x01"))
		typ, data, err := c.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, conn.Binary, typ)
		require.Equal(t, []byte{1}, data)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, err = c.Read(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		nc.Message(true, bytes("after that"))
		_, data, err = c.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "after that", string(data))

		closes := begin(func() (int, error) { return 0, c.Close(3001, "done") })
		synctest.Wait()
		require.Equal(t, conn.StateClosing, c.State())
		require.Equal(t, call{"close", "done", 3001}, f.did()[3])
		nc.Closed(3001, "done")
		require.NoError(t, (<-closes).err)
		synctest.Wait()
		require.Equal(t, call{do: "abandon"}, f.did()[4])
		require.Equal(t, &conn.CloseError{Code: 3001, Reason: "done", WasClean: true}, withoutCause(c.Err()))
	})
}

// withoutCause returns how a connection ended, without what only its package sees.
func withoutCause(err error) *conn.CloseError {
	e, _ := errors.AsType[*conn.CloseError](err)
	return &conn.CloseError{Code: e.Code, Reason: e.Reason, Remote: e.Remote, WasClean: e.WasClean, Err: e.Err}
}

func TestAConnSaysWhatTheBrowserDidNotSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc, f := open()
		c := conn.Client(nc, nil, nil)
		defer c.CloseNow()
		f.refusal = errors.New("not today")
		for _, ctx := range []context.Context{t.Context(), context.Background()} {
			err := c.Write(ctx, conn.Text, []byte("x"))
			require.ErrorAs(t, err, new(*conn.WriteError))
			require.ErrorIs(t, err, f.refusal)
		}
	})
}

func TestHowAConnOverABrowserEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		happens func(t *testing.T, nc *Conn, f *fake, c *conn.Conn)
		want    conn.CloseError
		err     error
		did     []call
	}{
		"the peer closes": {
			happens: func(_ *testing.T, nc *Conn, _ *fake, _ *conn.Conn) { nc.Closed(1001, "going") },
			want:    conn.CloseError{Code: 1001, Reason: "going", Remote: true, WasClean: true},
			did:     []call{{do: "abandon"}},
		},
		"the peer closes without a code": {
			happens: func(_ *testing.T, nc *Conn, _ *fake, _ *conn.Conn) { nc.Closed(1005, "") },
			want:    conn.CloseError{Code: 1005, Remote: true, WasClean: true},
			did:     []call{{do: "abandon"}},
		},
		"the network breaks": {
			happens: func(_ *testing.T, nc *Conn, _ *fake, _ *conn.Conn) { nc.Closed(1006, "") },
			want:    conn.CloseError{Code: 1006, Remote: true},
			err:     protocol.ErrPeerVanished,
			did:     []call{{do: "abandon"}},
		},
		"a message is too big": {
			happens: func(_ *testing.T, nc *Conn, f *fake, _ *conn.Conn) {
				nc.Message(true, bytes("too long"))
				synctest.Wait()
				nc.Closed(1005, "") // the peer echoes what it got
			},
			want: conn.CloseError{Code: 1009},
			err:  conn.ErrMessageTooBig,
			did:  []call{{do: "close", code: 1005}, {do: "abandon"}},
		},
		"CloseNow": {
			happens: func(t *testing.T, _ *Conn, _ *fake, c *conn.Conn) { require.NoError(t, c.CloseNow()) },
			want:    conn.CloseError{Code: 1006},
			err:     conn.ErrClosedNow,
			did:     []call{{do: "abandon"}},
		},
		"the browser never ends the handshake": {
			happens: func(t *testing.T, _ *Conn, _ *fake, c *conn.Conn) {
				require.ErrorIs(t, c.Close(1000, ""), conn.ErrCloseTimeout)
			},
			want: conn.CloseError{Code: 1006},
			err:  conn.ErrCloseTimeout,
			did:  []call{{do: "close", code: 1000}, {do: "abandon"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nc, f := open()
				c := conn.Client(nc, nil, &conn.Config{ReadLimit: 5})
				reads := begin(func() (int, error) {
					_, _, err := c.Read(t.Context())
					return 0, err
				})
				synctest.Wait()
				tc.happens(t, nc, f, c)
				err := (<-reads).err
				synctest.Wait()
				got := withoutCause(err)
				if tc.err != nil {
					require.ErrorIs(t, got.Err, tc.err)
				}
				got.Err = nil
				require.Equal(t, &tc.want, got)
				require.Equal(t, tc.did, f.did())
			})
		})
	}
}
