package websocket

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/handshake"
)

func TestSubprotocolsAreChosenByTheServerInAnyCase(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		for _, c := range []struct {
			client, server []string
			want           string
		}{
			{nil, nil, ""},
			{nil, []string{"a"}, ""},
			{[]string{"a"}, nil, ""},
			{[]string{"a", "b"}, []string{"b", "a"}, "b"},
			{[]string{"a", "b"}, []string{"c", "b"}, "b"},
			{[]string{"Chat"}, []string{"chat"}, "Chat"},
		} {
			client, server := pair(t, lib, lib, options{Subprotocols: c.client}, options{Subprotocols: c.server})
			require.Equal(t, c.want, client.Subprotocol())
			require.Equal(t, c.want, server.Subprotocol())
		}
	})
}

// request sends an upgrade with a changed header, and returns the status and the body of the response.
func request(t *testing.T, rawURL string, change func(r *http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(patient(t), http.MethodGet, "http"+strings.TrimPrefix(rawURL, "ws"), nil)
	require.NoError(t, err)
	for name, value := range map[string]string{
		"Connection": "keep-alive, Upgrade", "Upgrade": "websocket",
		"Sec-Websocket-Version": "13", "Sec-Websocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	} {
		r.Header.Set(name, value)
	}
	change(r)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp.StatusCode, ""
	}
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func TestOriginsAreCheckedAgainstHostAndPatterns(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		for _, c := range []struct {
			origin   string
			patterns []string
			insecure bool
			status   int
			body     string
		}{
			{"", nil, false, 101, ""},
			{"http://example.com", nil, false, 101, ""},
			{"https://EXAMPLE.com", nil, false, 101, ""},
			{"https://other.com", nil, true, 101, ""},
			{"https://other.com", nil, false, 403, "request Origin \"other.com\" is not authorized for Host \"example.com\"\n"},
			{"other.com", nil, false, 403, "request Origin \"other.com\" is not a valid URL with a host\n"},
			{"https://a.Other.com", []string{"*.other.com"}, false, 101, ""},
			{"https://other.com", []string{"*.other.com"}, false, 403, "request Origin \"other.com\" is not authorized for Host \"example.com\"\n"},
			{"https://a.other.com", []string{"x", "https://*.OTHER.com"}, false, 101, ""},
			{"http://a.other.com", []string{"https://*.other.com"}, false, 403, "request Origin \"a.other.com\" is not authorized for Host \"example.com\"\n"},
			{"https://a.other.com", []string{"[bad"}, false, 403, "Forbidden\n"},
		} {
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				conn, err := lib.accept(w, r, options{OriginPatterns: c.patterns, InsecureSkipVerify: c.insecure})
				if err == nil {
					conn.CloseNow()
				}
			})
			status, body := request(t, url, func(r *http.Request) {
				r.Host = "example.com"
				if c.origin != "" {
					r.Header.Set("Origin", c.origin)
				}
			})
			require.Equal(t, c.status, status, c)
			require.Equal(t, c.body, body)
		}
	})
}

func TestARequestThatIsNoHandshakeIsRefused(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		errs := make(chan error, 100)
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			_, err := lib.accept(w, r, options{})
			errs <- err
		})
		for name, c := range map[string]struct {
			change func(r *http.Request)
			status int
			text   string
		}{
			"no upgrade": {func(r *http.Request) { r.Header.Del("Upgrade") }, 426,
				`WebSocket protocol violation: Upgrade header "" does not contain websocket`},
			"another upgrade": {func(r *http.Request) { r.Header.Set("Upgrade", "h2c") }, 426,
				`WebSocket protocol violation: Upgrade header "h2c" does not contain websocket`},
			"only a method": {func(r *http.Request) { r.Header = http.Header{}; r.Method = http.MethodPost }, 426,
				`WebSocket protocol violation: Connection header "" does not contain Upgrade`},
			"no connection": {func(r *http.Request) { r.Header.Set("Connection", "keep-alive") }, 426,
				`WebSocket protocol violation: Connection header "keep-alive" does not contain Upgrade`},
			"another method": {func(r *http.Request) { r.Method = http.MethodPost }, 405,
				`WebSocket protocol violation: handshake request method is not GET but "POST"`},
			"another version": {func(r *http.Request) { r.Header.Set("Sec-Websocket-Version", "8") }, 400,
				`unsupported WebSocket protocol version (only 13 is supported): "8"`},
			"no key": {func(r *http.Request) { r.Header.Del("Sec-Websocket-Key") }, 400,
				`WebSocket protocol violation: missing Sec-WebSocket-Key`},
			"a key that is bad": {func(r *http.Request) { r.Header.Set("Sec-Websocket-Key", "abc") }, 400,
				`WebSocket protocol violation: invalid Sec-WebSocket-Key "abc", must be a 16 byte base64 encoded string`},
			"two keys": {func(r *http.Request) { r.Header.Add("Sec-Websocket-Key", "dGhlIHNhbXBsZSBub25jZQ==") }, 400,
				`WebSocket protocol violation: multiple Sec-WebSocket-Key headers`},
		} {
			t.Run(name, func(t *testing.T) {
				status, body := request(t, url, c.change)
				require.Equal(t, c.status, status)
				require.Equal(t, c.text+"\n", body)
				require.EqualError(t, <-errs, "failed to accept WebSocket connection: "+c.text)
			})
		}
	})
}

