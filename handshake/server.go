package handshake

import (
	"context"
	"net/http"
	"slices"
)

// Server is the server's side of handshakes that all have the same options: these are checked once, and not with each request. Its
// methods may be called from any goroutine. [NewServer] makes one.
type Server struct {
	options ServerOptions
	invalid *Error // nil: the options are valid
}

// NewServer returns a Server with a copy of these options, and of the lists, the header and the Options of compression in them:
// changing those later changes nothing. o may be nil. If they are not valid, [Server.Validate] says so, and every request is
// refused with that.
func NewServer(o *ServerOptions) *Server {
	s := &Server{}
	if o == nil {
		return s
	}
	s.options = *o
	s.options.Subprotocols = slices.Clone(o.Subprotocols)
	s.options.AllowedOrigins = slices.Clone(o.AllowedOrigins)
	s.options.Header = o.Header.Clone()
	if o.Deflate != nil {
		own := *o.Deflate
		s.options.Deflate = &own
	}
	if err := s.options.Validate(); err != nil {
		s.invalid = err.(*Error)
	}
	return s
}

// Validate reports what is wrong with the options, as [ServerOptions.Validate] does.
func (s *Server) Validate() error {
	if s.invalid == nil {
		return nil
	}
	e := *s.invalid // whoever gets it may change it
	return &e
}

// Accept is [ServerOptions.Accept].
func (s *Server) Accept(r *http.Request) (resp Response, err error) {
	h := headOf(r)
	err = s.accept(&h, &resp) // small enough to be inlined: its caller is deep in the stack of net/http's goroutine
	return resp, err
}

// Answer is [RequestParser.Parse] and then [Server.Accept], without a request of net/http's in between, which takes half of the time.
// received is everything that has arrived so far; n is how many bytes of it are the request, or 0 while more are needed. The
// response keeps nothing of received. All errors are [*Error]. Only for CheckOrigin and SelectSubprotocol a request is made. It is for
// connections without TLS.
func (s *Server) Answer(p *RequestParser, received []byte) (resp Response, n int, err error) {
	n, err = p.scan(received)
	if err != nil || n == 0 {
		return Response{}, 0, err
	}
	var h head
	if s.options.CheckOrigin == nil && s.options.SelectSubprotocol == nil {
		h, err = p.head(received)
	} else if r, bad := p.request(context.Background(), string(received[:n])); bad == nil {
		h = headOf(r)
	} else {
		err = bad
	}
	if err == nil {
		err = s.accept(&h, &resp)
	}
	return resp, n, err
}

func (s *Server) accept(h *head, resp *Response) error {
	if s.invalid != nil {
		return s.Validate()
	}
	return s.options.accept(h, resp)
}

// AcceptConnect is [ServerOptions.AcceptConnect].
func (s *Server) AcceptConnect(r *http.Request) (Agreed, error) {
	if err := checkConnect(r); err != nil {
		return Agreed{}, err
	}
	return s.Negotiate(r)
}

// Negotiate is [ServerOptions.Negotiate].
func (s *Server) Negotiate(r *http.Request) (Agreed, error) {
	if s.invalid != nil {
		return Agreed{}, s.Validate()
	}
	return s.options.negotiate(r)
}
