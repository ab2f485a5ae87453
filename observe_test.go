package websocket

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/wstest"
)

// handshakes is an Observer that passes on what it is told of handshakes.
func handshakes() (*Observer, chan *Handshake) {
	told := make(chan *Handshake, 10)
	return &Observer{Handshake: func(h *Handshake) { told <- h }}, told
}

// discard is a handler's function that waits for the end.
func discard(ctx context.Context, c *Conn) { <-c.CloseRead(ctx).Done() }

// requireTold takes the one Handshake that was told, and requires what cannot be known in advance to make sense.
func requireTold(t *testing.T, told chan *Handshake) Handshake {
	t.Helper()
	h := <-told
	require.Empty(t, told, "each handshake is told once")
	require.NotNil(t, h.Context)
	require.False(t, h.Start.IsZero())
	require.GreaterOrEqual(t, h.Took, time.Duration(0))
	require.Equal(t, h.Err == nil, h.Conn != nil)
	return *h
}

func TestAnObserverIsToldOfHandshakesThatSucceed(t *testing.T) {
	serverSide, atServer := handshakes()
	clientSide, atClient := handshakes()
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "the caller's")
	server := newServer(t, Handler(discard, &AcceptOptions{Config: Config{Observer: serverSide}}))
	c, _, err := Dial(ctx, server.URL+"/a%2Fb?secret", &DialOptions{
		Config: Config{Observer: clientSide}, Header: http.Header{"X-Test": {"y"}},
	})
	require.NoError(t, err)
	defer c.CloseNow()

	client := requireTold(t, atClient)
	require.Equal(t, "the caller's", client.Context.Value(key{}))
	require.Same(t, c, client.Conn)
	host := server.Listener.Addr().String()
	require.Equal(t, Handshake{
		Context: client.Context, Start: client.Start, Took: client.Took, Conn: c,
		Scheme: "ws", Host: host, Path: "/a%2Fb", Proto: "HTTP/1.1", Status: 101, Header: http.Header{"X-Test": {"y"}},
	}, client)

	accepted := requireTold(t, atServer)
	require.Equal(t, []string{"y"}, accepted.Header["X-Test"])
	require.Equal(t, c.LocalAddr().String(), accepted.RemoteAddr)
	require.Equal(t, Handshake{
		Context: accepted.Context, Start: accepted.Start, Took: accepted.Took, Conn: accepted.Conn, Header: accepted.Header,
		RemoteAddr: accepted.RemoteAddr,
		Server:     true, Scheme: "ws", Host: host, Path: "/a%2Fb", Proto: "HTTP/1.1", Status: 101,
	}, accepted)
}

func TestAnObserverIsToldWhyAServerRefuses(t *testing.T) {
	var closed Registry
	require.NoError(t, closed.Shutdown(t.Context()))
	for name, tt := range map[string]struct {
		options AcceptOptions
		header  http.Header
		status  int
	}{
		"foreign origin": {header: http.Header{"Origin": {"http://elsewhere.example"}}, status: 403},
		"shutting down":  {options: AcceptOptions{Registry: &closed}, status: 503},
		"own decision": {options: AcceptOptions{CheckOrigin: func(*http.Request) error {
			return &HandshakeError{Status: 401, Reason: "who are you?"}
		}}, status: 401},
	} {
		t.Run(name, func(t *testing.T) {
			serverSide, atServer := handshakes()
			clientSide, atClient := handshakes()
			tt.options.Config.Observer = serverSide
			server := newServer(t, Handler(discard, &tt.options))
			_, _, err := Dial(t.Context(), server.URL, &DialOptions{Header: tt.header, Config: Config{Observer: clientSide}})
			want := requireRefused(t, err, tt.status)
			client := requireTold(t, atClient)
			require.Equal(t, tt.status, client.Status)
			require.Equal(t, "HTTP/1.1", client.Proto)
			require.Equal(t, error(want), client.Err)
			refused := requireTold(t, atServer)
			require.True(t, refused.Server)
			require.Equal(t, tt.status, refused.Status)
			requireRefused(t, refused.Err, tt.status)
		})
	}
}

