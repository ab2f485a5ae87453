package websocket

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// accepting is an http.Handler that echoes on what Accept returns, and keeps what it returned.
type accepting struct {
	options *AcceptOptions
	err     chan error
}

func newAccepting(o *AcceptOptions) *accepting {
	return &accepting{options: o, err: make(chan error, 8)}
}

func (a *accepting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := Accept(w, r, a.options)
	a.err <- err
	if err != nil {
		return
	}
	defer c.CloseNow()
	echo(context.WithoutCancel(r.Context()), c)
}

func TestAcceptServesADialer(t *testing.T) {
	server := newServer(t, newAccepting(nil))
	for _, scheme := range []string{"ws", "http"} {
		c, resp, err := Dial(t.Context(), scheme+"://"+server.Listener.Addr().String()+"/any/path", nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
		requireEcho(t, c)
		require.NoError(t, c.Close(StatusNormalClosure, ""))
	}
}

// hijacked shows what the server has handed over.
type hijacked struct {
	http.ResponseWriter
	brw chan *bufio.ReadWriter
}

func (h hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	nc, brw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	h.brw <- brw
	return nc, brw, err
}

func TestAcceptLetsGoOfTheServersBuffers(t *testing.T) {
	accept := newAccepting(nil)
	brw := make(chan *bufio.ReadWriter, 1)
	server := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		accept.ServeHTTP(hijacked{w, brw}, r)
	}))
	c, _, err := Dial(t.Context(), server.URL, nil)
	require.NoError(t, err)
	defer c.CloseNow()
	requireEcho(t, c)
	kept := <-brw
	require.Less(t, kept.Reader.Size(), 100)
	require.Less(t, kept.Writer.Size(), 100)
}

func TestAcceptServesADialerOverTLS(t *testing.T) {
	server := httptest.NewTLSServer(newAccepting(nil))
	defer server.Close()
	for _, scheme := range []string{"wss", "https"} {
		c, resp, err := Dial(t.Context(), scheme+"://"+server.Listener.Addr().String(), &DialOptions{
			TLSConfig: &tls.Config{RootCAs: pool(server), NextProtos: []string{"h2"}}, // which is of no use here
			Header:    http.Header{"Origin": {server.URL}},
		})
		require.NoError(t, err)
		require.NotNil(t, resp)
		requireEcho(t, c)
		require.NoError(t, c.Close(StatusNormalClosure, ""))
	}
}

func TestAcceptAgreesOnWhatTheOptionsSay(t *testing.T) {
	a := newAccepting(&AcceptOptions{
		Config:         Config{ReadLimit: 3},
		Subprotocols:   []string{"b", "a"},
		AllowedOrigins: []string{"friend.example"},
		Header:         http.Header{"Set-Cookie": {"own=1"}, "X-Own": {"1"}},
	})
	server := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Set-Cookie", "middleware=1")
		w.Header().Set("X-Middleware", "1")
		w.Header().Set("Content-Length", "1")
		w.Header().Set("Connection", "close")
		a.ServeHTTP(w, r)
	}))
	c, resp, err := Dial(t.Context(), server.URL, &DialOptions{
		Subprotocols: []string{"a", "b"},
		Header:       http.Header{"Origin": {"https://friend.example"}},
	})
	require.NoError(t, err)
	defer c.CloseNow()
	require.Equal(t, "b", c.Subprotocol())
	require.Equal(t, []string{"own=1"}, resp.Header["Set-Cookie"])
	require.Equal(t, "1", resp.Header.Get("X-Own"))
	require.Equal(t, "1", resp.Header.Get("X-Middleware"))
	require.Empty(t, resp.Header.Get("Content-Length"))
	require.Equal(t, []string{"Upgrade"}, resp.Header["Connection"])

	require.NoError(t, c.Write(t.Context(), Text, []byte("four")))
	_, _, err = c.Read(t.Context())
	var closed *CloseError
	require.ErrorAs(t, err, &closed)
	require.Equal(t, StatusMessageTooBig, closed.Code)
}

func TestBothSidesCompressIfBothWantTo(t *testing.T) {
	for _, c := range []struct {
		client, server *DeflateOptions
		answer         string
	}{
		{nil, nil, ""},
		{&DeflateOptions{}, nil, ""},
		{nil, &DeflateOptions{}, ""},
		{&DeflateOptions{}, &DeflateOptions{}, "permessage-deflate"},
	} {
		server := newServer(t, newAccepting(&AcceptOptions{Deflate: c.server}))
		near, resp, err := Dial(t.Context(), server.URL, &DialOptions{Deflate: c.client})
		require.NoError(t, err)
		require.Equal(t, c.answer, resp.Header.Get("Sec-WebSocket-Extensions"))
		requireEcho(t, near)
		require.NoError(t, near.Close(StatusNormalClosure, ""))
	}
}

