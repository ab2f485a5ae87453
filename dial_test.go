package websocket

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/handshake"
	"github.com/seed60239977/websocket/internal/wstest"
)

// pretend returns a NetDial whose server reads a request and does what the script says.
func pretend(t *testing.T, script func(nc *wstest.End, r *http.Request)) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		near, far := wstest.Pipe(0)
		go func() {
			r, err := http.ReadRequest(bufio.NewReader(far))
			if err != nil {
				t.Errorf("the request cannot be read: %v", err)
				return
			}
			script(far, r)
		}()
		return near, nil
	}
}

// answer returns the response that accepts a request, with more header lines.
func answer(r *http.Request, lines ...string) string {
	accept := handshake.AppendAccept(nil, r.Header.Get("Sec-WebSocket-Key"))
	return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		string(accept) + "\r\n" + strings.Join(append(lines, ""), "\r\n") + "\r\n"
}

func TestDialSendsWhatTheOptionsSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &DialOptions{
			Subprotocols: []string{"a", "b"},
			Header:       http.Header{"X-Y": {"1", "2"}, "Origin": {"http://origin.example"}},
			Host:         "virtual.example",
		}
		var received *http.Request
		o.NetDial = func(ctx context.Context, network, address string) (net.Conn, error) {
			require.Equal(t, "tcp", network)
			require.Equal(t, "example.com:80", address)
			return pretend(t, func(nc *wstest.End, r *http.Request) {
				require.Equal(t, "/p?q", r.RequestURI)
				require.Equal(t, "virtual.example", r.Host)
				require.Equal(t, "a, b", r.Header.Get("Sec-WebSocket-Protocol"))
				require.Equal(t, []string{"1", "2"}, r.Header["X-Y"])
				require.Equal(t, "http://origin.example", r.Header.Get("Origin"))
				user, password, ok := r.BasicAuth()
				require.True(t, ok)
				require.Equal(t, "me:secret", user+":"+password)
				received = r
				io.WriteString(nc, answer(r, "Sec-WebSocket-Protocol: b", "X-Z: 1"))
			})(ctx, network, address)
		}
		c, resp, err := Dial(t.Context(), "ws://me:secret@example.com/p?q", o)
		require.NoError(t, err)
		defer c.CloseNow()
		require.Equal(t, "b", c.Subprotocol())
		require.Equal(t, "1", resp.Header.Get("X-Z"))
		require.Equal(t, http.NoBody, resp.Body)
		require.Equal(t, "/p", resp.Request.URL.Path)
		require.Equal(t, received.Header, resp.Request.Header)
		require.Equal(t, received.Host, resp.Request.Host)
		require.Equal(t, received.Method+received.Proto, resp.Request.Method+resp.Request.Proto)
	})
}

func TestDialKeepsWhatArrivesWithTheResponse(t *testing.T) {
	for _, tail := range []string{"", strings.Repeat("x", 100), strings.Repeat("x", 60_000)} {
		synctest.Test(t, func(t *testing.T) {
			c, _, err := Dial(t.Context(), "ws://example.com", &DialOptions{NetDial: pretend(t, func(nc *wstest.End, r *http.Request) {
				io.WriteString(nc, answer(r)+text(frame.Server, "early")+text(frame.Server, tail))
			})})
			require.NoError(t, err)
			defer c.CloseNow()
			for _, want := range []string{"early", tail} {
				_, data, err := c.Read(t.Context())
				require.NoError(t, err)
				require.Equal(t, want, string(data))
			}
		})
	}
}

func TestDialSkipsInformationalResponses(t *testing.T) {
	hint := "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
	for n, ok := range map[int]bool{1: true, 4: true, 5: false, 1000: false} {
		synctest.Test(t, func(t *testing.T) {
			c, resp, err := Dial(t.Context(), "ws://example.com", &DialOptions{NetDial: pretend(t, func(nc *wstest.End, r *http.Request) {
				io.WriteString(nc, strings.Repeat(hint, n)+answer(r))
			})})
			if !ok {
				requireRefused(t, err, 0)
				require.Nil(t, resp)
				return
			}
			require.NoError(t, err)
			c.CloseNow()
		})
	}
}

