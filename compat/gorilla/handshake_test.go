package websocket

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// dialInsecure connects with TLS whose certificate is not looked at.
func dialInsecure(t *testing.T, lib library, dial func(network, addr string) (net.Conn, error)) (connection, error) {
	cfg := &tls.Config{InsecureSkipVerify: true}
	if lib.closeSent == ErrCloseSent {
		d := Dialer{NetDial: dial, TLSClientConfig: cfg}
		c, _, err := d.DialContext(t.Context(), "wss://example.com/", nil)
		return c, err
	}
	d := gorilla.Dialer{NetDial: dial, TLSClientConfig: cfg}
	c, _, err := d.DialContext(t.Context(), "wss://example.com/", nil)
	return c, err
}

func TestRequestsThatAreRefused(t *testing.T) {
	good := http.Header{
		"Connection": {"keep-alive, Upgrade"}, "Upgrade": {"websocket"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
	}
	for name, c := range map[string]struct {
		change func(h http.Header)
		method string
		status int
	}{
		"no connection":     {func(h http.Header) { h.Del("Connection") }, "GET", 400},
		"no upgrade":        {func(h http.Header) { h.Del("Upgrade") }, "GET", 400},
		"another method":    {func(h http.Header) {}, "POST", 405},
		"another version":   {func(h http.Header) { h.Set("Sec-Websocket-Version", "12") }, "GET", 400},
		"no key":            {func(h http.Header) { h.Del("Sec-Websocket-Key") }, "GET", 400},
		"a foreign origin":  {func(h http.Header) { h.Set("Origin", "https://evil.example") }, "GET", 403},
		"an invalid origin": {func(h http.Header) { h.Set("Origin", "://") }, "GET", 403},
	} {
		t.Run(name, func(t *testing.T) {
			withEach(t, func(t *testing.T, lib library) {
				refused := make(chan error, 1)
				u := serve(t, func(w http.ResponseWriter, r *http.Request) {
					_, err := lib.upgrade(upgrading{}, w, r, nil)
					refused <- err
				})
				r, err := http.NewRequestWithContext(t.Context(), c.method, "http"+strings.TrimPrefix(u, "ws"), nil)
				require.NoError(t, err)
				r.Header = good.Clone()
				c.change(r.Header)
				resp, err := http.DefaultClient.Do(r)
				require.NoError(t, err)
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				require.Equal(t, c.status, resp.StatusCode)
				require.Equal(t, http.StatusText(c.status)+"\n", string(body))
				require.Equal(t, "13", resp.Header.Get("Sec-Websocket-Version"))
				require.Regexp(t, "HandshakeError", typeName(<-refused))
			})
		})
	}
}

func typeName(err error) string {
	switch err.(type) {
	case HandshakeError, gorilla.HandshakeError:
		return "HandshakeError"
	}
	return ""
}

func TestTheErrorFunctionAnswersInstead(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		o := upgrading{
			CheckOrigin: func(*http.Request) bool { return false },
			Error: func(w http.ResponseWriter, r *http.Request, status int, reason error) {
				http.Error(w, reason.Error(), status+1)
			},
		}
		u := serve(t, func(w http.ResponseWriter, r *http.Request) { lib.upgrade(o, w, r, nil) })
		_, resp, err := lib.dial(t.Context(), dialing{}, u, nil)
		require.Equal(t, lib.badHandshake, err)
		require.Equal(t, 404, resp.StatusCode)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, "websocket: request origin not allowed by Upgrader.CheckOrigin\n", string(body))
	})
}

func TestTheSameHostMayConnect(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		u := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if c, err := lib.upgrade(upgrading{}, w, r, nil); err == nil {
				c.Close()
			}
		})
		c, _, err := lib.dial(t.Context(), dialing{}, u, http.Header{"Origin": {"https" + strings.TrimPrefix(u, "ws")}})
		require.NoError(t, err)
		c.Close()
	})
}

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

