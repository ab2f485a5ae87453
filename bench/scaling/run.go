package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// site is the servers of one library, and their broker.
type site struct {
	config
	kind  string
	addrs []string
	stop  []func()
}

func (s *site) start(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	s.stop = append(s.stop, func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return nil
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// answers waits until somebody listens.
func answers(addr string) error {
	var err error
	for range 500 {
		var c net.Conn
		if c, err = net.Dial("tcp", addr); err == nil {
			return c.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

func newSite(c config, kind string) (s *site, err error) {
	s = &site{config: c, kind: kind}
	broker := "memory"
	if c.broker == "redis" {
		if broker, err = freeAddr(); err != nil {
			return nil, err
		}
		_, port, _ := net.SplitHostPort(broker)
		dir, err := os.MkdirTemp("", "scaling")
		if err != nil {
			return nil, err
		}
		s.stop = append(s.stop, func() { os.RemoveAll(dir) })
		if err := s.start("redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", dir, "--save", "", "--loglevel", "warning",
			"--logfile", "/dev/null"); err != nil {
			return nil, err
		}
		if err := answers(broker); err != nil {
			return nil, err
		}
	} else {
		s.processes = 1
	}
	for range s.processes {
		addr, err := freeAddr()
		if err != nil {
			return nil, err
		}
		s.addrs = append(s.addrs, addr)
		if err := s.start(os.Args[0], serverRole, kind, addr, broker, strconv.Itoa(c.queue), strconv.Itoa(c.kernel)); err != nil {
			return nil, err
		}
		if err := answers(addr); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *site) end() {
	slices.Reverse(s.stop)
	for _, stop := range s.stop {
		stop()
	}
}

// used returns what all servers together have used, and what this process has.
func (s *site) used() (servers used, clients time.Duration, err error) {
	for _, addr := range s.addrs {
		resp, err := http.Get("http://" + addr + "/used")
		if err != nil {
			return servers, 0, err
		}
		var u used
		err = json.NewDecoder(resp.Body).Decode(&u)
		resp.Body.Close()
		if err != nil {
			return servers, 0, err
		}
		servers.CPU += u.CPU
		servers.Memory += u.Memory
		servers.Resident += u.Resident
	}
	return servers, cpu(), nil
}

// each returns the memory that u has more than before, for each of n.
func (u used) each(before used, n int) used {
	return used{
		Memory:   (u.Memory - min(before.Memory, u.Memory)) / uint64(n),
		Resident: (u.Resident - min(before.Resident, u.Resident)) / uint64(n),
	}
}

// publish has servers publish, and returns how many messages that were; which are some of them.
func (s *site) publish(which []string, form url.Values) (int64, error) {
	form.Set("topics", strconv.Itoa(s.topics))
	form.Set("size", strconv.Itoa(s.size))
	errs := make([]error, len(which))
	var published atomic.Int64
	var all sync.WaitGroup
	for n, addr := range which {
		all.Go(func() {
			resp, err := http.Post("http://"+addr+"/publish?"+form.Encode(), "", nil)
			if err == nil {
				var count int64
				_, err = fmt.Fscan(resp.Body, &count)
				resp.Body.Close()
				published.Add(count)
				if resp.StatusCode != http.StatusOK {
					err = fmt.Errorf("publishing: %s", resp.Status)
				}
			}
			errs[n] = err
		})
	}
	all.Wait()
	return published.Load(), errors.Join(errs...)
}

// result is what was measured of one library in one round.
type result struct {
	idle, busy used          // memory of a server for each subscriber, before and after the first load
	paced      figures       // at a rate
	flat       figures       // as fast as they can
	recovery   time.Duration // until all have what they have missed
	recoverCPU time.Duration // of the servers
}

type figures struct {
	deliveries       int64
	missing          int64 // that did not come, because a queue was full
	seconds          float64
	servers, clients time.Duration // CPU
	p50, p99         time.Duration
}

func (f figures) String() string {
	n := float64(max(f.deliveries, 1))
	missing := ""
	if f.missing != 0 {
		missing = fmt.Sprintf("  %d missing", f.missing)
	}
	return fmt.Sprintf("%9.0f deliveries/s  servers %6.2f µs  clients %6.2f µs each  %8.0f deliveries per CPU second  p50 %8v  p99 %8v",
		float64(f.deliveries)/f.seconds, float64(f.servers.Microseconds())/n, float64(f.clients.Microseconds())/n,
		n/(f.servers+f.clients).Seconds(), f.p50.Round(10*time.Microsecond), f.p99.Round(10*time.Microsecond)) + missing
}

// gather connects and subscribes everybody.
func (s *site) gather() (*crowd, error) {
	k := &crowd{kind: s.kind, kernel: s.kernel, skip: max(s.size-64, 0)}
	for _, addr := range s.addrs {
		for n := range s.conns {
			x, err := k.connect(addr, topicName(n%s.topics))
			if err == nil {
				err = x.subscribe(nil)
			}
			if err != nil {
				return k, err
			}
			<-x.reply
		}
	}
	return k, nil
}

// load measures one load.
func (s *site) load(form url.Values) (f figures, idle, busy used, err error) {
	empty, _, err := s.used()
	if err != nil {
		return f, idle, busy, err
	}
	k, err := s.gather()
	if err != nil {
		return f, idle, busy, err
	}
	servers, clients, err := s.used()
	if err != nil {
		return f, idle, busy, err
	}
	began := time.Now()
	published, err := s.publish(s.addrs, form)
	if err != nil {
		return f, idle, busy, err
	}
	// What is under way arrives.
	for n := int64(-1); n != k.delivered.Load(); time.Sleep(300 * time.Millisecond) {
		n = k.delivered.Load()
	}
	f.seconds = time.Since(began).Seconds()
	after, clientsAfter, err := s.used()
	f.servers, f.clients, f.deliveries = after.CPU-servers.CPU, clientsAfter-clients, k.delivered.Load()
	f.missing = published*int64(len(k.conns)/s.topics) - f.deliveries
	late := k.leave()
	f.p50, f.p99 = late.Quantile(0.50), late.Quantile(0.99)
	return f, servers.each(empty, len(k.conns)), after.each(empty, len(k.conns)), err
}

// recover measures how clients recover what they have missed.
func (s *site) recover() (wall, used time.Duration, err error) {
	k := &crowd{kind: s.kind}
	defer k.leave()
	at := map[string]*position{}
	for n := range s.topics {
		x, err := k.connect(s.addrs[0], topicName(n))
		if err == nil {
			err = x.subscribe(nil)
		}
		if err != nil {
			return 0, 0, err
		}
		p := <-x.reply
		at[x.topic] = &p
		x.c.CloseNow()
	}
	if _, err := s.publish(s.addrs[:1], url.Values{"n": {strconv.Itoa(s.missed * s.topics)}, "rate": {"100000"}}); err != nil {
		return 0, 0, err
	}
	k2 := &crowd{kind: s.kind}
	defer k2.leave()
	var all []*client
	for n := range s.recovering {
		x, err := k2.connect(s.addrs[n%len(s.addrs)], topicName(n%s.topics))
		if err != nil {
			return 0, 0, err
		}
		all = append(all, x)
	}
	before, _, err := s.used()
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	for _, x := range all {
		if err := x.subscribe(at[x.topic]); err != nil {
			return 0, 0, err
		}
	}
	want := int64(s.recovering * s.missed)
	for k2.delivered.Load() < want {
		if time.Since(began) > time.Minute {
			return 0, 0, fmt.Errorf("%s: %d of %d messages were recovered", s.kind, k2.delivered.Load(), want)
		}
		time.Sleep(time.Millisecond)
	}
	wall = time.Since(began)
	after, _, err := s.used()
	return wall, after.CPU - before.CPU, err
}

func measure(c config, kind string) (r result, err error) {
	s, err := newSite(c, kind)
	if err != nil {
		return r, err
	}
	defer s.end()
	rate := max(1, c.rate/len(s.addrs))
	if c.measures("paced") {
		if r.paced, r.idle, r.busy, err = s.load(url.Values{"rate": {strconv.Itoa(rate)}, "time": {c.time.String()}}); err != nil {
			return r, err
		}
	}
	if c.measures("flat") {
		profiled := s.profile()
		if r.flat, _, _, err = s.load(url.Values{"time": {c.time.String()}}); err == nil {
			err = <-profiled
		}
		if err != nil {
			return r, err
		}
	}
	if c.measures("recovery") {
		r.recovery, r.recoverCPU, err = s.recover()
	}
	return r, err
}

func (c config) measures(load string) bool { return slices.Contains(strings.Split(c.loads, ","), load) }

// profile begins to profile the servers for as long as a load takes, if that is wanted, and returns how that has gone.
func (s *site) profile() <-chan error {
	done := make(chan error, 1)
	if s.profiles == "" {
		done <- nil
		return done
	}
	go func() {
		errs := make([]error, len(s.addrs))
		var all sync.WaitGroup
		for n, addr := range s.addrs {
			all.Go(func() { errs[n] = s.profileOf(n, addr) })
		}
		all.Wait()
		done <- errors.Join(errs...)
	}()
	return done
}

func (s *site) profileOf(n int, addr string) error {
	resp, err := http.Get(fmt.Sprintf("http://%s/profile?seconds=%.0f", addr, max(1, s.time.Seconds())))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	f, err := os.Create(filepath.Join(s.profiles, fmt.Sprint(s.kind, "-", n+1, ".pprof")))
	if err != nil {
		return err
	}
	_, err = io.Copy(f, resp.Body)
	return errors.Join(err, f.Close())
}

// text says what was measured.
func (r result) text(c config) string {
	var b strings.Builder
	if c.measures("paced") {
		fmt.Fprintf(&b, "  bytes for each subscriber: %d in use after a collection; resident, without one: %d before and %d after the load\n",
			r.idle.Memory, r.idle.Resident, r.busy.Resident)
		fmt.Fprintf(&b, "  %4d/s     %s\n", c.rate, r.paced)
	}
	if c.measures("flat") {
		fmt.Fprintf(&b, "  flat out   %s\n", r.flat)
	}
	if c.measures("recovery") {
		fmt.Fprintf(&b, "  recovery   %d clients × %d messages in %v, %v of CPU\n", c.recovering, c.missed,
			r.recovery.Round(time.Millisecond), r.recoverCPU.Round(time.Millisecond))
	}
	return b.String()
}

func run(c config) error {
	for round := range c.rounds {
		for kind := range strings.SplitSeq(c.libraries, ",") {
			r, err := measure(c, kind)
			if err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
			fmt.Printf("round %d  %s\n%s", round+1, kind, r.text(c))
		}
	}
	return nil
}
