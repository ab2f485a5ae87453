package http3_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"

	h3 "github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/http3"
)

// A server is one of HTTP/3 on the loopback interface.
type server struct {
	url     string
	roots   *x509.CertPool
	restart func() (stop func())
	stop    func()
}

func newServer(t testing.TB, h http.Handler) *server {
	t.Helper()
	certificates := httptest.NewTLSServer(nil)
	defer certificates.Close()
	s := &server{roots: x509.NewCertPool()}
	s.roots.AddCert(certificates.Certificate())
	address := "127.0.0.1:0"
	s.restart = func() (stop func()) {
		udp, err := net.ListenPacket("udp", address)
		require.NoError(t, err)
		address = udp.LocalAddr().String()
		serving := &h3.Server{Handler: h, TLSConfig: h3.ConfigureTLSConfig(&tls.Config{Certificates: certificates.TLS.Certificates})}
		done := make(chan struct{})
		go func() {
			defer close(done)
			serving.Serve(udp)
		}()
		return func() {
			serving.Close()
			<-done
			udp.Close()
		}
	}
	s.stop = s.restart()
	s.url = "wss://" + address
	t.Cleanup(func() { s.stop() })
	return s
}

func (s *server) dialer(t testing.TB) *http3.Dialer {
	d := &http3.Dialer{TLSConfig: &tls.Config{RootCAs: s.roots}}
	t.Cleanup(func() { d.Close() })
	return d
}

func echo(ctx context.Context, c *websocket.Conn) {
	for m, err := range c.Messages(ctx) {
		if err != nil || c.Write(ctx, m.Type, m.Data) != nil {
			return
		}
	}
}

func requireEcho(t *testing.T, c *websocket.Conn) {
	t.Helper()
	for _, text := range []string{"hello", "", strings.Repeat("世界", 50_000)} {
		require.NoError(t, c.Write(t.Context(), websocket.Text, []byte(text)))
		_, data, err := c.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, text, string(data))
	}
}

func requireRefused(t *testing.T, err error, status int) {
	t.Helper()
	var e *websocket.HandshakeError
	require.ErrorAs(t, err, &e)
	require.Equal(t, status, e.Status, "%v", err)
}

func TestWebSocketsShareAQUICConnection(t *testing.T) {
	var addresses sync.Map
	h := websocket.Handler(echo, &websocket.AcceptOptions{
		Subprotocols: []string{"chat"}, Deflate: &websocket.DeflateOptions{}, Config: websocket.Config{ReadLimit: 1 << 20},
	})
	s := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		addresses.Store(r.RemoteAddr, true)
		h.ServeHTTP(w, r)
	}))
	d := s.dialer(t)
	o := &websocket.DialOptions{Subprotocols: []string{"chat"}, Deflate: &websocket.DeflateOptions{}}
	conns := make([]*websocket.Conn, 20)
	var all sync.WaitGroup
	for i := range conns {
		all.Go(func() { conns[i], _, _ = d.Dial(t.Context(), s.url+"/chat?a=b", o) })
	}
	all.Wait()
	for _, c := range conns {
		require.NotNil(t, c)
		require.Equal(t, "chat", c.Subprotocol())
		requireEcho(t, c)
	}
	for _, c := range conns {
		require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
	}
	seen := 0
	addresses.Range(func(any, any) bool { seen++; return true })
	require.Equal(t, 1, seen)
}

func TestTheResponseSaysThatItIsHTTP3(t *testing.T) {
	s := newServer(t, websocket.Handler(echo, nil))
	c, resp, err := s.dialer(t).Dial(t.Context(), s.url, nil)
	require.NoError(t, err)
	require.Equal(t, 3, resp.ProtoMajor)
	require.Equal(t, 200, resp.StatusCode)
	require.NotNil(t, resp.TLS)
	require.Equal(t, s.url, "wss://"+c.RemoteAddr().String())
	require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
}

