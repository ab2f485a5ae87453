package event

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// hostile is what a peer sends that means no good, or is broken.
type hostile struct {
	name string
	cfg  conn.Config
	raw  func(p *wstest.Peer) []byte
	code conn.StatusCode
}

// lengths is the second byte of a header with this length, masked as the peer masks.
func lengths(p *wstest.Peer, length byte) byte { return p.Encode(text(""))[1]&0x80 | length }

func frames(all ...wstest.Frame) func(*wstest.Peer) []byte {
	return func(p *wstest.Peer) []byte { return p.Encode(all...) }
}

// bomb is a short message that inflates to 8 MiB.
func bomb() wstest.Frame {
	params := deflate.Params{}
	packed := params.Compressor(true, &deflate.Options{MinSize: -1}).Append(nil, make([]byte, 8<<20))
	return wstest.Frame{Fin: true, RSV: frame.RSV1, Opcode: frame.Binary, Payload: packed}
}

func hostiles() []hostile {
	part, long := wstest.Part, strings.Repeat("x", 126)
	return []hostile{
		{name: "wrong masking", code: conn.StatusProtocolError, raw: func(p *wstest.Peer) []byte {
			return []byte{0x81, lengths(p, 0) ^ 0x80, 0, 0, 0, 0}
		}},
		{name: "length not minimal", code: conn.StatusProtocolError, raw: func(p *wstest.Peer) []byte {
			return []byte{0x81, lengths(p, 126), 0, 5, 0, 0, 0, 0}
		}},
		{name: "length with the top bit", code: conn.StatusProtocolError, raw: func(p *wstest.Peer) []byte {
			return []byte{0x82, lengths(p, 127), 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
		}},
		{name: "the greatest length", code: conn.StatusMessageTooBig, raw: func(p *wstest.Peer) []byte {
			return []byte{0x82, lengths(p, 127), 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}
		}},
		{name: "fragments over the limit", cfg: conn.Config{ReadLimit: 10}, code: conn.StatusMessageTooBig,
			raw: frames(part(frame.Text, false, "012345"), part(frame.Continuation, true, "67890"))},
		{name: "endless fragments", code: conn.StatusPolicyViolation, raw: func(p *wstest.Peer) []byte {
			endless := strings.Repeat(string(p.Encode(part(frame.Continuation, false, ""))), conn.DefaultMaxFragments)
			return append(p.Encode(part(frame.Text, false, "")), endless...)
		}},
		{name: "interleaved", code: conn.StatusProtocolError, raw: frames(part(frame.Text, false, "x"), text("y"))},
		{name: "fragmented ping", code: conn.StatusProtocolError, raw: frames(part(frame.Ping, false, "x"))},
		{name: "long ping", code: conn.StatusProtocolError, raw: frames(wstest.Whole(frame.Ping, long))},
		{name: "bad byte in an unfinished frame", code: conn.StatusInvalidPayload, raw: func(p *wstest.Peer) []byte {
			return p.Encode(text("\xce\xba\xff" + long))[:12]
		}},
		{name: "text cut within a character", code: conn.StatusInvalidPayload,
			raw: frames(part(frame.Text, false, "ab\xe6"), part(frame.Continuation, true, ""))},
		{name: "close body of one byte", code: conn.StatusProtocolError, raw: frames(wstest.Whole(frame.Close, "\x03"))},
		{name: "close code that may not be sent", code: conn.StatusProtocolError, raw: frames(wstest.Whole(frame.Close, "\x03\xed"))},
		{name: "close reason that is not UTF-8", code: conn.StatusInvalidPayload, raw: frames(wstest.Whole(frame.Close, "\x03\xe8\xff"))},
		{name: "compression that was not agreed to", code: conn.StatusProtocolError,
			raw: frames(wstest.Frame{Fin: true, RSV: frame.RSV1, Opcode: frame.Text})},
		{name: "a bomb", code: conn.StatusMessageTooBig, raw: frames(bomb())},
		{name: "corrupt compression", code: conn.StatusInvalidPayload,
			raw: frames(wstest.Frame{Fin: true, RSV: frame.RSV1, Opcode: frame.Text, Payload: []byte("\xff\xff\xff")})},
	}
}

// TestAHostilePeerEndsAloneAndIsToldWhy: its callback is told of nothing that is wrong, and the other connections of its
// loop go on.
func TestAHostilePeerEndsAloneAndIsToldWhy(t *testing.T) {
	for _, h := range hostiles() {
		t.Run(h.name, func(t *testing.T) {
			withDriversOver(t, 1<<20, func(t *testing.T, hs *harness) {
				start := time.Now()
				n := &conn.Negotiated{}
				if h.name == "a bomb" || h.name == "corrupt compression" {
					n.Deflate = &deflate.Params{}
				}
				r := newRecord()
				_, peer := hs.start(n, &h.cfg, r.events(nil))
				_, healthy := hs.start(nil, nil, newRecord().events(echo))
				_, healthy2 := hs.start(nil, nil, newRecord().events(echo))
				peer.SendRaw(append(peer.Encode(text("good")), h.raw(peer)...))
				f := peer.Receive()
				require.Equal(t, frame.Close, f.Opcode)
				code, _, err := frame.ParseClose(f.Payload)
				require.NoError(t, err)
				require.Equal(t, h.code, code)
				peer.Send(text("ignored"))
				for _, p := range []*wstest.Peer{healthy, healthy2} {
					p.Send(text("still"))
					p.Expect(text("still"))
				}
				peer.Conn().Close()
				require.Equal(t, []string{"open", "good", "close"}, r.all())
				require.Equal(t, h.code, conn.CloseStatus(<-r.closed))
				require.Zero(t, time.Since(start), "nothing waited for a time limit")
			})
		})
	}
}

func TestAFloodOfPingsIsAnsweredByTheNewestOnes(t *testing.T) {
	withDriversOver(t, 64, func(t *testing.T, h *harness) {
		r := newRecord()
		c, peer := h.start(nil, nil, r.events(nil))
		for range 1000 {
			peer.Send(wstest.Whole(frame.Ping, strings.Repeat("x", 100)))
		}
		peer.Send(wstest.Whole(frame.Ping, "newest"), text("behind"))
		require.Equal(t, []string{"open", "behind"}, r.all(), "the peer is read while it does not read")
		require.Less(t, c.BufferedAmount(), int64(40*110))
		pongs := 0
		for string(peer.Receive().Payload) != "newest" {
			pongs++
		}
		require.Less(t, pongs, 40)
	})
}

func TestAPromiseTakesNoMemoryAndEndsWithTheIdleTimeout(t *testing.T) {
	withDrivers(t, func(t *testing.T, h *harness) {
		r := newRecord()
		_, peer := h.start(nil, &conn.Config{ReadLimit: -1, IdleTimeout: time.Minute}, r.events(nil))
		synctest.Wait()
		promise := []byte{0x82, lengths(peer, 127), 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}
		require.Less(t, wstest.Allocated(func() {
			peer.SendRaw(append(promise, "and a few bytes of four gigabytes"...))
			synctest.Wait()
		}), uint64(1<<20))
		start := time.Now()
		require.ErrorIs(t, <-r.closed, conn.ErrPeerTimeout)
		require.InDelta(t, time.Minute, time.Since(start), float64(time.Second))
		require.Equal(t, []string{"open", "close"}, r.all())
	})
}
