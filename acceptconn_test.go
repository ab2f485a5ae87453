package websocket

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/handshake"
	"github.com/seed60239977/websocket/internal/wstest"
)

// accepted is what AcceptConn returned.
type accepted struct {
	c   *Conn
	r   *http.Request
	err error
}

// acceptConn calls AcceptConn on one end of a pipe and returns the other end.
func acceptConn(ctx context.Context, o *AcceptOptions) (client *wstest.End, server *watched, result chan accepted) {
	client, near := wstest.Pipe(0)
	server = &watched{Conn: near}
	result = make(chan accepted, 1)
	go func() {
		c, r, err := AcceptConn(ctx, server, o)
		result <- accepted{c, r, err}
	}()
	return client, server, result
}

func TestAcceptConnServesAClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, result := acceptConn(t.Context(), &AcceptOptions{Subprotocols: []string{"b"}, Header: http.Header{"Server": {"x"}}})
		io.WriteString(client, upgradeRequest("Sec-WebSocket-Protocol: a, b", "Origin: http://server.example"))
		head := readHead(t, client)
		require.Equal(t, strings.TrimSuffix(upgraded, "\r\n")+"Sec-WebSocket-Protocol: b\r\nServer: x\r\n\r\n", head)
		got := <-result
		require.NoError(t, got.err)
		defer got.c.CloseNow()
		require.Equal(t, "b", got.c.Subprotocol())
		require.Equal(t, "/chat", got.r.URL.Path)
		require.Equal(t, "server.example", got.r.Host)
		require.Equal(t, "pipe", got.r.RemoteAddr)
		require.Equal(t, t.Context(), got.r.Context())
		require.Nil(t, got.r.TLS)
		deadline, _, closed := server.seen()
		require.Zero(t, deadline)
		require.Zero(t, closed)

		go echo(t.Context(), got.c)
		peer := wstest.NewPeer(t, client, frame.Client)
		peer.Send(wstest.Whole(frame.Text, "hello"))
		peer.Expect(wstest.Whole(frame.Text, "hello"))
	})
}

func TestAcceptConnTakesARequestInPiecesAndKeepsWhatFollows(t *testing.T) {
	wire := upgradeRequest("Cookie: "+strings.Repeat("c", 9_000)) + text(frame.Client, "early") + text(frame.Client, "bird")
	for _, size := range []int{1, 2, 100, 4096, len(wire)} {
		synctest.Test(t, func(t *testing.T) {
			client, _, result := acceptConn(context.Background(), nil)
			go func() {
				for rest := wire; rest != ""; rest = rest[min(size, len(rest)):] {
					io.WriteString(client, rest[:min(size, len(rest))])
				}
			}()
			require.Equal(t, upgraded, readHead(t, client))
			got := <-result
			require.NoError(t, got.err)
			defer got.c.CloseNow()
			require.Len(t, got.r.Header.Get("Cookie"), 9_000)
			for _, want := range []string{"early", "bird"} {
				_, data, err := got.c.Read(t.Context())
				require.NoError(t, err)
				require.Equal(t, want, string(data))
			}
		})
	}
}

func TestAcceptConnSkipsOneEmptyLineInFrontOfTheRequest(t *testing.T) {
	for front, ok := range map[string]bool{"\r\n": true, "\r\n\r\n": false, "\n": false} {
		synctest.Test(t, func(t *testing.T) {
			client, _, result := acceptConn(t.Context(), nil)
			io.WriteString(client, front+upgradeRequest()+text(frame.Client, "early"))
			head := readHead(t, client)
			if !ok {
				require.True(t, strings.HasPrefix(head, "HTTP/1.1 400 "), head)
				client.Close()
				requireRefused(t, (<-result).err, http.StatusBadRequest)
				return
			}
			require.Equal(t, upgraded, head)
			got := <-result
			require.NoError(t, got.err)
			defer got.c.CloseNow()
			_, data, err := got.c.Read(t.Context())
			require.NoError(t, err)
			require.Equal(t, "early", string(data))
		})
	}
}

func TestAcceptConnAnswersRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		request string
		status  int
		parsed  bool
	}{
		"not HTTP":              {"\x16\x03\x01\x02", 400, false},
		"a plain GET":           {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 426, true},
		"a folded header":       {upgradeRequest("X: a", " b"), 400, false},
		"a NUL":                 {upgradeRequest("X: a\x00"), 400, false},
		"two hosts":             {upgradeRequest("Host: b"), 400, false},
		"a body":                {upgradeRequest("Content-Length: 2") + "{}", 400, false},
		"a chunked body":        {upgradeRequest("Transfer-Encoding: chunked"), 400, false},
		"two keys":              {upgradeRequest("Sec-WebSocket-Key: " + testKey), 400, true},
		"a foreign origin":      {upgradeRequest("Origin: http://evil.example"), 403, true},
		"20 KiB of header":      {upgradeRequest("X: " + strings.Repeat("a", 20<<10)), 431, false},
		"a header that goes on": {"GET / HTTP/1.1\r\nX: " + strings.Repeat("a", 40<<10), 431, false},
		"10,000 fields":         {upgradeRequest(strings.Repeat("a: b\r\n", 10_000)), 431, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server, result := acceptConn(context.Background(), nil)
				io.WriteString(client, c.request)
				resp, body := readAnswer(t, client)
				client.Close()
				got := <-result
				e := requireRefused(t, got.err, c.status)
				require.Nil(t, got.c)
				require.Equal(t, c.parsed, got.r != nil)
				require.Equal(t, c.status, resp.StatusCode)
				require.True(t, resp.Close)
				require.Equal(t, e.Reason+"\n", body)
				_, _, closed := server.seen()
				require.Equal(t, 1, closed)
			})
		})
	}
}

func TestAcceptConnDoesNotListenForeverToWhoIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _, result := acceptConn(context.Background(), nil)
		start := time.Now()
		io.WriteString(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		requireRefused(t, (<-result).err, 426)
		require.Equal(t, lingerTime, time.Since(start))
	})
}

func TestAcceptConnDoesNotWaitLongForTheRequest(t *testing.T) {
	for option, want := range map[time.Duration]time.Duration{
		0:               DefaultHandshakeTimeout,
		3 * time.Second: 3 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			client, server, result := acceptConn(t.Context(), &AcceptOptions{HandshakeTimeout: option})
			start := time.Now()
			done := make(chan struct{})
			go func() { // a byte a second, as slow as it gets
				defer close(done)
				for _, b := range []byte(upgradeRequest()) {
					if _, err := client.Write([]byte{b}); err != nil {
						return
					}
					<-time.After(time.Second)
				}
			}()
			resp, _ := readAnswer(t, client)
			require.Equal(t, http.StatusRequestTimeout, resp.StatusCode)
			require.Equal(t, want, time.Since(start))
			requireRefused(t, (<-result).err, http.StatusRequestTimeout)
			<-done
			_, _, closed := server.seen()
			require.Equal(t, 1, closed)
		})
	}
}

func TestAcceptConnWaitsForeverIfAskedTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _, result := acceptConn(context.Background(), &AcceptOptions{HandshakeTimeout: -1})
		<-time.After(24 * time.Hour)
		io.WriteString(client, upgradeRequest())
		got := <-result
		require.NoError(t, got.err)
		got.c.CloseNow()
	})
}

func TestAcceptConnEndsWithItsContext(t *testing.T) {
	why := errors.New("shutting down")
	for name, request := range map[string]string{"before": "", "in the middle of": "GET / HTTP/1.1\r\nHo"} {
		t.Run(name+" the request", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(context.Background())
				client, server, result := acceptConn(ctx, nil)
				io.WriteString(client, request)
				synctest.Wait()
				cancel(why)
				got := <-result
				requireRefused(t, got.err, 0)
				require.ErrorIs(t, got.err, context.Canceled)
				_, _, closed := server.seen()
				require.Equal(t, 1, closed)
			})
		})
	}
	t.Run("and not later", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			client, server, result := acceptConn(ctx, nil)
			io.WriteString(client, upgradeRequest())
			got := <-result
			require.NoError(t, got.err)
			cancel()
			synctest.Wait()
			deadline, _, _ := server.seen()
			require.Zero(t, deadline)
			require.Equal(t, StateOpen, got.c.State())
			got.c.CloseNow()
		})
	})
	t.Run("while it decides", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			client, _, result := acceptConn(ctx, &AcceptOptions{CheckOrigin: func(*http.Request) error {
				cancel()
				synctest.Wait()
				return nil
			}})
			io.WriteString(client, upgradeRequest())
			got := <-result
			requireRefused(t, got.err, 0)
			require.Nil(t, got.c)
			require.NotNil(t, got.r)
		})
	})
}

