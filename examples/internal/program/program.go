// Package program is what the examples with a server have in common: a command line with an address, the server, and an
// orderly shutdown. What an example is about is in its own folder.
package program

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	_ "github.com/seed60239977/websocket/http2" // offers WebSockets over HTTP/2, with -http2
)

// Exit statuses.
const (
	StatusFailed = 1 // the server could not start or failed
	StatusUsage  = 2 // the command line is wrong
)

// Program is one example.
type Program struct {
	Name string // of the command
	Addr string // where it listens unless -addr says otherwise
	// Flags, if not nil, adds flags of the example's own. They are parsed before Open is called.
	Flags func(flags *flag.FlagSet)
	// Open makes what is served. close ends all connections in good order; it is called once, after the last request, and
	// returns when they have ended.
	Open func() (handler http.Handler, close func())
}

// Main runs the program and exits with its status, when it is interrupted or terminated, or has failed.
func (p Program) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := p.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// Run is the program without the process around it. When it is ready it prints "listening on" and the address to stdout.
// It serves until ctx ends, and returns the exit status. Errors go to stderr, in one line.
func (p Program) Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := p.parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", p.Name, err)
		return StatusUsage
	}
	if err := p.serve(ctx, o, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", p.Name, err)
		return StatusFailed
	}
	return 0
}

// options are the flags that all programs have.
type options struct {
	addr            string
	tlsCert, tlsKey string
	http2, log      bool
}

// parse parses the command line.
func (p Program) parse(args []string, help io.Writer) (o options, err error) {
	flags := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // one line says what is wrong; -h says what is right
	flags.StringVar(&o.addr, "addr", p.Addr, "`host:port` to listen on; port 0 takes a free one")
	flags.StringVar(&o.tlsCert, "tls-cert", "", "certificate `file` in PEM, to serve https and wss")
	flags.StringVar(&o.tlsKey, "tls-key", "", "private key `file` in PEM that belongs to -tls-cert")
	flags.BoolVar(&o.http2, "http2", false, "serve HTTP/2 on the same port, too; without TLS to clients that begin with it")
	flags.BoolVar(&o.log, "log", false, "log each request to standard error")
	if p.Flags != nil {
		p.Flags(flags)
	}
	err = flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(help)
		fmt.Fprintf(help, "usage: %s [flags]\n", p.Name)
		flags.PrintDefaults()
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err == nil && (o.tlsCert == "") != (o.tlsKey == "") {
		err = errors.New("-tls-cert and -tls-key go together")
	}
	return o, err
}

// serve listens and serves until ctx ends.
func (p Program) serve(ctx context.Context, o options, stdout, stderr io.Writer) error {
	var certificates []tls.Certificate
	if o.tlsCert != "" {
		pair, err := tls.LoadX509KeyPair(o.tlsCert, o.tlsKey)
		if err != nil {
			return err
		}
		certificates = append(certificates, pair)
	}
	listener, err := net.Listen("tcp", o.addr)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "listening on", listener.Addr())
	handler, closeAll := p.Open()
	if o.log {
		handler = Logged(handler, stderr)
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       10 * time.Second, // neither concerns a WebSocket
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		Protocols:         new(http.Protocols),
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(o.http2)
	server.Protocols.SetUnencryptedHTTP2(o.http2)
	failed := make(chan error, 1)
	go func() {
		if len(certificates) > 0 {
			server.TLSConfig = &tls.Config{Certificates: certificates}
			failed <- server.ServeTLS(listener, "", "")
		} else {
			failed <- server.Serve(listener)
		}
	}()
	select {
	case err = <-failed:
		closeAll()
	case <-ctx.Done():
		listener.Close() // nobody new
		closeAll()
		server.Close() // what is no WebSocket
		<-failed
	}
	return err
}

// Logged returns a handler that tells of each request before h answers it: from where it came, and what it is.
func Logged(h http.Handler, log io.Writer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(log, r.RemoteAddr, r.Proto, r.Method, r.URL.Path)
		h.ServeHTTP(w, r)
	})
}

// Page returns a handler that shows a page. The page may have scripts and styles of its own, connect to where it came from,
// and nothing else.
func Page(page []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'unsafe-inline'; "+
			"style-src 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'")
		w.Write(page)
	})
}
