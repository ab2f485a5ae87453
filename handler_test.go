package websocket

import (
	"bytes"
	"context"
	"errors"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/wstest"
)

func TestHandlerServesEachConnection(t *testing.T) {
	server := newServer(t, Handler(echo, nil))
	for range 3 {
		c, _, err := Dial(t.Context(), server.URL, nil)
		require.NoError(t, err)
		requireEcho(t, c)
		require.NoError(t, c.Close(StatusNormalClosure, ""))
	}
}

// endOf dials a server and returns how it ends the connection.
func endOf(t *testing.T, server *httptest.Server) *CloseError {
	t.Helper()
	c, _, err := Dial(t.Context(), server.URL, nil)
	require.NoError(t, err)
	defer c.CloseNow()
	_, _, err = c.Read(t.Context())
	var end *CloseError
	require.ErrorAs(t, err, &end)
	return end
}

func TestHandlerClosesTheConnectionWhenServeReturns(t *testing.T) {
	end := endOf(t, newServer(t, Handler(func(context.Context, *Conn) {}, nil)))
	require.Equal(t, StatusNormalClosure, end.Code)
	require.True(t, end.WasClean)
}

func TestHandlerLeavesAConnectionAloneThatServeHasClosed(t *testing.T) {
	end := endOf(t, newServer(t, Handler(func(_ context.Context, c *Conn) { c.Close(3000, "bye") }, nil)))
	require.EqualValues(t, 3000, end.Code)
	require.Equal(t, "bye", end.Reason)
}

// lines is a log that can be waited for.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	l <- string(bytes.Clone(b))
	return len(b), nil
}

func TestHandlerLogsAPanicAndClosesTheConnection(t *testing.T) {
	logged := make(lines, 10)
	server := httptest.NewUnstartedServer(Handler(func(context.Context, *Conn) { panic("oh no") }, nil))
	server.Config.ErrorLog = log.New(logged, "", 0)
	server.Start()
	defer server.Close()
	require.Equal(t, StatusInternalError, endOf(t, server).Code)
	line := <-logged
	require.Contains(t, line, "panic serving 127.0.0.1:")
	require.Contains(t, line, "oh no")
	require.Contains(t, line, "handler_test.go") // the stack
}

func TestHandlerSurvivesEveryWayToAbort(t *testing.T) {
	for name, serve := range map[string]func(context.Context, *Conn){
		"http.ErrAbortHandler": func(context.Context, *Conn) { panic(http.ErrAbortHandler) },
		"Goexit":               func(context.Context, *Conn) { runtime.Goexit() },
	} {
		t.Run(name, func(t *testing.T) {
			logged := make(lines, 10)
			server := httptest.NewUnstartedServer(Handler(serve, nil))
			server.Config.ErrorLog = log.New(logged, "", 0)
			server.Start()
			defer server.Close()
			require.Equal(t, StatusInternalError, endOf(t, server).Code)
			require.Empty(t, logged)
		})
	}
}

func TestHandlerLogsWhereTheProgramDoesIfTheServerHasNoLog(t *testing.T) {
	require.Same(t, log.Default(), errorLog(httptest.NewRequest("GET", "/", nil)))
	r := httptest.NewRequest("GET", "/", nil)
	r = r.WithContext(context.WithValue(r.Context(), http.ServerContextKey, new(http.Server)))
	require.Same(t, log.Default(), errorLog(r))
}

func TestHandlerGivesServeTheContextOfTheOption(t *testing.T) {
	type key struct{}
	got := make(chan context.Context, 1)
	serve := func(ctx context.Context, c *Conn) { got <- ctx }

	endOf(t, newServer(t, Handler(serve, nil)))
	require.Equal(t, context.Background(), <-got)

	endOf(t, newServer(t, Handler(serve, &AcceptOptions{ConnContext: func(r *http.Request) context.Context {
		return context.WithValue(context.Background(), key{}, r.URL.Path)
	}})))
	require.Equal(t, "/", (<-got).Value(key{}))
}

