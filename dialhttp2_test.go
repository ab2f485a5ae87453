package websocket

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/seed60239977/websocket/internal/wstest"
)

// newHTTP2Server is a server with TLS that offers HTTP/2.
func newHTTP2Server(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// pooled are options for a server with TLS and a pool that lasts as long as the test.
func pooled(t *testing.T, server *httptest.Server) *DialOptions {
	t.Helper()
	p := &HTTP2Pool{}
	t.Cleanup(func() { p.Close() })
	return &DialOptions{HTTP2: p, TLSConfig: &tls.Config{RootCAs: pool(server)}}
}

// dialingHTTP2 runs a test of clients of h, in fake time and without TLS.
func dialingHTTP2(t *testing.T, h http.Handler, change func(*http.Server), f func(t *testing.T, n *network, o *DialOptions)) {
	t.Helper()
	bubble(t, h, change, func(t *testing.T, n *network) {
		p := &HTTP2Pool{Unencrypted: true}
		defer p.Close()
		f(t, n, &DialOptions{HTTP2: p, NetDial: n.Dial})
	})
}

const chatURL = "ws://server.example/chat"

func TestWebSocketsShareAnHTTP2Connection(t *testing.T) {
	var addresses sync.Map
	h := Handler(echo, &AcceptOptions{Subprotocols: []string{"chat"}, Deflate: &DeflateOptions{}})
	server := newHTTP2Server(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "CONNECT", r.Method)
		addresses.Store(r.RemoteAddr, true)
		h.ServeHTTP(w, r)
	}))
	o := pooled(t, server)
	o.Subprotocols, o.Deflate = []string{"chat"}, &DeflateOptions{}
	conns := make([]*Conn, 20)
	for i := range conns {
		c, resp, err := Dial(t.Context(), server.URL+"/chat?a=b%20c", o)
		require.NoError(t, err)
		require.Equal(t, 2, resp.ProtoMajor)
		require.Equal(t, 200, resp.StatusCode)
		require.NotNil(t, resp.TLS)
		require.Equal(t, "chat", c.Subprotocol())
		require.NotNil(t, resp.Header["Sec-Websocket-Extensions"])
		require.Equal(t, server.Listener.Addr().String(), c.RemoteAddr().String())
		conns[i] = c
	}
	for _, c := range conns {
		requireEcho(t, c)
	}
	for _, c := range conns {
		require.NoError(t, c.Close(StatusNormalClosure, ""))
	}
	seen := 0
	addresses.Range(func(any, any) bool { seen++; return true })
	require.Equal(t, 1, seen)
}

// rawHTTP2Server serves HTTP/2 with a script for each connection, and HTTP/1.1 as ever.
func rawHTTP2Server(t *testing.T, h http.Handler, script func(f *http2.Framer)) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.TLS = &tls.Config{NextProtos: []string{"h2", "http/1.1"}}
	server.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){
		"h2": func(_ *http.Server, nc *tls.Conn, _ http.Handler) {
			if _, err := io.ReadFull(nc, make([]byte, len(http2.ClientPreface))); err == nil {
				script(http2.NewFramer(nc, nc))
			}
		},
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// requests answers SETTINGS and calls each for the HEADERS of each stream, until the connection ends.
func requests(f *http2.Framer, each func(stream uint32)) {
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				f.WriteSettingsAck()
			}
		case *http2.HeadersFrame:
			each(frame.StreamID)
		}
	}
}

func TestDialUsesHTTP1WhereThereIsNoExtendedCONNECT(t *testing.T) {
	var asked atomic.Int32
	for name, server := range map[string]*httptest.Server{
		"no HTTP/2": httptest.NewTLSServer(Handler(echo, nil)),
		"no extended CONNECT": rawHTTP2Server(t, Handler(echo, nil), func(f *http2.Framer) {
			asked.Add(1)
			f.WriteSettings()
			requests(f, func(uint32) {})
		}),
		"HTTP_1_1_REQUIRED": rawHTTP2Server(t, Handler(echo, nil), func(f *http2.Framer) {
			f.WriteSettings(http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: 1})
			requests(f, func(stream uint32) { f.WriteRSTStream(stream, http2.ErrCodeHTTP11Required) })
		}),
	} {
		t.Run(name, func(t *testing.T) {
			defer server.Close()
			o := pooled(t, server)
			for range 3 {
				c, resp, err := Dial(t.Context(), server.URL, o)
				require.NoError(t, err)
				require.Equal(t, 1, resp.ProtoMajor)
				requireEcho(t, c)
				require.NoError(t, c.Close(StatusNormalClosure, ""))
			}
		})
	}
	require.EqualValues(t, 1, asked.Load(), "what a server cannot is remembered")
}

