package bridge

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/seed60239977/websocket"
)

// end is one side of a bridge: a stream of bytes in both directions. Read returns io.EOF when the peer has ended its direction,
// and errEnded when the connection was closed in good order as a whole.
type end interface {
	io.Reader
	io.Writer
	// CloseWrite ends the direction towards the peer, as far as that can be told.
	CloseWrite() error
	// Close ends both. If there is an error, the peer is to notice that something is missing.
	Close(err error)
	// Drain takes what still comes, for some time at most, so that the peer gets what was sent to it before.
	Drain(linger time.Duration)
	// Ended is closed when the connection has ended while nobody reads; nil never is.
	Ended() <-chan struct{}
}

var (
	errEnded     = errors.New("closed")
	errNotOpened = errors.New("the other side cannot be reached")
)

// stream is a TCP connection or a Unix socket.
type stream struct{ net.Conn }

func (s *stream) CloseWrite() error {
	if c, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

// Close resets the connection if there is an error, so that the peer does not take what it got for everything.
func (s *stream) Close(err error) {
	if c, ok := s.Conn.(*net.TCPConn); ok && err != nil {
		_ = c.SetLinger(0)
	}
	s.Conn.Close()
}

// Drain keeps closing from resetting the connection, as TCP does when something was not read.
func (s *stream) Drain(linger time.Duration) {
	_ = s.SetReadDeadline(time.Now().Add(linger))
	_, _ = io.Copy(io.Discard, s.Conn)
}

func (s *stream) Ended() <-chan struct{} { return nil }

// stdio is standard input and output. A read may never return.
type stdio struct {
	in  io.Reader
	out io.Writer
}

func (s *stdio) Read(p []byte) (int, error) { return s.in.Read(p) }

func (s *stdio) Write(p []byte) (int, error) { return s.out.Write(p) }

func (s *stdio) CloseWrite() error {
	if c, ok := s.out.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

func (s *stdio) Close(error) {}

func (s *stdio) Drain(time.Duration) {}

func (s *stdio) Ended() <-chan struct{} { return nil }

// socket is a WebSocket.
type socket struct {
	c      *websocket.Conn
	text   bool // lines are messages
	half   bool // an empty binary message ends a direction
	linger time.Duration

	message io.Reader // that is being read
	length  int       // of it, so far
	line    bool      // its end of line is due

	idle *time.Timer // closes when one direction has ended and nothing comes in the other
}

func newSocket(c *websocket.Conn, text bool, linger time.Duration) *socket {
	return &socket{c: c, text: text, half: c.Subprotocol() == halfClose, linger: linger}
}

// Read reads what is in messages, one after another.
func (s *socket) Read(p []byte) (n int, err error) {
	for len(p) > 0 {
		if s.line {
			s.line = false
			p[0] = '\n'
			return 1, nil
		}
		if s.message == nil {
			if _, s.message, err = s.c.Reader(context.Background()); err != nil {
				return 0, s.ended(err)
			}
			s.length = 0
		}
		n, err = s.message.Read(p)
		s.length += n
		switch {
		case err == io.EOF:
			s.message, s.line = nil, s.text
			if s.half && s.length == 0 {
				s.c.CloseRead(context.Background()) // answers pings, and notices the end
				return 0, io.EOF
			}
		case err != nil:
			return n, s.ended(err)
		}
		if n > 0 {
			s.alive()
			return n, nil
		}
	}
	return 0, nil
}

// ended tells a closing in good order from what is broken.
func (s *socket) ended(err error) error {
	var closed *websocket.CloseError
	if errors.As(err, &closed) && goodOrder(closed) {
		return errEnded
	}
	return err
}

// goodOrder reports whether a connection has ended as it should.
func goodOrder(end *websocket.CloseError) bool {
	switch end.Code {
	case websocket.StatusNormalClosure, websocket.StatusGoingAway, websocket.StatusNoStatus:
		return end.WasClean
	}
	return false
}

// alive puts off the closing of a connection that is used in one direction only.
func (s *socket) alive() {
	if s.idle.Stop() {
		s.idle.Reset(s.linger)
	}
}

// Write sends a message.
func (s *socket) Write(p []byte) (int, error) {
	typ := websocket.Binary
	if s.text {
		typ = websocket.Text
	}
	if err := s.c.Write(context.Background(), typ, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// ReadFrom sends lines, if that is what messages are, and otherwise bytes as they come.
func (s *socket) ReadFrom(r io.Reader) (total int64, err error) {
	if s.text {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, longestLine)
		for lines.Scan() {
			if _, err := s.Write(lines.Bytes()); err != nil {
				return total, err
			}
			total += int64(len(lines.Bytes()))
		}
		if errors.Is(lines.Err(), bufio.ErrTooLong) {
			return total, fmt.Errorf("a line is longer than %d bytes", longestLine)
		}
		return total, lines.Err()
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 { // an empty message would be the end
			if _, err := s.Write(buf[:n]); err != nil {
				return total, err
			}
			total += int64(n)
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// longestLine is that of -text, in bytes.
const longestLine = 32 << 20

// CloseWrite says that nothing more will be sent, if the peer understands that. Otherwise the connection lives for as long as
// something comes.
func (s *socket) CloseWrite() error {
	if s.half {
		return s.c.Write(context.Background(), websocket.Binary, nil)
	}
	s.idle.Reset(s.linger)
	return nil
}

func (s *socket) Close(err error) {
	switch {
	case err == nil:
		s.c.Close(websocket.StatusNormalClosure, "")
	case errors.Is(err, context.Canceled):
		s.c.Close(websocket.StatusGoingAway, "")
	case errors.Is(err, errNotOpened):
		s.c.Close(websocket.StatusBadGateway, err.Error())
	default:
		s.c.Close(websocket.StatusInternalError, "the other side of the bridge is broken")
	}
	s.c.CloseNow()
}

func (s *socket) Drain(time.Duration) {}

func (s *socket) Ended() <-chan struct{} { return s.c.Done() }
