package websocket

import (
	"context"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/h2stream"
	"github.com/seed60239977/websocket/internal/wstest"
)

// serverText is a frame with a text message as a server sends it.
func serverText(s string) string { return text(frame.Server, s) }

// serverClose is a close frame as a server sends it.
func serverClose(code StatusCode, reason string) string {
	return string(wstest.CloseFrame(code, reason).Append(nil, frame.Server))
}

// requireData asks for these bytes on a stream.
func (c *rawH2) requireData(stream uint32, want string) {
	c.t.Helper()
	require.Equal(c.t, want, c.data(stream, len(want)))
}

// requireEnd asks for the end of a stream in good order, with which net/http asks for no more to be sent.
func (c *rawH2) requireEnd(stream uint32) {
	c.t.Helper()
	f := c.await()
	require.IsType(c.t, &http2.DataFrame{}, f)
	require.True(c.t, f.(*http2.DataFrame).StreamEnded())
	require.Equal(c.t, stream, f.Header().StreamID)
}

// requireReset asks for a reset of a stream.
func (c *rawH2) requireReset(stream uint32, code http2.ErrCode) {
	c.t.Helper()
	f := c.await()
	require.IsType(c.t, &http2.RSTStreamFrame{}, f)
	require.Equal(c.t, code, f.(*http2.RSTStreamFrame).ErrCode)
	require.Equal(c.t, stream, f.Header().StreamID)
}

// bubble runs a test of a server in fake time.
func bubble(t *testing.T, h http.Handler, change func(*http.Server), f func(t *testing.T, n *network)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newNetwork(t, h, change)) })
}

// holding runs a test of connections that a Handler hands out, in fake time. They are closed when it is over, and serve returns
// when they are.
func holding(t *testing.T, o *AcceptOptions, change func(*http.Server), f func(t *testing.T, n *network, conns <-chan *Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		over, conns := make(chan struct{}), make(chan *Conn, 2000)
		n := newNetwork(t, Handler(func(ctx context.Context, c *Conn) {
			conns <- c
			select {
			case <-over:
			case <-c.Done():
			}
			c.CloseNow()
		}, o), change)
		defer close(over)
		f(t, n, conns)
	})
}

func TestAnExtendedCONNECTIsAcceptedLikeAnUpgrade(t *testing.T) {
	accept := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := Accept(w, r, nil)
		if err == nil {
			echo(context.Background(), c)
			c.Close(StatusNormalClosure, "")
		}
	})
	for name, h := range map[string]http.Handler{"Accept": accept, "Handler": Handler(echo, nil)} {
		t.Run(name, func(t *testing.T) {
			bubble(t, h, nil, func(t *testing.T, n *network) {
				c := n.raw(t)
				require.EqualValues(t, 1, c.settings[http2.SettingEnableConnectProtocol])
				stream := c.request(connectFields("origin", "http://server.example")...)
				resp := c.response(stream)
				require.Equal(t, 200, resp.status)
				require.False(t, resp.ended)
				for _, name := range []string{"upgrade", "connection", "sec-websocket-accept", "content-type", "content-length"} {
					require.NotContains(t, resp.fields, name)
				}
				c.send(stream, wstest.Whole(frame.Text, "hello"))
				c.requireData(stream, serverText("hello"))
				c.send(stream, wstest.CloseFrame(StatusNormalClosure, "bye"))
				c.requireData(stream, serverClose(StatusNormalClosure, "bye"))
				c.requireEnd(stream)
				c.requireReset(stream, http2.ErrCodeNo)
			})
		})
	}
}

func TestAcceptOptionsHoldForAnExtendedCONNECT(t *testing.T) {
	o := &AcceptOptions{
		Subprotocols:   []string{"chat"},
		AllowedOrigins: []string{"https://other.example"},
		Deflate:        &DeflateOptions{},
		Header:         http.Header{"X-Own": {"own"}, "X-Both": {"own"}},
		Config:         Config{ReadLimit: 10},
	}
	h := Handler(echo, o)
	middleware := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-Both"] = []string{"middleware"}
		w.Header()["X-Middleware"] = []string{"middleware"}
		w.Header()["Upgrade"] = []string{"middleware"}
		h.ServeHTTP(w, r)
	})
	bubble(t, middleware, nil, func(t *testing.T, n *network) {
		c := n.raw(t)
		stream := c.request(connectFields("origin", "https://other.example", "sec-websocket-protocol", "news, chat",
			"sec-websocket-extensions", "permessage-deflate")...)
		resp := c.response(stream)
		require.Equal(t, 200, resp.status)
		require.Equal(t, "chat", resp.fields["sec-websocket-protocol"])
		require.Contains(t, resp.fields["sec-websocket-extensions"], "permessage-deflate")
		require.Equal(t, "own", resp.fields["x-own"])
		require.Equal(t, "own", resp.fields["x-both"])
		require.Equal(t, "middleware", resp.fields["x-middleware"])
		require.NotContains(t, resp.fields, "upgrade")
		c.send(stream, wstest.Whole(frame.Text, strings.Repeat("x", 11)))
		c.requireData(stream, serverClose(StatusMessageTooBig, ""))
	})
}

