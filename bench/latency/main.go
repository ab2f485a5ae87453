// Command latency measures how long messages take to come back from a server that is at half load:
//
//	go run -C bench ./latency                    # from the root of the repository: about two minutes
//	go run -C bench ./latency -share 0.8 -conns 5000 -servers Serve,event
//
// It needs Linux and two cores: each server is a process of its own on one core, started anew for each measurement, and the
// load comes from the other core.
//
// The load is an open loop: messages go out on a schedule, at random moments and on random connections, and no client waits for
// an answer before it sends the next message. Each latency counts from when the message was to be sent. So a server that stops
// for a moment is charged for all that came meanwhile, which a closed loop does not see.
//
// The schedule is the same for all servers: first the throughput of the server Serve (a goroutine for each connection) is measured
// in a closed loop, and then all get a share of that. Rounds are interleaved, and the table has the medians. A quantile that is
// longer for one server than for another in most rounds is a difference; all else is noise.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/seed60239977/websocket/bench/load"
	"github.com/seed60239977/websocket/bench/process"
	"github.com/seed60239977/websocket/bench/serve"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == process.Flag {
		exitOn(serve.Main(os.Args[2], os.Stdin, os.Stdout))
		return
	}
	exitOn(run(os.Args[1:], os.Stdout))
}

func exitOn(err error) {
	if err != nil && err != flag.ErrHelp {
		fmt.Fprintln(os.Stderr, "latency:", err)
		os.Exit(1)
	}
}

// config is the command line.
type config struct {
	servers     []string
	conns, size int
	rounds      int
	time        time.Duration
	share       float64
}

// measured is the server whose throughput says what full load is.
const measured = "Serve"

func run(args []string, out io.Writer) error {
	var c config
	f := flag.NewFlagSet("latency", flag.ContinueOnError)
	servers := f.String("servers", "Serve,event,gws,nbio,gnet,TCP,epoll", "names of servers, with commas in between")
	f.IntVar(&c.conns, "conns", 1000, "connections")
	f.IntVar(&c.size, "size", 512, "bytes of each message, which is text")
	f.IntVar(&c.rounds, "rounds", 5, "how often each is measured")
	f.DurationVar(&c.time, "time", 2*time.Second, "for how long each is measured")
	f.Float64Var(&c.share, "share", 0.5, "of the throughput of "+measured)
	if err := f.Parse(args); err != nil {
		return err
	}
	c.servers = strings.Split(*servers, ",")
	process.PinSelf()
	full, err := c.throughput(out)
	if err != nil {
		return err
	}
	rate := full * c.share
	fmt.Fprintf(out, "%d connections, %d B of text. %s answers %.0f messages a second; all get %.0f.\n", c.conns, c.size, measured, full, rate)
	all := map[string][]sample{}
	for range c.rounds {
		for _, name := range c.servers {
			s, err := c.measure(name, rate)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			all[name] = append(all[name], s)
		}
	}
	c.table(out, all)
	return nil
}

// sample is one measurement.
type sample struct {
	p50, p90, p99, p999 time.Duration
	cpu                 time.Duration // for each message
}

// with starts a server, opens the connections, and calls f.
func (c config) with(name string, f func(*process.Server, *load.Fleet) error) error {
	v, err := serve.Find(name)
	if err != nil {
		return err
	}
	p, err := process.Start(serve.Spec{Server: name, Task: serve.Echo, Conns: c.conns})
	if err != nil {
		return err
	}
	defer p.Stop()
	fleet, err := load.Open(load.Plan{
		Addr: p.Addr, Conns: c.conns, Depth: 1, Messages: [][]byte{load.ASCII(c.size)}, Text: true, Raw: v.Kind == serve.Floor,
	})
	if err != nil {
		return err
	}
	defer fleet.Close()
	return f(p, fleet)
}

// throughput returns the median of how many messages a second come back in a closed loop.
func (c config) throughput(out io.Writer) (float64, error) {
	var rates []float64
	for range c.rounds {
		err := c.with(measured, func(_ *process.Server, f *load.Fleet) error {
			if _, err := f.Run(c.time / 4); err != nil {
				return err
			}
			r, err := f.Run(c.time)
			rates = append(rates, float64(r.Messages)/r.Elapsed.Seconds())
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return median(rates), nil
}

// measure is one measurement of a server at a rate.
func (c config) measure(name string, rate float64) (s sample, err error) {
	return s, c.with(name, func(p *process.Server, f *load.Fleet) error {
		if _, err := f.RunPaced(rate, c.time/4); err != nil {
			return err
		}
		before, err := p.Do("usage")
		if err != nil {
			return err
		}
		r, err := f.RunPaced(rate, c.time)
		if err != nil {
			return err
		}
		after, err := p.Do("usage")
		q := r.Latency.Quantile
		s = sample{q(0.5), q(0.9), q(0.99), q(0.999), (after.CPU - before.CPU) / time.Duration(max(r.Messages, 1))}
		return err
	})
}

func (c config) table(out io.Writer, all map[string][]sample) {
	fmt.Fprintln(out, "\n| server | p50 µs | p90 | p99 | p99.9 | p99 of each round | CPU µs for each message |\n|---|---:|---:|---:|---:|---|---:|")
	for _, name := range c.servers {
		of := func(f func(sample) time.Duration) string { return micro(median(each(all[name], f))) }
		var rounds []string
		for _, s := range all[name] {
			rounds = append(rounds, micro(s.p99))
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %s | %.1f |\n", name,
			of(func(s sample) time.Duration { return s.p50 }), of(func(s sample) time.Duration { return s.p90 }),
			of(func(s sample) time.Duration { return s.p99 }), of(func(s sample) time.Duration { return s.p999 }),
			strings.Join(rounds, " "), float64(median(each(all[name], func(s sample) time.Duration { return s.cpu })))/1000)
	}
}

func each[S, T any](all []S, f func(S) T) (values []T) {
	for _, s := range all {
		values = append(values, f(s))
	}
	return values
}

func micro(d time.Duration) string { return fmt.Sprint(d.Round(time.Microsecond).Microseconds()) }

func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
