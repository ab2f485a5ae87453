// Command chat is a chat with several rooms, with a page to talk from a browser.
//
//	go run ./examples/chat
//
// A guest says a name and enters a room, gets its last 50 messages, and sees who is there and who is typing. The page
// comes back by itself when the connection is lost or the server restarts, and then sends what had not arrived. There are
// no accounts: two guests with the same name look like one, and the history ends with the server.
package main

import (
	"context"
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
	addr, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "chat:", err)
		return statusUsage
	}
	if err := serve(ctx, addr, stdout); err != nil {
		fmt.Fprintln(stderr, "chat:", err)
		return statusFailed
	}
	return 0
}

// parse returns the address to listen on.
func parse(args []string, help io.Writer) (addr string, err error) {
	flags := flag.NewFlagSet("chat", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // one line says what is wrong; -h says what is right
	flags.StringVar(&addr, "addr", "127.0.0.1:9010", "`host:port` to listen on; port 0 takes a free one")
	err = flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(help)
		fmt.Fprintln(help, "usage: chat [flags]")
		flags.PrintDefaults()
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return addr, err
}

// shutdownTime is how long guests have to take what was said and to answer the close frame when the server ends.
const shutdownTime = 4 * time.Second

// serve listens and serves until ctx ends; then every guest gets a close frame with 1001.
func serve(ctx context.Context, addr string, stdout io.Writer) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "listening on", listener.Addr())
	house := newHouse()
	server := &http.Server{
		Handler:           house.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       10 * time.Second, // neither concerns a connection that was upgraded
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	server.Close() // no new guests; those that were upgraded are no longer the server's
	<-failed
	house.close()
	return nil
}
