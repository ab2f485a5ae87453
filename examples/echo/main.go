// Command echo is a WebSocket echo server, with a page to try it from a browser.
//
//	go run ./examples/echo
//
// It accepts WebSockets on every path and sends each message back as it came. Other GET requests get the page.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/seed60239977/websocket"
	common "github.com/seed60239977/websocket/examples/internal/program"
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
	site       common.Site
	engine     *common.Engine
	maxMessage int64
	broadcast  bool
	deflate    *websocket.DeflateOptions
}

func parse(args []string, help io.Writer) (options, error) {
	o := options{engine: &common.Engine{}}
	var mode, compress string
	flags := flag.NewFlagSet("echo", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // one line says what is wrong; -h says what is right
	o.site.AddFlags(flags, "127.0.0.1:9001")
	o.engine.AddFlags(flags)
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
	case o.site.Validate() != nil:
		return o, o.site.Validate()
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
	if err := o.engine.Start(&o.site, stderr); err != nil {
		return err
	}
	defer o.engine.Stop(context.Background()) // if it never came to serving; otherwise close has done it
	return o.site.Serve(ctx, stdout, stderr, func() (http.Handler, func()) {
		echo := newServer(o)
		return echo.handler(), echo.close
	})
}
