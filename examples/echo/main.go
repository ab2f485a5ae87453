// Command echo is a WebSocket echo server, with a page to try it from a browser.
//
//	go run ./examples/echo
//
// It accepts WebSockets on every path and sends each message back as it came. Other GET requests get the page.
package main

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

	"github.com/seed60239977/websocket"
	common "github.com/seed60239977/websocket/examples/internal/program"
	_ "github.com/seed60239977/websocket/http2"
)

// Exit statuses.
const (
	statusFailed = 1 // the server could not start or failed
	statusUsage  = 2 // the command line is wrong
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program less the process around it. It returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "echo:", err)
		return statusUsage
	}
	if err := serve(ctx, o, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "echo:", err)
		return statusFailed
	}
	return 0
}

// options are the command line.
type options struct {
	addr            string
	tlsCert, tlsKey string
	http2, log      bool
	maxMessage      int64
	broadcast       bool
	deflate         *websocket.DeflateOptions
}

func parse(args []string, help io.Writer) (options, error) {
	var o options
	var mode, compress string
	flags := flag.NewFlagSet("echo", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // one line says what is wrong; -h says what is right
	flags.StringVar(&o.addr, "addr", "127.0.0.1:9001", "`host:port` to listen on; port 0 takes a free one")
	flags.StringVar(&o.tlsCert, "tls-cert", "", "certificate `file` in PEM, to serve wss")
	flags.StringVar(&o.tlsKey, "tls-key", "", "private key `file` in PEM that belongs to -tls-cert")
	flags.BoolVar(&o.http2, "http2", false, "serve HTTP/2 on the same port, too; without TLS to clients that begin with it")
	flags.BoolVar(&o.log, "log", false, "log each request to standard error")
	flags.Int64Var(&o.maxMessage, "max-message", 32<<20, "longest message in `bytes`")
	flags.StringVar(&mode, "mode", "echo", "`echo` answers the sender, broadcast sends each message to every connection")
	flags.StringVar(&compress, "compress", "off", "permessage-deflate: `off`, notakeover or takeover")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(help)
		fmt.Fprintln(help, "usage: echo [flags]")
		flags.PrintDefaults()
		return o, err
	case err != nil:
		return o, err
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case mode != "echo" && mode != "broadcast":
		return o, fmt.Errorf("-mode is echo or broadcast, not %q", mode)
	case (o.tlsCert == "") != (o.tlsKey == ""):
		return o, errors.New("-tls-cert and -tls-key go together")
	case o.maxMessage <= 0:
		return o, errors.New("-max-message is at least 1")
	}
	o.broadcast = mode == "broadcast"
	o.deflate, err = compression(compress)
	return o, err
}

// shutdownTime is how long clients have to answer the close frame when the server ends.
const shutdownTime = 4 * time.Second

// serve listens and serves until ctx ends; then every client gets a close frame with 1001.
func serve(ctx context.Context, o options, stdout, stderr io.Writer) error {
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
	echo := newServer(o)
	handler := echo.handler()
	if o.log {
		handler = common.Logged(handler, stderr)
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
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
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	listener.Close() // no new clients
	echo.close()
	server.Close() // what is no WebSocket
	<-failed
	return nil
}
