package websocket

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/handshake"
	"github.com/seed60239977/websocket/internal/wstest"
)

// proxyKinds are the ways to run a proxy: each returns its address and, with TLS, the configuration that trusts it.
var proxyKinds = map[string]func(t *testing.T, p *fakeProxy) (address string, cfg *tls.Config){
	"http": func(t *testing.T, p *fakeProxy) (string, *tls.Config) {
		return newServer(t, p).Listener.Addr().String(), nil
	},
	"https": func(t *testing.T, p *fakeProxy) (string, *tls.Config) {
		server := httptest.NewTLSServer(p)
		t.Cleanup(server.Close)
		return server.Listener.Addr().String(), &tls.Config{RootCAs: pool(server)}
	},
	"socks5":  func(t *testing.T, p *fakeProxy) (string, *tls.Config) { return p.listenSOCKS(t), nil },
	"socks5h": func(t *testing.T, p *fakeProxy) (string, *tls.Config) { return p.listenSOCKS(t), nil },
}

// forEachProxy runs a test with a proxy of each kind in front of a server, once with and once without TLS.
func forEachProxy(t *testing.T, user string, h http.Handler, test func(t *testing.T, p *fakeProxy, o *DialOptions, proxyURL, serverURL *url.URL)) {
	for scheme, run := range proxyKinds {
		for _, to := range []string{"ws", "wss"} {
			t.Run(scheme+" to "+to, func(t *testing.T) {
				server := httptest.NewUnstartedServer(h)
				o := &DialOptions{}
				if to == "wss" {
					server.StartTLS()
					o.TLSConfig = &tls.Config{RootCAs: pool(server)}
				} else {
					server.Start()
				}
				t.Cleanup(server.Close)
				p := newFakeProxy(t, server, user)
				address, cfg := run(t, p)
				o.ProxyTLSConfig = cfg
				via := p.url(scheme, address, user)
				o.Proxy = http.ProxyURL(via)
				// A name of the certificate that leads nowhere but through the proxy.
				test(t, p, o, via, &url.URL{Scheme: to, Host: "example.com", Path: "/chat"})
			})
		}
	}
}

func TestDialGoesThroughAProxy(t *testing.T) {
	for _, user := range []string{"", "me:a b:c\r\n"} {
		forEachProxy(t, user, Handler(echo, nil), func(t *testing.T, p *fakeProxy, o *DialOptions, _, u *url.URL) {
			c, resp, err := Dial(t.Context(), u.String(), o)
			require.NoError(t, err)
			require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
			requireEcho(t, c)
			require.NoError(t, c.Close(StatusNormalClosure, ""))
			require.Equal(t, map[string]string{"ws": "example.com:80", "wss": "example.com:443"}[u.Scheme], (<-p.requests).Host)
		})
	}
}

func TestDialTellsAProxyNothingButTheAddress(t *testing.T) {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	for scheme := range map[string]bool{"http": true, "https": true} {
		jar.SetCookies(&url.URL{Scheme: scheme, Host: "example.com"}, []*http.Cookie{{Name: "jar", Value: "1"}})
	}
	served := make(chan *http.Request, 16)
	server := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served <- r
		Handler(echo, nil).ServeHTTP(w, r)
	})
	forEachProxy(t, "proxy:secret", server, func(t *testing.T, p *fakeProxy, o *DialOptions, via, u *url.URL) {
		u.User = url.UserPassword("me", "mine")
		o.Host, o.Jar = "virtual.example", jar
		o.Header = http.Header{"Cookie": {"own=1"}, "X-Api-Key": {"k"}, "User-Agent": {"test"}}
		o.Proxy = func(r *http.Request) (*url.URL, error) {
			require.Equal(t, map[string]string{"ws": "http", "wss": "https"}[u.Scheme]+"://example.com/chat", r.URL.String())
			require.Equal(t, http.Header{"Cookie": {"own=1; jar=1"}, "X-Api-Key": {"k"}, "User-Agent": {"test"}}, r.Header)
			require.Equal(t, "example.com", r.Host)
			r.Header["X-Api-Key"][0] = "changed" // a copy
			return via, nil
		}
		c, _, err := Dial(t.Context(), u.String(), o)
		require.NoError(t, err)
		require.NoError(t, c.Close(StatusNormalClosure, ""))

		asked := <-p.requests
		require.Contains(t, []string{"example.com:80", "example.com:443"}, asked.Host)
		if asked.Method != "" { // of HTTP
			require.Equal(t, http.Header{
				"Proxy-Authorization": {"Basic cHJveHk6c2VjcmV0"},
				"User-Agent":          {handshake.DefaultUserAgent},
			}, asked.Header)
		}
		r := <-served
		require.Empty(t, r.Header.Get("Proxy-Authorization"))
		require.Equal(t, "own=1; jar=1", r.Header.Get("Cookie"))
		require.Equal(t, "k", r.Header.Get("X-Api-Key"))
		name, password, _ := r.BasicAuth()
		require.Equal(t, "me:mine", name+":"+password)
		require.Equal(t, "virtual.example", r.Host)
	})
}