func TestDialRefusesResponsesThatOnlyLookLikeA101(t *testing.T) {
	replace := func(old, new string) func(*http.Request) string {
		return func(r *http.Request) string { return strings.Replace(answer(r), old, new, 1) }
	}
	for name, c := range map[string]struct {
		response func(*http.Request) string
		status   int
	}{
		"nothing":            {func(*http.Request) string { return "" }, 0},
		"half a response":    {func(*http.Request) string { return "HTTP/1.1 101 Switching Protocols\r\nUpgr" }, 0},
		"not HTTP":           {func(*http.Request) string { return "SSH-2.0-OpenSSH_9.2\r\n" }, 0},
		"200":                {replace("101 Switching Protocols", "200 OK"), 200},
		"no Upgrade":         {replace("Upgrade: websocket\r\n", ""), 101},
		"no Connection":      {replace("Connection: Upgrade\r\n", ""), 101},
		"another protocol":   {replace("websocket", "h2c"), 101},
		"a wrong accept":     {func(*http.Request) string { return upgraded }, 101},
		"an accept too many": {func(r *http.Request) string { return answer(r, "Sec-WebSocket-Accept: x") }, 101},
		"a subprotocol":      {func(r *http.Request) string { return answer(r, "Sec-WebSocket-Protocol: x") }, 101},
		"an extension":       {func(r *http.Request) string { return answer(r, "Sec-WebSocket-Extensions: permessage-deflate") }, 101},
		"a NUL":              {func(r *http.Request) string { return answer(r, "X: \x00") }, 0},
		"endless fields":     {func(r *http.Request) string { return answer(r, strings.Repeat("X: y\r\n", 20_000)) }, 0},
		"an endless line":    {func(r *http.Request) string { return answer(r, "X: "+strings.Repeat("y", 1<<20)) }, 0},
		"an endless status":  {func(r *http.Request) string { return "HTTP/1.1 101 " + strings.Repeat("y", 1<<20) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gone := make(chan struct{})
				conn, resp, err := Dial(t.Context(), "ws://example.com", &DialOptions{NetDial: pretend(t, func(nc *wstest.End, r *http.Request) {
					io.WriteString(nc, c.response(r))
					nc.CloseWrite()
					io.Copy(io.Discard, nc)
					close(gone)
				})})
				require.Nil(t, conn)
				requireRefused(t, err, c.status)
				if c.status != 0 {
					require.Equal(t, c.status, resp.StatusCode)
				} else {
					require.Nil(t, resp)
				}
				<-gone // the connection is closed
			})
		})
	}
}

func TestDialHandsBackTheResponseOfARefusal(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 5<<10) // 80 KiB
	for name, c := range map[string]struct{ response, body string }{
		"with a length":      {"HTTP/1.1 403 Forbidden\r\nX: y\r\nContent-Length: 2\r\n\r\nno", "no"},
		"without a length":   {"HTTP/1.1 403 Forbidden\r\nX: y\r\n\r\nno", "no"},
		"in chunks":          {"HTTP/1.1 403 Forbidden\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nn\r\n1\r\no\r\n0\r\n\r\n", "no"},
		"too long":           {"HTTP/1.1 403 Forbidden\r\nX: y\r\n\r\n" + long, long[:64<<10]},
		"that breaks off":    {"HTTP/1.1 403 Forbidden\r\nX: y\r\nContent-Length: 9\r\n\r\nno", "no"},
		"with nothing in it": {"HTTP/1.1 403 Forbidden\r\nX: y\r\nContent-Length: 0\r\n\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, resp, err := Dial(t.Context(), "ws://example.com", &DialOptions{NetDial: pretend(t, func(nc *wstest.End, r *http.Request) {
					io.WriteString(nc, c.response)
					nc.CloseWrite()
				})})
				e := requireRefused(t, err, 403)
				require.Equal(t, "y", e.Header.Get("X"))
				require.Equal(t, 403, resp.StatusCode)
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				require.Equal(t, c.body, string(body))
				require.NoError(t, resp.Body.Close())
			})
		})
	}
}

func TestDialIsContentWithAServerThatIgnoresASmallWindow(t *testing.T) {
	small := DeflateOptions{}
	small.Incoming.WindowBits = 10
	strict := small
	strict.RequireWindow = true
	for name, c := range map[string]struct {
		options DeflateOptions
		offered string
		status  int
	}{
		"unless told to insist": {small, "permessage-deflate; server_max_window_bits=10; client_max_window_bits, permessage-deflate; client_max_window_bits", 0},
		"told to insist":        {strict, "permessage-deflate; server_max_window_bits=10; client_max_window_bits", 101},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := make(chan string, 1)
				ws, _, err := Dial(t.Context(), "ws://example.com", &DialOptions{Deflate: &c.options, NetDial: pretend(t, func(nc *wstest.End, r *http.Request) {
					got <- r.Header.Get("Sec-WebSocket-Extensions")
					io.WriteString(nc, answer(r, "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover"))
				})})
				require.Equal(t, c.offered, <-got)
				if c.status != 0 {
					requireRefused(t, err, c.status)
					return
				}
				require.NoError(t, err)
				ws.CloseNow()
			})
		})
	}
}

