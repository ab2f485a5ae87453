package bridge

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
	"github.com/seed60239977/websocket/cmd/ws/internal/clitest"
	"github.com/seed60239977/websocket/internal/wstest"
	"github.com/seed60239977/websocket/websockettest"
)

// serving is a TCP server that serves one connection after another.
func serving(t *testing.T, serve func(c *net.TCPConn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serve(c.(*net.TCPConn))
			c.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}

// tunnel is two bridges: TCP to a WebSocket, and that to the TCP server at an address. It returns where it begins.
func tunnel(t *testing.T, address string, args ...string) string {
	t.Helper()
	_, url := clitest.Listening(t, Command(), nil, append(args, "ws-listen:127.0.0.1:0/deep/path", "tcp:"+address)...)
	require.True(t, strings.HasSuffix(url, "/deep/path"), url)
	_, near := clitest.Listening(t, Command(), nil, append(args, "tcp-listen:127.0.0.1:0", url)...)
	return strings.TrimPrefix(near, "tcp:")
}

func dialTCP(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

func TestOneDirectionMayEndBeforeTheOther(t *testing.T) {
	sum := strings.Repeat("0123456789abcdef", 1<<16)
	t.Run("the client's", func(t *testing.T) {
		address := tunnel(t, serving(t, func(c *net.TCPConn) {
			all, _ := io.ReadAll(c) // until the end of that direction
			c.Write(all)
		}))
		for range 3 {
			c := dialTCP(t, address)
			go func() {
				io.WriteString(c, sum)
				c.CloseWrite()
			}()
			got, err := io.ReadAll(c)
			require.NoError(t, err)
			require.Equal(t, sum, string(got))
		}
	})
	t.Run("the server's", func(t *testing.T) {
		heard := make(chan string, 1)
		address := tunnel(t, serving(t, func(c *net.TCPConn) {
			io.WriteString(c, sum)
			c.CloseWrite()
			all, _ := io.ReadAll(c)
			heard <- string(all)
		}))
		c := dialTCP(t, address)
		got, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Equal(t, sum, string(got))
		_, err = io.WriteString(c, sum)
		require.NoError(t, err)
		c.CloseWrite()
		require.Equal(t, sum, <-heard)
	})
}

func TestABrokenConnectionIsBrokenOnTheOtherSide(t *testing.T) {
	broken := func(c *net.TCPConn) {
		io.ReadFull(c, make([]byte, 1))
		c.SetLinger(0) // closing resets it
	}
	for _, args := range [][]string{nil, {"-no-half-close"}} {
		c := dialTCP(t, tunnel(t, serving(t, broken), args...))
		_, err := io.WriteString(c, "x")
		require.NoError(t, err)
		_, err = io.ReadAll(c)
		require.Error(t, err, "not the end of what there was")
	}
}

func TestAServerThatCannotBeReachedIsABadGateway(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l.Close()
	r, url := clitest.Listening(t, Command(), nil, "ws-listen:127.0.0.1:0", "tcp:"+l.Addr().String())
	c, _, err := websocket.Dial(t.Context(), url, nil)
	require.NoError(t, err)
	_, _, err = c.Read(t.Context())
	require.Equal(t, websocket.StatusBadGateway, websocket.CloseStatus(err))
	r.Stderr.Line("refused")
}

func TestUnixSocketsAreJoined(t *testing.T) {
	_, url := clitest.Listening(t, Command(), nil, "ws-listen:127.0.0.1:0", "tcp:"+serving(t, func(c *net.TCPConn) { io.Copy(c, c) }))
	path := wstest.SocketPath(t)
	clitest.Listening(t, Command(), nil, "-v", url, "unix-listen:"+path) // in either order
	c, err := net.Dial("unix", path)
	require.NoError(t, err)
	defer c.Close()
	io.WriteString(c, "through")
	c.(*net.UnixConn).CloseWrite()
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "through", string(got))
}

func TestStandardInputAndOutputAreJoined(t *testing.T) {
	// The server knows nothing of half-closing: it ends when it has answered.
	s := clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
		for range 2 {
			typ, data, _ := c.Read(ctx)
			c.Write(ctx, typ, append([]byte(typ.String()+" "), data...))
		}
		c.Close(websocket.StatusNormalClosure, "")
	})
	got := clitest.Run(t.Context(), Command(), clitest.Words("a\nb\n"), "-text", "-linger", "1h", "-", s.WS())
	require.Equal(t, clitest.Outcome{Stdout: "text a\ntext b\n"}, got)

	s = clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) { c.Close(4001, "no") })
	stdin, _ := io.Pipe()
	got = clitest.Run(t.Context(), Command(), stdin, "-", s.WS())
	require.Equal(t, 4, got.Status, got.Stderr)
}