func TestDialReportsAProxyThatDoesNotKnowTheUser(t *testing.T) {
	forEachProxy(t, "me:secret", http.NotFoundHandler(), func(t *testing.T, p *fakeProxy, o *DialOptions, via, u *url.URL) {
		for _, user := range []*url.Userinfo{nil, url.User("me"), url.UserPassword("me", "wrong-password")} {
			via.User = user
			_, resp, err := Dial(t.Context(), u.String(), o)
			require.Nil(t, resp)
			require.NotContains(t, err.Error(), "wrong-password")
			require.Contains(t, err.Error(), via.Host)
			if strings.HasPrefix(via.Scheme, "socks") {
				requireRefused(t, err, 0)
				var op *net.OpError
				require.ErrorAs(t, err, &op)
				continue
			}
			e := requireRefused(t, err, http.StatusProxyAuthRequired)
			require.Equal(t, `Basic realm="test"`, e.Header.Get("Proxy-Authenticate"))
		}
	})
}

func TestDialVerifiesTheCertificateOfAProxy(t *testing.T) {
	server := newServer(t, http.NotFoundHandler())
	proxy := httptest.NewUnstartedServer(newFakeProxy(t, server, ""))
	proxy.Config.ErrorLog = httpLog()
	proxy.StartTLS()
	defer proxy.Close()
	via, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	_, _, err = Dial(t.Context(), "ws://example.com", &DialOptions{
		Proxy:     http.ProxyURL(via),
		TLSConfig: &tls.Config{RootCAs: pool(proxy), InsecureSkipVerify: true}, // which is for the server
	})
	requireRefused(t, err, 0)
	var bad *tls.CertificateVerificationError
	require.ErrorAs(t, err, &bad)
}

func TestDialPresentsNoCertificateOfTheServersToAProxy(t *testing.T) {
	server := httptest.NewTLSServer(Handler(echo, nil))
	defer server.Close()
	p := newFakeProxy(t, server, "")
	proxy := httptest.NewUnstartedServer(p)
	proxy.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	proxy.StartTLS()
	defer proxy.Close()
	c, _, err := Dial(t.Context(), "wss://example.com", &DialOptions{
		Proxy:          http.ProxyURL(p.url("https", proxy.Listener.Addr().String(), "")),
		ProxyTLSConfig: &tls.Config{RootCAs: pool(proxy)},
		TLSConfig:      &tls.Config{RootCAs: pool(server), Certificates: server.TLS.Certificates},
	})
	require.NoError(t, err)
	requireEcho(t, c)
	require.NoError(t, c.Close(StatusNormalClosure, ""))
	require.Empty(t, (<-p.requests).TLS.PeerCertificates)
}

func TestDialThroughAProxyKeepsTheSocket(t *testing.T) {
	server := newServer(t, Handler(echo, nil))
	for _, scheme := range []string{"http", "socks5"} {
		p := newFakeProxy(t, server, "")
		address, _ := proxyKinds[scheme](t, p)
		c, _, err := Dial(t.Context(), "ws://example.com", &DialOptions{Proxy: http.ProxyURL(p.url(scheme, address, ""))})
		require.NoError(t, err)
		require.IsType(t, &net.TCPConn{}, c.NetConn())
		require.NoError(t, c.Close(StatusNormalClosure, ""))
	}
}

func TestDialConnectsToTheAddressOfTheProxy(t *testing.T) {
	broken := errors.New("broken")
	for raw, want := range map[string]string{
		"http://proxy.example":        "proxy.example:80",
		"https://proxy.example":       "proxy.example:443",
		"socks5://proxy.example":      "proxy.example:1080",
		"socks5h://proxy.example":     "proxy.example:1080",
		"http://proxy.example:3128":   "proxy.example:3128",
		"socks5://[::1]:9050":         "[::1]:9050",
		"http://bücher.example/a?b#c": "xn--bcher-kva.example:80",
	} {
		via, err := url.Parse(raw)
		require.NoError(t, err)
		_, _, err = Dial(t.Context(), "wss://example.com", &DialOptions{
			Proxy: http.ProxyURL(via),
			NetDial: func(_ context.Context, network, address string) (net.Conn, error) {
				require.Equal(t, "tcp", network)
				require.Equal(t, want, address)
				return nil, broken
			},
		})
		requireRefused(t, err, 0)
		require.ErrorIs(t, err, broken)
	}
}