func TestDialDoesNotWaitLong(t *testing.T) {
	for name, c := range map[string]struct {
		script  string
		options DialOptions
		status  int
		want    time.Duration
	}{
		"for a response":         {"", DialOptions{}, 0, DefaultHandshakeTimeout},
		"for a slow response":    {"HTTP/1.1 101 Swi", DialOptions{HandshakeTimeout: time.Second}, 0, time.Second},
		"for the body":           {"HTTP/1.1 403 Forbidden\r\n\r\nno", DialOptions{HandshakeTimeout: time.Second}, 403, time.Second},
		"if the context expires": {"", DialOptions{HandshakeTimeout: -1}, 0, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				start := time.Now()
				gone := make(chan struct{})
				c.options.NetDial = pretend(t, func(nc *wstest.End, r *http.Request) {
					io.WriteString(nc, c.script)
					io.Copy(io.Discard, nc)
					close(gone)
				})
				_, resp, err := Dial(ctx, "ws://example.com", &c.options)
				requireRefused(t, err, c.status)
				require.Equal(t, c.want, time.Since(start))
				<-gone
				if c.status == 0 {
					require.ErrorIs(t, err, context.DeadlineExceeded)
					return
				}
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				require.Equal(t, "no", string(body))
			})
		})
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	t.Run("before it begins", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, _, err := Dial(ctx, "ws://127.0.0.1:1", nil)
		requireRefused(t, err, 0)
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("while it connects", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, _, err := Dial(t.Context(), "ws://example.com", &DialOptions{NetDial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, errors.New("some network's way to say it")
			}})
			requireRefused(t, err, 0)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
	})
	t.Run("in the last moment", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			near, far := wstest.Pipe(0)
			go func() {
				r, err := http.ReadRequest(bufio.NewReader(far))
				if err == nil {
					io.WriteString(far, answer(r))
				}
			}()
			jar := &hookedJar{func() {
				cancel()
				synctest.Wait()
			}}
			c, resp, err := Dial(ctx, "ws://example.com", &DialOptions{Jar: jar, NetDial: func(context.Context, string, string) (net.Conn, error) {
				return near, nil
			}})
			requireRefused(t, err, 0)
			require.ErrorIs(t, err, context.Canceled)
			require.Nil(t, c)
			require.NotNil(t, resp)
			_, err = far.Read(make([]byte, 1))
			require.ErrorIs(t, err, io.EOF)
		})
	})
	t.Run("and not later", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			c, _, err := Dial(ctx, "ws://example.com", &DialOptions{NetDial: pretend(t, func(nc *wstest.End, r *http.Request) {
				io.WriteString(nc, answer(r))
				<-time.After(time.Hour) // far longer than HandshakeTimeout
				io.WriteString(nc, text(frame.Server, "late"))
			})})
			require.NoError(t, err)
			cancel()
			_, data, err := c.Read(t.Context())
			require.NoError(t, err)
			require.Equal(t, "late", string(data))
			c.CloseNow()
		})
	})
}

// hookedJar is a jar without cookies that tells when it is given some.
type hookedJar struct{ set func() }

func (j *hookedJar) SetCookies(*url.URL, []*http.Cookie) { j.set() }
func (j *hookedJar) Cookies(*url.URL) []*http.Cookie     { return nil }

func TestDialReportsANetworkThatFails(t *testing.T) {
	broken := errors.New("broken")
	_, _, err := Dial(t.Context(), "ws://example.com", &DialOptions{NetDial: func(context.Context, string, string) (net.Conn, error) {
		return nil, broken
	}})
	requireRefused(t, err, 0)
	require.ErrorIs(t, err, broken)

	near, _ := wstest.Pipe(0)
	nc := &failing{watched: &watched{Conn: near}, write: broken}
	_, _, err = Dial(t.Context(), "ws://example.com", &DialOptions{NetDial: func(context.Context, string, string) (net.Conn, error) {
		return nc, nil
	}})
	requireRefused(t, err, 0)
	require.ErrorIs(t, err, broken)
	_, _, closed := nc.seen()
	require.Equal(t, 1, closed)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	_, _, err = Dial(t.Context(), "ws://"+address, nil)
	requireRefused(t, err, 0)
	var op *net.OpError
	require.ErrorAs(t, err, &op)
}