func TestHandlerTellsAboutRefusals(t *testing.T) {
	type refusal struct {
		path string
		err  error
	}
	told := make(chan refusal, 1)
	server := newServer(t, Handler(echo, &AcceptOptions{OnError: func(r *http.Request, err error) { told <- refusal{r.URL.Path, err} }}))
	resp, err := http.Get(server.URL + "/page")
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusUpgradeRequired, resp.StatusCode)
	got := <-told
	require.Equal(t, "/page", got.path)
	requireRefused(t, got.err, http.StatusUpgradeRequired)

	quiet := newServer(t, Handler(echo, nil))
	resp, err = http.Get(quiet.URL)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusUpgradeRequired, resp.StatusCode)
}

func TestHandlerCopiesItsOptions(t *testing.T) {
	o := &AcceptOptions{}
	server := newServer(t, Handler(echo, o))
	o.CheckOrigin = func(*http.Request) error { return errors.New("too late") }
	c, _, err := Dial(t.Context(), server.URL, nil)
	require.NoError(t, err)
	c.CloseNow()
}

func TestHandlerKeepsNothingOfTheRequestInMemory(t *testing.T) {
	request := make(chan weak.Pointer[http.Request], 1)
	server := newServer(t, Handler(echo, &AcceptOptions{ConnContext: func(r *http.Request) context.Context {
		request <- weak.Make(r)
		return context.Background()
	}}))
	c, _, err := Dial(t.Context(), server.URL, nil)
	require.NoError(t, err)
	defer c.CloseNow()
	requireEcho(t, c)
	r := <-request
	require.Eventually(t, func() bool {
		runtime.GC()
		return r.Value() == nil
	}, wstest.Patience, time.Millisecond)
	requireEcho(t, c)
}

func TestHandlerLogsWhatIsTheServersOwnFault(t *testing.T) {
	logged := make(lines, 1)
	server := httptest.NewUnstartedServer(Handler(echo, &AcceptOptions{AllowedOrigins: []string{"*example.com"}}))
	server.Config.ErrorLog = log.New(logged, "", 0)
	server.Start()
	defer server.Close()
	_, resp, err := Dial(t.Context(), server.URL, nil)
	require.Error(t, err)
	require.Equal(t, http.StatusInternalServerError, resp.StatusCode)
	require.Regexp(t, `^websocket: cannot accept 127\.0\.0\.1:\d+: .*"\*example\.com"`, <-logged)
	_, resp, err = Dial(t.Context(), server.URL, &DialOptions{Header: http.Header{"Origin": {"no origin"}}})
	require.Error(t, err)
	require.Equal(t, http.StatusInternalServerError, resp.StatusCode)
	<-logged
}

func TestHandlerDoesNotLogWhatAClientDoesWrong(t *testing.T) {
	logged := make(lines, 1)
	server := httptest.NewUnstartedServer(Handler(echo, nil))
	server.Config.ErrorLog = log.New(logged, "", 0)
	server.Start()
	defer server.Close()
	resp, err := http.Get(server.URL)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusUpgradeRequired, resp.StatusCode)
	require.Empty(t, logged)
}

func TestAcceptOptionsAreValidatedBeforeARequestComes(t *testing.T) {
	for name, o := range map[string]*AcceptOptions{"none": nil, "zero": {}, "all": {
		AllowedOrigins: []string{"https://*.example.com"}, Subprotocols: []string{"chat"}, Header: http.Header{"Server": {"mine"}}, Deflate: &DeflateOptions{},
	}} {
		require.NoError(t, o.Validate(), name)
	}
	for name, o := range map[string]*AcceptOptions{
		"origin":      {AllowedOrigins: []string{"*example.com"}},
		"subprotocol": {Subprotocols: []string{"two words"}},
		"header":      {Header: http.Header{"Upgrade": {"websocket"}}},
		"deflate":     {Deflate: &DeflateOptions{Level: 100}},
	} {
		var e *HandshakeError
		require.ErrorAs(t, o.Validate(), &e, name)
		require.Equal(t, http.StatusInternalServerError, e.Status, name)
	}
}