func TestDialReportsARefusal(t *testing.T) {
	s := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			http.Error(w, strings.Repeat("x", 100_000), http.StatusTeapot)
			return
		}
		websocket.Handler(echo, nil).ServeHTTP(w, r)
	}))
	d := s.dialer(t)
	_, resp, err := d.Dial(t.Context(), s.url+"/no", nil)
	requireRefused(t, err, http.StatusTeapot)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Len(t, body, 64<<10)
	_, resp, err = d.Dial(t.Context(), s.url, &websocket.DialOptions{Header: http.Header{"Origin": {"https://other.example"}}})
	requireRefused(t, err, http.StatusForbidden)
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
	for _, url := range []string{"ws://example.com", "wss://example.com/#f", "ftp://example.com"} {
		_, _, err = d.Dial(t.Context(), url, nil)
		requireRefused(t, err, 0)
	}
}

func TestOtherRequestsThanAnExtendedCONNECTAreRefused(t *testing.T) {
	s := newServer(t, websocket.Handler(echo, nil))
	transport := &h3.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots}}
	defer transport.Close()
	for _, protocol := range []string{"", "connect-udp"} {
		r, err := http.NewRequest(http.MethodGet, strings.Replace(s.url, "wss", "https", 1), nil)
		require.NoError(t, err)
		if protocol != "" {
			r.Method, r.Proto = http.MethodConnect, protocol
		}
		resp, err := transport.RoundTrip(r)
		require.NoError(t, err)
		require.Equal(t, http.StatusNotImplemented, resp.StatusCode)
		resp.Body.Close()
	}
}

// ends are the ends of a conversation of a server's Handler with a client.
func ends(t *testing.T) (client, server *websocket.Conn) {
	t.Helper()
	conns, over := make(chan *websocket.Conn, 1), make(chan struct{})
	s := newServer(t, websocket.Handler(func(_ context.Context, c *websocket.Conn) {
		conns <- c
		select {
		case <-c.Done():
		case <-over:
		}
		c.CloseNow()
	}, nil))
	client, _, err := s.dialer(t).Dial(t.Context(), s.url, nil)
	require.NoError(t, err)
	server = <-conns
	t.Cleanup(func() {
		close(over)
		client.CloseNow()
	})
	return client, server
}

func TestHowAStreamEndsIsHowTheConnectionDoes(t *testing.T) {
	for _, fromClient := range []bool{false, true} {
		near, far := ends(t)
		if fromClient {
			near, far = far, near
		}
		require.NoError(t, far.Write(t.Context(), websocket.Text, []byte("last words")))
		go far.Close(websocket.StatusGoingAway, "bye")
		_, data, err := near.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "last words", string(data))
		_, _, err = near.Read(t.Context())
		var end *websocket.CloseError
		require.ErrorAs(t, err, &end)
		require.Equal(t, websocket.StatusGoingAway, end.Code)
		require.True(t, end.WasClean)

		near, far = ends(t)
		if fromClient {
			near, far = far, near
		}
		require.NoError(t, far.CloseNow())
		_, _, err = near.Read(t.Context())
		require.ErrorAs(t, err, &end)
		require.Equal(t, websocket.StatusAbnormalClosure, end.Code)
	}
}

func TestAResetOfTheStreamIsOneOfTheNetwork(t *testing.T) {
	s := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		io.ReadFull(r.Body, make([]byte, 1)) // the response has arrived: a reset might overtake it
		panic(http.ErrAbortHandler)
	}))
	c, _, err := s.dialer(t).Dial(t.Context(), s.url, nil)
	require.NoError(t, err)
	require.NoError(t, c.Write(t.Context(), websocket.Text, []byte("x")))
	_, _, err = c.Read(t.Context())
	require.ErrorIs(t, err, syscall.ECONNRESET)
	c.CloseNow()
}

func TestAContextCutsAReadAndNotTheStream(t *testing.T) {
	for _, swapped := range []bool{false, true} {
		near, far := ends(t)
		if swapped {
			near, far = far, near
		}
		ctx, cancel := context.WithCancel(t.Context())
		cut := make(chan error, 1)
		go func() {
			_, _, err := near.Read(ctx)
			cut <- err
		}()
		cancel()
		require.ErrorIs(t, <-cut, context.Canceled)
		require.NoError(t, far.Write(t.Context(), websocket.Text, []byte("still there")))
		_, data, err := near.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "still there", string(data))
	}
}