func TestDialRefusesProxiesThatItCannotUse(t *testing.T) {
	odd := errors.New("odd")
	for name, choose := range map[string]func(*http.Request) (*url.URL, error){
		"another scheme": http.ProxyURL(&url.URL{Scheme: "ftp", Host: "proxy.example"}),
		"no scheme":      http.ProxyURL(&url.URL{Host: "proxy.example"}),
		"no host":        http.ProxyURL(&url.URL{Scheme: "http"}),
		"CRLF":           http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example\r\nX: y"}),
		"CRLF in SOCKS":  http.ProxyURL(&url.URL{Scheme: "socks5", Host: "a\r\nb"}),
		"no such name":   http.ProxyURL(&url.URL{Scheme: "http", Host: "xn--\u200b.example"}),
		"an error":       func(*http.Request) (*url.URL, error) { return nil, odd },
	} {
		_, resp, err := Dial(t.Context(), "ws://example.com", &DialOptions{
			Proxy: choose,
			NetDial: func(context.Context, string, string) (net.Conn, error) {
				return nil, errors.New("connected all the same")
			},
		})
		require.NotContains(t, requireRefused(t, err, 0).Error(), "connected", name)
		require.Nil(t, resp)
		require.Equal(t, name == "an error", errors.Is(err, odd))
	}
}

func TestDialReportsAProxyThatCannotBeWrittenTo(t *testing.T) {
	broken := errors.New("broken")
	for _, scheme := range []string{"http", "socks5"} {
		near, _ := wstest.Pipe(0)
		nc := &failing{watched: &watched{Conn: near}, write: broken}
		o := through(scheme, nil)
		o.NetDial = func(context.Context, string, string) (net.Conn, error) { return nc, nil }
		_, _, err := Dial(t.Context(), "ws://example.com", o)
		requireRefused(t, err, 0)
		require.ErrorIs(t, err, broken)
		_, _, closed := nc.seen()
		require.NotZero(t, closed)
	}
}

func TestDialAsksForAProxyAtEachRedirect(t *testing.T) {
	server := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "first.example" {
			redirectTo("ws://second.example/", http.StatusFound)(w, r)
			return
		}
		Handler(echo, nil).ServeHTTP(w, r)
	}))
	first, second := newFakeProxy(t, server, "a:b"), newFakeProxy(t, server, "")
	firstAddress, _ := proxyKinds["http"](t, first)
	secondAddress, _ := proxyKinds["http"](t, second)
	c, _, err := Dial(t.Context(), "ws://first.example", &DialOptions{
		MaxRedirects: 1,
		Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.Host == "first.example" {
				return first.url("http", firstAddress, "a:b"), nil
			}
			return second.url("http", secondAddress, ""), nil
		},
	})
	require.NoError(t, err)
	requireEcho(t, c)
	require.NoError(t, c.Close(StatusNormalClosure, ""))
	require.Equal(t, "first.example:80", (<-first.requests).Host)
	require.Equal(t, "second.example:80", (<-second.requests).Host)
}

func TestDialTakesTheProxyOfTheEnvironment(t *testing.T) {
	if os.Getenv(inEnvironment) != "" {
		dialInEnvironment(t)
		return
	}
	server := newServer(t, Handler(echo, nil))
	p := newFakeProxy(t, server, "me:secret")
	address, _ := proxyKinds["http"](t, p)
	secure := newFakeProxy(t, server, "")
	// net/http looks at the environment once, so this takes a process of its own.
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inEnvironment+"="+server.Listener.Addr().String(),
		"HTTP_PROXY="+p.url("http", address, "me:secret").String(),
		"HTTPS_PROXY="+secure.url("socks5", secure.listenSOCKS(t), "").String(),
		"NO_PROXY=direct.example")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS")
	require.Equal(t, "example.com:80", (<-p.requests).Host)
	require.Equal(t, "example.com:443", (<-secure.requests).Host)
	require.Empty(t, p.requests)
	require.Empty(t, secure.requests)
}

// dialInEnvironment runs where HTTP_PROXY, HTTPS_PROXY and NO_PROXY are set.
func dialInEnvironment(t *testing.T) {
	c, _, err := Dial(t.Context(), "ws://example.com", nil)
	require.NoError(t, err)
	requireEcho(t, c)
	require.NoError(t, c.Close(StatusNormalClosure, ""))

	_, _, err = Dial(t.Context(), "wss://example.com", nil) // which the server does not speak
	requireRefused(t, err, 0)
	var bad tls.RecordHeaderError
	require.ErrorAs(t, err, &bad)

	c, _, err = Dial(t.Context(), "ws://"+os.Getenv(inEnvironment), nil)
	require.NoError(t, err)
	require.NoError(t, c.Close(StatusNormalClosure, ""))

	for target, choose := range map[string]func(*http.Request) (*url.URL, error){
		"direct.example": nil,
		"example.com":    http.ProxyURL(nil),
	} {
		_, _, err = Dial(t.Context(), "ws://"+target, &DialOptions{
			Proxy: choose,
			NetDial: func(_ context.Context, _, address string) (net.Conn, error) {
				return nil, errors.New("asked for " + address)
			},
		})
		require.ErrorContains(t, err, "asked for "+target+":80")
	}
}
