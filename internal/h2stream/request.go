package h2stream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// Request is the client's side of a stream: the body of a request that goes on for as long as the stream lives.
type Request struct {
	cancel context.CancelFunc
	sent   chan struct{} // closed when the request has been sent to its end, or not
	once   sync.Once

	mu      sync.Mutex
	changed sync.Cond
	unsent  []byte // of Send
	asked   bool   // whoever reads has come for more, so that all before is on the wire
	eof     bool
	closed  bool
}

// NewRequest prepares r, whose body and context it sets: once ctx ends, which bounds the opening handshake alone, the
// stream is reset, until Conn is called.
func NewRequest(r *http.Request) (*Request, *http.Request) {
	q := &Request{sent: make(chan struct{})}
	q.changed.L = &q.mu
	// The stream is bound to this context for good, so it is not one that others end.
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	q.cancel = cancel
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { q.once.Do(func() { close(q.sent) }) },
	})
	r = r.WithContext(ctx)
	r.Body, r.ContentLength = q.body(), -1
	return q, r
}

// Abort resets the stream.
func (q *Request) Abort() { q.cancel() }

// Conn makes a Conn of the response, whose body it owns.
func (q *Request) Conn(resp *http.Response, local, remote net.Addr) HalfCloser {
	body := &responseBody{resp.Body, q}
	return HalfCloser{New(Stream{
		Body:   body,
		Send:   q.send,
		Abort:  func() { body.Close() }, // the context is not heeded while the request waits for flow control
		End:    q.end,
		Local:  local,
		Remote: remote,
	})}
}

// errStopped is why nothing more is sent when the HTTP library has stopped to do so.
var errStopped = errors.New("the request is over")

// send returns when p is on the wire: the HTTP library comes for more once it is. If it does not, but has taken p, the peer
// has ended the stream, perhaps because of p.
func (q *Request) send(p []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.unsent = p
	q.asked = false
	q.changed.Broadcast()
	for !q.closed && !(len(q.unsent) == 0 && q.asked) {
		q.changed.Wait()
	}
	rest := q.unsent
	q.unsent = nil
	if len(rest) > 0 {
		return errStopped
	}
	return nil
}

// endTime is how long the end of a stream may take to be sent on a connection that takes nothing.
const endTime = time.Second

// end ends the request and waits until that is on the wire.
func (q *Request) end() {
	q.mu.Lock()
	q.eof = true
	q.changed.Broadcast()
	q.mu.Unlock()
	timer := time.NewTimer(endTime)
	defer timer.Stop()
	select {
	case <-q.sent:
	case <-timer.C:
	}
}

func (q *Request) body() io.ReadCloser { return (*requestBody)(q) }

// requestBody is what the HTTP library reads.
type requestBody Request

// Read implements io.Reader.
func (b *requestBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = true
	b.changed.Broadcast()
	for {
		switch {
		case b.closed:
			return 0, errStopped
		case len(b.unsent) > 0:
			n := copy(p, b.unsent)
			b.unsent = b.unsent[n:]
			b.asked = false
			return n, nil
		case b.eof:
			return 0, io.EOF
		case len(p) == 0:
			return 0, nil
		}
		b.changed.Wait()
	}
}

// Close implements io.Closer. The HTTP library calls it when it sends no more.
func (b *requestBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.changed.Broadcast()
	b.once.Do(func() { close(b.sent) })
	return nil
}

// responseBody lets go of the request's context with the body.
type responseBody struct {
	io.ReadCloser
	q *Request
}

// Close implements io.Closer.
func (b *responseBody) Close() error {
	b.q.cancel() // first, so that Close does not wait
	return b.ReadCloser.Close()
}