func TestAcceptConnGivesUpAConnectionInTheLastMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		near, client := wstest.Pipe(0)
		server := &cleared{watched: &watched{Conn: near}, f: func() {
			cancel()
			synctest.Wait()
		}}
		io.WriteString(client, upgradeRequest())
		c, r, err := AcceptConn(ctx, server, nil)
		requireRefused(t, err, 0)
		require.ErrorIs(t, err, context.Canceled)
		require.Nil(t, c)
		require.NotNil(t, r)
		_, _, closed := server.seen()
		require.Equal(t, 1, closed)
	})
}

// cleared calls f when its deadline is cleared, which is the last that happens in a handshake.
type cleared struct {
	*watched
	f func()
}

func (c *cleared) SetDeadline(t time.Time) error {
	err := c.watched.SetDeadline(t)
	if t.IsZero() {
		c.f()
	}
	return err
}

func TestAcceptConnReportsAClientThatIsGone(t *testing.T) {
	for _, request := range []string{"", "GET / HTTP/1.1\r\n", strings.TrimSuffix(upgradeRequest(), "\r\n")} {
		synctest.Test(t, func(t *testing.T) {
			client, server, result := acceptConn(context.Background(), nil)
			io.WriteString(client, request)
			client.Close()
			got := <-result
			requireRefused(t, got.err, 0)
			require.ErrorIs(t, got.err, io.ErrUnexpectedEOF)
			_, _, closed := server.seen()
			require.Equal(t, 1, closed)
		})
	}
}

func TestAcceptConnClosesTheConnectionIfAHookPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, client := wstest.Pipe(0)
		server := &watched{Conn: near}
		io.WriteString(client, upgradeRequest())
		ctx, cancel := context.WithCancel(t.Context())
		require.PanicsWithValue(t, "hook", func() {
			AcceptConn(ctx, server, &AcceptOptions{CheckOrigin: func(*http.Request) error { panic("hook") }})
		})
		cancel()
		<-time.After(time.Hour)
		_, _, closed := server.seen()
		require.Equal(t, 1, closed, "and nobody comes back to it")
	})
}

func TestAcceptConnClosesAConnectionThatCannotBeUsed(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		nc      *failing
		request string
		status  int
	}{
		"Write":                       {&failing{write: broken}, upgradeRequest(), 0},
		"SetDeadline after all":       {&failing{setDeadline: []error{nil, broken}}, upgradeRequest(), 0},
		"Write of a refusal":          {&failing{write: broken}, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 426},
		"SetDeadline before refusing": {&failing{setDeadline: []error{nil, broken}}, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 426},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // whoever refuses waits for the client to have read why
				near, client := wstest.Pipe(0)
				c.nc.watched = &watched{Conn: near}
				io.WriteString(client, c.request)
				_, _, err := AcceptConn(context.Background(), c.nc, nil)
				requireRefused(t, err, c.status)
				_, _, closed := c.nc.seen()
				require.NotZero(t, closed)
			})
		})
	}
}

// listen accepts one TCP connection.
func listen(t *testing.T, wrap func(net.Conn) net.Conn) (address string, result chan accepted) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	result = make(chan accepted, 1)
	go func() {
		nc, err := l.Accept()
		if err != nil {
			result <- accepted{err: err}
			return
		}
		c, r, err := AcceptConn(context.Background(), wrap(nc), nil)
		result <- accepted{c, r, err}
	}()
	return l.Addr().String(), result
}