func TestAConnectionThatCannotEndInOneDirectionIsClosedWhenNothingComes(t *testing.T) {
	ended := make(chan error, 1)
	s := clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
		_, data, _ := c.Read(ctx)
		_, _, err := c.Read(ctx)
		ended <- errors.Join(err, errors.New(string(data)))
	})
	got := clitest.Run(t.Context(), Command(), clitest.Words("said"), "-linger", "1ms", "-", s.WS())
	require.Equal(t, clitest.Outcome{}, got)
	err := <-ended
	require.Equal(t, websocket.StatusNormalClosure, websocket.CloseStatus(err))
	require.ErrorContains(t, err, "said")
}

func TestTwoWebSocketsPassMessagesAndClosesOn(t *testing.T) {
	far := clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
		for range 2 {
			typ, data, _ := c.Read(ctx)
			c.Write(ctx, typ, data)
		}
		c.Close(4321, "reason")
	})
	_, url := clitest.Listening(t, Command(), nil, "ws-listen:127.0.0.1:0", far.WS())
	c, _, err := websocket.Dial(t.Context(), url, nil)
	require.NoError(t, err)
	defer c.CloseNow()
	for _, typ := range []websocket.MessageType{websocket.Text, websocket.Binary} {
		require.NoError(t, c.Write(t.Context(), typ, []byte("x")))
		got, data, err := c.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, typ, got)
		require.Equal(t, "x", string(data))
	}
	_, _, err = c.Read(t.Context())
	var end *websocket.CloseError
	require.ErrorAs(t, err, &end)
	require.Equal(t, websocket.StatusCode(4321), end.Code)
	require.Equal(t, "reason", end.Reason)
}

func TestTwoWebSocketsAreBothEndedWhenTheBridgeIs(t *testing.T) {
	ended := make(chan error, 1)
	far := clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
		c.Write(ctx, websocket.Text, []byte("here"))
		_, _, err := c.Read(ctx)
		ended <- err
	})
	r, url := clitest.Listening(t, Command(), nil, "ws-listen:127.0.0.1:0", far.WS())
	c, _, err := websocket.Dial(t.Context(), url, nil)
	require.NoError(t, err)
	defer c.CloseNow()
	_, _, err = c.Read(t.Context())
	require.NoError(t, err)
	r.Stop()
	_, _, err = c.Read(t.Context())
	require.Equal(t, websocket.StatusGoingAway, websocket.CloseStatus(err))
	require.Equal(t, websocket.StatusGoingAway, websocket.CloseStatus(<-ended), "and the other side, which nobody had closed")
	require.Equal(t, 0, r.Wait())
}

func TestALostWebSocketEndsTheOtherOne(t *testing.T) {
	ended := make(chan error, 1)
	far := clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
		_, _, err := c.Read(ctx)
		ended <- err
	})
	r, url := clitest.Listening(t, Command(), nil, "ws-listen:127.0.0.1:0", far.WS())
	c, _, err := websocket.Dial(t.Context(), url, nil)
	require.NoError(t, err)
	c.NetConn().(*net.TCPConn).SetLinger(0) // closing resets it
	c.NetConn().Close()
	require.Equal(t, websocket.StatusInternalError, websocket.CloseStatus(<-ended))
	r.Stderr.Line("1006")
}

func TestTheExitStatusIsHowTheWebSocketsHaveEnded(t *testing.T) {
	closing := func(code websocket.StatusCode) *clitest.Server {
		return clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) { c.Close(code, "") })
	}
	waiting := clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) { c.Read(ctx) })
	for code, want := range map[websocket.StatusCode]int{1000: 0, 1001: 0, 1011: 111, 4321: 4} {
		got := clitest.Run(t.Context(), Command(), clitest.Words(""), closing(code).WS(), waiting.WS())
		require.Equal(t, want, got.Status, "%v: %s", code, got.Stderr)
	}
}

func TestABrowserThatClosesWithoutACodeHasEndedInGoodOrder(t *testing.T) {
	heard := make(chan error, 1)
	_, url := clitest.Listening(t, Command(), nil, "ws-listen:127.0.0.1:0", "tcp:"+serving(t, func(c *net.TCPConn) {
		_, err := io.ReadAll(c)
		heard <- err
	}))
	c, _, err := websocket.Dial(t.Context(), url, nil)
	require.NoError(t, err)
	c.Close(websocket.StatusNoStatus, "")
	require.NoError(t, <-heard, "the end, and no reset")
}

func TestInterruptingGoesAway(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	s := clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
		c.Read(ctx)
		interrupt()
		_, _, err := c.Read(ctx)
		ended <- err
	})
	stdin, typed := io.Pipe()
	go io.WriteString(typed, "x")
	require.Equal(t, clitest.Outcome{}, clitest.Run(ctx, Command(), stdin, "-", s.WS()))
	require.Equal(t, websocket.StatusGoingAway, websocket.CloseStatus(<-ended))
}

