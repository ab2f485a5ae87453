package e2e

import (
	"context"
	"errors"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/observe/otel"
)

// An observedSite is a server whose connections are observed by package otel. Prometheus scrapes it at /metrics.
type observedSite struct {
	t       *testing.T
	addr    string
	scraped chan struct{}
	full    chan error // what fillQueue has returned

	// What clients have done.
	open                    []*websocket.Conn
	refused, rejected, ends int // handshakes, messages that were sent, and connections that have ended
}

func newObservedSite(t *testing.T) *observedSite {
	t.Helper()
	s := &observedSite{t: t, scraped: make(chan struct{}, 1), full: make(chan error, 1)}
	registry := client.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(registry))
	require.NoError(t, err)
	observer, err := otel.New(&otel.Options{
		MeterProvider: metric.NewMeterProvider(metric.WithReader(reader)),
		SlowAfter:     -1, // each write that has to wait is slow
	})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/ws", websocket.Handler(s.serve, &websocket.AcceptOptions{
		Deflate: &websocket.DeflateOptions{MinSize: -1},
		Config:  websocket.Config{Observer: observer, ReadLimit: 32 << 10, SendQueue: 16 << 10},
	}))
	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, r *http.Request) {
		metrics.ServeHTTP(w, r)
		select {
		case s.scraped <- struct{}{}:
		default:
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		for _, c := range s.open {
			_ = c.CloseNow()
		}
		server.Close()
	})
	s.addr = server.Listener.Addr().String()
	return s
}

// serve echoes messages. Some texts are orders.
func (s *observedSite) serve(ctx context.Context, c *websocket.Conn) {
	for m, err := range c.Messages(ctx) {
		if err != nil {
			return
		}
		switch string(m.Data) {
		case "ping":
			go func() {
				if _, err := c.Ping(ctx); err == nil {
					_ = c.Send(websocket.Text, []byte("pong"))
				}
			}()
		case "fill":
			s.full <- fillQueue(c)
			_ = c.Flush(ctx)
			_ = c.Close(websocket.StatusTryAgainLater, "you are slow")
		case "leave":
			_ = c.Close(websocket.StatusGoingAway, "")
		default:
			_ = c.Write(ctx, m.Type, m.Data)
		}
	}
}

// fillQueue sends until a message is refused: to a peer that reads nothing, more than the sockets take.
func fillQueue(c *websocket.Conn) error {
	return errors.Join(c.NetConn().(*net.TCPConn).SetWriteBuffer(16<<10),
		c.Send(websocket.Binary, make([]byte, 300<<10)),
		c.Send(websocket.Binary, nil)) // refused
}

// dial opens a connection.
func (s *observedSite) dial(ctx context.Context, o *websocket.DialOptions) *websocket.Conn {
	s.t.Helper()
	c, _, err := websocket.Dial(ctx, "ws://"+s.addr+"/ws", o)
	require.NoError(s.t, err)
	return c
}

// order sends a text, and returns the connection's end if that is what comes of it.
func (s *observedSite) order(ctx context.Context, c *websocket.Conn, text string, end websocket.StatusCode) {
	s.t.Helper()
	require.NoError(s.t, c.Write(ctx, websocket.Text, []byte(text)))
	if end != 0 {
		require.Equal(s.t, end, closedBy(s.t, ctx, c).Code)
	}
}

// goOn does what there is to do between two scrapes: never quite the same, and each kind of it now and then.
func (s *observedSite) goOn(round int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	wave := math.Sin(float64(round)/9 + float64(len(s.addr))) // the sites are not alike
	want := 7 + int(5*wave)
	for len(s.open) < want {
		s.open = append(s.open, s.dial(ctx, &websocket.DialOptions{Deflate: &websocket.DeflateOptions{MinSize: -1}}))
	}
	for ; len(s.open) > want; s.open = s.open[1:] {
		require.NoError(s.t, s.open[0].Close(websocket.StatusNormalClosure, ""))
		s.ends++
	}
	for i, c := range s.open {
		s.talk(ctx, c, 4+i+int(9*wave*wave))
	}
	s.visit(ctx, round)
	s.beRefused(ctx, round)
	if round%5 == 0 { // seldom enough for increase, which extrapolates, to be right when it is rounded
		s.beSlow(ctx)
	}
}