func TestBothSidesMayBeLenient(t *testing.T) {
	const kubernetes = "SPDY/3.1+portforward.k8s.io"
	strict, lenient := newServer(t, newAccepting(nil)), newServer(t, newAccepting(&AcceptOptions{Lenient: true, Subprotocols: []string{kubernetes}}))
	c, _, err := Dial(t.Context(), lenient.URL, &DialOptions{Lenient: true, Subprotocols: []string{kubernetes}})
	require.NoError(t, err)
	require.Equal(t, kubernetes, c.Subprotocol())
	c.CloseNow()
	_, _, err = Dial(t.Context(), strict.URL, &DialOptions{Lenient: true, Subprotocols: []string{kubernetes}})
	requireRefused(t, err, http.StatusBadRequest)
	_, _, err = Dial(t.Context(), lenient.URL, &DialOptions{Subprotocols: []string{kubernetes}})
	requireRefused(t, err, 0)
	require.Error(t, (&AcceptOptions{Subprotocols: []string{kubernetes}}).Validate())
	require.NoError(t, (&AcceptOptions{Lenient: true, Subprotocols: []string{kubernetes}}).Validate())
}

func TestAcceptSendsWhatMiddlewareWantsWithoutOptions(t *testing.T) {
	a := newAccepting(nil)
	server := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "session=1")
		a.ServeHTTP(w, r)
	}))
	c, resp, err := Dial(t.Context(), server.URL, nil)
	require.NoError(t, err)
	defer c.CloseNow()
	require.Equal(t, "session=1", resp.Header.Get("Set-Cookie"))
}

func TestAcceptAnswersRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		request string
		status  int
		header  string
	}{
		"a plain GET":       {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 426, "Upgrade"},
		"a POST":            {strings.Replace(upgradeRequest(), "GET", "POST", 1), 405, "Allow"},
		"another version":   {strings.Replace(upgradeRequest(), "Version: 13", "Version: 8", 1), 426, "Sec-WebSocket-Version"},
		"no key":            {strings.Replace(upgradeRequest(), "Key", "Ke", 1), 400, ""},
		"two keys":          {upgradeRequest("Sec-WebSocket-Key: " + testKey), 400, ""},
		"HTTP/1.0":          {strings.Replace(upgradeRequest(), "HTTP/1.1", "HTTP/1.0", 1), 400, ""},
		"a foreign origin":  {upgradeRequest("Origin: http://evil.example"), 403, ""},
		"the null origin":   {upgradeRequest("Origin: null"), 403, ""},
		"a body":            {upgradeRequest("Content-Length: 2") + "{}", 400, ""},
		"a chunked body":    {upgradeRequest("Transfer-Encoding: chunked") + "0\r\n\r\n", 400, ""},
		"a bad subprotocol": {upgradeRequest("Sec-WebSocket-Protocol: a b"), 400, ""},
		"a bad extension":   {upgradeRequest("Sec-WebSocket-Extensions: a="), 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccepting(nil)
			nc := rawConn(t, newServer(t, a))
			_, err := io.WriteString(nc, c.request)
			require.NoError(t, err)
			resp, body := readAnswer(t, nc)
			e := requireRefused(t, <-a.err, c.status)
			require.Equal(t, c.status, resp.StatusCode)
			require.Equal(t, e.Reason+"\n", body)
			if c.header != "" {
				require.NotEmpty(t, resp.Header.Get(c.header))
			}
		})
	}
}

func TestAcceptSaysThatHTTP2NeedsAnotherWay(t *testing.T) {
	a := newAccepting(nil)
	server := httptest.NewUnstartedServer(a)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	resp, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, 2, resp.ProtoMajor)
	require.Equal(t, http.StatusNotImplemented, resp.StatusCode)
	require.Contains(t, requireRefused(t, <-a.err, http.StatusNotImplemented).Reason, "HTTP/2")
}

func TestAcceptWorksThroughMiddleware(t *testing.T) {
	type wrapper struct{ http.ResponseWriter }
	a := newAccepting(nil)
	server := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.ServeHTTP(unwrapping{unwrapping{w}}, r)
	}))
	c, _, err := Dial(t.Context(), server.URL, nil)
	require.NoError(t, err)
	defer c.CloseNow()
	requireEcho(t, c)

	opaque := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		newAccepting(nil).ServeHTTP(wrapper{w}, r)
	}))
	_, resp, err := Dial(t.Context(), opaque.URL, nil)
	requireRefused(t, err, http.StatusInternalServerError)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "this server cannot switch protocols\n", string(body))
}

// unwrapping is how middleware lets http.ResponseController through.
type unwrapping struct{ w http.ResponseWriter }

func (u unwrapping) Header() http.Header         { return u.w.Header() }
func (u unwrapping) Write(b []byte) (int, error) { return u.w.Write(b) }
func (u unwrapping) WriteHeader(status int)      { u.w.WriteHeader(status) }
func (u unwrapping) Unwrap() http.ResponseWriter { return u.w }

