package websocket

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

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
