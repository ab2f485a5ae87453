package websocket

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	coderjson "github.com/coder/websocket/wsjson"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/compat/coder/wsjson"
)

// connection is what both packages' *Conn have, with numbers in the place of their types.
type connection interface {
	Read(context.Context) (int, []byte, error)
	Reader(context.Context) (int, io.Reader, error)
	Write(context.Context, int, []byte) error
	Writer(context.Context, int) (io.WriteCloser, error)
	Ping(context.Context) error
	Close(code int, reason string) error
	CloseNow() error
	CloseRead(context.Context) context.Context
	SetReadLimit(int64)
	Subprotocol() string
}

// original is what a package's *Conn is.
type original[M, S ~int] interface {
	Read(context.Context) (M, []byte, error)
	Reader(context.Context) (M, io.Reader, error)
	Write(context.Context, M, []byte) error
	Writer(context.Context, M) (io.WriteCloser, error)
	Ping(context.Context) error
	Close(code S, reason string) error
	CloseNow() error
	CloseRead(context.Context) context.Context
	SetReadLimit(int64)
	Subprotocol() string
}

// adapter makes a connection of a package's *Conn.
type adapter[M, S ~int] struct{ original[M, S] }

func (a adapter[M, S]) Read(ctx context.Context) (int, []byte, error) {
	typ, p, err := a.original.Read(ctx)
	return int(typ), p, err
}

func (a adapter[M, S]) Reader(ctx context.Context) (int, io.Reader, error) {
	typ, r, err := a.original.Reader(ctx)
	return int(typ), r, err
}

func (a adapter[M, S]) Write(ctx context.Context, typ int, p []byte) error {
	return a.original.Write(ctx, M(typ), p)
}

func (a adapter[M, S]) Writer(ctx context.Context, typ int) (io.WriteCloser, error) {
	return a.original.Writer(ctx, M(typ))
}

func (a adapter[M, S]) Close(code int, reason string) error { return a.original.Close(S(code), reason) }

// options are those of both packages, for both roles.
type options struct {
	Subprotocols         []string
	InsecureSkipVerify   bool
	OriginPatterns       []string
	CompressionMode      int
	CompressionThreshold int
	OnPingReceived       func(ctx context.Context, payload []byte) bool
	OnPongReceived       func(ctx context.Context, payload []byte)
	HTTPClient           *http.Client
	HTTPHeader           http.Header
	Host                 string
}

// library is one of the packages that must do the same.
type library struct {
	accept    func(w http.ResponseWriter, r *http.Request, o options) (connection, error)
	dial      func(ctx context.Context, url string, o options) (connection, *http.Response, error)
	netConn   func(ctx context.Context, c connection, typ int) net.Conn
	status    func(err error) int
	closed    func(err error) (code int, reason string, ok bool) // what a CloseError says
	readJSON  func(ctx context.Context, c connection, v any) error
	writeJSON func(ctx context.Context, c connection, v any) error
	tooBig    error
}

func coders(c connection) *coder.Conn {
	return c.(adapter[coder.MessageType, coder.StatusCode]).original.(*coder.Conn)
}

func ours(c connection) *Conn { return c.(adapter[MessageType, StatusCode]).original.(*Conn) }

// made makes a connection, if there is no error.
func made[M, S ~int](c original[M, S], err error) (connection, error) {
	if err != nil {
		return nil, err
	}
	return adapter[M, S]{c}, nil
}

