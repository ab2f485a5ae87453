package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/seed60239977/websocket/bench/load"
	"github.com/seed60239977/websocket/bench/process"
	"github.com/seed60239977/websocket/bench/serve"
)

// sample is one measurement. Fields that a scenario does not measure are 0.
type sample struct {
	CPU    float64 // µs for each message or handshake
	Rate   float64 // messages or handshakes a second
	P50    float64 // µs
	P99    float64 // µs
	Allocs float64 // for each message or handshake
	Bytes  float64 // allocated for each message or handshake
	Wire   float64 // share of a payload's bytes that are on the wire
	Idle   float64 // KiB for each connection
	Raw    float64 // KiB for each connection, after a burst of messages on each, as the system shows it without a collection
	After  float64 // KiB for each connection, after a burst of messages on each
	Heap   float64 // KiB of After that are spans of the heap
	Stack  float64 // KiB of After that are stacks
}

// limits bound a measurement.
type limits struct {
	warm, time time.Duration
	profiles   string // directory for CPU profiles; "" for none
}

// measure runs one server through one scenario.
func measure(sc scenario, v serve.Server, l limits) (out sample, err error) {
	p, err := process.Start(serve.Spec{
		Server: v.Name, Task: sc.task, TLS: sc.tls, Compression: sc.compression, Conns: sc.conns, InHandler: sc.inHandler,
	})
	if err != nil {
		return out, err
	}
	defer func() {
		err = errors.Join(err, p.Stop())
	}()
	switch sc.kind {
	case handshakes:
		return measureWork(p, l, sc.id+"-"+v.Name, 1, func(d time.Duration) (load.Result, error) {
			return load.Handshakes(p.Addr, 4, d)
		})
	case idle:
		return measureIdle(p, sc, v)
	}
	f, err := load.Open(plan(sc, v, p.Addr))
	if err != nil {
		return out, err
	}
	defer f.Close()
	return measureWork(p, l, sc.id+"-"+v.Name, len(sc.messages[0]), f.Run)
}

// practise has the server do once what will be measured, so that the memory of its code and of what it needs but once is
// not counted as that of connections.
func practise(sc scenario, v serve.Server, addr string) error {
	few := plan(sc, v, addr)
	few.Conns = min(few.Conns, 16)
	f, err := load.Open(few)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Run(0)
	return err
}

func plan(sc scenario, v serve.Server, addr string) load.Plan {
	return load.Plan{
		Addr: addr, TLS: sc.tls, Conns: sc.conns, Depth: sc.depth, Messages: sc.messages, Text: sc.text,
		Extensions: sc.offer(), Raw: v.Kind == serve.Floor, Broadcast: sc.task == serve.Broadcast,
	}
}

// measureWork measures what a server does while run puts load on it.
func measureWork(p *process.Server, l limits, name string, size int, run func(time.Duration) (load.Result, error)) (s sample, err error) {
	if _, err := run(l.warm); err != nil {
		return s, err
	}
	begin, end := "usage", "usage"
	if l.profiles != "" {
		begin, end = "profile "+filepath.Join(l.profiles, strings.ReplaceAll(name, "/", "")+".cpu.prof"), "endprofile"
	}
	before, err := p.Do(begin)
	if err != nil {
		return s, err
	}
	r, err := run(l.time)
	if err != nil {
		return s, err
	}
	after, err := p.Do(end)
	if err != nil {
		return s, err
	}
	n := float64(r.Messages)
	if n == 0 {
		return s, errors.New("no message came back")
	}
	return sample{
		CPU:    micro(after.CPU-before.CPU) / n,
		Rate:   n / r.Elapsed.Seconds(),
		P50:    micro(r.Latency.Quantile(0.50)),
		P99:    micro(r.Latency.Quantile(0.99)),
		Allocs: float64(after.Mallocs-before.Mallocs) / n,
		Bytes:  float64(after.AllocBytes-before.AllocBytes) / n,
		Wire:   float64(r.Payload) / n / float64(size),
	}, nil
}

func micro(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// measureIdle measures the memory of connections that say nothing, and again after each has sent a burst.
func measureIdle(p *process.Server, sc scenario, v serve.Server) (s sample, err error) {
	if err := practise(sc, v, p.Addr); err != nil {
		return s, err
	}
	before, err := p.Do("settle")
	if err != nil {
		return s, err
	}
	f, err := load.Open(plan(sc, v, p.Addr))
	if err != nil {
		return s, err
	}
	defer f.Close()
	silent, err := p.Do("settle")
	if err != nil {
		return s, err
	}
	if r, err := f.Run(0); err != nil || r.Messages != int64(sc.conns*sc.depth) {
		return s, errors.Join(fmt.Errorf("%d messages came of %d", r.Messages, sc.conns*sc.depth), err)
	}
	raw, err := p.Do("usage")
	if err != nil {
		return s, err
	}
	after, err := p.Do("settle")
	if err != nil {
		return s, err
	}
	each := func(now, before int64) float64 { return float64(now-before) / 1024 / float64(sc.conns) }
	return sample{
		Idle: each(silent.RSS, before.RSS), After: each(after.RSS, before.RSS), Raw: each(raw.RSS, before.RSS),
		Heap: each(after.Heap, before.Heap), Stack: each(after.Stack, before.Stack),
	}, nil
}