func TestShutdownSends1001(t *testing.T) {
	var registry websocket.Registry
	s := newServer(t, websocket.Handler(echo, &websocket.AcceptOptions{Registry: &registry}))
	d := s.dialer(t)
	var conns []*websocket.Conn
	for range 5 {
		c, _, err := d.Dial(t.Context(), s.url, nil)
		require.NoError(t, err)
		conns = append(conns, c)
	}
	down := make(chan error, 1)
	go func() { down <- registry.Shutdown(t.Context()) }()
	for _, c := range conns {
		_, _, err := c.Read(t.Context())
		var end *websocket.CloseError
		require.ErrorAs(t, err, &end)
		require.Equal(t, websocket.StatusGoingAway, end.Code)
	}
	require.NoError(t, <-down)
	_, _, err := d.Dial(t.Context(), s.url, nil)
	requireRefused(t, err, http.StatusServiceUnavailable)
}

func TestDialEndsWithItsContext(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	d := &http3.Dialer{}
	defer d.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		silent.ReadFrom(make([]byte, 2048)) // the client has begun
		cancel()
	}()
	_, _, err = d.Dial(ctx, "wss://"+silent.LocalAddr().String(), nil)
	requireRefused(t, err, 0)
	require.ErrorIs(t, err, context.Canceled)

	began := make(chan struct{})
	s := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
	}))
	ctx, cancel = context.WithCancel(t.Context())
	go func() {
		<-began
		cancel()
	}()
	_, _, err = s.dialer(t).Dial(ctx, s.url, nil)
	requireRefused(t, err, 0)
	require.ErrorIs(t, err, context.Canceled)
}

func TestADialerThatIsClosedEndsItsConnections(t *testing.T) {
	s := newServer(t, websocket.Handler(echo, nil))
	d := s.dialer(t)
	c, _, err := d.Dial(t.Context(), s.url, nil)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	require.NoError(t, d.Close())
	_, _, err = c.Read(t.Context())
	require.ErrorAs(t, err, new(*websocket.CloseError))
	_, _, err = d.Dial(t.Context(), s.url, nil)
	require.ErrorIs(t, err, net.ErrClosed)
	c.CloseNow()
}

func TestAConnectionThatHasEndedIsReplaced(t *testing.T) {
	s := newServer(t, websocket.Handler(echo, nil))
	d := s.dialer(t)
	c, _, err := d.Dial(t.Context(), s.url, nil)
	require.NoError(t, err)
	s.stop()
	s.stop = s.restart()
	_, _, err = c.Read(t.Context())
	require.ErrorAs(t, err, new(*websocket.CloseError))
	c.CloseNow()
	c, _, err = d.Dial(t.Context(), s.url, nil)
	require.NoError(t, err)
	requireEcho(t, c)
	require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
}

func TestAStreamIsANetConn(t *testing.T) {
	for _, swapped := range []bool{false, true} {
		nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
			client, server := ends(t)
			stop = func() {
				client.CloseNow()
				server.CloseNow()
			}
			if swapped {
				return server.NetConn(), client.NetConn(), stop, nil
			}
			return client.NetConn(), server.NetConn(), stop, nil
		})
	}
}

func TestAnObserverIsToldOfHandshakes(t *testing.T) {
	atServer, atClient := make(chan *websocket.Handshake, 2), make(chan *websocket.Handshake, 2)
	observer := &websocket.Observer{Handshake: func(h *websocket.Handshake) { atServer <- h }}
	s := newServer(t, websocket.Handler(echo, &websocket.AcceptOptions{Config: websocket.Config{Observer: observer}}))
	d := s.dialer(t)
	options := &websocket.DialOptions{Config: websocket.Config{Observer: &websocket.Observer{
		Dialing:   func(h *websocket.Handshake) { h.Header["X-Added"] = []string{"by the observer"} },
		Handshake: func(h *websocket.Handshake) { atClient <- h },
	}}}
	c, _, err := d.Dial(t.Context(), s.url+"?secret", options)
	require.NoError(t, err)
	defer c.CloseNow()
	require.Nil(t, options.Header, "the caller's options stay as they were")
	for _, told := range []chan *websocket.Handshake{atServer, atClient} {
		h := <-told
		require.NoError(t, h.Err)
		require.Equal(t, []string{"by the observer"}, h.Header["X-Added"])
		require.Equal(t, "HTTP/3.0", h.Proto)
		require.Equal(t, http.StatusOK, h.Status)
		require.NotContains(t, h.Path, "secret")
	}
	_, _, err = d.Dial(t.Context(), "ws://server.example", options)
	require.Equal(t, err, (<-atClient).Err)
}
