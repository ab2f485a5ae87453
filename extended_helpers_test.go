package websocket

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/seed60239977/websocket/frame"
	_ "github.com/seed60239977/websocket/http2"
	"github.com/seed60239977/websocket/internal/pipe"
	"github.com/seed60239977/websocket/internal/wstest"
)

// unencrypted is HTTP/2 without TLS, and HTTP/1.1 if asked for.
func unencrypted(http1 bool) *http.Protocols {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	p.SetHTTP1(http1)
	return p
}

// A network is a server of HTTP/2 in memory, and the way to it.
type network struct {
	*http.Server
	*pipe.Listener
}

// newNetwork serves h until the end of the test. change, if not nil, may set more of the server.
func newNetwork(t testing.TB, h http.Handler, change func(*http.Server)) *network {
	t.Helper()
	n := &network{&http.Server{Handler: h, Protocols: unencrypted(true)}, pipe.Listen()}
	if change != nil {
		change(n.Server)
	}
	var serving sync.WaitGroup
	serving.Go(func() { n.Serve(n.Listener) })
	t.Cleanup(func() {
		n.Server.Close()
		serving.Wait()
	})
	return n
}

// A rawH2 is a client of HTTP/2 that does as it is told.
type rawH2 struct {
	*http2.Framer
	t        testing.TB
	nc       net.Conn
	settings map[http2.SettingID]uint32
	next     uint32
	hpack    *hpack.Encoder
	block    bytes.Buffer
}

// raw connects to the server, with the client's settings.
func (n *network) raw(t testing.TB, settings ...http2.Setting) *rawH2 {
	t.Helper()
	nc, err := n.Dial(t.Context(), "", "")
	require.NoError(t, err)
	t.Cleanup(func() { nc.Close() })
	c := &rawH2{t: t, nc: nc, Framer: http2.NewFramer(nc, nc), settings: map[http2.SettingID]uint32{}, next: 1}
	c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.hpack = hpack.NewEncoder(&c.block)
	_, err = io.WriteString(nc, http2.ClientPreface)
	require.NoError(t, err)
	require.NoError(t, c.WriteSettings(settings...))
	f := c.frame()
	require.IsType(t, &http2.SettingsFrame{}, f)
	f.(*http2.SettingsFrame).ForeachSetting(func(s http2.Setting) error {
		c.settings[s.ID] = s.Val
		return nil
	})
	require.NoError(t, c.WriteSettingsAck())
	return c
}

// frame returns the next frame.
func (c *rawH2) frame() http2.Frame {
	c.t.Helper()
	f, err := c.ReadFrame()
	require.NoError(c.t, err)
	return f
}

// await returns the next frame that a stream is about, and skips those that are about the connection or a window.
func (c *rawH2) await() http2.Frame {
	c.t.Helper()
	for {
		switch f := c.frame().(type) {
		case *http2.SettingsFrame, *http2.WindowUpdateFrame, *http2.PingFrame:
		default:
			return f
		}
	}
}

// data returns the payload of the stream's next n bytes.
func (c *rawH2) data(stream uint32, n int) string {
	c.t.Helper()
	var got []byte
	for len(got) < n {
		f := c.await()
		require.IsType(c.t, &http2.DataFrame{}, f)
		require.Equal(c.t, stream, f.Header().StreamID)
		got = append(got, f.(*http2.DataFrame).Data()...)
	}
	require.Len(c.t, got, n)
	return string(got)
}

// request sends header fields, in pairs, as a new stream.
func (c *rawH2) request(fields ...string) (stream uint32) {
	c.t.Helper()
	c.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		require.NoError(c.t, c.hpack.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}))
	}
	stream = c.next
	c.next += 2
	require.NoError(c.t, c.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: c.block.Bytes(), EndHeaders: true,
	}))
	return stream
}

// connectFields are those of an extended CONNECT that is accepted, and more.
func connectFields(more ...string) []string {
	return append([]string{
		":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", "/chat", ":authority", "server.example",
		"sec-websocket-version", "13",
	}, more...)
}

// connect opens a WebSocket.
func (c *rawH2) connect(more ...string) (stream uint32) {
	c.t.Helper()
	stream = c.request(connectFields(more...)...)
	require.Equal(c.t, http.StatusOK, c.response(stream).status)
	return stream
}

type rawResponse struct {
	status int
	fields map[string]string
	ended  bool
}

// response reads the response on a stream.
func (c *rawH2) response(stream uint32) (resp rawResponse) {
	c.t.Helper()
	f := c.await()
	require.IsType(c.t, &http2.MetaHeadersFrame{}, f)
	h := f.(*http2.MetaHeadersFrame)
	require.Equal(c.t, stream, h.StreamID)
	resp.status, _ = strconv.Atoi(h.PseudoValue("status"))
	resp.ended = h.StreamEnded()
	resp.fields = map[string]string{}
	for _, field := range h.RegularFields() {
		resp.fields[field.Name] = field.Value
	}
	return resp
}

// send sends frames of WebSocket, masked, on a stream.
func (c *rawH2) send(stream uint32, frames ...wstest.Frame) {
	c.t.Helper()
	var b []byte
	for _, f := range frames {
		b = f.Append(b, frame.Client)
	}
	require.NoError(c.t, c.WriteData(stream, false, b))
}