func TestDialHandsBackTheResponseToAnExtendedCONNECT(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, "/chat", http.StatusFound)
		case "/chat":
			Handler(echo, nil).ServeHTTP(w, r)
		default:
			w.Header().Set("Set-Cookie", "a=b")
			w.WriteHeader(http.StatusTeapot)
			io.WriteString(w, strings.Repeat("x", 2*maxResponseBody))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
	})
	dialingHTTP2(t, h, nil, func(t *testing.T, n *network, o *DialOptions) {
		_, resp, err := Dial(t.Context(), "ws://server.example/", o)
		requireRefused(t, err, http.StatusTeapot)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Len(t, body, maxResponseBody)
		require.Equal(t, "a=b", resp.Header.Get("Set-Cookie"))

		_, resp, err = Dial(t.Context(), "ws://server.example/away", o)
		requireRefused(t, err, http.StatusFound)
		require.Equal(t, "/chat", resp.Header.Get("Location"))

		o.MaxRedirects = 1
		c, resp, err := Dial(t.Context(), "ws://server.example/away", o)
		require.NoError(t, err)
		require.Equal(t, 2, resp.ProtoMajor)
		requireEcho(t, c)
		require.NoError(t, c.Close(StatusNormalClosure, ""))
	})
}

func TestDialsAtOnceShareAConnection(t *testing.T) {
	var dialed atomic.Int32
	dialingHTTP2(t, Handler(echo, nil), nil, func(t *testing.T, n *network, o *DialOptions) {
		o.NetDial = func(ctx context.Context, network, address string) (net.Conn, error) {
			dialed.Add(1)
			time.Sleep(time.Second)
			return n.Dial(ctx, network, address)
		}
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				c, _, err := Dial(context.Background(), chatURL, o)
				if assert.NoError(t, err) {
					assert.NoError(t, c.Write(context.Background(), Text, []byte("x")))
					assert.NoError(t, c.Close(StatusNormalClosure, ""))
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, dialed.Load())
	})
}

func TestADialThatGivesUpLeavesTheOthersAConnection(t *testing.T) {
	dialingHTTP2(t, Handler(echo, nil), nil, func(t *testing.T, n *network, o *DialOptions) {
		o.NetDial = func(ctx context.Context, network, address string) (net.Conn, error) {
			time.Sleep(2 * time.Second)
			return n.Dial(ctx, network, address)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		gaveUp := make(chan error, 1)
		go func() {
			_, _, err := Dial(ctx, chatURL, o)
			gaveUp <- err
		}()
		synctest.Wait()
		c, _, err := Dial(t.Context(), chatURL, o)
		require.NoError(t, err)
		require.ErrorIs(t, <-gaveUp, context.DeadlineExceeded)
		require.NoError(t, c.Close(StatusNormalClosure, ""))
	})
}

func TestMoreStreamsThanAServerTakesGoToAnotherConnection(t *testing.T) {
	var dialed atomic.Int32
	change := func(s *http.Server) { s.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 2} }
	dialingHTTP2(t, Handler(echo, nil), change, func(t *testing.T, n *network, o *DialOptions) {
		o.NetDial = func(ctx context.Context, network, address string) (net.Conn, error) {
			dialed.Add(1)
			return n.Dial(ctx, network, address)
		}
		var conns []*Conn
		for i := range 5 {
			c, _, err := Dial(t.Context(), chatURL, o)
			require.NoError(t, err)
			require.EqualValues(t, i/2+1, dialed.Load())
			conns = append(conns, c)
		}
		for _, c := range conns {
			require.NoError(t, c.Close(StatusNormalClosure, ""))
		}
		synctest.Wait()
		c, _, err := Dial(t.Context(), chatURL, o)
		require.NoError(t, err)
		require.NoError(t, c.Close(StatusNormalClosure, ""))
		require.EqualValues(t, 3, dialed.Load())
	})
}

func TestAConnectionThatCarriesNothingIsClosed(t *testing.T) {
	dialingHTTP2(t, Handler(echo, nil), nil, func(t *testing.T, n *network, o *DialOptions) {
		c, _, err := Dial(t.Context(), chatURL, o)
		require.NoError(t, err)
		time.Sleep(time.Hour)
		requireEcho(t, c)
		require.NoError(t, c.Close(StatusNormalClosure, ""))
		o.HTTP2.mu.Lock()
		var pc *poolConn
		for _, origin := range o.HTTP2.origins {
			pc = origin.conns[0]
		}
		o.HTTP2.mu.Unlock()
		time.Sleep(poolIdleTimeout - time.Second)
		require.True(t, pc.client.CanTakeNewRequest())
		time.Sleep(2 * time.Second)
		require.False(t, pc.client.CanTakeNewRequest())
		c, _, err = Dial(t.Context(), chatURL, o)
		require.NoError(t, err)
		require.NoError(t, c.Close(StatusNormalClosure, ""))
	})
}

