package websocket

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/netpoll"
	"github.com/seed60239977/websocket/internal/wstest"
)

// startLoop returns a loop that is shut down with the test.
func startLoop(t *testing.T) *Loop {
	t.Helper()
	l, err := NewLoop(&LoopOptions{ErrorLog: log.New(io.Discard, "", 0)})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), wstest.Patience)
		defer cancel()
		require.NoError(t, l.Shutdown(ctx))
	})
	return l
}

// serveLoop has l serve on a listener, and returns the URL and what Serve returns.
func serveLoop(t *testing.T, l *Loop, ln net.Listener, e Events, o *AcceptOptions) (url string, served chan error) {
	t.Helper()
	served = make(chan error, 1)
	go func() { served <- l.Serve(ln, e, o) }()
	return "ws://" + ln.Addr().String(), served
}

func listenLocal(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return ln
}

// canDrive says whether loops drive sockets on this system.
const canDrive = netpoll.Supported

// serveSomehow has l serve in one of the ways that there are. It returns the URL, and what TLS needs.
func serveSomehow(t *testing.T, l *Loop, how string, e Events, o *AcceptOptions) (url string, trust *tls.Config) {
	t.Helper()
	switch how {
	case "Serve":
		url, _ = serveLoop(t, l, listenLocal(t), e, o)
		return url, nil
	case "Handler":
		return newServer(t, l.Handler(e, o)).URL, nil
	}
	secure := httptest.NewTLSServer(l.Handler(e, o))
	t.Cleanup(secure.Close)
	trust = &tls.Config{RootCAs: pool(secure)}
	if how == "Handler over TLS" {
		return secure.URL, trust
	}
	ln := tls.NewListener(listenLocal(t), &tls.Config{Certificates: secure.TLS.Certificates})
	url, _ = serveLoop(t, l, ln, e, o)
	return strings.Replace(url, "ws:", "wss:", 1), trust
}

var echoEvents = Events{Message: func(c *Conn, m Message) error { return c.Write(context.Background(), m.Type, m.Data) }}

func TestALoopServesHoweverItsConnectionsCome(t *testing.T) {
	for _, how := range []string{"Serve", "Handler", "Serve over TLS", "Handler over TLS"} {
		t.Run(how, func(t *testing.T) {
			l := startLoop(t)
			type key struct{}
			o := &AcceptOptions{
				Subprotocols: []string{"chat"}, Registry: &Registry{},
				ConnContext: func(r *http.Request) context.Context {
					return context.WithValue(context.Background(), key{}, r.URL.Path)
				},
			}
			paths, driven, closed := make(chan any, 1), make(chan bool, 1), make(chan error, 1)
			known := make(chan int, 1)
			e := echoEvents
			e.Open = func(ctx context.Context, c *Conn) {
				paths <- ctx.Value(key{})
				driven <- c.EventDriven()
				known <- o.Registry.Stats().Open
			}
			e.Close = func(_ *Conn, err error) { closed <- err }
			dial := &DialOptions{Subprotocols: []string{"chat"}}
			var url string
			url, dial.TLSConfig = serveSomehow(t, l, how, e, o)
			c, _, err := Dial(t.Context(), url+"/room", dial)
			require.NoError(t, err)
			defer c.CloseNow()
			require.Equal(t, "chat", c.Subprotocol())
			require.Equal(t, "/room", <-paths)
			require.Equal(t, canDrive && !strings.Contains(how, "TLS"), <-driven)
			require.Equal(t, 1, <-known, "the Registry knows it before anything happens on it")
			requireEcho(t, c)
			require.NoError(t, c.Close(StatusNormalClosure, "bye"))
			require.Equal(t, StatusNormalClosure, CloseStatus(<-closed))

			_, resp, err := Dial(t.Context(), url, &DialOptions{Header: http.Header{"Origin": {"https://evil.example"}}, TLSConfig: dial.TLSConfig})
			require.Error(t, err)
			require.Equal(t, http.StatusForbidden, resp.StatusCode)
		})
	}
}

func TestConnContextIsCalledBeforeARequestIsAnswered(t *testing.T) {
	for _, how := range []string{"Serve", "Handler", "Serve over TLS"} {
		t.Run(how, func(t *testing.T) {
			order := make(chan string, 2)
			url, trust := serveSomehow(t, startLoop(t), how, Events{}, &AcceptOptions{
				ConnContext: func(*http.Request) context.Context { order <- "context"; return t.Context() },
				Config:      Config{Observer: &Observer{Opened: func(*Conn) { order <- "opened" }}},
			})
			c, _, err := Dial(t.Context(), url, &DialOptions{TLSConfig: trust})
			require.NoError(t, err)
			defer c.CloseNow()
			require.Equal(t, "context", <-order)
		})
	}
}