func TestTheServersFirstSubprotocolThatIsOfferedIsChosen(t *testing.T) {
	for name, c := range map[string]struct {
		server  []string
		client  []string
		header  string
		answers string
		want    string
	}{
		"by the options":       {server: []string{"c", "b"}, client: []string{"a", "b", "c"}, want: "c"},
		"none in common":       {server: []string{"x"}, client: []string{"a"}, want: ""},
		"by the header":        {client: []string{"a", "b"}, answers: "b", want: "b"},
		"offered by a header":  {server: []string{"b"}, header: "a, b", want: "b"},
		"that is not a token":  {server: []string{"SPDY/3.1+portforward.k8s.io"}, client: []string{"SPDY/3.1+portforward.k8s.io"}, want: "SPDY/3.1+portforward.k8s.io"},
		"nobody speaks of any": {want: ""},
		"that was not offered": {client: []string{"a"}, answers: "b", want: "b"},
		"where none was":       {answers: "b", want: "b"},
		"a list of them":       {client: []string{"a", "b"}, answers: "c, b", want: "c, b"},
		"options without one":  {server: []string{}, client: []string{"a", "b"}, answers: "b", want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			withEach(t, func(t *testing.T, lib library) {
				chosen := make(chan string, 1)
				u := serve(t, func(w http.ResponseWriter, r *http.Request) {
					var h http.Header
					if c.answers != "" {
						h = http.Header{"Sec-Websocket-Protocol": {c.answers}}
					}
					if c, err := lib.upgrade(upgrading{Subprotocols: c.server}, w, r, h); err == nil {
						chosen <- c.Subprotocol()
						c.Close()
					}
				})
				var h http.Header
				if c.header != "" {
					h = http.Header{"Sec-Websocket-Protocol": {c.header}}
				}
				conn, _, err := lib.dial(t.Context(), dialing{Subprotocols: c.client}, u, h)
				require.NoError(t, err)
				defer conn.Close()
				require.Equal(t, c.want, conn.Subprotocol())
				require.Equal(t, c.want, <-chosen)
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

func TestAnErrorOfTheNetworkIsReturnedAsItIs(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		own := &net.AddrError{Err: "own"}
		fails := func(network, addr string) (net.Conn, error) { return nil, own }
		_, resp, err := lib.dial(t.Context(), dialing{NetDial: fails}, "ws://example.com", nil)
		require.Equal(t, error(own), err)
		require.Nil(t, resp)
	})
}

func TestAServerThatDoesNotAnswerIsATimeout(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		near, far := net.Pipe()
		defer far.Close()
		go io.Copy(io.Discard, far)
		dial := func(network, addr string) (net.Conn, error) { return near, nil }
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, _, err := lib.dial(ctx, dialing{NetDial: dial}, "ws://example.com", nil)
		var ne net.Error
		require.ErrorAs(t, err, &ne)
		require.True(t, ne.Timeout())
		require.Contains(t, err.Error(), "i/o timeout")
		require.IsType(t, &net.OpError{}, err)
	})
}

func TestDialingWithAContextThatHasEndedIsAnErrorOfTheNetwork(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	for text, ctx := range map[string]context.Context{
		"dial tcp 127.0.0.1:1: operation was canceled": canceled,
		"dial tcp 127.0.0.1:1: i/o timeout":            late,
	} {
		for _, scheme := range []string{"ws", "wss"} {
			withEach(t, func(t *testing.T, lib library) {
				_, _, err := lib.dial(ctx, dialing{}, scheme+"://127.0.0.1:1/", nil)
				require.EqualError(t, err, text)
			})
		}
	}
}

// dated is a net.Conn that remembers its deadline.
type dated struct {
	net.Conn
	at time.Time
}

func (d *dated) SetDeadline(t time.Time) error {
	d.at = t
	return d.Conn.SetDeadline(t)
}

func (d *dated) Write(p []byte) (int, error) {
	if d.at.IsZero() {
		return 0, errors.New("there is no deadline")
	}
	return d.Conn.Write(p)
}

func TestTheNetworkHasADeadlineDuringTheHandshakeAndNoneAfter(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		u := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if c, err := lib.upgrade(upgrading{}, w, r, nil); err == nil {
				c.Close()
			}
		})
		var near *dated
		dial := func(network, addr string) (net.Conn, error) {
			nc, err := net.Dial(network, addr)
			near = &dated{Conn: nc}
			return near, err
		}
		c, _, err := lib.dial(t.Context(), dialing{NetDial: dial, HandshakeTimeout: patience}, u, nil)
		require.NoError(t, err)
		defer c.Close()
		require.Zero(t, near.at)
	})
}