// vanishing is a connection whose network is gone once lost is closed.
type vanishing struct {
	net.Conn
	lost chan struct{}
}

func (v vanishing) Write(p []byte) (int, error) {
	select {
	case <-v.lost:
		return len(p), nil
	default:
		return v.Conn.Write(p)
	}
}

func TestAConnectionWhoseNetworkIsGoneIsGivenUp(t *testing.T) {
	dialingHTTP2(t, Handler(echo, nil), nil, func(t *testing.T, n *network, o *DialOptions) {
		v := vanishing{lost: make(chan struct{})}
		o.NetDial = func(ctx context.Context, network, address string) (net.Conn, error) {
			nc, err := n.Dial(ctx, network, address)
			v.Conn = nc
			return v, err
		}
		c, _, err := Dial(t.Context(), chatURL, o)
		require.NoError(t, err)
		time.Sleep(time.Hour)
		requireEcho(t, c)
		close(v.lost)
		o.NetDial = n.Dial
		start := time.Now()
		_, _, err = c.Read(t.Context())
		require.Equal(t, StatusAbnormalClosure, CloseStatus(err))
		require.LessOrEqual(t, time.Since(start), poolReadTimeout+poolPingTimeout)
		c.CloseNow()
		d, _, err := Dial(t.Context(), chatURL, o)
		require.NoError(t, err)
		requireEcho(t, d)
		require.NoError(t, d.Close(StatusNormalClosure, ""))
	})
}

func TestDialAfterGOAWAYUsesAnotherConnection(t *testing.T) {
	dialingHTTP2(t, Handler(echo, nil), nil, func(t *testing.T, old *network, o *DialOptions) {
		var registry Registry
		next := newNetwork(t, Handler(echo, &AcceptOptions{Registry: &registry}), nil)
		c, _, err := Dial(t.Context(), chatURL, o)
		require.NoError(t, err)
		down := make(chan error, 1)
		go func() { down <- old.Shutdown(t.Context()) }()
		synctest.Wait()
		o.NetDial = next.Dial
		d, _, err := Dial(t.Context(), chatURL, o)
		require.NoError(t, err)
		requireEcho(t, d) // the server takes the connection in behind its answer
		require.Equal(t, 1, registry.Stats().Open)
		requireEcho(t, c)
		require.NoError(t, c.Close(StatusNormalClosure, ""))
		require.NoError(t, d.Close(StatusNormalClosure, ""))
		require.NoError(t, <-down)
	})
}

func TestAPoolThatIsClosedEndsItsConnections(t *testing.T) {
	dialingHTTP2(t, Handler(echo, nil), nil, func(t *testing.T, n *network, o *DialOptions) {
		c, _, err := Dial(t.Context(), chatURL, o)
		require.NoError(t, err)
		require.NoError(t, o.HTTP2.Close())
		require.NoError(t, o.HTTP2.Close())
		_, _, err = c.Read(t.Context())
		require.ErrorAs(t, err, new(*CloseError))
		_, _, err = Dial(t.Context(), chatURL, o)
		require.ErrorIs(t, err, net.ErrClosed)
		c.CloseNow()
	})
}

func TestAPoolThatIsClosedMeanwhileLetsNoDialWait(t *testing.T) {
	dialingHTTP2(t, Handler(echo, nil), nil, func(t *testing.T, n *network, o *DialOptions) {
		o.NetDial = func(ctx context.Context, network, address string) (net.Conn, error) {
			time.Sleep(2 * time.Second)
			return n.Dial(ctx, network, address)
		}
		start := time.Now()
		failures := make(chan error, 2)
		for range 2 {
			go func() {
				_, _, err := Dial(context.Background(), chatURL, o)
				failures <- err
			}()
		}
		time.Sleep(time.Second)
		require.NoError(t, o.HTTP2.Close())
		for range 2 {
			requireRefused(t, <-failures, 0)
		}
		require.Equal(t, 2*time.Second, time.Since(start))
	})
}

func TestDialOverHTTP2DoesNotWaitLong(t *testing.T) {
	silent := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	dialingHTTP2(t, silent, nil, func(t *testing.T, n *network, o *DialOptions) {
		start := time.Now()
		_, _, err := Dial(t.Context(), chatURL, o)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, DefaultHandshakeTimeout, time.Since(start))

		start = time.Now()
		o.HTTP2 = &HTTP2Pool{Unencrypted: true}
		defer o.HTTP2.Close()
		o.NetDial = func(context.Context, string, string) (net.Conn, error) {
			nc, _ := wstest.Pipe(0) // to nobody
			return nc, nil
		}
		_, _, err = Dial(t.Context(), chatURL, o)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, DefaultHandshakeTimeout, time.Since(start))
	})
}

