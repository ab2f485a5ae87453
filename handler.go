package websocket

import (
	"context"
	"log"
	"net/http"
	"runtime/debug"

	"github.com/seed60239977/websocket/internal/h2stream"
)

// Handler returns an http.Handler that answers requests as [Accept] does and calls serve for each connection, on a goroutine of
// its own that outlives the request: while it waits, only the connection stays in memory. serve gets the context that
// AcceptOptions.ConnContext returns, or [context.Background].
//
// With HTTP/2 and HTTP/3, the connection is a stream of the request, which therefore stays until the connection has ended. With
// HTTP/2, serve is called on the goroutine of the request, and the stream ends when serve has returned. If that takes longer than
// a second once the connection has ended, the stream is reset. Reading takes the least memory with a context that cannot end,
// such as [context.Background]: with others, a second goroutine waits for the stream.
//
// When serve returns, the connection is closed with [StatusNormalClosure], unless serve has closed it. A panic in serve is
// logged in the way that net/http would, and closes the connection with [StatusInternalError]. As with all hijacked
// connections, http.Server.Shutdown waits neither for these connections nor for serve; it does wait for streams of HTTP/2, but
// does not end them. [Registry.Shutdown] ends all of them, and waits.
func Handler(serve func(ctx context.Context, c *Conn), o *AcceptOptions) http.Handler {
	h := &handler{serve: serve}
	if o != nil {
		h.options = *o
	}
	h.acceptor = h.options.acceptor()
	return h
}

type handler struct {
	serve    func(ctx context.Context, c *Conn)
	options  AcceptOptions
	acceptor acceptor // with these
}

// ServeHTTP implements http.Handler. Nothing that it hands on may refer to the request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := context.Background()
	if h.options.ConnContext != nil {
		ctx = h.options.ConnContext(r)
	}
	serving := false
	counted := h.options.Registry.begin() // from now on, so that Shutdown waits also for a handshake that is under way
	defer func() {
		if counted && !serving { // also if a hook of the caller panics
			h.options.Registry.done()
		}
	}()
	c, err := h.acceptor.accept(w, r, blocking)
	if err != nil {
		h.options.refused(r, err.(*HandshakeError))
		return
	}
	serving = true
	s := &served{h, ctx, c, errorLog(r), StatusInternalError}
	if stream, ok := c.NetConn().(*h2stream.Conn); ok {
		stream.Host(s.run) // the stream ends with the request
		return
	}
	go s.run()
}

// refused tells about a request that did not become a connection.
func (o *AcceptOptions) refused(r *http.Request, err *HandshakeError) {
	switch {
	case o.OnError != nil:
		o.OnError(r, err)
	case err.Status == http.StatusInternalServerError:
		errorLog(r).Printf("websocket: cannot accept %v: %v", r.RemoteAddr, err)
	}
}

// served is a connection of a Handler. It is kept apart from the goroutine's stack, which is to stay at its 2 KiB.
type served struct {
	h      *handler
	ctx    context.Context
	c      *Conn
	logger *log.Logger
	code   StatusCode // to close with
}

// run is the goroutine of one connection, and the one place where a Handler's connections begin and end.
func (s *served) run() {
	defer s.finish()
	s.h.serve(s.ctx, s.c)
	s.code = StatusNormalClosure
}

// finish is the end of run, perhaps by a panic.
func (s *served) finish() {
	defer s.h.options.Registry.done()
	if p := recover(); p != nil && p != http.ErrAbortHandler {
		s.panicked(p)
	}
	if s.c.Err() != nil { // most have, and this needs less of the stack
		s.c.CloseNow()
		return
	}
	s.c.Close(s.code, "")
}

func (s *served) panicked(p any) {
	s.logger.Printf("websocket: panic serving %v: %v\n%s", s.c.RemoteAddr(), p, debug.Stack())
}

// errorLog is where the request's server logs.
func errorLog(r *http.Request) *log.Logger {
	if server, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok && server.ErrorLog != nil {
		return server.ErrorLog
	}
	return log.Default()
}
