package websocket

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// never is a NetDial that must not be called.
func never(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("connected all the same")
}

// ownTLS is a NetDialTLS for a server, and does the handshake later.
func ownTLS(server *httptest.Server, wrap func(net.Conn) net.Conn) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
		if err != nil {
			return nil, err
		}
		return wrap(tls.Client(nc, &tls.Config{RootCAs: pool(server), ServerName: "example.com"})), nil
	}
}

// opaque is a net.Conn that shows nothing of its TLS.
type opaque struct{ net.Conn }

func TestDialUsesTheCallersTLS(t *testing.T) {
	requests := make(chan *http.Request, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests <- r
		newAccepting(nil).ServeHTTP(w, r)
	}))
	defer server.Close()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	jar.SetCookies(&url.URL{Scheme: "https", Host: "example.com"}, []*http.Cookie{{Name: "a", Value: "1", Secure: true}})
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"shown":  func(nc net.Conn) net.Conn { return nc },
		"hidden": func(nc net.Conn) net.Conn { return opaque{nc} },
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			o := &DialOptions{Jar: jar, NetDial: never, TLSConfig: &tls.Config{ServerName: "other.test"}}
			o.NetDialTLS = func(ctx context.Context, network, address string) (net.Conn, error) {
				asked = append(asked, network+" "+address)
				return ownTLS(server, wrap)(ctx, network, address)
			}
			c, resp, err := Dial(t.Context(), "wss://example.com:443/", o)
			require.NoError(t, err)
			requireEcho(t, c)
			c.CloseNow()
			require.Equal(t, []string{"tcp example.com:443"}, asked)
			if name == "shown" {
				require.True(t, resp.TLS.PeerCertificates[0].Equal(server.Certificate()))
			} else {
				require.Nil(t, resp.TLS)
			}
			r := <-requests
			require.Equal(t, "example.com", r.Host)
			require.Equal(t, "a=1", r.Header.Get("Cookie"))
		})
	}
}

func TestDialUsesTheCallersTLSForRedirectsToHTTPS(t *testing.T) {
	target := httptest.NewTLSServer(newAccepting(nil))
	defer target.Close()
	server := newServer(t, redirectTo("https://example.com/", http.StatusFound))
	c, resp, err := Dial(t.Context(), server.URL, &DialOptions{
		MaxRedirects: 1,
		NetDialTLS:   ownTLS(target, func(nc net.Conn) net.Conn { return nc }),
	})
	require.NoError(t, err)
	require.NotNil(t, resp.TLS)
	requireEcho(t, c)
	c.CloseNow()
}

func TestDialDoesNotUseTheCallersTLSForWS(t *testing.T) {
	server := newServer(t, newAccepting(nil))
	c, _, err := Dial(t.Context(), server.URL, &DialOptions{NetDialTLS: never})
	require.NoError(t, err)
	c.CloseNow()
}

func TestDialUsesTLSConfigInsideAProxysTunnel(t *testing.T) {
	server := httptest.NewTLSServer(newAccepting(nil))
	defer server.Close()
	p := newFakeProxy(t, server, "")
	address, _ := proxyKinds["http"](t, p)
	c, resp, err := Dial(t.Context(), "wss://example.com", &DialOptions{
		Proxy:      http.ProxyURL(p.url("http", address, "")),
		NetDialTLS: never,
		TLSConfig:  &tls.Config{RootCAs: pool(server)},
	})
	require.NoError(t, err)
	require.NotNil(t, resp.TLS)
	require.NoError(t, c.Close(StatusNormalClosure, ""))
}

// spoken is a net.Conn that says what its TLS has negotiated, and remembers that it was closed.
type spoken struct {
	net.Conn
	state     tls.ConnectionState
	handshake error
	closed    bool
}

func (s *spoken) ConnectionState() tls.ConnectionState   { return s.state }
func (s *spoken) HandshakeContext(context.Context) error { return s.handshake }
func (s *spoken) Close() error                           { s.closed = true; return s.Conn.Close() }

func TestDialReportsTLSOfTheCallersThatFails(t *testing.T) {
	broken := errors.New("broken")
	for name, nc := range map[string]*spoken{
		"a failed handshake": {handshake: broken},
		"another protocol":   {state: tls.ConnectionState{NegotiatedProtocol: "h2"}},
	} {
		t.Run(name, func(t *testing.T) {
			nc.Conn, _ = wstest.Pipe(0)
			_, _, err := Dial(t.Context(), "wss://example.com", &DialOptions{NetDialTLS: func(context.Context, string, string) (net.Conn, error) {
				return nc, nil
			}})
			e := requireRefused(t, err, 0)
			require.True(t, nc.closed)
			if nc.handshake != nil {
				require.ErrorIs(t, err, broken)
			} else {
				require.Contains(t, e.Reason, "h2")
			}
		})
	}
	_, _, err := Dial(t.Context(), "wss://example.com", &DialOptions{NetDialTLS: func(context.Context, string, string) (net.Conn, error) {
		return nil, broken
	}})
	requireRefused(t, err, 0)
	require.ErrorIs(t, err, broken)
}

