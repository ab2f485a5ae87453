package program

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/seed60239977/websocket"
)

// Engine is what drives the connections of a program: a goroutine for each, or an event loop. Its flag chooses; the zero value is
// goroutines unless the flag says otherwise.
type Engine struct {
	Loop *websocket.Loop // nil where each connection has a goroutine, and before Start
	name engineName
}

// engineName is the value of the flag.
type engineName string

// The engines there are.
const (
	goroutine engineName = "goroutine"
	event     engineName = "event"
)

// String implements flag.Value.
func (n *engineName) String() string { return string(*n) }

// Set implements flag.Value.
func (n *engineName) Set(s string) error {
	if *n = engineName(s); *n != goroutine && *n != event {
		return errors.New("it is goroutine or event")
	}
	return nil
}

// EventEngine returns an engine that is an event loop unless the flag says otherwise.
func EventEngine() *Engine { return &Engine{name: event} }

// AddFlags adds the flag -engine.
func (e *Engine) AddFlags(flags *flag.FlagSet) {
	if e.name == "" {
		e.name = goroutine
	}
	flags.Var(&e.name, "engine", "what drives connections: a `goroutine` for each, or event, a loop for all; with TLS always the former")
}

// Start makes the loop, if the flag wants one. It says on log if the loop has nothing to drive on the site.
func (e *Engine) Start(site *Site, log io.Writer) (err error) {
	if e.name != event {
		return nil
	}
	if site.TLSCert != "" {
		fmt.Fprintln(log, "-engine event: with TLS each connection has a goroutine all the same")
	}
	e.Loop, err = websocket.NewLoop(nil)
	return err
}

// Stop ends the loop, if there is one, and all its connections, at the end of ctx at the latest.
func (e *Engine) Stop(ctx context.Context) {
	if e.Loop != nil {
		_ = e.Loop.Shutdown(ctx) // which fails only when the time is up; whoever is left then is cut off
	}
}
