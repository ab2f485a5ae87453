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
func server(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	c := newFlags("server", "reports/clients", stderr)
	address := c.set.String("addr", "", "`address` to listen on (default "+defaultAddress+")")
	s, err := c.parse(args)
	if err != nil {
		return unable, err
	}
	if *address == "" {
		if *address, err = s.address(); err != nil {
			return unable, err
		}
	}
	if *address == "" {
		*address = defaultAddress
	}
	watch := &watch{out: stdout, quiet: c.quiet, shown: map[string]*progress{}, counts: map[string]int{}}
	h, err := autobahn.NewHandler(&autobahn.HandlerOptions{
		Cases: s.Cases, Exclude: s.Exclude, ExcludeFor: s.ExcludeFor, Dir: s.Out, Progress: watch.show,
	})
	if err != nil {
		return unable, err
	}
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
	out    io.Writer
	quiet  bool
	shown  map[string]*progress
	counts map[string]int
}

func (w *watch) show(agent string, r *autobahn.Result) {
	if w.shown[agent] == nil {
		w.shown[agent] = newProgress(w.out, w.quiet, agent)
	}
	w.counts[agent]++
	w.shown[agent].show(w.counts[agent], 0, r)
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
		if err := conclude(stdout, r, dir); err != nil {
			return unable, err
		}
		if !r.Passed(strict) {
			status = failed
		}
	}
	return status, nil
}
