package websocket

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHeadersGoBothWays(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		host := make(chan string, 1)
		u := serve(t, func(w http.ResponseWriter, r *http.Request) {
			host <- r.Host
			h := http.Header{"X-Answer": {r.Header.Get("X-Question") + "!"}, "Set-Cookie": {"a=b"}, "X-Lines": {"a\r\nb"}}
			if c, err := lib.upgrade(upgrading{}, w, r, h); err == nil {
				c.Close()
			}
		})
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		c, resp, err := lib.dial(t.Context(), dialing{Jar: jar}, u, http.Header{"X-Question": {"why"}, "Host": {"other.example"}})
		require.NoError(t, err)
		defer c.Close()
		require.Equal(t, 101, resp.StatusCode)
		require.Equal(t, "why!", resp.Header.Get("X-Answer"))
		require.Equal(t, "a  b", resp.Header.Get("X-Lines"))
		require.Equal(t, "other.example", <-host)
		at, err := url.Parse("http" + strings.TrimPrefix(u, "ws"))
		require.NoError(t, err)
		require.Len(t, jar.Cookies(at), 1)
	})
}

func TestTheUserAgentIsThatOfNetHTTPUnlessTheProgramHasOne(t *testing.T) {
	for name, c := range map[string]struct {
		header http.Header
		want   []string
	}{
		"none":     {nil, []string{"Go-http-client/1.1"}},
		"its own":  {http.Header{"User-Agent": {"mine/1.0"}}, []string{"mine/1.0"}},
		"an empty": {http.Header{"User-Agent": {""}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			withEach(t, func(t *testing.T, lib library) {
				got := make(chan []string, 1)
				u := serve(t, func(w http.ResponseWriter, r *http.Request) {
					got <- r.Header["User-Agent"]
					if c, err := lib.upgrade(upgrading{}, w, r, nil); err == nil {
						c.Close()
					}
				})
				conn, _, err := lib.dial(t.Context(), dialing{}, u, c.header)
				require.NoError(t, err)
				defer conn.Close()
				require.Equal(t, c.want, <-got)
			})
		})
	}
}

func TestAResponseThatIsNoWebSocketComesWithItsBody(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		u := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "go away", http.StatusTeapot) })
		_, resp, err := lib.dial(t.Context(), dialing{}, u, nil)
		require.Equal(t, lib.badHandshake, err)
		require.EqualError(t, err, "websocket: bad handshake")
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, "go away\n", string(body))
	})
}

func TestAResponseHasTheRequestThatItAnswers(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		received := make(chan *http.Request, 2)
		u := serve(t, func(w http.ResponseWriter, r *http.Request) {
			received <- r
			if r.URL.Path == "/refused" {
				http.Error(w, "go away", http.StatusTeapot)
				return
			}
			if c, err := lib.upgrade(upgrading{}, w, r, nil); err == nil {
				c.Close()
			}
		})
		for _, path := range []string{"/refused", "/accepted?q"} {
			c, resp, err := lib.dial(t.Context(), dialing{}, u+path, http.Header{"Host": {"virtual.example"}, "X-Y": {"1"}})
			require.Equal(t, path == "/refused", err != nil)
			if err == nil {
				defer c.Close()
			}
			got, sent := <-received, resp.Request
			require.Equal(t, "http"+strings.TrimPrefix(u, "ws")+path, sent.URL.String())
			require.Equal(t, got.Host, sent.Host)
			require.Equal(t, got.Method, sent.Method)
			require.Equal(t, got.Proto, sent.Proto)
			require.Equal(t, got.ProtoMajor, sent.ProtoMajor)
			for name, values := range sent.Header { // however they are spelled
				if name != "User-Agent" {
					require.Equal(t, got.Header.Values(name), values, name)
				}
			}
			require.Equal(t, "1", sent.Header.Get("X-Y"))
			require.Equal(t, "websocket", sent.Header.Get("Upgrade"))
		}
	})
}

func TestWhatMayNotBeDialed(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		for _, u := range []string{"http://example.com", "ws://user:password@example.com/", "example.com"} {
			_, _, err := lib.dial(t.Context(), dialing{}, u, nil)
			require.EqualError(t, err, "malformed ws or wss URL", u)
		}
		_, _, err := lib.dial(t.Context(), dialing{}, "ws://example.com", http.Header{"Upgrade": {"x"}})
		require.EqualError(t, err, "websocket: duplicate header not allowed: Upgrade")
	})
}

func TestAProxyMaySpeakTLSWithTheServersConfiguration(t *testing.T) {
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if c, err := new(Upgrader).Upgrade(w, r, nil); err == nil {
			c.Close()
		}
	})
	var asked atomic.Value
	proxy := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Method + " ws://" + r.Host)
		server, err := net.Dial("tcp", r.Host)
		if err != nil {
			return
		}
		defer server.Close()
		client, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer client.Close()
		io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
		go io.Copy(server, client)
		io.Copy(client, server)
	}))
	defer proxy.Close()
	at, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	d := Dialer{Proxy: http.ProxyURL(at)}
	_, _, err = d.DialContext(t.Context(), u, nil)
	require.ErrorAs(t, err, new(*tls.CertificateVerificationError))
	roots := x509.NewCertPool()
	roots.AddCert(proxy.Certificate())
	d.TLSClientConfig = &tls.Config{RootCAs: roots}
	c, _, err := d.DialContext(t.Context(), u, nil)
	require.NoError(t, err)
	defer c.Close()
	require.Equal(t, "CONNECT "+u, asked.Load())
}