// talk sends texts and binary messages, which come back, and has the server ping.
func (s *observedSite) talk(ctx context.Context, c *websocket.Conn, n int) {
	s.t.Helper()
	for i := range n {
		typ := websocket.Text
		if i%3 == 0 {
			typ = websocket.Binary
		}
		require.NoError(s.t, c.Write(ctx, typ, []byte(strings.Repeat("again and ", 50+10*i))))
		_, _, err := c.Read(ctx)
		require.NoError(s.t, err)
	}
	s.order(ctx, c, "ping", 0)
	_, got, err := c.Read(ctx)
	require.NoError(s.t, err)
	require.Equal(s.t, "pong", string(got))
}

// visit opens connections that end soon, in all the ways there are.
func (s *observedSite) visit(ctx context.Context, round int) {
	s.t.Helper()
	visits := []func(c *websocket.Conn){
		func(c *websocket.Conn) { require.NoError(s.t, c.Close(websocket.StatusNormalClosure, "")) },
		func(c *websocket.Conn) { require.NoError(s.t, c.CloseNow()) },
		func(c *websocket.Conn) { s.order(ctx, c, "leave", websocket.StatusGoingAway) },
		func(c *websocket.Conn) { require.NoError(s.t, c.Close(3000, "")) },
		func(c *websocket.Conn) { require.NoError(s.t, c.Close(4001, "")) },
		func(c *websocket.Conn) { s.order(ctx, c, strings.Repeat("x", 40<<10), websocket.StatusMessageTooBig) },
	}
	for i := range 2 + round%5 {
		c := s.dial(ctx, nil)
		visits[(round+i*i)%len(visits)](c)
		s.ends++
	}
}

// beRefused is what a page of somebody else's and a client without WebSockets do.
func (s *observedSite) beRefused(ctx context.Context, round int) {
	s.t.Helper()
	foreign := &websocket.DialOptions{Header: http.Header{"Origin": {"https://elsewhere.example"}}}
	for range 1 + round%2 {
		_, resp, err := websocket.Dial(ctx, "ws://"+s.addr+"/ws", foreign)
		require.Error(s.t, err)
		require.Equal(s.t, http.StatusForbidden, resp.StatusCode)
		s.refused++
	}
	if round%3 == 0 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addr+"/ws", nil)
		require.NoError(s.t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(s.t, err)
		require.NoError(s.t, resp.Body.Close())
		require.Equal(s.t, http.StatusUpgradeRequired, resp.StatusCode)
		s.refused++
	}
}

// beSlow reads nothing until the server refuses to queue more.
func (s *observedSite) beSlow(ctx context.Context) {
	s.t.Helper()
	c := s.dial(ctx, nil)
	socket := c.NetConn().(*net.TCPConn)
	require.NoError(s.t, socket.SetReadBuffer(16<<10))
	s.order(ctx, c, "fill", 0)
	select {
	case err := <-s.full:
		require.ErrorIs(s.t, err, websocket.ErrQueueFull)
	case <-ctx.Done():
		require.NoError(s.t, ctx.Err())
	}
	require.NoError(s.t, socket.SetReadBuffer(1<<20))
	_, _, err := c.Read(ctx)
	require.NoError(s.t, err)
	require.Equal(s.t, websocket.StatusTryAgainLater, closedBy(s.t, ctx, c).Code)
	s.rejected++
	s.ends++
}

// awaitScrape waits for one more scrape.
func (s *observedSite) awaitScrape() {
	s.t.Helper()
	select { // what was scraped before does not count
	case <-s.scraped:
	default:
	}
	select {
	case <-s.scraped:
	case <-time.After(patience):
		require.FailNow(s.t, "nobody has scraped "+s.addr)
	}
}
