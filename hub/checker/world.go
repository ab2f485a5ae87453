package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/seed60239977/websocket/hub/brokertest"
)

// process is a program that is started again and again with the same arguments.
type process struct {
	args []string
	addr string // where it answers

	mu      sync.Mutex
	cmd     *exec.Cmd
	stopped bool // by SIGSTOP
}

// start returns when it answers.
func (p *process) start(ctx context.Context) error {
	cmd := exec.Command(p.args[0], p.args[1:]...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	p.mu.Lock()
	p.cmd = cmd
	p.mu.Unlock()
	for ctx.Err() == nil {
		c, err := net.DialTimeout("tcp", p.addr, time.Second)
		if err == nil {
			return c.Close()
		}
		pause(ctx, 20*time.Millisecond)
	}
	return fmt.Errorf("%v does not answer: %w", p.args, ctx.Err())
}

// kill is kill -9.
func (p *process) kill() {
	p.mu.Lock()
	cmd := p.cmd
	p.cmd, p.stopped = nil, false
	p.mu.Unlock()
	if cmd != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

// signal sends a signal, if it runs.
func (p *process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(s)
	}
}

// freeAddr returns an address that nobody uses.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// world is everything that the checker has started.
type world struct {
	config
	random *rand.Rand
	ledger *ledger
	dir    string
	broker *process // nil: in memory
	data   string   // where the broker keeps its data
	links  []*brokertest.Link
	hubs   []*process
}

// errNoServer: the broker's server is not installed.
var errNoServer = errors.New("redis-server is not installed")

// newWorld starts the broker and the processes.
func newWorld(ctx context.Context, c config) (w *world, err error) {
	dir, err := os.MkdirTemp("", "checker")
	if err != nil {
		return nil, err
	}
	w = &world{config: c, random: rand.New(rand.NewPCG(c.seed, 0)), ledger: newLedger(), dir: dir}
	if err := w.startBroker(ctx); err != nil {
		w.end()
		return nil, err
	}
	if c.broker == "memory" {
		w.processes = 1
	}
	for range w.processes {
		if err := w.startHub(ctx); err != nil {
			w.end()
			return nil, err
		}
	}
	return w, nil
}

func (w *world) startBroker(ctx context.Context) error {
	if w.config.broker == "memory" {
		return nil
	}
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(addr)
	w.data = filepath.Join(w.dir, "data")
	if err := os.Mkdir(w.data, 0o700); err != nil {
		return err
	}
	w.broker = &process{addr: addr, args: []string{os.Args[0], roleNATS, port, w.data}}
	if w.config.broker == "redis" {
		bin, err := exec.LookPath("redis-server")
		if err != nil {
			return errNoServer
		}
		w.broker.args = []string{
			bin, "--bind", "127.0.0.1", "--port", port, "--dir", w.data, "--save", "", "--appendonly", "yes", "--appendfsync", "always",
			"--loglevel", "warning", "--logfile", filepath.Join(w.dir, "redis.log"),
		}
	}
	return w.broker.start(ctx)
}

// startHub starts one more process, with a link of its own to the broker.
func (w *world) startHub(ctx context.Context) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	url := "memory"
	if w.broker != nil {
		link, err := brokertest.OpenLink(w.broker.addr)
		if err != nil {
			return err
		}
		w.links = append(w.links, link)
		url = w.config.broker + "://" + link.Addr()
	}
	p := &process{addr: addr, args: []string{os.Args[0], roleHub, addr, url}}
	w.hubs = append(w.hubs, p)
	return p.start(ctx)
}

// end ends everything.
func (w *world) end() {
	for _, p := range w.hubs {
		p.kill()
	}
	for _, l := range w.links {
		l.Close()
	}
	if w.broker != nil {
		w.broker.kill()
	}
	os.RemoveAll(w.dir)
}

// pickFor returns somebody's choice of processes.
func (w *world) pickFor(seed uint64) pick {
	random := rand.New(rand.NewPCG(seed, 2))
	return func() string { return w.hubs[random.IntN(len(w.hubs))].addr }
}

// run checks.
func run(ctx context.Context, c config) error {
	c.log("seed %d", c.seed)
	w, err := newWorld(ctx, c)
	if err != nil {
		return err
	}
	defer w.end()
	return w.run(ctx)
}

func (w *world) run(ctx context.Context) error {
	all, cancel := context.WithCancel(ctx)
	var clients, publishers sync.WaitGroup
	defer clients.Wait()
	defer cancel()
	topics, calm := w.topicNames(), make(chan struct{})
	var subscribers []*subscriber
	for n := range w.subscribers {
		s := newSubscriber(w.ledger, fmt.Sprint("subscriber ", n), topics, w.pickFor(w.seed+uint64(n)), w.seed+uint64(n), calm)
		subscribers = append(subscribers, s)
		clients.Go(func() { s.run(all) })
	}
	for n, s := range subscribers {
		if err := wait(ctx, s.ready, time.Minute); err != nil {
			return fmt.Errorf("subscriber %d was never subscribed: %w", n, err)
		}
	}
	work, stop := context.WithCancel(all)
	defer stop()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for n := range w.publishers {
		p := &publisher{w.ledger, fmt.Sprint("p", n), topics, w.pickFor(w.seed + 100 + uint64(n)), rand.New(rand.NewPCG(w.seed, uint64(n))), client}
		publishers.Go(func() { p.run(work) })
	}
	w.breakThings(all)
	stop()
	publishers.Wait()
	close(calm)
	return w.settle(all, subscribers, client)
}

// wait waits for something, for a limited time.
func wait(ctx context.Context, done <-chan struct{}, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settle ends all topics, waits until all subscribers have everything, and accounts for it.
func (w *world) settle(ctx context.Context, subscribers []*subscriber, client *http.Client) error {
	p := &publisher{l: w.ledger, pick: w.pickFor(w.seed + 99), client: client}
	for _, topic := range w.topicNames() {
		n := 0
		for p.publish(ctx, topic, fmt.Sprint(lastMessage, topic, " ", n)) != accepted {
			if n++; n > 100 || ctx.Err() != nil {
				return fmt.Errorf("%s cannot be published to", topic)
			}
			pause(ctx, 200*time.Millisecond)
		}
	}
	var accounts []*account
	var missing error
	for n, s := range subscribers {
		if err := wait(ctx, s.done, time.Minute); err != nil {
			missing = fmt.Errorf("subscriber %d has not got everything: %w", n, err)
		}
		for _, a := range s.accounts {
			accounts = append(accounts, a)
		}
	}
	w.ledger.verify(accounts)
	w.log("%s", w.ledger.summary())
	return errors.Join(w.ledger.err(), missing)
}
