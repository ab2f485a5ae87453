package conn

import (
	"errors"
	"io"
	"net"
	"strconv"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/buffer"
	"github.com/seed60239977/websocket/internal/wstest"
	"github.com/seed60239977/websocket/protocol"
)

// scripted is a net.Conn whose reads give so many bytes, and which remembers how many each was asked for. It takes what is
// written, and remembers in how large pieces.
type scripted struct {
	net.Conn
	gives []int
	asked []int
	wrote []int
}

func (s *scripted) Read(p []byte) (int, error) {
	s.asked = append(s.asked, len(p))
	n := min(s.gives[0], len(p))
	s.gives = s.gives[1:]
	return n, nil
}

func (s *scripted) Write(p []byte) (int, error) {
	s.wrote = append(s.wrote, len(p))
	return len(p), nil
}

// long returns a Sender with a message that is written from where it is.
func long(t *testing.T) *protocol.Sender {
	s := protocol.NewSender(protocol.Options{Role: frame.Server})
	accepted, err := s.Through(Binary, make([]byte, 100_000))
	require.NoError(t, err)
	require.True(t, accepted)
	return s
}

func TestTheHeaderOfALongMessageGoesOutWithItsStart(t *testing.T) {
	nc := &scripted{}
	n, err := (&portable{nc: nc}).write(long(t), true)
	require.NoError(t, err)
	require.Equal(t, 100_010, n)
	require.Equal(t, []int{buffer.Smallest, n - buffer.Smallest}, nc.wrote)
}

func TestAReadThatWasJustFullIsFollowedByOneOfAnotherLength(t *testing.T) {
	const full = len(portable{}.first)
	nc := &scripted{gives: []int{100, full, 100, full - 1, 100}}
	p := &portable{nc: nc}
	for range 5 {
		var in readBuffer
		require.NoError(t, p.read(&in))
		in.release()
	}
	require.Equal(t, []int{full, full, full - 1, full - 1, full}, nc.asked)
}

func TestANetConnThatReadsNothingForEverIsGivenUp(t *testing.T) {
	nc := &scripted{gives: make([]int, 1000)}
	p := &portable{nc: nc}
	var in readBuffer
	require.ErrorIs(t, p.read(&in), io.ErrNoProgress)
	require.Len(t, nc.asked, maxEmptyReads)

	nc.gives[maxEmptyReads-2] = 7
	in.before(true)
	require.NoError(t, p.read(&in))
	require.Len(t, in.unread(), 7)
	in.release()
}

func TestNothingFollowsAWriteThatWasShort(t *testing.T) {
	for n := 1; n <= 2; n++ { // the start of the message goes with the header, and then the rest
		near, far := wstest.Pipe(0)
		nc := wstest.Faulty(near, wstest.Fault{Op: wstest.OpWrite, N: n, Short: true})
		p := &portable{nc: nc}
		sent, err := p.write(long(t), true)
		require.ErrorIs(t, err, io.ErrShortWrite)
		require.Equal(t, n, nc.Calls(wstest.OpWrite))
		require.Equal(t, far.Buffered(), sent)
		require.NoError(t, errors.Join(near.Close(), far.Close()))
	}
}

func TestAPortableTransportFitsItsSizeClass(t *testing.T) {
	if strconv.IntSize == 64 {
		require.LessOrEqual(t, int(unsafe.Sizeof(portable{})), 240, "the next class of the allocator is 256")
	}
}