func TestADeadlineThatTheNetworkRefusesFailsDialing(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		closed, far := net.Pipe()
		defer far.Close()
		require.NoError(t, closed.Close())
		dial := func(network, addr string) (net.Conn, error) { return closed, nil }
		_, _, err := lib.dial(t.Context(), dialing{NetDial: dial, HandshakeTimeout: patience}, "ws://example.com", nil)
		require.Equal(t, io.ErrClosedPipe, err)
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

func TestANegativeTimeoutHasPassed(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		_, _, err := lib.dial(t.Context(), dialing{HandshakeTimeout: -1}, "ws://127.0.0.1:1", nil)
		var ne net.Error
		require.ErrorAs(t, err, &ne)
		require.True(t, ne.Timeout())
	})
}

func TestIsWebSocketUpgradeAndSubprotocolsReadTheRequest(t *testing.T) {
	for _, h := range []http.Header{
		{},
		{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}},
		{"Connection": {"keep-alive", "x, UPGRADE"}, "Upgrade": {"h2c, WebSocket"}, "Sec-Websocket-Protocol": {" a,b , c "}},
		{"Connection": {"upgraded"}, "Upgrade": {"websocket"}},
	} {
		r := &http.Request{Header: h}
		require.Equal(t, gorilla.IsWebSocketUpgrade(r), IsWebSocketUpgrade(r))
		require.Equal(t, gorilla.Subprotocols(r), Subprotocols(r))
	}
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

func TestTheHostIsSentAsItIsInTheURL(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		hosts := make(chan string, 1)
		u := serve(t, func(_ http.ResponseWriter, r *http.Request) { hosts <- r.Host })
		there := dialing{NetDial: func(network, _ string) (net.Conn, error) {
			return net.Dial(network, strings.TrimPrefix(u, "ws://"))
		}}
		for _, host := range []string{"Example.com", "example.com:80", "[::1]:80", "example.com:8080"} {
			_, _, err := lib.dial(t.Context(), there, "ws://"+host+"/", nil)
			require.Equal(t, lib.badHandshake, err)
			require.Equal(t, host, <-hosts)
		}
	})
}

func TestSubprotocolsNeedNotBeTokens(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		for _, name := range []string{"Bearer abc.def=", "h\u00e4", "a/b"} {
			u := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if c, err := lib.upgrade(upgrading{Subprotocols: []string{name}}, w, r, nil); err == nil {
					c.Close()
				}
			})
			c, _, err := lib.dial(t.Context(), dialing{Subprotocols: []string{"other", name}}, u, nil)
			require.NoError(t, err)
			require.Equal(t, name, c.Subprotocol())
			require.NoError(t, c.Close())
		}
	})
}

func TestSubprotocolsMayBeNamedTwice(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		u := serve(t, func(w http.ResponseWriter, r *http.Request) {
			c, err := lib.upgrade(upgrading{Subprotocols: []string{"b", "", "b"}}, w, r, nil)
			if err == nil {
				c.Close()
			}
		})
		c, _, err := lib.dial(t.Context(), dialing{Subprotocols: []string{"a", "a", "b"}}, u, nil)
		require.NoError(t, err)
		defer c.Close()
		require.Equal(t, "b", c.Subprotocol())
	})
}

