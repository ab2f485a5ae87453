package http3

import (
	"errors"
	"net"

	"github.com/quic-go/quic-go"
	h3 "github.com/quic-go/quic-go/http3"

	"github.com/seed60239977/websocket/internal/h2stream"
)

// newStream makes a net.Conn of a request whose response has arrived. quic-go's streams have deadlines, but one that
// cuts a read within the header of a frame leaves HTTP/3 out of step.
func newStream(s *h3.RequestStream, q *quic.Conn) net.Conn {
	return h2stream.HalfCloser{Conn: h2stream.New(h2stream.Stream{
		Body: body{s},
		Send: func(p []byte) error {
			_, err := s.Write(p)
			return failure(err)
		},
		Abort:  func() { reset(s) },
		End:    func() { s.Close() }, // an error says that the peer has asked for no more
		Local:  q.LocalAddr(),
		Remote: q.RemoteAddr(),
	})}
}

// reset gives a stream up.
func reset(s *h3.RequestStream) {
	s.CancelWrite(quic.StreamErrorCode(h3.ErrCodeRequestCanceled))
	s.CancelRead(quic.StreamErrorCode(h3.ErrCodeRequestCanceled))
}

// body is what the server sends.
type body struct{ s *h3.RequestStream }

// Read implements io.Reader.
func (b body) Read(p []byte) (int, error) {
	n, err := b.s.Read(p)
	return n, failure(err)
}

// Close implements io.Closer.
func (b body) Close() error {
	b.s.CancelRead(quic.StreamErrorCode(h3.ErrCodeRequestCanceled)) // nothing, if the server has ended the stream
	return nil
}

// failure makes a stream that the peer has reset one of the network that it has.
func failure(err error) error {
	var e *h3.Error
	if errors.As(err, &e) && e.Remote {
		return &h2stream.ResetError{Code: uint32(e.ErrorCode), Err: err}
	}
	return err
}