func TestAnObserverIsToldOfAHandlerThatPanics(t *testing.T) {
	o, told := handshakes()
	server := newServer(t, Handler(discard, &AcceptOptions{
		Config: Config{Observer: o}, CheckOrigin: func(*http.Request) error { panic(http.ErrAbortHandler) },
	}))
	_, _, err := Dial(t.Context(), server.URL, nil)
	require.Error(t, err)
	h := requireTold(t, told)
	require.Zero(t, h.Status)
	requireRefused(t, h.Err, 0)
}

func TestAnObserverIsToldOfHandshakesWithoutAnHTTPServer(t *testing.T) {
	for name, tt := range map[string]struct {
		request string
		status  int
		proto   string
	}{
		"accepted":      {request: upgradeRequest(), status: 101, proto: "HTTP/1.1"},
		"refused":       {request: upgradeRequest("Origin: http://elsewhere.example"), status: 403, proto: "HTTP/1.1"},
		"no request":    {request: "nonsense\r\n\r\n", status: 400},
		"half of one":   {request: "GET /"},
		"too slow":      {request: "slow", status: 408},
		"none at all":   {},
		"not HTTP/1.1":  {request: "GET / HTTP/1.0\r\nHost: server.example\r\n\r\n", status: 400, proto: "HTTP/1.0"},
		"no WebSocket ": {request: "GET / HTTP/1.1\r\nHost: server.example\r\n\r\n", status: 426, proto: "HTTP/1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, told := handshakes()
				near, far := wstest.Pipe(0)
				go io.Copy(io.Discard, struct{ io.Reader }{far})
				if tt.request != "slow" {
					io.WriteString(far, tt.request)
					far.CloseWrite()
				}
				c, _, err := AcceptConn(t.Context(), near, &AcceptOptions{Config: Config{Observer: o}})
				h := requireTold(t, told)
				require.Equal(t, err, h.Err)
				require.Same(t, c, h.Conn)
				require.Equal(t, tt.status, h.Status, "%v", err)
				require.Equal(t, tt.proto, h.Proto)
				require.Equal(t, near.RemoteAddr().String(), h.RemoteAddr)
				if tt.status == 408 {
					require.GreaterOrEqual(t, h.Took, DefaultHandshakeTimeout)
				}
				if c != nil {
					require.Equal(t, "/chat", h.Path)
					require.Equal(t, "server.example", h.Host)
					c.CloseNow()
				}
				far.Close()
			})
		})
	}
}

func TestAnObserverIsToldOfHandshakesOfAnEventLoop(t *testing.T) {
	o, told := handshakes()
	l, err := NewLoop(nil)
	require.NoError(t, err)
	events := Events{Message: func(c *Conn, m Message) error { return c.Write(context.Background(), m.Type, m.Data) }}
	options := &AcceptOptions{Config: Config{Observer: o}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- l.Serve(ln, events, options) }()
	server := newServer(t, l.Handler(events, options))
	address := ln.Addr().String()

	for _, url := range []string{"ws://" + address + "/chat", server.URL + "/chat"} {
		c, _, err := Dial(t.Context(), url, nil)
		require.NoError(t, err)
		h := requireTold(t, told)
		require.True(t, h.Server)
		require.Equal(t, 101, h.Status)
		require.Equal(t, "/chat", h.Path)
		require.Equal(t, c.LocalAddr().String(), h.RemoteAddr)
		requireEcho(t, c)
		c.CloseNow()
		_, _, err = Dial(t.Context(), url, &DialOptions{Header: http.Header{"Origin": {"http://elsewhere.example"}}})
		requireRefused(t, err, 403)
		h = requireTold(t, told)
		require.Equal(t, 403, h.Status)
		requireRefused(t, h.Err, 403)
	}
	for request, status := range map[string]int{"nonsense\r\n\r\n": 400, "GET /": 0} {
		nc, err := net.Dial("tcp", address)
		require.NoError(t, err)
		io.WriteString(nc, request)
		nc.(*net.TCPConn).CloseWrite()
		h := requireTold(t, told)
		require.Equal(t, status, h.Status)
		require.Equal(t, nc.LocalAddr().String(), h.RemoteAddr)
		nc.Close()
	}
	clientSide, atClient := handshakes()
	c, _, err := l.Dial(t.Context(), server.URL, events, &DialOptions{Config: Config{Observer: clientSide}})
	require.NoError(t, err)
	require.Same(t, c, requireTold(t, atClient).Conn)
	requireTold(t, told)
	require.NoError(t, l.Shutdown(t.Context()))
	require.ErrorIs(t, <-served, ErrLoopClosed)
}

