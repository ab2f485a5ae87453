// Package serve has the flags of all commands that wait for clients, and the server behind them.
//
// The examples have something like it (examples/internal/program). The two do not share code: this module is tagged and installed
// apart from the one that the examples are in, and imports nothing of that but what is public.
package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
	"github.com/seed60239977/websocket/cmd/ws/internal/dial"
	_ "github.com/seed60239977/websocket/http2" // offers WebSockets over HTTP/2, with -http2
)

// Options are what the flags say.
type Options struct {
	Accept websocket.AcceptOptions
	// Page, if not nil, answers requests that want no WebSocket.
	Page http.Handler

	cert, key, path, compress string
	http2                     bool
	ping                      time.Duration
}

// shutdownTimeout is how long connections get to end when the program is terminated.
const shutdownTimeout = 10 * time.Second

// AddFlags defines the flags, but for that of AddLimit.
func (o *Options) AddFlags(f *cli.Flags) {
	f.Section("As a server")
	f.StringVar(&o.cert, "tls-cert", "", "PEM `file` with the certificate, to serve wss and https")
	f.StringVar(&o.key, "tls-key", "", "PEM `file` with the private key that belongs to it")
	f.Files("tls-cert", "tls-key")
	f.StringVar(&o.path, "path", "", "the one `path` that takes WebSockets (default any)")
	f.Strings(&o.Accept.AllowedOrigins, "allow", "let pages of another `origin` connect: host, https://host or *; may be repeated")
	f.Strings(&o.Accept.Subprotocols, "subprotocol", "`name` of a subprotocol that is spoken; may be repeated, the best first")
	f.BoolVar(&o.http2, "serve-http2", false, "serve HTTP/2 as well (RFC 8441)")
	f.StringVar(&o.compress, "serve-compress", "off", "permessage-deflate to agree to, in a `mode`: off, notakeover or takeover")
	f.Values("serve-compress", "off", "notakeover", "takeover")
	f.DurationVar(&o.ping, "serve-ping", 0, "`time` of silence after which to ping; a client that is silent for twice that is gone")
	f.Func("serve-header", "header field to add to the response, as in `'Name: value'`; may be repeated", func(field string) error {
		name, value, err := dial.Field(field)
		if err == nil && o.Accept.Header == nil {
			o.Accept.Header = http.Header{}
		}
		if err == nil {
			o.Accept.Header.Add(name, value)
		}
		return err
	})
}

// AddLimit defines the flag for how long messages may be. It belongs to commands that have them in memory.
func (o *Options) AddLimit(f *cli.Flags) {
	f.Int64Var(&o.Accept.Config.ReadLimit, "serve-max-message", 32<<20, "longest message to accept, in `bytes`")
}

// Listen opens an address: host:port, :port for all of the machine's addresses, a port alone for localhost, or unix:PATH.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	network := "tcp"
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
	} else if !strings.Contains(address, ":") {
		address = "localhost:" + address
	}
	l, err := new(net.ListenConfig).Listen(ctx, network, address)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, &cli.Error{Err: err, Try: "another port, or 0 for a free one: somebody listens there already"}
	case errors.Is(err, os.ErrPermission):
		return nil, &cli.Error{Err: err, Try: "a port above 1023"}
	}
	return nil, &cli.Error{Err: err, Try: "localhost:8080, :8080 for all addresses of this machine, or unix:/run/app.sock"}
}

// Run serves on a listener until ctx ends; then it ends all connections in good order. The context that serve gets has the
// request, for [Request].
func (o *Options) Run(ctx context.Context, l net.Listener, serve func(ctx context.Context, c *websocket.Conn)) error {
	server, err := o.server(serve)
	if err != nil {
		l.Close()
		return err
	}
	failed := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			failed <- server.ServeTLS(l, "", "")
		} else {
			failed <- server.Serve(l)
		}
	}()
	select {
	case err = <-failed:
	case <-ctx.Done():
		l.Close()
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	shut := o.Accept.Registry.Shutdown(limit)
	server.Close()
	if err != nil {
		return err
	}
	<-failed
	return shut
}

// server makes the server.
func (o *Options) server(serve func(ctx context.Context, c *websocket.Conn)) (*http.Server, error) {
	if (o.cert == "") != (o.key == "") {
		return nil, cli.Usage("both of them", "-tls-cert and -tls-key go together")
	}
	var err error
	if o.Accept.Deflate, err = dial.Compression(o.compress); err != nil {
		return nil, err
	}
	if o.ping < 0 {
		return nil, cli.Usage("-serve-ping 30s", "-serve-ping is negative")
	}
	o.Accept.Config.PingInterval, o.Accept.Config.IdleTimeout = o.ping, 2*o.ping
	o.Accept.Registry = new(websocket.Registry)
	o.Accept.ConnContext = func(r *http.Request) context.Context {
		return context.WithValue(context.Background(), requestKey{}, keep(r))
	}
	if err := o.Accept.Validate(); err != nil {
		return nil, cli.Usage("-allow https://app.example, -subprotocol NAME, -serve-header 'Name: value'", "%w", err)
	}
	server := &http.Server{
		Handler:           o.handler(websocket.Handler(serve, &o.Accept)),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
		Protocols:         new(http.Protocols),
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(o.http2)
	server.Protocols.SetUnencryptedHTTP2(o.http2)
	if o.cert != "" {
		pair, err := dial.KeyPair("-tls-cert", o.cert, o.key)
		if err != nil {
			return nil, err
		}
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	return server, nil
}

// handler tells WebSockets from requests for the page.
func (o *Options) handler(upgrade http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wanted := r.Method == http.MethodConnect || strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
		switch {
		case wanted && (o.path == "" || o.path == r.URL.Path):
			upgrade.ServeHTTP(w, r)
		case !wanted && o.Page != nil:
			o.Page.ServeHTTP(w, r)
		default:
			http.NotFound(w, r)
		}
	})
}

// TLS reports whether the server has TLS.
func (o *Options) TLS() bool { return o.cert != "" }

// URL is what a listener of these options is reached by, with the scheme ws or wss.
func (o *Options) URL(l net.Listener) string {
	if l.Addr().Network() == "unix" {
		return "ws+unix:" + l.Addr().String()
	}
	scheme := "ws://"
	if o.TLS() {
		scheme = "wss://"
	}
	return scheme + l.Addr().String() + o.path
}

// PageURL is where a browser gets what answers requests that want no WebSocket.
func (o *Options) PageURL(l net.Listener) string {
	if o.TLS() {
		return "https://" + l.Addr().String() + "/"
	}
	return "http://" + l.Addr().String() + "/"
}

// Path is the one path that takes WebSockets, or "" if any does.
func (o *Options) Path() string { return o.path }

// requestKey is that of the request in the context of a connection.
type requestKey struct{}

// keep copies what is of interest in a request, which would be a lot of memory as a whole.
func keep(r *http.Request) *http.Request {
	u := *r.URL
	return &http.Request{
		Method: r.Method, URL: &u, Proto: r.Proto, Header: r.Header.Clone(), Host: r.Host, RemoteAddr: r.RemoteAddr, RequestURI: r.RequestURI,
	}
}

// Request returns the request that a connection came by: its URL, header, host and remote address.
func Request(ctx context.Context) *http.Request {
	r, _ := ctx.Value(requestKey{}).(*http.Request)
	return r
}

// SetPath sets the one path that takes WebSockets, unless the flag has done so.
func (o *Options) SetPath(path string) {
	if o.path == "" {
		o.path = path
	}
}
