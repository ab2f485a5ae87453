// Package program is what the servers on frameworks have in common: a command line with an address, what is said on a
// connection, and an orderly shutdown.
package program

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/seed60239977/websocket"
)

// shutdownTime is how long connections and requests may take to end.
const shutdownTime = 10 * time.Second

// Main listens on the address that the command line says, prints it, and calls serve, whose context ends when the process is
// interrupted or terminated. It exits with status 1 if that fails, and with 2 if the command line is wrong.
func Main(serve func(ctx context.Context, listener net.Listener) error) {
	addr := flag.String("addr", "127.0.0.1:9001", "`host:port` to listen on; port 0 takes a free one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	listener, err := net.Listen("tcp", *addr)
	if err == nil {
		fmt.Println("listening on", listener.Addr())
		err = serve(ctx, listener)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Echo sends each message back until the connection ends.
func Echo(ctx context.Context, c *websocket.Conn) {
	for m, err := range c.Messages(ctx) {
		if err != nil {
			return
		}
		c.Write(ctx, m.Type, m.Data) // if this fails, Messages says so
	}
}

// Serve serves handler on listener until ctx ends. Then it closes the connections that registry knows of, and waits for them
// and for the requests that are being answered.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, registry *websocket.Registry) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      10 * time.Second, // does not concern a WebSocket
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	err := server.Shutdown(ctx) // no more requests
	<-failed
	if ended := registry.Shutdown(ctx); err == nil { // no more connections
		err = ended
	}
	return err
}
