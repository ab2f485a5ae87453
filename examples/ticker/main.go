// Command ticker pushes simulated quotes, 20 a second for each symbol, to a live chart in the browser.
//
//	go run ./examples/ticker
//
// Quotes are values of which only the latest matters: who is too slow for them, or sleeps for a while, loses old ones but
// not the connection. The chart shows what is missing as gaps.
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
	"sync"
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
		fmt.Fprintln(stderr, "ticker:", err)
		return statusUsage
	}
	if err := serve(ctx, addr, stdout); err != nil {
		fmt.Fprintln(stderr, "ticker:", err)
		return statusFailed
	}
	return 0
}

// parse returns the address to listen on.
func parse(args []string, help io.Writer) (addr string, err error) {
	flags := flag.NewFlagSet("ticker", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // one line says what is wrong; -h says what is right
	flags.StringVar(&addr, "addr", "127.0.0.1:9011", "`host:port` to listen on; port 0 takes a free one")
	err = flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(help)
		fmt.Fprintln(help, "usage: ticker [flags]")
		flags.PrintDefaults()
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return addr, err
}

// shutdownTime is how long subscribers have to take what was published and to answer the close frame when the server ends.
const shutdownTime = 4 * time.Second

// serve listens and serves until ctx ends; then every subscriber gets a close frame with 1001.
func serve(ctx context.Context, addr string, stdout io.Writer) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "listening on", listener.Addr())
	exchange := newExchange()
	server := &http.Server{
		Handler:           exchange.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       10 * time.Second, // neither concerns a connection that was upgraded
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	trading, closeTrading := context.WithCancel(context.Background())
	var trader sync.WaitGroup
	trader.Go(func() { exchange.trade(trading) })
	defer trader.Wait()
	defer closeTrading()
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	server.Close() // no new subscribers; those that were upgraded are no longer the server's
	<-failed
	exchange.close()
	return nil
}
