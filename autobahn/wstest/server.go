package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/seed60239977/websocket/autobahn"
)

const defaultAddress = "127.0.0.1:9001"

// server tests the clients that connect, until one of them asks to stop or the
// process is interrupted.
func server(ctx context.Context, args []string, stdout io.Writer) (int, error) {
	c := newFlags("server", "reports/clients", stdout)
	address := c.set.String("addr", "", "`address` to listen on (default "+defaultAddress+")")
	s, err := c.parse(args)
	if err != nil {
		return unable, err
	}
	if c.quiet {
		stdout = io.Discard
	}
	if *address == "" {
		if *address, err = s.address(); err != nil {
			return unable, err
		}
	}
	if *address == "" {
		*address = defaultAddress
	}
	watch := &watch{out: stdout, shown: map[string]*progress{}, ran: map[string]map[string]bool{}}
	h, err := autobahn.NewHandler(&autobahn.HandlerOptions{
		Cases: s.Cases, Exclude: s.Exclude, ExcludeFor: s.ExcludeFor, Dir: s.Out, Progress: watch.show,
	})
	if err != nil {
		return unable, err
	}
	watch.suite = h
	l, err := net.Listen("tcp", *address)
	if err != nil {
		return unable, err
	}
	fmt.Fprintf(stdout, "listening on ws://%s\n", l.Addr())
	if err := serve(ctx, l, h); err != nil {
		return unable, err
	}
	watch.end()
	return summarize(stdout, h, s.Out, c.strict)
}

// watch shows how far each client has come.
type watch struct {
	out   io.Writer
	suite *autobahn.Handler
	shown map[string]*progress
	ran   map[string]map[string]bool // by agent, then case ID
}

func (w *watch) show(agent string, r *autobahn.Result) {
	if w.shown[agent] == nil {
		w.shown[agent] = newProgress(w.out, agent)
		w.ran[agent] = map[string]bool{}
	}
	w.ran[agent][r.Case.ID] = true
	w.shown[agent].show(len(w.ran[agent]), len(w.suite.CasesFor(agent)), r)
}

func (w *watch) end() {
	for _, p := range w.shown {
		p.end()
	}
}

// serve runs h on l until it is stopped, or ctx ends.
func serve(ctx context.Context, l net.Listener, h *autobahn.Handler) error {
	web := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	var group sync.WaitGroup
	group.Go(func() {
		select {
		case <-ctx.Done():
		case <-h.Stopped():
		}
		_ = web.Close()
	})
	err := web.Serve(l)
	group.Wait()
	if err == http.ErrServerClosed {
		return nil
	}
	return err
}

// summarize writes the reports of every agent once more and prints how each did.
func summarize(stdout io.Writer, h *autobahn.Handler, dir string, strict bool) (int, error) {
	status := passed
	agents := h.Agents()
	slices.Sort(agents)
	for _, agent := range agents {
		r := h.Report(agent)
		if err := conclude(stdout, r, dir, h.CasesFor(agent)); err != nil {
			return unable, err
		}
		if !r.Passed(strict) {
			status = failed
		}
	}
	return status, nil
}