func TestOtherStreamsAreRefused(t *testing.T) {
	without := func(name string) (fields []string) {
		all := connectFields()
		for i := 0; i < len(all); i += 2 {
			if all[i] != name {
				fields = append(fields, all[i], all[i+1])
			}
		}
		return fields
	}
	get := []string{":method", "GET", ":scheme", "http", ":path", "/chat", ":authority", "server.example"}
	udp := append([]string{":protocol", "connect-udp"}, without(":protocol")...)
	for name, tc := range map[string]struct {
		fields []string
		status int
	}{
		"another protocol":  {udp, 501},
		"no CONNECT":        {get, 501},
		"a plain CONNECT":   {[]string{":method", "CONNECT", ":authority", "server.example:80"}, 501},
		"a GET for upgrade": {append(get, "sec-websocket-version", "13", "sec-websocket-key", testKey), 501},
		"no version":        {without("sec-websocket-version"), 400},
		"another version":   {append(without("sec-websocket-version"), "sec-websocket-version", "8"), 400},
		"another origin":    {connectFields("origin", "https://other.example"), 403},
		"bad extensions":    {connectFields("sec-websocket-extensions", "a;;b"), 400},
		"content":           {connectFields("content-length", "5"), 400},
	} {
		t.Run(name, func(t *testing.T) {
			refused := make(chan error, 1)
			h := Handler(echo, &AcceptOptions{OnError: func(_ *http.Request, err error) { refused <- err }})
			bubble(t, h, nil, func(t *testing.T, n *network) {
				c := n.raw(t)
				resp := c.response(c.request(tc.fields...))
				require.Equal(t, tc.status, resp.status)
				require.NotContains(t, resp.fields, "connection")
				requireRefused(t, <-refused, tc.status)
			})
		})
	}
}

// A stream ends in good order when serve has returned. net/http has no other way to end one, and none to reset one but with
// INTERNAL_ERROR.
func TestAStreamIsResetIfServeGoesOnWhenItsConnectionHasEnded(t *testing.T) {
	for name, tc := range map[string]struct {
		stays time.Duration
		ends  func(c *rawH2, stream uint32)
	}{
		"serve returns at once":          {0, (*rawH2).requireEnd},
		"serve cleans up":                {h2stream.LeaveTime / 2, (*rawH2).requireEnd},
		"serve has something else to do": {time.Hour, func(c *rawH2, stream uint32) { c.requireReset(stream, http2.ErrCodeInternal) }},
	} {
		t.Run(name, func(t *testing.T) {
			h := Handler(func(_ context.Context, c *Conn) {
				c.Close(StatusNormalClosure, "")
				<-time.After(tc.stays)
			}, nil)
			bubble(t, h, nil, func(t *testing.T, n *network) {
				c := n.raw(t)
				stream := c.connect()
				c.requireData(stream, serverClose(StatusNormalClosure, ""))
				c.send(stream, wstest.CloseFrame(StatusNormalClosure, ""))
				start := time.Now()
				tc.ends(c, stream)
				require.Equal(t, min(tc.stays, h2stream.LeaveTime), time.Since(start))
				<-time.After(tc.stays)
			})
		})
	}
}

