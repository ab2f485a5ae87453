package h2

import (
	"bytes"
	"io"
	"net"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/seed60239977/websocket/internal/pipe"
)

// A peer is the server's end, which does as a test says.
type peer struct {
	*http2.Framer
	t     *testing.T
	nc    net.Conn
	block bytes.Buffer
}

// start begins HTTP/2 with a peer that has these settings.
func start(t *testing.T, settings ...http2.Setting) (*Conn, *peer) {
	t.Helper()
	near, far := pipe.New(1 << 20)
	c, err := New(near)
	require.NoError(t, err)
	t.Cleanup(func() {
		far.Close()
		c.Close()
	})
	p := &peer{Framer: http2.NewFramer(far, far), t: t, nc: far}
	_, err = io.ReadFull(far, make([]byte, len(http2.ClientPreface)))
	require.NoError(t, err)
	require.NoError(t, p.WriteSettings(settings...))
	return c, p
}

// next returns the next frame of a kind, and skips others.
func next[F http2.Frame](p *peer) F {
	p.t.Helper()
	for {
		f, err := p.ReadFrame()
		require.NoError(p.t, err)
		if f, ok := f.(F); ok {
			return f
		}
	}
}

func (p *peer) respond(status string, end bool) {
	p.t.Helper()
	p.block.Reset()
	require.NoError(p.t, hpack.NewEncoder(&p.block).WriteField(hpack.HeaderField{Name: ":status", Value: status}))
	require.NoError(p.t, p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.block.Bytes(), EndHeaders: true, EndStream: end}))
}

// opened is start with a stream that the peer has answered with these statuses, the last of which is wanted.
func opened(t *testing.T, settings []http2.Setting, statuses ...string) (*Conn, *peer) {
	t.Helper()
	c, p := start(t, append(settings, http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: 1})...)
	answered := make(chan error, 1)
	go func() {
		resp, err := c.Open([][2]string{{":method", "CONNECT"}, {":protocol", "websocket"}})
		if err == nil {
			assert.Equal(t, statuses[len(statuses)-1], strconv.Itoa(resp.StatusCode))
		}
		answered <- err
	}()
	require.EqualValues(t, 1, next[*http2.HeadersFrame](p).StreamID)
	for _, status := range statuses {
		p.respond(status, status[0] > '2')
	}
	require.NoError(t, <-answered)
	return c, p
}

// accepted is opened with 200.
func accepted(t *testing.T, settings ...http2.Setting) (*Conn, *peer) {
	t.Helper()
	return opened(t, settings, "103", "200")
}

func TestAServerHasToTakeAnExtendedCONNECT(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := start(t)
		_, err := c.Open(nil)
		require.ErrorContains(t, err, "extended CONNECT")
	})
}

func TestAnAnswerMayBeARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := opened(t, nil, "501")
		_, err := c.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
	})
}

func TestWritesKeepToTheWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := accepted(t, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 10})
		written := make(chan error, 1)
		go func() {
			_, err := c.Write([]byte("0123456789abcdefghij"))
			written <- err
		}()
		require.Equal(t, "0123456789", string(next[*http2.DataFrame](p).Data()))
		synctest.Wait()
		require.Empty(t, written)
		require.NoError(t, p.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 5})) // now it is -5
		require.NoError(t, p.WriteWindowUpdate(1, 8))
		require.Equal(t, "abc", string(next[*http2.DataFrame](p).Data()))
		require.NoError(t, p.WriteWindowUpdate(1, 100))
		require.Equal(t, "defghij", string(next[*http2.DataFrame](p).Data()))
		require.NoError(t, <-written)
	})
}

func TestTheWindowIsGivenBackAsBytesAreRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := accepted(t)
		for range ourWindow / maxFrame {
			require.NoError(t, p.WriteData(1, false, make([]byte, maxFrame)))
		}
		synctest.Wait()
		_, err := io.ReadFull(c, make([]byte, minUpdate))
		require.NoError(t, err)
		for {
			if f := next[*http2.WindowUpdateFrame](p); f.StreamID == 1 {
				require.EqualValues(t, minUpdate, f.Increment)
				break
			}
		}
	})
}

func TestMoreThanTheWindowIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := accepted(t)
		for range ourWindow/maxFrame + 1 {
			require.NoError(t, p.WriteData(1, false, make([]byte, maxFrame)))
		}
		synctest.Wait()
		_, err := io.Copy(io.Discard, c)
		require.ErrorContains(t, err, "window")
	})
}

func TestHowAStreamEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(p *peer)
		want error
	}{
		"END_STREAM":         {func(p *peer) { p.WriteData(1, true, nil) }, nil},
		"trailers":           {func(p *peer) { p.respond("200", true) }, nil},
		"END_STREAM and RST": {func(p *peer) { p.WriteData(1, true, nil); p.WriteRSTStream(1, http2.ErrCodeNo) }, nil},
		"RST_STREAM":         {func(p *peer) { p.WriteRSTStream(1, http2.ErrCodeCancel) }, syscall.ECONNRESET},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p := accepted(t)
				require.NoError(t, p.WriteDataPadded(1, false, []byte("last words"), make([]byte, 10)))
				tc.end(p)
				all, err := io.ReadAll(c)
				require.ErrorIs(t, err, tc.want)
				require.Equal(t, "last words", string(all))
			})
		})
	}
}

func TestCloseResetsAStreamThatHasNotEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := accepted(t)
		require.NoError(t, p.WritePing(false, [8]byte{1}))
		require.True(t, next[*http2.PingFrame](p).IsAck())
		require.NoError(t, c.CloseWrite())
		require.ErrorIs(t, c.CloseWrite(), net.ErrClosed)
		require.True(t, next[*http2.DataFrame](p).StreamEnded())
		go io.Copy(io.Discard, c)
		synctest.Wait()
		require.NoError(t, c.Close())
		require.ErrorIs(t, c.Close(), net.ErrClosed)
		require.Equal(t, http2.ErrCodeCancel, next[*http2.RSTStreamFrame](p).ErrCode)
		next[*http2.GoAwayFrame](p)
		_, err := c.Write([]byte("x"))
		require.ErrorIs(t, err, net.ErrClosed)
	})
}
