package websocket

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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