// How this side ends a stream, which is in good order unless somebody waits for its window.
func TestHowAServersStreamEnds(t *testing.T) {
	end := (*rawH2).requireEnd
	reset := func(c *rawH2, stream uint32) { c.requireReset(stream, http2.ErrCodeInternal) }
	for name, tc := range map[string]struct {
		serve func(c *Conn)
		do    func(c *rawH2, stream uint32)
		data  string // that is sent
		ends  func(c *rawH2, stream uint32)
	}{
		"CloseNow": {func(c *Conn) { c.CloseNow() }, nil, "", end},
		"serve returns, and the peer closes": {func(*Conn) {}, func(c *rawH2, stream uint32) {
			c.send(stream, wstest.CloseFrame(StatusNormalClosure, ""))
		}, serverClose(StatusNormalClosure, ""), end},
		"a panic":                    {func(*Conn) { panic(http.ErrAbortHandler) }, nil, serverClose(StatusInternalError, ""), end},
		"serve returns, peer silent": {func(*Conn) {}, nil, serverClose(StatusNormalClosure, ""), end},
		"the peer breaks a rule": {func(c *Conn) { c.Read(context.Background()) }, func(c *rawH2, stream uint32) {
			c.WriteData(stream, false, []byte{0x83, 0x80, 0, 0, 0, 0})
		}, serverClose(StatusProtocolError, "reserved opcode"), end},
		"CloseNow while a write waits for the window": {func(c *Conn) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			c.Write(ctx, Binary, make([]byte, 1<<20))
			c.CloseNow()
		}, nil, "*", reset},
	} {
		t.Run(name, func(t *testing.T) {
			h := Handler(func(_ context.Context, c *Conn) { tc.serve(c) }, nil)
			bubble(t, h, nil, func(t *testing.T, n *network) {
				c := n.raw(t)
				stream := c.connect()
				if tc.do != nil {
					tc.do(c, stream)
				}
				if tc.data == "*" { // as much as the window takes
					c.data(stream, 65535)
				} else {
					c.requireData(stream, tc.data)
				}
				tc.ends(c, stream)
			})
		})
	}
}

func TestHowAStreamEndsIsHowTheConnectionDoes(t *testing.T) {
	for name, tc := range map[string]struct {
		end    func(c *rawH2, stream uint32)
		remote bool
		cause  error
	}{
		"END_STREAM": {func(c *rawH2, stream uint32) { c.WriteData(stream, true, nil) }, true, nil},
		"CANCEL":     {func(c *rawH2, stream uint32) { c.WriteRSTStream(stream, http2.ErrCodeCancel) }, false, syscall.ECONNRESET},
		"NO_ERROR":   {func(c *rawH2, stream uint32) { c.WriteRSTStream(stream, http2.ErrCodeNo) }, false, syscall.ECONNRESET},
		"a broken rule of HTTP/2": {func(c *rawH2, stream uint32) {
			c.WriteRawFrame(http2.FrameWindowUpdate, 0, stream, make([]byte, 4)) // by nothing
		}, false, syscall.ECONNRESET},
		"the connection": {func(c *rawH2, stream uint32) { c.nc.Close() }, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			holding(t, nil, nil, func(t *testing.T, n *network, conns <-chan *Conn) {
				raw := n.raw(t)
				stream := raw.connect()
				c := <-conns
				raw.send(stream, wstest.Whole(frame.Text, "last words"))
				tc.end(raw, stream)
				synctest.Wait()
				_, data, err := c.Read(t.Context())
				require.NoError(t, err, "what has arrived is delivered")
				require.Equal(t, "last words", string(data))
				_, _, err = c.Read(t.Context())
				var end *CloseError
				require.ErrorAs(t, err, &end)
				require.Equal(t, StatusAbnormalClosure, end.Code)
				require.Equal(t, tc.remote, end.Remote)
				if tc.cause != nil {
					require.ErrorIs(t, err, tc.cause)
				}
			})
		})
	}
}