var libraries = map[string]library{
	"coder": {
		accept: func(w http.ResponseWriter, r *http.Request, o options) (connection, error) {
			c, err := coder.Accept(w, r, &coder.AcceptOptions{
				Subprotocols: o.Subprotocols, InsecureSkipVerify: o.InsecureSkipVerify, OriginPatterns: o.OriginPatterns,
				CompressionMode: coder.CompressionMode(o.CompressionMode), CompressionThreshold: o.CompressionThreshold,
				OnPingReceived: o.OnPingReceived, OnPongReceived: o.OnPongReceived,
			})
			return made[coder.MessageType, coder.StatusCode](c, err)
		},
		dial: func(ctx context.Context, url string, o options) (connection, *http.Response, error) {
			c, resp, err := coder.Dial(ctx, url, &coder.DialOptions{
				Subprotocols: o.Subprotocols, HTTPClient: o.HTTPClient, HTTPHeader: o.HTTPHeader, Host: o.Host,
				CompressionMode: coder.CompressionMode(o.CompressionMode), CompressionThreshold: o.CompressionThreshold,
				OnPingReceived: o.OnPingReceived, OnPongReceived: o.OnPongReceived,
			})
			conn, err := made[coder.MessageType, coder.StatusCode](c, err)
			return conn, resp, err
		},
		netConn: func(ctx context.Context, c connection, typ int) net.Conn {
			return coder.NetConn(ctx, coders(c), coder.MessageType(typ))
		},
		status: func(err error) int { return int(coder.CloseStatus(err)) },
		closed: func(err error) (int, string, bool) {
			var e coder.CloseError
			ok := errors.As(err, &e)
			return int(e.Code), e.Reason, ok
		},
		readJSON:  func(ctx context.Context, c connection, v any) error { return coderjson.Read(ctx, coders(c), v) },
		writeJSON: func(ctx context.Context, c connection, v any) error { return coderjson.Write(ctx, coders(c), v) },
		tooBig:    coder.ErrMessageTooBig,
	},
	"ours": {
		accept: func(w http.ResponseWriter, r *http.Request, o options) (connection, error) {
			c, err := Accept(w, r, &AcceptOptions{
				Subprotocols: o.Subprotocols, InsecureSkipVerify: o.InsecureSkipVerify, OriginPatterns: o.OriginPatterns,
				CompressionMode: CompressionMode(o.CompressionMode), CompressionThreshold: o.CompressionThreshold,
				OnPingReceived: o.OnPingReceived, OnPongReceived: o.OnPongReceived,
			})
			return made[MessageType, StatusCode](c, err)
		},
		dial: func(ctx context.Context, url string, o options) (connection, *http.Response, error) {
			c, resp, err := Dial(ctx, url, &DialOptions{
				Subprotocols: o.Subprotocols, HTTPClient: o.HTTPClient, HTTPHeader: o.HTTPHeader, Host: o.Host,
				CompressionMode: CompressionMode(o.CompressionMode), CompressionThreshold: o.CompressionThreshold,
				OnPingReceived: o.OnPingReceived, OnPongReceived: o.OnPongReceived,
			})
			conn, err := made[MessageType, StatusCode](c, err)
			return conn, resp, err
		},
		netConn: func(ctx context.Context, c connection, typ int) net.Conn {
			return NetConn(ctx, ours(c), MessageType(typ))
		},
		status: func(err error) int { return int(CloseStatus(err)) },
		closed: func(err error) (int, string, bool) {
			var e CloseError
			ok := errors.As(err, &e)
			return int(e.Code), e.Reason, ok
		},
		readJSON:  func(ctx context.Context, c connection, v any) error { return wsjson.Read(ctx, ours(c), v) },
		writeJSON: func(ctx context.Context, c connection, v any) error { return wsjson.Write(ctx, ours(c), v) },
		tooBig:    ErrMessageTooBig,
	},
}

const (
	text   = int(MessageText)
	binary = int(MessageBinary)
)

// patience bounds what a test waits for, so that one that hangs fails.
const patience = 30 * time.Second

// patient returns a context that ends with the test or with patience.
func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// withEach runs a test against both libraries.
func withEach(t *testing.T, test func(t *testing.T, lib library)) {
	for name, lib := range libraries {
		t.Run(name, func(t *testing.T) { test(t, lib) })
	}
}

// serve starts a server and returns its URL.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return "ws" + strings.TrimPrefix(s.URL, "http")
}

// pair connects a client to a server.
func pair(t *testing.T, of, to library, dialing, accepting options) (client, server connection) {
	t.Helper()
	accepted := make(chan connection, 1)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if c, err := to.accept(w, r, accepting); err == nil {
			accepted <- c
		}
	})
	client, _, err := of.dial(t.Context(), url, dialing)
	require.NoError(t, err)
	server = <-accepted
	t.Cleanup(func() { client.CloseNow(); server.CloseNow() })
	return client, server
}

// inBothRoles runs a test with either end as the one under test.
func inBothRoles(t *testing.T, test func(t *testing.T, lib library, near, far connection)) {
	withEach(t, func(t *testing.T, lib library) {
		t.Run("client", func(t *testing.T) {
			client, server := pair(t, lib, lib, options{}, options{})
			test(t, lib, client, server)
		})
		t.Run("server", func(t *testing.T) {
			client, server := pair(t, lib, lib, options{}, options{})
			test(t, lib, server, client)
		})
	})
}

// reading reads until there is an error, and hands that over.
func reading(t *testing.T, c connection) <-chan error {
	result := make(chan error, 1)
	ctx := patient(t)
	go func() {
		for {
			if _, _, err := c.Read(ctx); err != nil {
				result <- err
				return
			}
		}
	}()
	return result
}

// doing calls f on a goroutine of its own and hands its error over.
func doing(f func() error) <-chan error {
	result := make(chan error, 1)
	go func() { result <- f() }()
	return result
}