func TestTheEnginesOwnChecksRefuseARequest(t *testing.T) {
	lib := libraries["ours"] // the original accepts these
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, err := lib.accept(w, r, options{})
		require.ErrorContains(t, err, "failed to accept WebSocket connection: WebSocket protocol violation: ")
	})
	for _, change := range []func(r *http.Request){
		func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("body")), 4 },
		func(r *http.Request) { r.Header.Set("Sec-Websocket-Extensions", "=;") },
	} {
		status, body := request(t, url, change)
		require.Equal(t, http.StatusBadRequest, status)
		require.Contains(t, body, "WebSocket protocol violation: ")
	}
}

func TestTheResponseGoesThroughTheResponseWriter(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Server", "yes")
			conn, err := lib.accept(wrapped{w}, r, options{})
			if err == nil {
				conn.CloseNow()
			}
		})
		c, resp, err := lib.dial(patient(t), url, options{})
		require.NoError(t, err)
		defer c.CloseNow()
		require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
		require.Equal(t, "yes", resp.Header.Get("X-Server"))
		require.Nil(t, resp.Body)
	})
}

// counting is a ResponseWriter of a middleware that notes the status.
type counting struct {
	wrapped
	status int
}

func (c *counting) WriteHeader(status int) {
	c.status = status
	c.wrapped.WriteHeader(status)
}

func TestMiddlewareSeesTheStatus(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		statuses := make(chan int, 1)
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			counted := &counting{wrapped: wrapped{w}}
			conn, err := lib.accept(counted, r, options{})
			if err == nil {
				conn.CloseNow()
			}
			statuses <- counted.status
		})
		c, _, err := lib.dial(patient(t), url, options{})
		require.NoError(t, err)
		defer c.CloseNow()
		require.Equal(t, http.StatusSwitchingProtocols, <-statuses)
	})
}

// wrapped is a ResponseWriter of a middleware.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestAcceptNeedsAHijacker(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		for name, value := range map[string]string{
			"Connection": "Upgrade", "Upgrade": "websocket", "Sec-Websocket-Version": "13", "Sec-Websocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
		} {
			r.Header.Set(name, value)
		}
		_, err := lib.accept(w, r, options{})
		require.EqualError(t, err, "failed to accept WebSocket connection: http.ResponseWriter does not implement http.Hijacker")
		require.Equal(t, http.StatusNotImplemented, w.Code)
	})
}

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

func TestWhatComesTogetherWithTheResponseIsRead(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			// One write has the response and a message.
			nc, conn := net.Pipe()
			go func() {
				c, err := lib.accept(hijackable{w.Header(), conn}, r, options{})
				if err == nil {
					c.Write(r.Context(), text, []byte("early"))
				}
			}()
			frame := make([]byte, 7)
			if _, err := io.ReadFull(nc, frame); err != nil {
				return
			}
			nc.Close()
			under, brw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			fmt.Fprint(brw, "HTTP/1.1 101 Switching Protocols\r\n")
			w.Header().Write(brw)
			brw.WriteString("\r\n")
			brw.Write(frame)
			brw.Flush()
			under.Close()
		})
		c, _, err := lib.dial(patient(t), url, options{})
		require.NoError(t, err)
		defer c.CloseNow()
		_, p, err := c.Read(patient(t))
		require.NoError(t, err)
		require.Equal(t, "early", string(p))
		_, _, err = c.Read(patient(t))
		require.ErrorIs(t, err, io.EOF)
	})
}

// hijackable is a ResponseWriter that only has a header and a connection.
type hijackable struct {
	header http.Header
	conn   net.Conn
}

func (h hijackable) Header() http.Header         { return h.header }
func (h hijackable) Write(p []byte) (int, error) { return len(p), nil }
func (h hijackable) WriteHeader(int)             {}
func (h hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
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

func TestACloseFrameThatCameIsNotLostWhenTheContextEndsDuringTheAnswer(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		c, near := byHand(t, lib)
		ctx, cancel := context.WithCancel(patient(t))
		result := doing(func() error { _, _, err := c.Read(ctx); return err })
		_, err := near.Write([]byte("\x88\x85\x00\x00\x00\x00\x10\xe1bye"))
		require.NoError(t, err)
		_, err = io.ReadFull(near, make([]byte, 1)) // the answer is on its way
		require.NoError(t, err)
		cancel()
		go io.Copy(io.Discard, near)
		code, reason, ok := lib.closed(<-result)
		require.True(t, ok)
		require.Equal(t, 4321, code)
		require.Equal(t, "bye", reason)
		require.ErrorIs(t, c.Close(1000, ""), net.ErrClosed)
	})
}

func TestARequestThatAProgramHasPutTogetherNeedNoHost(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			r.Host = ""
			if c, err := lib.accept(w, r, options{}); err == nil {
				c.CloseNow()
			}
		})
		status, _ := request(t, url, func(*http.Request) {})
		require.Equal(t, http.StatusSwitchingProtocols, status)
	})
}