// The peer may reset a stream, or the whole connection break, at any point of a conversation.
func TestAResetAtEveryPointEndsTheConnection(t *testing.T) {
	conversation := []func(c *rawH2, stream uint32){
		func(c *rawH2, stream uint32) {},
		func(c *rawH2, stream uint32) { c.WriteData(stream, false, []byte{0x81}) },
		func(c *rawH2, stream uint32) { c.WriteData(stream, false, []byte{0x85, 0, 0, 0, 0}) },
		func(c *rawH2, stream uint32) { c.WriteData(stream, false, []byte("hello")) },
		func(c *rawH2, stream uint32) { c.requireData(stream, serverText("hello")) },
		func(c *rawH2, stream uint32) { c.send(stream, wstest.Part(frame.Text, false, "x")) },
		func(c *rawH2, stream uint32) { c.send(stream, wstest.Whole(frame.Ping, "x")) },
		func(c *rawH2, stream uint32) { c.send(stream, wstest.CloseFrame(StatusNormalClosure, "")) },
	}
	for _, broken := range []bool{false, true} {
		for steps := range len(conversation) + 1 {
			var registry Registry
			h := Handler(echo, &AcceptOptions{Registry: &registry})
			bubble(t, h, nil, func(t *testing.T, n *network) {
				c := n.raw(t)
				stream := c.request(connectFields()...)
				if steps > 0 {
					require.Equal(t, 200, c.response(stream).status)
				}
				for _, step := range conversation[:steps] {
					step(c, stream)
				}
				if broken {
					c.nc.Close()
				} else {
					c.WriteRSTStream(stream, http2.ErrCodeCancel)
				}
				synctest.Wait()
				require.Equal(t, RegistryStats{Total: registry.Stats().Total, Refused: registry.Stats().Refused}, registry.Stats())
			})
		}
	}
}

func TestTheServersTimeLimitsForRequestsDoNotCutAStream(t *testing.T) {
	limits := func(s *http.Server) {
		s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout, s.IdleTimeout = time.Second, time.Second, time.Second, time.Second
	}
	bubble(t, Handler(echo, nil), limits, func(t *testing.T, n *network) {
		c := n.raw(t)
		stream := c.connect()
		time.Sleep(time.Hour)
		c.send(stream, wstest.Whole(frame.Text, "still there"))
		c.requireData(stream, serverText("still there"))
	})
}

func TestAContextCutsAReadOfAStreamAndNotTheStream(t *testing.T) {
	holding(t, nil, nil, func(t *testing.T, n *network, conns <-chan *Conn) {
		raw := n.raw(t)
		stream := raw.connect()
		c := <-conns
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		raw.WriteData(stream, false, []byte{0x81, 0x85, 0, 0})
		_, _, err := c.Read(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		raw.WriteData(stream, false, []byte("\x00\x00hello"))
		_, data, err := c.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "hello", string(data))
		require.NoError(t, c.CloseNow())
		raw.requireEnd(stream)
	})
}

// A stream whose window is used up holds up neither others nor, for longer than its own limits say, its server.
func TestAPeerThatGivesNoWindow(t *testing.T) {
	holding(t, &AcceptOptions{Config: Config{SendQueue: 1000, CloseTimeout: time.Minute}}, nil, func(t *testing.T, n *network, conns <-chan *Conn) {
		raw := n.raw(t, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		stalled := raw.connect()
		c := <-conns
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, c.Write(ctx, Text, []byte("nobody takes this")), context.DeadlineExceeded)
		var err error
		for err == nil {
			err = c.Send(Text, make([]byte, 100))
		}
		require.ErrorIs(t, err, ErrQueueFull)

		lively := raw.connect()
		d := <-conns
		require.NoError(t, raw.WriteWindowUpdate(lively, 1000))
		require.NoError(t, d.Write(t.Context(), Text, []byte("others live")))
		raw.requireData(lively, serverText("others live"))

		start := time.Now()
		require.Error(t, c.Close(StatusNormalClosure, ""))
		require.Equal(t, time.Minute, time.Since(start))
		raw.requireReset(stalled, http2.ErrCodeInternal)
	})
}

func TestASettingThatChangesTheWindowLetsAWriteGoOn(t *testing.T) {
	holding(t, nil, nil, func(t *testing.T, n *network, conns <-chan *Conn) {
		raw := n.raw(t, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		stream := raw.connect()
		c := <-conns
		written := make(chan error, 1)
		go func() { written <- c.Write(context.Background(), Text, []byte("later")) }()
		synctest.Wait()
		require.Empty(t, written)
		require.NoError(t, raw.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 3}))
		raw.requireData(stream, serverText("later")[:3])
		require.NoError(t, raw.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1000}))
		raw.requireData(stream, serverText("later")[3:])
		require.NoError(t, <-written)
		c.CloseNow()
	})
}