func TestTheReasonOfARefusalIsInTheSameWords(t *testing.T) {
	good := http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Origin": {"https://evil.example"},
	}
	for field, value := range map[string]string{
		"Connection": "close", "Upgrade": "h2c", "Sec-Websocket-Version": "8", "Sec-Websocket-Key": "short", "Origin": "https://evil.example",
	} {
		reasons := map[string]string{}
		for name, lib := range libraries {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header = good.Clone()
			r.Header.Set(field, value)
			if field == "Sec-Websocket-Key" {
				r.Header.Del("Origin")
			}
			_, err := lib.upgrade(upgrading{}, httptest.NewRecorder(), r, nil)
			require.Error(t, err)
			reasons[name] = err.Error()
		}
		require.Contains(t, reasons["gorilla"], "websocket: ")
		require.Equal(t, reasons["gorilla"], reasons["ours"])
	}
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

// hijacked is a ResponseWriter for a connection that no server has accepted.
type hijacked struct {
	*httptest.ResponseRecorder
	nc net.Conn
}

func (h hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.nc, bufio.NewReadWriter(bufio.NewReader(h.nc), bufio.NewWriter(h.nc)), nil
}

func TestARequestThatAProgramHasPutTogetherNeedNotBeWhole(t *testing.T) {
	for name, r := range map[string]*http.Request{
		"neither version nor host": {},
		"no host":                  {ProtoMajor: 1, ProtoMinor: 1},
		"no version":               {Host: "example.com"},
		"from a gateway":           {Host: "example.com", ProtoMajor: 1, ProtoMinor: 0},
	} {
		t.Run(name, func(t *testing.T) {
			withEach(t, func(t *testing.T, lib library) {
				near, far := net.Pipe()
				defer far.Close()
				asked := r.Clone(t.Context())
				asked.Method = http.MethodGet
				asked.Header = http.Header{
					"Connection": {"Upgrade"}, "Upgrade": {"websocket"},
					"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
				}
				done := make(chan error, 1)
				go func() {
					c, err := lib.upgrade(upgrading{}, hijacked{httptest.NewRecorder(), near}, asked, nil)
					if err == nil {
						err = c.Close()
					} else {
						near.Close()
					}
					done <- err
				}()
				resp, err := http.ReadResponse(bufio.NewReader(far), nil)
				require.NoError(t, err)
				require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
				require.NoError(t, <-done)
			})
		})
	}
}

func TestAURLWithAHostThatIsNoneIsForTheDialer(t *testing.T) {
	for u, want := range map[string]struct{ address, host string }{
		"ws://.run.app.sock/path":      {".run.app.sock:80", ".run.app.sock"},
		"ws://.run.app.sock:8080/path": {".run.app.sock:8080", ".run.app.sock:8080"},
		"ws://_/path":                  {"_:80", "_"},
	} {
		t.Run(u, func(t *testing.T) {
			withEach(t, func(t *testing.T, lib library) {
				server := serve(t, func(w http.ResponseWriter, r *http.Request) {
					if c, err := lib.upgrade(upgrading{}, w, r, http.Header{"X-Asked": {r.Host + r.URL.Path}}); err == nil {
						c.Close()
					}
				})
				dial := func(network, addr string) (net.Conn, error) {
					require.Equal(t, want.address, addr)
					return net.Dial(network, strings.TrimPrefix(server, "ws://"))
				}
				c, resp, err := lib.dial(t.Context(), dialing{NetDial: dial}, u, nil)
				require.NoError(t, err)
				defer c.Close()
				require.Equal(t, want.host+"/path", resp.Header.Get("X-Asked"))
			})
		})
	}
}

func TestAURLWithoutAHostIsForTheDialer(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if c, err := lib.upgrade(upgrading{}, w, r, http.Header{"X-Path": {r.URL.Path}}); err == nil {
				c.Close()
			}
		})
		dial := func(network, addr string) (net.Conn, error) {
			require.Equal(t, ":80", addr)
			return net.Dial(network, strings.TrimPrefix(server, "ws://"))
		}
		c, resp, err := lib.dial(t.Context(), dialing{NetDial: dial}, "ws:///path", nil)
		require.NoError(t, err)
		defer c.Close()
		require.Equal(t, "/path", resp.Header.Get("X-Path"))
	})
}
