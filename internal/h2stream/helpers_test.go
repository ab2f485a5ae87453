package h2stream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/pipe"
)

// unencrypted is HTTP/2 without TLS.
func unencrypted() *http.Protocols {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	return p
}

// An exchange is one HTTP/2 connection in memory with one request after another, whose streams are handed out.
type exchange struct {
	server  *http.Server
	client  *http.ClientConn
	streams chan *Conn
	done    chan error
}

func newExchange(tb testing.TB) *exchange {
	tb.Helper()
	l := pipe.Listen()
	x := &exchange{streams: make(chan *Conn, 1), done: make(chan error, 1)}
	x.server = &http.Server{Protocols: unencrypted(), Handler: http.HandlerFunc(x.serve)}
	go func() { x.done <- x.server.Serve(l) }()
	transport := &http.Transport{
		Protocols:   unencrypted(),
		DialContext: l.Dial,
	}
	client, err := transport.NewClientConn(tb.Context(), "http", "example.com:80")
	require.NoError(tb, err)
	x.client = client
	return x
}

func (x *exchange) serve(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusOK)
	c, err := Serve(w, r)
	if err == nil {
		err = http.NewResponseController(w).Flush()
	}
	if err != nil {
		panic(err)
	}
	c.Host(func() { x.streams <- c })
}

// open makes a request, and returns both ends of its stream.
func (x *exchange) open(ctx context.Context) (client HalfCloser, server *Conn, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://example.com/", nil)
	if err != nil {
		return HalfCloser{}, nil, err
	}
	q, r := NewRequest(r)
	resp, err := x.client.RoundTrip(r)
	if err != nil {
		return HalfCloser{}, nil, err
	}
	client = q.Conn(resp, addr{"pipe", "client"}, addr{"pipe", "server"})
	return client, <-x.streams, nil
}

func (x *exchange) stop() error {
	err := errors.Join(x.client.Close(), x.server.Close())
	if e := <-x.done; e != http.ErrServerClosed {
		err = errors.Join(err, e)
	}
	return err
}

// A fake is a stream that a test holds the other end of.
type fake struct {
	arriving *io.PipeWriter
	sent     *io.PipeReader
	aborted  chan struct{}
	ended    chan struct{}
}

func newFake() (*fake, *Conn) {
	in, arriving := io.Pipe()
	sent, out := io.Pipe()
	f := &fake{arriving: arriving, sent: sent, aborted: make(chan struct{}), ended: make(chan struct{})}
	return f, New(Stream{
		Body: in,
		Send: func(p []byte) error {
			_, err := out.Write(p)
			return err
		},
		Abort: func() {
			close(f.aborted)
			out.CloseWithError(errors.New("aborted"))
			sent.CloseWithError(errors.New("aborted"))
		},
		End: func() {
			close(f.ended)
			out.Close()
		},
		Local:  addr{"fake", "local"},
		Remote: addr{"fake", "remote"},
	})
}