func TestAThousandStreamsOfWhichTenNeverRead(t *testing.T) {
	const streams, deaf = 1000, 10
	change := func(s *http.Server) { s.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: streams} }
	holding(t, nil, change, func(t *testing.T, n *network, conns <-chan *Conn) {
		raw := n.raw(t, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 16})
		byStream := map[uint32]*Conn{}
		var order []uint32
		for range streams {
			stream := raw.connect()
			byStream[stream] = <-conns
			order = append(order, stream)
		}
		for _, stream := range order {
			for range 10 { // more than the window
				require.NoError(t, byStream[stream].Send(Text, []byte("0123456789")))
			}
		}
		want := strings.Repeat(serverText("0123456789"), 10)
		got := map[uint32]string{}
		for done := 0; done < streams-deaf; {
			f := raw.await().(*http2.DataFrame)
			got[f.StreamID] += string(f.Data())
			require.NoError(t, raw.WriteWindowUpdate(0, uint32(len(f.Data()))))
			if f.StreamID <= 2*deaf {
				continue // nobody reads this, so its window stays as it is
			}
			require.NoError(t, raw.WriteWindowUpdate(f.StreamID, uint32(len(f.Data()))))
			if got[f.StreamID] == want {
				done++
			}
		}
		for _, stream := range order[:deaf] {
			require.LessOrEqual(t, len(got[stream]), 16)
		}
	})
}

func TestWhatIsNotReadIsNotTakenFromTheConnection(t *testing.T) {
	change := func(s *http.Server) {
		s.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10, MaxReceiveBufferPerConnection: 1 << 20}
	}
	holding(t, nil, change, func(t *testing.T, n *network, conns <-chan *Conn) {
		raw := n.raw(t)
		require.EqualValues(t, 64<<10, raw.settings[http2.SettingInitialWindowSize])
		stream := raw.connect()
		c := <-conns
		for range 4 {
			require.NoError(t, raw.WriteData(stream, false, make([]byte, 16<<10)))
		}
		require.NoError(t, raw.WriteData(stream, false, make([]byte, 1000)), "more than the window, and than is read ahead")
		raw.requireReset(stream, http2.ErrCodeFlowControl)
		c.CloseNow()
	})
}

func TestShutdownSends1001OnAllStreams(t *testing.T) {
	var registry Registry
	h := Handler(echo, &AcceptOptions{Registry: &registry})
	bubble(t, h, nil, func(t *testing.T, n *network) {
		raw := n.raw(t)
		const streams = 20
		for range streams {
			raw.connect()
		}
		down := make(chan error, 1)
		go func() { down <- registry.Shutdown(t.Context()) }()
		for told, ended := 0, 0; told < streams || ended < streams; {
			switch f := raw.await().(type) {
			case *http2.DataFrame:
				if f.StreamEnded() {
					ended++
					continue
				}
				require.Equal(t, serverClose(StatusGoingAway, ""), string(f.Data()))
				raw.send(f.StreamID, wstest.CloseFrame(StatusGoingAway, ""))
				told++
			case *http2.RSTStreamFrame:
				require.Equal(t, http2.ErrCodeNo, f.ErrCode)
			}
		}
		require.NoError(t, <-down)
		synctest.Wait()
		stream := raw.request(connectFields()...)
		for { // behind what ended the streams
			if f, ok := raw.await().(*http2.MetaHeadersFrame); ok {
				require.Equal(t, stream, f.StreamID)
				require.Equal(t, "503", f.PseudoValue("status"))
				return
			}
		}
	})
}

// http.Server.Shutdown sends GOAWAY and waits for the streams that there are, which live on.
func TestConnectionsLiveOnAfterGOAWAY(t *testing.T) {
	var registry Registry
	h := Handler(echo, &AcceptOptions{Registry: &registry})
	bubble(t, h, nil, func(t *testing.T, n *network) {
		raw := n.raw(t)
		stream := raw.connect()
		down := make(chan error, 1)
		go func() { down <- n.Shutdown(t.Context()) }()
		require.IsType(t, &http2.GoAwayFrame{}, raw.await())
		raw.send(stream, wstest.Whole(frame.Text, "hello"))
		raw.requireData(stream, serverText("hello"))
		synctest.Wait()
		require.Empty(t, down)
		gone := make(chan error, 1)
		go func() { gone <- registry.Shutdown(t.Context()) }()
		raw.requireData(stream, serverClose(StatusGoingAway, ""))
		raw.send(stream, wstest.CloseFrame(StatusGoingAway, ""))
		require.NoError(t, <-gone)
		require.NoError(t, <-down)
	})
}

