package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// cluster spreads connections over workers.
type cluster struct {
	listener net.Listener
	stdout   io.Writer
	workers  []*worker
	next     int
}

// run starts the workers and serves until ctx ends.
func (c *cluster) run(ctx context.Context) error {
	var work, conns sync.WaitGroup
	var ready sync.WaitGroup
	for _, w := range c.workers {
		ready.Add(1)
		work.Go(func() { w.run(ctx, sync.OnceFunc(ready.Done)) })
	}
	ready.Wait()
	fmt.Fprintln(c.stdout, "listening on", c.listener.Addr())
	stop := context.AfterFunc(ctx, func() { c.listener.Close() })
	defer stop()
	for {
		client, err := c.listener.Accept()
		if err != nil {
			break // with ctx
		}
		c.next++
		first := c.next
		conns.Go(func() { c.serve(client, first) })
	}
	work.Wait() // the workers close their connections in good order
	conns.Wait()
	return nil
}

// serve connects a client to a worker, beginning with one of them.
func (c *cluster) serve(client net.Conn, first int) {
	defer client.Close()
	for n := range c.workers {
		w := c.workers[(first+n)%len(c.workers)]
		addr := w.address()
		if addr == "" {
			continue
		}
		if to, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			defer to.Close()
			pass(client, to)
			return
		}
	}
}

// pass copies in both directions until both have ended.
func pass(a, b net.Conn) {
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		both.Go(func() {
			_, err := io.Copy(way[0], way[1])
			if to, ok := way[0].(*net.TCPConn); ok && err == nil {
				to.CloseWrite()
				return
			}
			a.Close()
			b.Close()
		})
	}
	both.Wait()
}

// worker is a chat process that is started again whenever it ends.
type worker struct {
	n      int
	broker string
	stdout io.Writer

	mu   sync.Mutex
	addr string // where it listens; "" while it does not
}

func (w *worker) address() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.addr
}

func (w *worker) setAddress(addr string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.addr = addr
}

// run returns when ctx has ended and the process, too. ready is called when the process listens, or could not be started.
func (w *worker) run(ctx context.Context, ready func()) {
	defer ready()
	for ctx.Err() == nil {
		if err := w.once(ctx, ready); err != nil && ctx.Err() == nil {
			fmt.Fprintf(w.stdout, "process %d has ended: %v\n", w.n, err)
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// once is one run of the process.
func (w *worker) once(ctx context.Context, ready func()) error {
	cmd := exec.CommandContext(ctx, os.Args[0], "chat", "-addr", "127.0.0.1:0", "-broker", w.broker)
	cmd.Env = append(os.Environ(), asWorker+"=1")
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	stdin, err := cmd.StdinPipe() // see endWithParent
	if err != nil {
		return err
	}
	defer stdin.Close()
	if err := cmd.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err == nil {
		w.setAddress(strings.TrimSpace(strings.TrimPrefix(line, "listening on ")))
		fmt.Fprintf(w.stdout, "process %d is %d, at %s\n", w.n, cmd.Process.Pid, w.address())
		ready()
	}
	err = cmd.Wait()
	w.setAddress("")
	return err
}

// asWorker in the environment tells a program that a cluster has started it.
const asWorker = "WEBSOCKET_CLUSTER_WORKER"
