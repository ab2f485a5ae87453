package wstest

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/mask"
)

// Key is the masking key of every frame that a [Peer] sends as a client.
var key = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// Frame is a frame with its payload unmasked.
type Frame struct {
	Fin     bool
	RSV     frame.RSV
	Opcode  frame.Opcode
	Payload []byte
}

// Append adds the wire form of f, as an endpoint of this role sends it, to dst.
func (f Frame) Append(dst []byte, sender frame.Role) []byte {
	h := frame.Header{Fin: f.Fin, RSV: f.RSV, Opcode: f.Opcode, Length: int64(len(f.Payload))}
	if h.Masked = sender.Masks(); h.Masked {
		h.Key = key
	}
	dst = h.Append(dst)
	start := len(dst)
	dst = append(dst, f.Payload...)
	if h.Masked {
		mask.XOR(key, 0, dst[start:])
	}
	return dst
}

// Whole is a message in one frame, or a control frame.
func Whole(opcode frame.Opcode, payload string) Frame {
	return Frame{Fin: true, Opcode: opcode, Payload: []byte(payload)}
}

// Part is one frame of a fragmented message.
func Part(opcode frame.Opcode, fin bool, payload string) Frame {
	return Frame{Fin: fin, Opcode: opcode, Payload: []byte(payload)}
}

// CloseFrame is a close frame.
func CloseFrame(code frame.StatusCode, reason string) Frame {
	body, err := frame.AppendClose(nil, code, reason)
	if err != nil {
		panic(err) // the test's bug
	}
	return Frame{Fin: true, Opcode: frame.Close, Payload: body}
}

// Peer is the other end of a connection under test, written out frame by frame. It knows no rules: it sends what it is
// told, and reads frames without judging them. Its methods fail the test when the network does.
type Peer struct {
	t    testing.TB
	nc   net.Conn
	role frame.Role
}

// NewPeer returns a peer that plays role on nc.
func NewPeer(t testing.TB, nc net.Conn, role frame.Role) *Peer {
	return &Peer{t: t, nc: nc, role: role}
}

// Conn returns the network connection of the peer.
func (p *Peer) Conn() net.Conn { return p.nc }

// Send sends frames in one write.
func (p *Peer) Send(frames ...Frame) {
	p.t.Helper()
	p.SendRaw(p.Encode(frames...))
}

// Encode returns what Send would write.
func (p *Peer) Encode(frames ...Frame) []byte {
	var b []byte
	for _, f := range frames {
		b = f.Append(b, p.role)
	}
	return b
}

// SendRaw writes b as it is.
func (p *Peer) SendRaw(b []byte) {
	p.t.Helper()
	_, err := p.nc.Write(b)
	require.NoError(p.t, err)
}

// Receive reads one frame, which must be there or come, and checks that it is masked as the sender's role asks.
func (p *Peer) Receive() Frame {
	p.t.Helper()
	f, err := p.TryReceive()
	require.NoError(p.t, err)
	return f
}

// TryReceive reads one frame or returns the error of the network.
func (p *Peer) TryReceive() (Frame, error) {
	p.t.Helper()
	var b []byte
	for {
		h, n, err := frame.Parse(b)
		require.NoError(p.t, err)
		if n == 0 {
			b = append(b, 0)
			if _, err := io.ReadFull(p.nc, b[len(b)-1:]); err != nil {
				return Frame{}, err
			}
			continue
		}
		require.NotEqual(p.t, p.role.Masks(), h.Masked, "one direction is masked, the other is not (§5.1)")
		payload := make([]byte, h.Length)
		if _, err := io.ReadFull(p.nc, payload); err != nil {
			return Frame{}, err
		}
		if h.Masked {
			mask.XOR(h.Key, 0, payload)
		}
		return Frame{Fin: h.Fin, RSV: h.RSV, Opcode: h.Opcode, Payload: payload}, nil
	}
}

// Expect reads frames and requires them to be these.
func (p *Peer) Expect(frames ...Frame) {
	p.t.Helper()
	for _, want := range frames {
		got := p.Receive()
		if len(got.Payload) == 0 {
			got.Payload = want.Payload[:0]
		}
		require.Equal(p.t, want, got)
	}
}

// ExpectEOF requires the other side to have closed, or to close, without another frame.
func (p *Peer) ExpectEOF() {
	p.t.Helper()
	n, err := p.nc.Read(make([]byte, 1))
	require.Zero(p.t, n, "a byte came where the end was expected")
	require.ErrorIs(p.t, err, io.EOF)
}