func TestAcceptConnServesTCP(t *testing.T) {
	address, result := listen(t, func(nc net.Conn) net.Conn { return nc })
	c, _, err := Dial(t.Context(), "ws://"+address+"/x", nil)
	require.NoError(t, err)
	defer c.CloseNow()
	got := <-result
	require.NoError(t, got.err)
	require.Equal(t, c.LocalAddr().String(), got.r.RemoteAddr)
	go echo(context.Background(), got.c)
	requireEcho(t, c)
	require.NoError(t, c.Close(StatusNormalClosure, ""))
}

func TestAcceptConnServesTLS(t *testing.T) {
	certificates := httptest.NewTLSServer(nil)
	defer certificates.Close()
	address, result := listen(t, func(nc net.Conn) net.Conn { return tls.Server(nc, certificates.TLS) })
	c, _, err := Dial(t.Context(), "wss://"+address, &DialOptions{
		TLSConfig: &tls.Config{RootCAs: pool(certificates)},
		Header:    http.Header{"Origin": {"https://" + address}},
	})
	require.NoError(t, err)
	defer c.CloseNow()
	got := <-result
	require.NoError(t, got.err)
	require.True(t, got.r.TLS.HandshakeComplete)
	go echo(context.Background(), got.c)
	requireEcho(t, c)
	require.NoError(t, c.Close(StatusNormalClosure, ""))
}

func TestAcceptConnRefusesAnOriginInTheClearOverTLS(t *testing.T) {
	certificates := httptest.NewTLSServer(nil)
	defer certificates.Close()
	address, result := listen(t, func(nc net.Conn) net.Conn { return tls.Server(nc, certificates.TLS) })
	_, _, err := Dial(t.Context(), "wss://"+address, &DialOptions{
		TLSConfig: &tls.Config{RootCAs: pool(certificates)},
		Header:    http.Header{"Origin": {"http://" + address}},
	})
	requireRefused(t, err, http.StatusForbidden)
	requireRefused(t, (<-result).err, http.StatusForbidden)
}

// script is a net.Conn that has one request to read and swallows what is written.
type script struct {
	net.Conn
	input []byte
	rest  []byte
	addr  net.TCPAddr
}

func (s *script) Read(b []byte) (int, error) {
	n := copy(b, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (s *script) Write(b []byte) (int, error)      { return len(b), nil }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }
func (s *script) RemoteAddr() net.Addr             { return &s.addr }
func (s *script) Close() error                     { return nil }

// newScript plays the request of a browser.
func newScript() *script {
	s := &script{addr: net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 12345}}
	s.input = []byte(upgradeRequest("Origin: http://server.example", "User-Agent: Mozilla/5.0", "Pragma: no-cache"))
	return s
}

func (s *script) accept() error {
	s.rest = s.input
	_, _, err := AcceptConn(context.Background(), s, nil)
	return err
}

func TestAcceptConnMakesAHandfulOfAllocations(t *testing.T) {
	if wstest.Racing {
		t.Skip("the race detector makes sync.Pool forget")
	}
	s := newScript()
	allocs := testing.AllocsPerRun(200, func() {
		if err := s.accept(); err != nil {
			t.Error(err)
		}
	})
	require.LessOrEqual(t, allocs, 13.0) // three of them for the timer of a net.Conn that is no socket
}

func TestScratchNeverGrowsBeyondARequest(t *testing.T) {
	near, client := wstest.Pipe(1 << 20)
	io.WriteString(client, "GET / HTTP/1.1\r\nX: "+strings.Repeat("a", 100<<10))
	client.CloseWrite()
	_, _, err := AcceptConn(context.Background(), near, nil)
	requireRefused(t, err, http.StatusRequestHeaderFieldsTooLarge)
	s := scratches.Get().(*scratch)
	defer s.free()
	require.LessOrEqual(t, len(s.buf), handshake.MaxRequest)
}

func BenchmarkAcceptConn(b *testing.B) {
	s := newScript()
	b.ReportAllocs()
	for b.Loop() {
		if err := s.accept(); err != nil {
			b.Fatal(err)
		}
	}
}