func TestAcceptReportsWhyItCannotHijack(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header = http.Header{"Connection": {"upgrade"}, "Upgrade": {"websocket"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {testKey}}
	w := httptest.NewRecorder()
	_, err := Accept(w, r, nil)
	requireRefused(t, err, http.StatusInternalServerError)
	require.ErrorIs(t, err, http.ErrNotSupported)
	require.Equal(t, http.StatusInternalServerError, w.Code)
}

func TestAcceptRefusesOptionsThatCannotBeMeant(t *testing.T) {
	for name, o := range map[string]*AcceptOptions{
		"CRLF in a header":      {Header: http.Header{"X": {"a\r\nb"}}},
		"CRLF in a subprotocol": {Subprotocols: []string{"a\r\nb"}},
		"a bad pattern":         {AllowedOrigins: []string{"*example.com"}},
		"a hook that chooses":   {SelectSubprotocol: func(*http.Request, []string) (string, error) { return "x", nil }},
		"a hook without status": {CheckOrigin: func(*http.Request) error { return &HandshakeError{Status: 600, Reason: "no"} }},
	} {
		t.Run(name, func(t *testing.T) {
			_, resp, err := Dial(t.Context(), newServer(t, newAccepting(o)).URL, nil)
			require.Error(t, err)
			require.Contains(t, []int{http.StatusForbidden, http.StatusInternalServerError}, resp.StatusCode)
		})
	}
}

func TestAcceptKeepsBytesThatArriveWithTheRequest(t *testing.T) {
	nc := rawConn(t, newServer(t, newAccepting(nil)))
	_, err := io.WriteString(nc, upgradeRequest()+text(frame.Client, "early")+text(frame.Client, "bird"))
	require.NoError(t, err)
	require.Equal(t, upgraded, readHead(t, nc))
	peer := wstest.NewPeer(t, nc, frame.Client)
	peer.Expect(wstest.Whole(frame.Text, "early"), wstest.Whole(frame.Text, "bird"))
	peer.Send(wstest.Whole(frame.Text, "late"))
	peer.Expect(wstest.Whole(frame.Text, "late"))
}

// hijackable is a ResponseWriter over any net.Conn.
type hijackable struct {
	*httptest.ResponseRecorder
	nc net.Conn
}

func (h hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.nc, bufio.NewReadWriter(bufio.NewReader(h.nc), bufio.NewWriter(h.nc)), nil
}

func goodRequest() *http.Request {
	r, _ := http.ReadRequest(bufio.NewReader(strings.NewReader(upgradeRequest())))
	return r
}

func TestAcceptClearsTheDeadlinesOfTheServer(t *testing.T) {
	near, far := wstest.Pipe(0)
	nc := &watched{Conn: near}
	require.NoError(t, nc.SetDeadline(time.Now().Add(time.Hour)))
	c, err := Accept(hijackable{httptest.NewRecorder(), nc}, goodRequest(), nil)
	require.NoError(t, err)
	defer c.CloseNow()
	require.Equal(t, upgraded, readHead(t, far))
	deadline, set, _ := nc.seen()
	require.Zero(t, deadline)
	require.Equal(t, 3, set) // the server's, the handshake's, none
}

func TestAcceptClosesAConnectionThatCannotBeUsed(t *testing.T) {
	broken := errors.New("broken")
	for name, nc := range map[string]*failing{
		"Write":              {write: broken},
		"second SetDeadline": {setDeadline: []error{nil, broken}},
	} {
		t.Run(name, func(t *testing.T) {
			near, _ := wstest.Pipe(0)
			nc.watched = &watched{Conn: near}
			_, err := Accept(hijackable{httptest.NewRecorder(), nc}, goodRequest(), nil)
			requireRefused(t, err, 0)
			require.ErrorIs(t, err, broken)
			_, _, closed := nc.seen()
			require.Equal(t, 1, closed)
		})
	}
}

// failing is a net.Conn of which some calls fail.
type failing struct {
	*watched
	setDeadline []error // for one call after the other
	write       error
}

func (f *failing) SetDeadline(t time.Time) error {
	if len(f.setDeadline) > 0 {
		err := f.setDeadline[0]
		f.setDeadline = f.setDeadline[1:]
		if err != nil {
			return err
		}
	}
	return f.watched.SetDeadline(t)
}

func (f *failing) Write(b []byte) (int, error) {
	if f.write != nil {
		return 0, f.write
	}
	return f.watched.Write(b)
}

func TestStreamsAndPreparedMessagesAreForUsersOfThisPackageToo(t *testing.T) {
	server := newServer(t, Handler(echo, nil))
	c, _, err := Dial(t.Context(), server.URL, nil)
	require.NoError(t, err)
	defer c.CloseNow()
	require.NoError(t, c.WritePrepared(t.Context(), Prepare(Text, []byte("once"))))
	typ, data, err := c.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, Text, typ)
	require.Equal(t, "once", string(data))

	nc := Stream(t.Context(), c, Binary)
	_, err = io.WriteString(nc, "bytes")
	require.NoError(t, err)
	got := make([]byte, 5)
	_, err = io.ReadFull(nc, got)
	require.NoError(t, err)
	require.Equal(t, "bytes", string(got))
}