func TestAResponseWriterWithoutDeadlinesCannotCarryAStream(t *testing.T) {
	refused := make(chan error, 1)
	h := Handler(echo, &AcceptOptions{OnError: func(_ *http.Request, err error) { refused <- err }})
	wrapped := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
	})
	bubble(t, wrapped, nil, func(t *testing.T, n *network) {
		c := n.raw(t)
		require.Equal(t, 500, c.response(c.request(connectFields()...)).status)
		require.ErrorIs(t, requireRefused(t, <-refused, 500), http.ErrNotSupported)
	})
}

// shouting is middleware that changes what is written.
type shouting struct{ http.ResponseWriter }

func (s shouting) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s shouting) Write(b []byte) (int, error) {
	return s.ResponseWriter.Write([]byte(strings.ToUpper(string(b))))
}

func TestMiddlewareForBodiesDoesNotTouchAStream(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { Handler(echo, nil).ServeHTTP(shouting{w}, r) })
	bubble(t, h, nil, func(t *testing.T, n *network) {
		c := n.raw(t)
		stream := c.connect()
		c.send(stream, wstest.Whole(frame.Text, "quiet"))
		c.requireData(stream, serverText("quiet"))
	})
}

func TestAHandlerThatReturnsTooEarlyEndsTheConnection(t *testing.T) {
	conns := make(chan *Conn, 1)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := Accept(w, r, nil)
		if err == nil {
			conns <- c
		}
	})
	bubble(t, h, nil, func(t *testing.T, n *network) {
		raw := n.raw(t)
		stream := raw.connect()
		raw.requireEnd(stream)
		c := <-conns
		synctest.Wait()
		require.Error(t, c.Write(t.Context(), Text, []byte("too late")))
		_, _, err := c.Read(t.Context())
		require.Error(t, err)
		c.CloseNow()
	})
}

func TestAHeartbeatEndsAStreamWhosePeerIsSilent(t *testing.T) {
	const interval = time.Minute
	o := &AcceptOptions{Config: Config{PingInterval: interval, IdleTimeout: 2 * interval}}
	holding(t, o, nil, func(t *testing.T, n *network, conns <-chan *Conn) {
		raw := n.raw(t)
		stream := raw.connect()
		c := <-conns
		ended := make(chan error, 1)
		start := time.Now()
		go func() {
			_, _, err := c.Read(context.Background())
			ended <- err
		}()
		f := raw.await().(*http2.DataFrame)
		require.Equal(t, stream, f.StreamID)
		require.Equal(t, byte(0x89), f.Data()[0], "a ping")
		require.ErrorIs(t, <-ended, ErrPeerTimeout)
		require.Equal(t, 2*interval, time.Since(start))
		for f = raw.await().(*http2.DataFrame); !f.StreamEnded(); f = raw.await().(*http2.DataFrame) {
			require.Equal(t, byte(0x89), f.Data()[0], "another ping")
		}
	})
}

// A loop calls its events on the goroutine of the request, which ends with the connection.
func TestALoopServesAStream(t *testing.T) {
	loop := startLoop(t)
	closed := make(chan error, 1)
	n := newNetwork(t, loop.Handler(Events{
		Message: func(c *Conn, m Message) error { return c.Write(context.Background(), m.Type, m.Data) },
		Close:   func(_ *Conn, err error) { closed <- err },
	}, nil), nil)
	c := n.raw(t)
	one, two := c.connect(), c.connect()
	for _, stream := range []uint32{one, two} {
		c.send(stream, wstest.Whole(frame.Text, "hello"))
		c.requireData(stream, serverText("hello"))
	}
	c.send(one, wstest.CloseFrame(StatusNormalClosure, ""))
	require.Error(t, <-closed)
	c.requireData(one, serverClose(StatusNormalClosure, ""))
	c.requireEnd(one)
	down := make(chan error, 1)
	go func() { down <- loop.Shutdown(context.Background()) }()
	f := c.await()
	for f.Header().StreamID == one { // asked to send no more
		f = c.await()
	}
	require.Equal(t, serverClose(StatusGoingAway, ""), string(f.(*http2.DataFrame).Data()))
	c.send(two, wstest.CloseFrame(StatusGoingAway, ""))
	c.requireEnd(two)
	require.NoError(t, <-down)
	late := c.request(connectFields()...)
	for f = c.await(); f.Header().StreamID != late; f = c.await() { // asked to send no more
	}
	require.IsType(t, &http2.MetaHeadersFrame{}, f)
	c.requireEnd(late)
}
