package websocket

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/seed60239977/websocket/handshake"
	"github.com/stretchr/testify/require"
)

func TestDialSendsWhatTheOptionsSay(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		got := make(chan *http.Request, 1)
		target := serve(t, func(w http.ResponseWriter, r *http.Request) {
			got <- r
			http.SetCookie(w, &http.Cookie{Name: "fresh", Value: "2"})
			if conn, err := lib.accept(w, r, options{}); err == nil {
				conn.CloseNow()
			}
		})
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		at, err := url.Parse("http" + strings.TrimPrefix(target, "ws"))
		require.NoError(t, err)
		jar.SetCookies(at, []*http.Cookie{{Name: "session", Value: "1"}})
		c, _, err := lib.dial(patient(t), target+"/path?a=b#fragment", options{
			HTTPClient: &http.Client{Jar: jar, Timeout: patience},
			HTTPHeader: http.Header{
				"Authorization": {"Bearer x"}, "Sec-Websocket-Version": {"7"}, "Sec-Websocket-Protocol": {"a, b"}, "Several": {"1", "2"},
			},
		})
		require.NoError(t, err)
		defer c.CloseNow()
		r := <-got
		require.Equal(t, "/path?a=b", r.RequestURI)
		require.Equal(t, at.Host, r.Host)
		require.Equal(t, "Bearer x", r.Header.Get("Authorization"))
		require.Equal(t, "session=1", r.Header.Get("Cookie"))
		require.Equal(t, "13", r.Header.Get("Sec-Websocket-Version"))
		require.Equal(t, "a, b", r.Header.Get("Sec-Websocket-Protocol"))
		require.Equal(t, []string{"1", "2"}, r.Header["Several"])
		require.Equal(t, "Go-http-client/1.1", r.Header.Get("User-Agent"))
		require.Len(t, jar.Cookies(at), 2)

		c, _, err = lib.dial(patient(t), target, options{Host: "example.com"})
		require.NoError(t, err)
		defer c.CloseNow()
		require.Equal(t, "example.com", (<-got).Host)
	})
}

func TestDialFollowsRedirectsAlsoToWS(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		var target string
		target = serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/" {
				http.Redirect(w, r, target+"/there", http.StatusFound)
				return
			}
			if conn, err := lib.accept(w, r, options{}); err == nil {
				conn.CloseNow()
			}
		})
		c, _, err := lib.dial(patient(t), target, options{})
		require.NoError(t, err)
		c.CloseNow()
	})
}

func TestARedirectThatIsNotFollowedLeavesNoResponse(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/there", http.StatusFound) })
		_, resp, err := lib.dial(patient(t), url, options{HTTPClient: &http.Client{
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrNotSupported },
		}})
		require.ErrorIs(t, err, http.ErrNotSupported)
		require.ErrorContains(t, err, "failed to WebSocket dial: failed to send handshake request: ")
		require.Nil(t, resp)
	})
}

func TestAResponseThatIsNoHandshakeIsRefused(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		for name, c := range map[string]struct {
			change func(h http.Header)
			text   string // what the error begins with
		}{
			"no connection": {func(h http.Header) { h.Del("Connection") },
				`WebSocket protocol violation: Connection header "" does not contain Upgrade`},
			"another upgrade": {func(h http.Header) { h.Set("Upgrade", "h2c") },
				`WebSocket protocol violation: Upgrade header "h2c" does not contain websocket`},
			"another answer": {func(h http.Header) { h.Set("Sec-Websocket-Accept", "x") },
				`WebSocket protocol violation: invalid Sec-WebSocket-Accept "x", key "`},
			"another subprotocol": {func(h http.Header) { h.Set("Sec-Websocket-Protocol", "b") },
				`WebSocket protocol violation: unexpected Sec-WebSocket-Protocol from server: "b"`},
			"an extension": {func(h http.Header) { h.Set("Sec-Websocket-Extensions", "x-other") },
				`WebSocket prot`}, // the original has a slip in this one
			"no fault": {func(h http.Header) { h.Set("Sec-Websocket-Protocol", "A"); h.Set("Upgrade", "x, WebSocket") }, ""},
		} {
			t.Run(name, func(t *testing.T) {
				transport := roundTripper(func(r *http.Request) (*http.Response, error) {
					near, far := net.Pipe()
					far.Close() // else its body would be waited for
					h := http.Header{"Connection": {"upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Accept": {
						string(handshake.AppendAccept(nil, r.Header.Get("Sec-Websocket-Key")))}}
					c.change(h)
					return &http.Response{StatusCode: http.StatusSwitchingProtocols, Header: h, Body: near}, nil
				})
				conn, resp, err := lib.dial(patient(t), "ws://example.com", options{
					HTTPClient: &http.Client{Transport: transport}, Subprotocols: []string{"a"},
				})
				require.NotNil(t, resp)
				if c.text != "" {
					require.ErrorContains(t, err, "failed to WebSocket dial: "+c.text)
					return
				}
				require.NoError(t, err)
				require.Equal(t, "A", conn.Subprotocol())
				conn.CloseNow()
			})
		}
	})
}