func TestDialReportsAServerThatDoesNotSpeakHTTP2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &DialOptions{HTTP2: &HTTP2Pool{Unencrypted: true}}
		defer o.HTTP2.Close()
		o.NetDial = func(context.Context, string, string) (net.Conn, error) {
			near, far := wstest.Pipe(0)
			io.WriteString(far, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
			far.CloseWrite()
			return near, nil
		}
		_, _, err := Dial(t.Context(), chatURL, o)
		requireRefused(t, err, 0)
		require.ErrorContains(t, err, "does not speak HTTP/2")
	})
}

func TestAHookThatPanicsHoldsUpNoOtherDial(t *testing.T) {
	dialingHTTP2(t, Handler(echo, nil), nil, func(t *testing.T, n *network, o *DialOptions) {
		broken := *o
		broken.NetDial = func(context.Context, string, string) (net.Conn, error) { panic("broken") }
		require.Panics(t, func() { Dial(t.Context(), chatURL, &broken) })
		c, _, err := Dial(t.Context(), chatURL, o)
		require.NoError(t, err)
		require.NoError(t, c.Close(StatusNormalClosure, ""))
	})
}

func TestHTTP2GoesThroughAProxy(t *testing.T) {
	server := newHTTP2Server(t, Handler(echo, nil))
	p := newFakeProxy(t, server, "")
	proxy := httptest.NewServer(p)
	defer proxy.Close()
	o := pooled(t, server)
	o.Proxy = http.ProxyURL(p.url("http", proxy.Listener.Addr().String(), ""))
	for range 3 {
		c, resp, err := Dial(t.Context(), server.URL, o)
		require.NoError(t, err)
		require.Equal(t, 2, resp.ProtoMajor)
		requireEcho(t, c)
		require.NoError(t, c.Close(StatusNormalClosure, ""))
	}
}

func TestHowAClientsStreamEndsIsHowTheConnectionDoes(t *testing.T) {
	// script answers each stream, and then does something to it.
	script := func(end func(f *http2.Framer, stream uint32)) func(f *http2.Framer) {
		return func(f *http2.Framer) {
			f.WriteSettings(http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: 1})
			requests(f, func(stream uint32) {
				var block strings.Builder
				hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
				f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte(block.String()), EndHeaders: true})
				f.WriteData(stream, false, []byte(serverText("last words")))
				end(f, stream)
			})
		}
	}
	for name, tc := range map[string]struct {
		end    func(f *http2.Framer, stream uint32)
		remote bool
		code   StatusCode
	}{
		"END_STREAM": {func(f *http2.Framer, stream uint32) { f.WriteData(stream, true, nil) }, true, StatusAbnormalClosure},
		"CANCEL":     {func(f *http2.Framer, stream uint32) { f.WriteRSTStream(stream, http2.ErrCodeCancel) }, false, StatusAbnormalClosure},
		"a close frame": {func(f *http2.Framer, stream uint32) {
			f.WriteData(stream, true, []byte(serverClose(StatusNormalClosure, "bye")))
			f.WriteRSTStream(stream, http2.ErrCodeNo)
		}, true, StatusNormalClosure},
	} {
		t.Run(name, func(t *testing.T) {
			server := rawHTTP2Server(t, nil, script(tc.end))
			c, _, err := Dial(t.Context(), server.URL, pooled(t, server))
			require.NoError(t, err)
			_, data, err := c.Read(t.Context())
			require.NoError(t, err)
			require.Equal(t, "last words", string(data))
			_, _, err = c.Read(t.Context())
			var end *CloseError
			require.ErrorAs(t, err, &end)
			require.Equal(t, tc.code, end.Code)
			require.Equal(t, tc.remote, end.Remote)
			c.CloseNow()
		})
	}
}

func TestAClientThatLeavesResetsItsStream(t *testing.T) {
	ends := make(chan error, 2)
	h := Handler(func(ctx context.Context, c *Conn) {
		c.Send(Text, []byte("welcome"))
		_, _, err := c.Read(ctx)
		ends <- err
	}, nil)
	dialingHTTP2(t, h, nil, func(t *testing.T, n *network, o *DialOptions) {
		c, _, err := Dial(t.Context(), chatURL, o)
		require.NoError(t, err)
		_, _, err = c.Read(t.Context()) // whoever leaves sooner may not have been let in
		require.NoError(t, err)
		require.NoError(t, c.CloseNow())
		var end *CloseError
		require.ErrorAs(t, <-ends, &end)
		require.Equal(t, StatusAbnormalClosure, end.Code)
	})
}
