// Package program is what the examples with a server have in common: a command line with an address, the server, and an
// orderly shutdown. What an example is about is in its own folder.
package program

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
	// Engine, if not nil, gets the flag -engine. It is started before Open is called, and stopped behind close.
	Engine *Engine
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
	site, err := p.parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", p.Name, err)
		return StatusUsage
	}
	if err := p.serve(ctx, &site, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", p.Name, err)
		return StatusFailed
	}
	return 0
}

// serve serves until ctx ends.
func (p Program) serve(ctx context.Context, site *Site, stdout, stderr io.Writer) error {
	if p.Engine != nil {
		if err := p.Engine.Start(site, stderr); err != nil {
			return err
		}
		defer func() { // close has ended all connections
			ctx, cancel := context.WithTimeout(context.Background(), stopTime)
			defer cancel()
			p.Engine.Stop(ctx)
		}()
	}
	return site.Serve(ctx, stdout, stderr, p.Open)
}

// stopTime is how long the callbacks of an engine may take to return when the program ends.
const stopTime = time.Second

// parse parses the command line.
func (p Program) parse(args []string, help io.Writer) (site Site, err error) {
	flags := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // one line says what is wrong; -h says what is right
	site.AddFlags(flags, p.Addr)
	if p.Flags != nil {
		p.Flags(flags)
	}
	if p.Engine != nil {
		p.Engine.AddFlags(flags)
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
	if err == nil {
		err = site.Validate()
	}
	return site, err
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