func TestHowLongAMessageMustBeToBeCompressedDependsOnWhatWasAgreed(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		for _, c := range []struct {
			offer      string
			mode       CompressionMode
			threshold  int
			length     int
			compressed bool
		}{
			{"permessage-deflate", CompressionContextTakeover, 0, 127, false},
			{"permessage-deflate", CompressionContextTakeover, 0, 128, true},
			{"permessage-deflate; server_no_context_takeover", CompressionContextTakeover, 0, 511, false},
			{"permessage-deflate; server_no_context_takeover", CompressionContextTakeover, 0, 512, true},
			{"permessage-deflate", CompressionNoContextTakeover, 0, 511, false},
			{"permessage-deflate", CompressionNoContextTakeover, 0, 512, true},
			{"permessage-deflate", CompressionNoContextTakeover, 100, 99, false},
			{"permessage-deflate", CompressionNoContextTakeover, 100, 100, true},
			{"permessage-deflate", CompressionContextTakeover, -1, 1, true},
			{"permessage-deflate", CompressionDisabled, 0, 1000, false},
		} {
			near, far := net.Pipe()
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header = http.Header{
				"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
				"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Extensions": {c.offer},
			}
			conn, err := lib.accept(hijackable{http.Header{}, near}, r, options{
				CompressionMode: int(c.mode), CompressionThreshold: c.threshold,
			})
			require.NoError(t, err)
			sent := doing(func() error { return conn.Write(patient(t), text, make([]byte, c.length)) })
			first := make([]byte, 1)
			_, err = io.ReadFull(far, first)
			require.NoError(t, err)
			require.Equal(t, c.compressed, first[0]&0x40 != 0, "%+v", c) // RSV1 (RFC 7692, section 6)
			far.Close()
			<-sent
			conn.CloseNow()
		}
	})
}

func TestWhatTheServerSaysInsteadOfAConnectionIsInTheResponse(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, strings.Repeat("no", 1000))
		})
		_, resp, err := lib.dial(patient(t), url, options{})
		require.EqualError(t, err, "failed to WebSocket dial: expected handshake response status code 101 but got 403")
		require.Equal(t, http.StatusForbidden, resp.StatusCode)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, strings.Repeat("no", 512), string(body))
	})
}

func TestDialRefusesOtherSchemes(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		_, _, err := lib.dial(patient(t), "ftp://example.com", options{})
		require.EqualError(t, err, `failed to WebSocket dial: unexpected url scheme: "ftp"`)
		_, _, err = lib.dial(patient(t), "://", options{})
		require.ErrorContains(t, err, "failed to WebSocket dial: failed to parse url: ")
		_, _, err = lib.dial(nil, "ws://example.com", options{}) //nolint:staticcheck // what programs may do by mistake
		require.ErrorContains(t, err, "failed to WebSocket dial: failed to create new http request: ")
	})
}

func TestDialWorksOverTLS(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := lib.accept(w, r, options{}); err == nil {
				defer c.CloseNow()
				if err := c.Write(r.Context(), text, []byte("secret")); err == nil {
					c.Close(1000, "")
				}
			}
		}))
		defer s.Close()
		c, resp, err := lib.dial(patient(t), "wss"+strings.TrimPrefix(s.URL, "https"), options{HTTPClient: s.Client()})
		require.NoError(t, err)
		require.NotNil(t, resp.TLS)
		_, p, err := c.Read(patient(t))
		require.NoError(t, err)
		require.Equal(t, "secret", string(p))
		_, _, err = c.Read(patient(t))
		require.Equal(t, 1000, lib.status(err))
	})
}

// roundTripper answers requests itself.
type roundTripper func(r *http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAnyTransportMayHaveTheConnection(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		for name, body := range map[string]func(net.Conn) io.ReadWriteCloser{
			"a net.Conn":       func(nc net.Conn) io.ReadWriteCloser { return nc },
			"reads and writes": func(nc net.Conn) io.ReadWriteCloser { return struct{ io.ReadWriteCloser }{nc} },
		} {
			t.Run(name, func(t *testing.T) {
				var server connection
				transport := roundTripper(func(r *http.Request) (*http.Response, error) {
					near, far := net.Pipe()
					resp := &http.Response{StatusCode: http.StatusSwitchingProtocols, Header: http.Header{}, Body: body(near)}
					var err error
					if server, err = lib.accept(hijackable{resp.Header, far}, r, options{}); err != nil {
						return nil, err
					}
					return resp, nil
				})
				client, _, err := lib.dial(patient(t), "ws://example.com", options{HTTPClient: &http.Client{Transport: transport}})
				require.NoError(t, err)
				defer client.CloseNow()
				defer server.CloseNow()
				exchange(t, client, server)
				exchange(t, server, client)
				result := reading(t, server)
				require.NoError(t, client.Close(1000, ""))
				require.Equal(t, 1000, lib.status(<-result))
			})
		}
		_, _, err := lib.dial(patient(t), "ws://example.com", options{HTTPClient: &http.Client{Transport: roundTripper(
			func(r *http.Request) (*http.Response, error) {
				_, far := net.Pipe()
				body := io.NopCloser(strings.NewReader("no way back"))
				resp := &http.Response{StatusCode: http.StatusSwitchingProtocols, Header: http.Header{}, Body: body}
				c, err := lib.accept(hijackable{resp.Header, far}, r, options{})
				if err != nil {
					return nil, err
				}
				return resp, c.CloseNow()
			})}})
		require.ErrorContains(t, err, "response body is not a io.ReadWriteCloser")
	})
}