func TestALoopDials(t *testing.T) {
	server := newServer(t, Handler(echo, nil))
	l := startLoop(t)
	got, closed := make(chan string, 1), make(chan error, 1)
	c, resp, err := l.Dial(t.Context(), server.URL, Events{
		Message: func(_ *Conn, m Message) error { got <- string(m.Data); return nil },
		Close:   func(_ *Conn, err error) { closed <- err },
	}, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	require.Equal(t, canDrive, c.EventDriven())
	require.NoError(t, c.Write(t.Context(), Text, []byte("hello")))
	require.Equal(t, "hello", <-got)
	require.NoError(t, c.Close(StatusNormalClosure, ""))
	require.Error(t, <-closed)
	require.NoError(t, l.Shutdown(t.Context()))
	_, _, err = l.Dial(t.Context(), server.URL, Events{}, nil)
	require.ErrorIs(t, err, ErrLoopClosed)
	require.ErrorAs(t, err, new(*HandshakeError))
}

// TestALoopRefusesAsAcceptConnDoes: the status, and who is told.
func TestALoopRefusesAsAcceptConnDoes(t *testing.T) {
	down := &Registry{}
	require.NoError(t, down.Shutdown(t.Context()))
	broken := errors.New("broken")
	for _, c := range []struct {
		name, request string
		options       AcceptOptions
		status        int
		told          bool
	}{
		{"no request", "nonsense\r\n\r\n", AcceptOptions{}, 400, false},
		{"no upgrade", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", AcceptOptions{}, 426, true},
		{"too long", "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 20<<10), AcceptOptions{}, 431, false},
		{"shut down", upgradeRequest(), AcceptOptions{Registry: down}, 503, true},
		{"wrong options", upgradeRequest(), AcceptOptions{AllowedOrigins: []string{"*x"}}, 500, true},
		{"hook", upgradeRequest(), AcceptOptions{CheckOrigin: func(*http.Request) error { return broken }}, 403, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			told := make(chan error, 1)
			c.options.OnError = func(_ *http.Request, err error) { told <- err }
			url, _ := serveLoop(t, startLoop(t), listenLocal(t), echoEvents, &c.options)
			nc, err := net.Dial("tcp", strings.TrimPrefix(url, "ws://"))
			require.NoError(t, err)
			defer nc.Close()
			_, err = io.WriteString(nc, c.request)
			require.NoError(t, err)
			resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
			require.NoError(t, err)
			require.Equal(t, c.status, resp.StatusCode)
			if c.told {
				require.ErrorAs(t, <-told, new(*HandshakeError))
			}
			require.Empty(t, told)
		})
	}
}

func TestALoopGivesASlowRequestItsTime(t *testing.T) {
	url, _ := serveLoop(t, startLoop(t), listenLocal(t), echoEvents, &AcceptOptions{HandshakeTimeout: time.Millisecond})
	nc, err := net.Dial("tcp", strings.TrimPrefix(url, "ws://"))
	require.NoError(t, err)
	defer nc.Close()
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusRequestTimeout, resp.StatusCode)
}

func TestShutdownOfARegistryEndsTheConnectionsOfALoop(t *testing.T) {
	for _, how := range []string{"Serve", "Handler"} {
		l := startLoop(t)
		o := &AcceptOptions{Registry: &Registry{}}
		var url string
		if how == "Serve" {
			url, _ = serveLoop(t, l, listenLocal(t), echoEvents, o)
		} else {
			url = newServer(t, l.Handler(echoEvents, o)).URL
		}
		c, _, err := Dial(t.Context(), url, nil)
		require.NoError(t, err)
		defer c.CloseNow()
		requireEcho(t, c)
		down := make(chan error, 1)
		go func() { down <- o.Registry.Shutdown(t.Context()) }()
		_, _, err = c.Read(t.Context())
		require.Equal(t, StatusGoingAway, CloseStatus(err))
		require.NoError(t, <-down)
		_, resp, err := Dial(t.Context(), url, nil)
		require.Error(t, err)
		require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	}
}

func TestShutdownEndsServe(t *testing.T) {
	for _, wrap := range []func(net.Listener) net.Listener{
		func(ln net.Listener) net.Listener { return ln },
		func(ln net.Listener) net.Listener { return struct{ net.Listener }{ln} }, // no socket that the loop knows
	} {
		l := startLoop(t)
		ln := wrap(listenLocal(t))
		url, served := serveLoop(t, l, ln, echoEvents, nil)
		c, _, err := Dial(t.Context(), url, nil)
		require.NoError(t, err)
		defer c.CloseNow()
		requireEcho(t, c)
		down := make(chan error, 1)
		go func() { down <- l.Shutdown(t.Context()) }()
		_, _, err = c.Read(t.Context())
		require.Equal(t, StatusGoingAway, CloseStatus(err))
		require.NoError(t, <-down)
		require.ErrorIs(t, <-served, ErrLoopClosed)
		_, err = ln.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
	}
}

func BenchmarkGreet(b *testing.B) {
	s, g := newScript(), newGreeter(nil, &Events{}, nil)
	room := make([]byte, 0, 4<<10)
	s.input = []byte(upgradeRequest("Origin: http://server.example", "User-Agent: Mozilla/5.0", "Accept-Language: en", "Cache-Control: no-cache"))
	b.ReportAllocs()
	for b.Loop() {
		if reply := g.Greet(s, s.input, room); reply.Opening == nil {
			b.Fatal(string(reply.Response))
		}
	}
}