// chronicle is an Observer and Events that say what comes after what.
func chronicle(roundTrip func()) (*Observer, Events, chan string) {
	told := make(chan string, 10)
	return &Observer{
			Opened:    func(*Conn) { told <- "opened" },
			Handshake: func(*Handshake) { roundTrip(); told <- "handshake" },
			Received:  func(*Conn, MessageSize) { told <- "received" },
			Ended:     func(*Conn, *CloseError) { told <- "ended" },
		}, Events{
			Open:    func(context.Context, *Conn) { told <- "open" },
			Message: func(*Conn, Message) error { told <- "message"; return nil },
		}, told
}

// witness returns a function that has a loop do whatever it has got to do.
func witness(t *testing.T, l *Loop) (roundTrip func()) {
	t.Helper()
	url, _ := serveLoop(t, l, listenLocal(t), echoEvents, nil)
	c, _, err := Dial(t.Context(), url, nil)
	require.NoError(t, err)
	t.Cleanup(func() { c.CloseNow() })
	return func() {
		for range 3 {
			c.Write(context.Background(), Text, nil)
			c.Read(context.Background())
		}
	}
}

func requireOrder(t *testing.T, told chan string) {
	t.Helper()
	for _, next := range []string{"opened", "handshake", "open", "received", "message"} {
		require.Equal(t, next, <-told)
	}
}

func TestAnObserverIsToldOfAHandshakeBeforeTheEvents(t *testing.T) {
	for _, how := range []string{"Serve", "Handler", "Serve over TLS", "Handler over TLS"} {
		t.Run(how, func(t *testing.T) {
			l := startLoop(t)
			observer, events, told := chronicle(witness(t, l))
			url, trust := serveSomehow(t, l, how, events, &AcceptOptions{Config: Config{Observer: observer}, Registry: &Registry{}})
			c, _, err := Dial(t.Context(), url, &DialOptions{TLSConfig: trust})
			require.NoError(t, err)
			defer c.CloseNow()
			require.NoError(t, c.Write(t.Context(), Text, nil))
			requireOrder(t, told)
		})
	}
	greet := Handler(func(ctx context.Context, c *Conn) {
		c.Write(ctx, Text, nil)
		c.Read(ctx)
	}, nil)
	plain, secure := newServer(t, greet), httptest.NewTLSServer(greet)
	defer secure.Close()
	for _, server := range []*httptest.Server{plain, secure, newHTTP2Server(t, greet)} {
		l := startLoop(t)
		observer, events, told := chronicle(witness(t, l))
		options := &DialOptions{}
		if server != plain {
			options = pooled(t, server)
		}
		options.Config.Observer = observer
		c, resp, err := l.Dial(t.Context(), server.URL, events, options)
		require.NoError(t, err, server.URL)
		require.Equal(t, server.EnableHTTP2, resp.ProtoMajor == 2)
		defer c.CloseNow()
		requireOrder(t, told)
	}
}

func TestShutdownOfARegistryWaitsUntilAnObserverHasHeardOfAHandshake(t *testing.T) {
	for _, how := range []string{"Serve", "Handler", "Serve over TLS"} { // the last is AcceptConn
		for status, header := range map[int]http.Header{101: nil, 403: {"Origin": {"http://elsewhere.example"}}} {
			var registry Registry
			serving := make(chan int, 1)
			url, trust := serveSomehow(t, startLoop(t), how, Events{}, &AcceptOptions{Registry: &registry, Config: Config{
				Observer: &Observer{Handshake: func(*Handshake) { serving <- registry.Stats().Serving }},
			}})
			c, resp, _ := Dial(t.Context(), url, &DialOptions{TLSConfig: trust, Header: header})
			require.Equal(t, status, resp.StatusCode)
			require.Equal(t, 1, <-serving, how)
			if c != nil {
				c.CloseNow()
			}
		}
	}
}