// TestASlowEndSlowsTheOtherOneDown runs in fake time, where it can be seen that nothing moves.
func TestASlowEndSlowsTheOtherOneDown(t *testing.T) {
	for _, towards := range []string{"socket", "stream"} {
		t.Run(towards, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const total = 4 << 20
				client, server := websockettest.Pair(t, nil)
				near, far := websockettest.Pipe(0)
				o := &options{linger: time.Second}
				joined := make(chan error, 1)
				client.SetReadLimit(-1)
				go func() { joined <- o.join(t.Context(), &stream{Conn: near}, newSocket(client, false, time.Second)) }()
				var taken atomic.Int64
				written := make(chan error, 1)
				go func() {
					var err error
					piece := make([]byte, 1<<16)
					for n := 0; n < total && err == nil; n += len(piece) {
						if towards == "socket" {
							_, err = far.Write(piece)
						} else {
							err = server.Write(t.Context(), websocket.Binary, piece)
						}
						taken.Add(int64(len(piece)))
					}
					written <- err
				}()
				synctest.Wait() // nothing moves any more
				require.Less(t, taken.Load(), int64(total/4), "what nobody reads is not taken")
				for got := 0; got < total; {
					if towards == "socket" {
						_, data, err := server.Read(t.Context())
						require.NoError(t, err)
						got += len(data)
					} else {
						n, err := far.Read(make([]byte, 1<<16))
						require.NoError(t, err)
						got += n
					}
				}
				require.NoError(t, <-written)
				go func() {
					for {
						if _, _, err := server.Read(t.Context()); err != nil {
							return
						}
					}
				}()
				far.Close()
				require.NoError(t, <-joined)
			})
		})
	}
}

func TestOneClientIsServedIfAskedFor(t *testing.T) {
	for _, listen := range []string{"ws-listen:127.0.0.1:0", "tcp-listen:127.0.0.1:0"} {
		r := clitest.Start(t, Command(), clitest.Words("for the first"), "-once", listen, "-")
		url := strings.TrimPrefix(r.Stderr.Line("listening on "), "listening on ")
		got := clitest.Run(t.Context(), Command(), clitest.Words("from it"), "-", url)
		require.Equal(t, clitest.Outcome{Stdout: "for the first"}, got)
		require.Equal(t, 0, r.Wait(), r.Stderr.String())
		require.Equal(t, "from it", r.Stdout.String())
	}
}

func TestTheStatusIsThatOfTheOneClient(t *testing.T) {
	stdin, typed := io.Pipe()
	go io.WriteString(typed, "x")
	r := clitest.Start(t, Command(), stdin, "-once", "-", "ws-listen:127.0.0.1:0")
	url := strings.TrimPrefix(r.Stderr.Line("listening on "), "listening on ")
	c, _, err := websocket.Dial(t.Context(), url, nil)
	require.NoError(t, err)
	defer c.CloseNow()
	_, data, err := c.Read(t.Context()) // it is served now, and no other one will be
	require.NoError(t, err)
	require.Equal(t, "x", string(data))
	other, _, err := websocket.Dial(t.Context(), url, nil)
	require.NoError(t, err)
	_, _, err = other.Read(t.Context())
	require.Equal(t, websocket.StatusTryAgainLater, websocket.CloseStatus(err))
	c.Close(4321, "")
	require.Equal(t, 4, r.Wait())

	r = clitest.Start(t, Command(), stdin, "-once", "-", "tcp-listen:127.0.0.1:0")
	r.Stderr.Line("listening on ")
	r.Stop()
	require.Equal(t, 0, r.Wait(), "interrupted")
}

func TestWrongCommandLinesAreExplained(t *testing.T) {
	for _, c := range []struct {
		args      []string
		status    int
		says, try string
	}{
		{[]string{"-"}, cli.StatusUsage, "B is missing", "ws bridge"},
		{[]string{"-", "-"}, cli.StatusUsage, "both of them", "cat"},
		{[]string{"-", "nonsense"}, cli.StatusUsage, `"nonsense"`, "ws://"},
		{[]string{"-", "udp:a:1"}, cli.StatusUsage, `"udp:a:1"`, "ws://"},
		{[]string{"-", "exec-listen:cat"}, cli.StatusUsage, `"exec-listen:cat"`, "exec:COMMAND"},
		{[]string{"-", "ws:a:1"}, cli.StatusUsage, `"ws:a:1"`, "ws://"},
		{[]string{"-", "tcp-listen:0"}, cli.StatusUsage, "standard input", "-once, or ws listen -talk"},
		{[]string{"ws-listen:0", "tcp-listen:0"}, cli.StatusUsage, "wait for clients", "one that dials"},
		{[]string{"-linger", "0s", "-", "ws://a"}, cli.StatusUsage, "-linger", "-linger 5s"},
		{[]string{"-", "ws+unix:"}, cli.StatusUsage, "no path", "ws+unix"},
		{[]string{"-", "unix:no/such/socket"}, cli.StatusFailed, "no such file", "whether the server runs"},
		{[]string{"tcp-listen:nowhere:port", "ws://a"}, cli.StatusFailed, "", "localhost:8080"},
	} {
		got := clitest.Run(t.Context(), Command(), clitest.Words(""), c.args...)
		clitest.RequireTry(t, got, c.status, c.says, c.try)
	}
}