func TestConnectGoesWhereDialDoes(t *testing.T) {
	forEachProxy(t, "me:secret", Handler(echo, nil), func(t *testing.T, p *fakeProxy, o *DialOptions, _, u *url.URL) {
		nc, err := Connect(t.Context(), u.String(), o)
		require.NoError(t, err)
		defer nc.Close()
		if u.Scheme == "wss" {
			require.IsType(t, &tls.Conn{}, nc)
		}
		_, err = io.WriteString(nc, upgradeRequest())
		require.NoError(t, err)
		require.Equal(t, upgraded, readHead(t, nc))
		<-p.requests
	})
}

func TestConnectLosesNothingThatComesWithAProxysAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := through("http", func(nc *wstest.End) {
			if _, err := http.ReadRequest(bufio.NewReader(nc)); err == nil {
				io.WriteString(nc, "HTTP/1.1 200 OK\r\n\r\nhello")
			}
		})
		nc, err := Connect(t.Context(), "ws://example.com", o)
		require.NoError(t, err)
		defer nc.Close()
		got := make([]byte, 5)
		_, err = io.ReadFull(nc, got)
		require.NoError(t, err)
		require.Equal(t, "hello", string(got))
	})
}

func TestConnectRefusesWhatDialDoes(t *testing.T) {
	_, err := Connect(t.Context(), "ftp://example.com", nil)
	requireRefused(t, err, 0)
	_, err = Connect(t.Context(), "ws://example.com", &DialOptions{NetDial: never, ProxyHeader: http.Header{"X": {"a\nb"}}})
	require.NotContains(t, requireRefused(t, err, 0).Error(), "connected")
	synctest.Test(t, func(t *testing.T) {
		_, err := Connect(t.Context(), "ws://example.com", &DialOptions{NetDial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		requireRefused(t, err, 0)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestDialKeepsWhatArrivesWithTheResponseOverTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nc, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			io.WriteString(nc, answer(r)+text(frame.Server, "early")) // in one record
			io.Copy(io.Discard, nc)
			nc.Close()
		}
	}))
	defer server.Close()
	c, _, err := Dial(t.Context(), server.URL, &DialOptions{TLSConfig: &tls.Config{RootCAs: pool(server)}})
	require.NoError(t, err)
	defer c.CloseNow()
	_, data, err := c.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, "early", string(data))
}

func TestDialCallsTheHooksOfATrace(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a>")
		w.WriteHeader(http.StatusEarlyHints)
		newAccepting(nil).ServeHTTP(w, r)
	}))
	defer server.Close()
	var mu sync.Mutex
	var calls []string
	var got net.Conn
	note := func(call string) {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, call)
	}
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GetConn:              func(address string) { note("GetConn " + address) },
		GotConn:              func(info httptrace.GotConnInfo) { got = info.Conn; note("GotConn") },
		ConnectStart:         func(network, _ string) { note("ConnectStart " + network) },
		ConnectDone:          func(_, _ string, err error) { note("ConnectDone") },
		TLSHandshakeStart:    func() { note("TLSHandshakeStart") },
		TLSHandshakeDone:     func(s tls.ConnectionState, err error) { note("TLSHandshakeDone " + s.NegotiatedProtocol) },
		WroteHeaders:         func() { note("WroteHeaders") },
		WroteRequest:         func(info httptrace.WroteRequestInfo) { note("WroteRequest") },
		GotFirstResponseByte: func() { note("GotFirstResponseByte") },
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			note("Got1xxResponse " + header.Get("Link"))
			return nil
		},
	})
	c, _, err := Dial(ctx, server.URL, &DialOptions{TLSConfig: &tls.Config{RootCAs: pool(server)}})
	require.NoError(t, err)
	require.Equal(t, c.NetConn(), got)
	c.CloseNow()
	require.Equal(t, []string{
		"GetConn " + server.Listener.Addr().String(), "ConnectStart tcp", "ConnectDone",
		"TLSHandshakeStart", "TLSHandshakeDone http/1.1", "GotConn", "WroteHeaders", "WroteRequest",
		"GotFirstResponseByte", "Got1xxResponse </a>",
	}, calls)

	stop := errors.New("stop")
	ctx = httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(int, textproto.MIMEHeader) error { return stop }})
	_, _, err = Dial(ctx, server.URL, &DialOptions{TLSConfig: &tls.Config{RootCAs: pool(server)}})
	requireRefused(t, err, 0)
	require.ErrorIs(t, err, stop)

	near, far := wstest.Pipe(0)
	ctx = httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { panic("oh no") }})
	require.Panics(t, func() {
		Dial(ctx, "ws://example.com", &DialOptions{NetDial: func(context.Context, string, string) (net.Conn, error) { return near, nil }})
	})
	_, err = far.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "the connection is closed")

	var failed error
	ctx = httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{TLSHandshakeDone: func(_ tls.ConnectionState, err error) { failed = err }})
	_, _, err = Dial(ctx, strings.Replace(newServer(t, http.NotFoundHandler()).URL, "http:", "wss:", 1), nil)
	requireRefused(t, err, 0)
	require.ErrorIs(t, err, failed)
}