func TestAnObserverThatPanicsLeavesNothing(t *testing.T) {
	for _, how := range []string{"Serve", "Handler", "Serve over TLS", "Handler over TLS", "no loop"} {
		t.Run(how, func(t *testing.T) {
			var registry Registry
			ended := make(chan error, 1)
			o := &AcceptOptions{Registry: &registry, Config: Config{Observer: &Observer{
				Handshake: func(*Handshake) { panic(http.ErrAbortHandler) },
				Ended:     func(_ *Conn, e *CloseError) { ended <- e },
			}}}
			var url string
			var trust *tls.Config
			if how == "no loop" {
				url = newServer(t, Handler(discard, o)).URL
			} else {
				url, trust = serveSomehow(t, startLoop(t), how, Events{}, o) // the loop is shut down when the test ends
			}
			c, _, err := Dial(t.Context(), url, &DialOptions{TLSConfig: trust})
			require.NoError(t, err)
			defer c.CloseNow()
			_, _, err = c.Read(t.Context())
			require.Error(t, err)
			require.Error(t, <-ended)
			require.NoError(t, registry.Shutdown(t.Context()))
		})
	}
}

func TestAnObserverIsToldOfConnectionsThatCannotBeMade(t *testing.T) {
	o, told := handshakes()
	unreachable := errors.New("unreachable")
	for rawURL, path := range map[string]string{"ws://server.example/chat": "/chat", "ftp://server.example/chat": ""} {
		_, _, err := Dial(t.Context(), rawURL, &DialOptions{
			Config:  Config{Observer: o},
			NetDial: func(context.Context, string, string) (net.Conn, error) { return nil, unreachable },
		})
		h := requireTold(t, told)
		require.Equal(t, err, h.Err)
		require.Zero(t, h.Status)
		require.Equal(t, path, h.Path)
	}
}

func TestAnObserverMayAddToWhatADialSends(t *testing.T) {
	type key struct{}
	o, told := handshakes()
	o.Dialing = func(h *Handshake) {
		h.Header["Traceparent"] = []string{"added"}
		h.Context = context.WithValue(h.Context, key{}, "replaced")
	}
	target, there := seen(t)
	first, here := seen(t)
	redirecting := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		redirectTo(map[string]string{"/here": first.URL, "/there": target.URL}[r.URL.Path], http.StatusFound)(w, r)
	}))
	own := http.Header{"Authorization": {"mine"}}
	options := &DialOptions{Config: Config{Observer: o}, Header: own, MaxRedirects: 1}

	c, _, err := Dial(t.Context(), first.URL, options)
	require.NoError(t, err)
	c.CloseNow()
	r := <-here
	require.Equal(t, "added", r.Header.Get("Traceparent"))
	require.Equal(t, "mine", r.Header.Get("Authorization"))
	require.Equal(t, http.Header{"Authorization": {"mine"}}, own, "the caller's header stays as it was")
	require.Equal(t, "replaced", requireTold(t, told).Context.Value(key{}))

	c, resp, err := Dial(t.Context(), redirecting.URL+"/there", options)
	require.NoError(t, err)
	c.CloseNow()
	r = <-there
	require.Empty(t, r.Header.Get("Traceparent"), "it is not for others")
	h := requireTold(t, told)
	require.Equal(t, "/there", h.Path, "a call of Dial is one handshake, however many requests it takes")
	require.Equal(t, resp.StatusCode, h.Status)
}

func TestAnObserverIsToldOfHandshakesOverHTTP2(t *testing.T) {
	serverSide, atServer := handshakes()
	clientSide, atClient := handshakes()
	server := newHTTP2Server(t, Handler(discard, &AcceptOptions{Config: Config{Observer: serverSide}}))
	options := pooled(t, server)
	options.Config.Observer = clientSide
	c, _, err := Dial(t.Context(), server.URL+"/chat", options)
	require.NoError(t, err)
	defer c.CloseNow()
	for _, told := range []chan *Handshake{atServer, atClient} {
		h := requireTold(t, told)
		require.Equal(t, "HTTP/2.0", h.Proto)
		require.Equal(t, "wss", h.Scheme)
		require.Equal(t, "/chat", h.Path)
		require.Equal(t, http.StatusOK, h.Status)
	}
}