func TestDialVerifiesCertificates(t *testing.T) {
	server := httptest.NewUnstartedServer(Handler(echo, nil))
	server.Config.ErrorLog = httpLog()
	server.StartTLS()
	defer server.Close()
	for _, o := range []*DialOptions{nil, {TLSConfig: &tls.Config{ServerName: "other.test", RootCAs: pool(server)}}} {
		_, _, err := Dial(t.Context(), server.URL, o)
		requireRefused(t, err, 0)
		var bad *tls.CertificateVerificationError
		require.ErrorAs(t, err, &bad)
	}
	c, resp, err := Dial(t.Context(), server.URL, &DialOptions{TLSConfig: &tls.Config{
		ServerName: "example.com", RootCAs: pool(server)}})
	require.NoError(t, err)
	require.Equal(t, "example.com", resp.TLS.ServerName)
	require.True(t, resp.TLS.PeerCertificates[0].Equal(server.Certificate()))
	requireEcho(t, c)
	c.CloseNow()
}

func TestDialRefusesWhatCannotBeSent(t *testing.T) {
	never := func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("connected all the same")
	}
	for name, c := range map[string]struct {
		url     string
		options DialOptions
	}{
		"a fragment":            {"ws://example.com/#a", DialOptions{}},
		"an empty fragment":     {"ws://example.com/#", DialOptions{}},
		"another scheme":        {"ftp://example.com", DialOptions{}},
		"no scheme":             {"example.com", DialOptions{}},
		"no host":               {"ws:///", DialOptions{}},
		"CRLF in the URL":       {"ws://example.com/\r\nX: y", DialOptions{}},
		"NUL in the URL":        {"ws://example.com/\x00", DialOptions{}},
		"CRLF in a header":      {"ws://example.com", DialOptions{Header: http.Header{"X": {"a\r\nb"}}}},
		"NUL in a header":       {"ws://example.com", DialOptions{Header: http.Header{"X": {"\x00"}}}},
		"CRLF in a name":        {"ws://example.com", DialOptions{Header: http.Header{"X\r\nY": {""}}}},
		"CRLF in a subprotocol": {"ws://example.com", DialOptions{Subprotocols: []string{"a\r\nb"}}},
		"CRLF in the host":      {"ws://example.com", DialOptions{Host: "a\r\nX: y"}},
		"a key of one's own":    {"ws://example.com", DialOptions{Header: http.Header{"Sec-WebSocket-Key": {testKey}}}},
	} {
		t.Run(name, func(t *testing.T) {
			c.options.NetDial = never
			_, resp, err := Dial(t.Context(), c.url, &c.options)
			require.NotContains(t, requireRefused(t, err, 0).Error(), "connected")
			require.Nil(t, resp)
		})
	}
}

func TestDialCarriesCookiesInAJar(t *testing.T) {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	got := make(chan string, 1)
	status := http.StatusForbidden
	server := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header.Get("Cookie")
		require.Len(t, r.Header["Cookie"], min(1, len(r.Header.Get("Cookie"))))
		http.SetCookie(w, &http.Cookie{Name: fmt.Sprint("set", status), Value: "1"})
		if status == http.StatusForbidden {
			w.WriteHeader(status)
			return
		}
		newAccepting(nil).ServeHTTP(w, r)
	}))
	_, _, err = Dial(t.Context(), server.URL, &DialOptions{Jar: jar})
	requireRefused(t, err, http.StatusForbidden)
	require.Empty(t, <-got)

	status = http.StatusSwitchingProtocols
	header := http.Header{"Cookie": {"own=1"}}
	c, _, err := Dial(t.Context(), server.URL, &DialOptions{Jar: jar, Header: header})
	require.NoError(t, err)
	c.CloseNow()
	require.Equal(t, "own=1; set403=1", <-got)
	require.Equal(t, http.Header{"Cookie": {"own=1"}}, header) // the caller's is left alone

	c, _, err = Dial(t.Context(), server.URL, &DialOptions{Jar: jar})
	require.NoError(t, err)
	c.CloseNow()
	require.ElementsMatch(t, []string{"set403=1", "set101=1"}, strings.Split(<-got, "; "))
}

func TestDialNeverSendsSecureCookiesInTheClear(t *testing.T) {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	secure := &url.URL{Scheme: "https", Host: "example.com"}
	jar.SetCookies(secure, []*http.Cookie{{Name: "a", Value: "1", Secure: true}, {Name: "b", Value: "1"}})
	d := dialer{DialOptions: DialOptions{Jar: jar}}
	require.Equal(t, "b=1", d.withCookies(&url.URL{Scheme: "ws", Host: "example.com", Path: "/"}).Get("Cookie"))
	require.Equal(t, "a=1; b=1", d.withCookies(&url.URL{Scheme: "wss", Host: "example.com", Path: "/"}).Get("Cookie"))
}

func pool(server *httptest.Server) *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return roots
}