func TestTheProxyFunctionSeesTheRequestAndMayChangeItsHeader(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		sent := make(chan string, 1)
		u := serve(t, func(w http.ResponseWriter, r *http.Request) {
			sent <- r.Header.Get("X-Test")
			if c, err := lib.upgrade(upgrading{}, w, r, nil); err == nil {
				c.Close()
			}
		})
		var asked string
		proxy := func(r *http.Request) (*url.URL, error) {
			asked = r.URL.String()
			r.Header.Set("X-Test", r.Header.Get("X-Test")+" changed")
			return nil, nil
		}
		c, _, err := lib.dial(t.Context(), dialing{Proxy: proxy}, u+"/path", http.Header{"X-Test": {"was"}})
		require.NoError(t, err)
		defer c.Close()
		require.Equal(t, "was changed", <-sent)
		require.Equal(t, "http"+strings.TrimPrefix(u, "ws")+"/path", asked)
		own := &net.AddrError{Err: "own"}
		proxy = func(*http.Request) (*url.URL, error) { return nil, own }
		_, _, err = lib.dial(t.Context(), dialing{Proxy: proxy}, u, nil)
		require.Equal(t, error(own), err)
	})
}

func TestHeadersAreWrittenAsPackageHTTPWritesThem(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		seen := make(chan http.Header, 1)
		u := serve(t, func(w http.ResponseWriter, r *http.Request) {
			seen <- r.Header
			c, err := lib.upgrade(upgrading{}, w, r, http.Header{"X-Answer": {"one\r\nX-Evil:\ttwo"}, "X-Latin": {"\xe4"}})
			if err == nil {
				c.Close()
			}
		})
		c, resp, err := lib.dial(t.Context(), dialing{}, u, http.Header{
			"Authorization":  {"Bearer token\n"},
			"X Y":            {"no name of a field"},
			"Content-Length": {"5"},
			"x-lower":        {"a", "b"},
			"X-Tab":          {"a\tb"},
			"X-Latin":        {"\xe4"},
		})
		require.NoError(t, err)
		defer c.Close()
		h := <-seen
		require.Equal(t, []string{"Bearer token"}, h["Authorization"])
		require.Equal(t, []string{"a", "b"}, h["X-Lower"])
		require.Equal(t, []string{"a\tb"}, h["X-Tab"])
		require.Empty(t, h["Content-Length"])
		require.Equal(t, []string{"\xe4"}, h["X-Latin"], "one byte, and no UTF-8")
		require.NotContains(t, h, "X Y")
		require.Equal(t, "\xe4", resp.Header.Get("X-Latin"))
		require.Equal(t, "one  X-Evil: two", resp.Header.Get("X-Answer"))
		require.Empty(t, resp.Header["X-Evil"])
	})
}

func TestWhatTheDialerWritesItselfMayNotBeInTheHeader(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		for _, name := range []string{"Upgrade", "Connection", "Sec-Websocket-Key", "Sec-Websocket-Version", "Sec-Websocket-Extensions"} {
			_, _, err := lib.dial(t.Context(), dialing{}, "ws://127.0.0.1:1/", http.Header{name: {"x"}})
			require.EqualError(t, err, "websocket: duplicate header not allowed: "+name)
		}
		_, _, err := lib.dial(t.Context(), dialing{Subprotocols: []string{"a"}}, "ws://127.0.0.1:1/", http.Header{"Sec-Websocket-Protocol": {"b"}})
		require.EqualError(t, err, "websocket: duplicate header not allowed: Sec-Websocket-Protocol")
	})
}

func TestTheLocationOfARedirectIsOneOfHTTP(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		u := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/there", http.StatusFound) })
		_, resp, err := lib.dial(t.Context(), dialing{}, u+"/here", nil)
		require.Equal(t, lib.badHandshake, err)
		at, err := resp.Location()
		require.NoError(t, err)
		require.Equal(t, "http"+strings.TrimPrefix(u, "ws")+"/there", at.String())
	})
}

func TestAHeaderMayHaveTheSpellingOfTheRFC(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		u := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if c, err := lib.upgrade(upgrading{Subprotocols: []string{"b", "c"}}, w, r, nil); err == nil {
				c.Close()
			}
		})
		for _, offered := range [][]string{nil, {"c"}} { // which the header replaces
			c, _, err := lib.dial(t.Context(), dialing{Subprotocols: offered}, u, http.Header{
				"Sec-WebSocket-Protocol":   {"a, b"},
				"Sec-WebSocket-Extensions": {"permessage-deflate; client_max_window_bits"},
				"connection":               {"Upgrade"},
			})
			require.NoError(t, err)
			require.Equal(t, "b", c.Subprotocol())
			require.NoError(t, c.Close())
		}
	})
}
