package autobahn_test

import (
	"context"
	"flag"
	"net"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/autobahn"
	"github.com/seed60239977/websocket/internal/wstest"
)

var eventFull = flag.Bool("event-full", false, "run all 517 cases with the event loop, not the quick ones alone")

// The suite against websocket.Loop, as a server and as a client. What the event loop comes to is what is expected of the library.

// newLoop returns an event loop that ends with the test.
func newLoop(t *testing.T) *websocket.Loop {
	loop, err := websocket.NewLoop(nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		assert.NoError(t, loop.Shutdown(ctx))
	})
	return loop
}

// answer is what a Loop does with a message.
func answer(c *websocket.Conn, m websocket.Message) error {
	return c.Write(context.Background(), m.Type, m.Data)
}

// driven requires that an event loop drives a connection, where there are any.
func driven(t *testing.T, c *websocket.Conn) {
	switch runtime.GOOS {
	case "linux", "darwin", "freebsd", "netbsd", "openbsd", "dragonfly":
		assert.True(t, c.EventDriven())
	}
}

// eventServer runs an echo server on a Loop, behind net/http or without, and returns its URL.
func eventServer(t *testing.T, netHTTP bool, deflate *websocket.DeflateOptions) string {
	loop := newLoop(t)
	o := &websocket.AcceptOptions{Deflate: deflate, Config: websocket.Config{ReadLimit: maxMessage}}
	events := websocket.Events{Open: func(_ context.Context, c *websocket.Conn) { driven(t, c) }, Message: answer}
	if netHTTP {
		web := httptest.NewServer(loop.Handler(events, o))
		t.Cleanup(web.Close)
		return "ws" + strings.TrimPrefix(web.URL, "http")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- loop.Serve(ln, events, o) }()
	t.Cleanup(func() {
		assert.NoError(t, loop.Shutdown(context.Background()))
		assert.ErrorIs(t, <-served, websocket.ErrLoopClosed)
	})
	return "ws://" + ln.Addr().String()
}

func TestTheServerOnAnEventLoopComesToTheExpectedVerdicts(t *testing.T) {
	if *update {
		t.Skip("its verdicts are not kept apart")
	}
	besideOthers(t)
	for _, c := range []struct {
		name    string
		netHTTP bool
		cases   []string // nil stands for eventPatterns
		deflate *websocket.DeflateOptions
	}{
		{name: "Serve", deflate: &websocket.DeflateOptions{}},
		{name: "Handler", netHTTP: true, cases: different, deflate: &websocket.DeflateOptions{}},
		{name: "Serve without compression", cases: uncompressed},
		{name: "Handler without compression", netHTTP: true, cases: opening()},
	} {
		t.Run(c.name, func(t *testing.T) {
			besideOthers(t)
			url, all := eventServer(t, c.netHTTP, c.deflate), c.cases == nil && *eventFull
			if c.cases == nil {
				c.cases = eventPatterns()
			}
			report, err := autobahn.TestServer(t.Context(), url, &autobahn.Options{Cases: c.cases})
			require.NoError(t, err)
			cases, err := autobahn.Select(c.cases, nil)
			require.NoError(t, err)
			again(t, server, report, cases, func(ids []string) (*autobahn.Report, error) {
				return autobahn.TestServer(t.Context(), url, &autobahn.Options{Cases: ids})
			})
			requireVerdicts(t, server, report, cases, all)
		})
	}
}

// eventPatterns are the cases to run. Neither -full nor CI=true makes them all: the tests of one package have ten minutes together,
// which twice as many runs of the whole suite might not keep to.
func eventPatterns() []string {
	if *eventFull {
		return []string{"*", "14.*"}
	}
	return repeated()
}

// different are cases for what another way of opening and driving connections may do differently: the opening, what comes right
// behind it, what arrives in pieces, and the end.
var different = []string{"1.1.*", "2.*", "5.19", "6.4.*", "7.*", "9.4.5", "12.1.1", "13.1.1", "14.*"}

// uncompressed are cases in which nobody offers compression, but for those that take long.
var uncompressed = []string{"1.*", "2.*", "3.*", "4.*", "5.*", "6.4.*", "7.*", "9.1.1", "9.5.1", "10.*"}

// opening are the uncompressed cases or, by default, those of them for what opening by net/http may do differently.
func opening() []string {
	if wstest.All() {
		return uncompressed
	}
	return []string{"1.1.*", "2.*", "5.19", "7.*"}
}

func TestTheClientOnAnEventLoopComesToTheExpectedVerdicts(t *testing.T) {
	if *update {
		t.Skip("its verdicts are not kept apart")
	}
	besideOthers(t)
	suite, err := autobahn.NewHandler(nil)
	require.NoError(t, err)
	web := httptest.NewServer(suite)
	defer web.Close()
	loop := newLoop(t)
	run := func(ctx context.Context, base, id string) { runEventCase(t, ctx, loop, base, id) }
	base := "ws" + strings.TrimPrefix(web.URL, "http")
	started := time.Now()
	cases, err := autobahn.Select(eventPatterns(), nil)
	require.NoError(t, err)
	runCases(t, base, cases, run)
	report := suite.Report(agent)
	again(t, client, report, cases, func(ids []string) (*autobahn.Report, error) {
		runSideBySide(t.Context(), base, ids, 1, run)
		return suite.Report(agent), nil
	})
	report.Took = time.Since(started)
	requireVerdicts(t, client, report, cases, *eventFull)
}

// runEventCase is runCase with a loop.
func runEventCase(t *testing.T, ctx context.Context, loop *websocket.Loop, base, id string) {
	ended := make(chan struct{})
	c, _, err := loop.Dial(ctx, base+"/runCase?"+url.Values{"casetuple": {id}, "agent": {agent}}.Encode(), websocket.Events{
		Message: answer,
		Close:   func(*websocket.Conn, error) { close(ended) },
	}, &websocket.DialOptions{
		Config:  websocket.Config{ReadLimit: maxMessage},
		Deflate: &websocket.DeflateOptions{},
	})
	if err != nil {
		return // a client may have to refuse: the suite has seen it
	}
	driven(t, c)
	<-ended
}
