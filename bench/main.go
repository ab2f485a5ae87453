package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

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
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// config is the command line.
type config struct {
	short   bool
	rounds  int
	only    *regexp.Regexp
	servers []string
	out     string
	limits  limits
}

func parse(args []string) (c config, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.BoolVar(&c.short, "short", false, "see that everything runs, and measure nothing")
	f.IntVar(&c.rounds, "rounds", 5, "how often each is measured")
	f.DurationVar(&c.limits.time, "time", time.Second, "for how long each is measured")
	f.DurationVar(&c.limits.warm, "warm", 200*time.Millisecond, "for how long each is warmed up")
	f.StringVar(&c.out, "out", ".", "directory for results.md and results.svg, if all scenarios run")
	f.StringVar(&c.limits.profiles, "profiles", "", "directory for CPU profiles of the servers; they cost some CPU themselves")
	only := f.String("only", "", "regular expression: run the scenarios whose name has a match")
	servers := f.String("servers", "", "names of servers to run, with commas in between")
	if err := f.Parse(args); err != nil {
		return c, err
	}
	if *servers != "" {
		c.servers = strings.Split(*servers, ",")
	}
	if c.short {
		c.rounds, c.limits.time, c.limits.warm = 1, 20*time.Millisecond, 0
	}
	c.only, err = regexp.Compile(*only)
	return c, err
}

// run is the whole program.
func run(args []string, log io.Writer) error {
	c, err := parse(args)
	if err != nil {
		return err
	}
	servers, scs, err := c.choose()
	if err != nil {
		return err
	}
	r := newResults(scs, servers)
	r.machine = thisMachine(process.PinSelf())
	runtime.GOMAXPROCS(max(4, runtime.NumCPU())) // threads that wait in system calls are many
	fmt.Fprintln(log, r.machine)
	for _, sc := range scs {
		began := time.Now()
		if !r.has(sc) {
			if err := c.rounded(r, sc, servers); err != nil {
				return err
			}
		}
		fmt.Fprintf(log, "%s (%s)\n", r.line(sc), time.Since(began).Round(100*time.Millisecond))
	}
	if c.short {
		return nil
	}
	if err := os.MkdirAll(c.out, 0o755); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(c.out, "results.md"), []byte(r.markdown(c)), 0o644),
		os.WriteFile(filepath.Join(c.out, "results.svg"), []byte(r.svg()), 0o644))
}

// rounded measures all servers in turns.
func (c config) rounded(r *results, sc scenario, servers []serve.Server) error {
	for range c.rounds {
		for _, v := range servers {
			if err := c.one(r, sc, v); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c config) one(r *results, sc scenario, v serve.Server) error {
	if !sc.takenBy(v) {
		return nil
	}
	s, err := measure(sc, v, c.limits)
	if err != nil {
		return fmt.Errorf("%s, %s: %w", sc.title, v.Name, err)
	}
	r.add(sc, v, s)
	return nil
}

// choose returns what is to run.
func (c config) choose() (servers []serve.Server, scs []scenario, err error) {
	for _, name := range c.servers {
		if _, err := serve.Find(name); err != nil {
			return nil, nil, err
		}
	}
	for _, v := range serve.Servers() {
		if c.servers == nil || slices.Contains(c.servers, v.Name) {
			servers = append(servers, v)
		}
	}
	for _, sc := range scenarios() {
		if !c.only.MatchString(sc.id) {
			continue
		}
		if c.short {
			sc = sc.shortened()
		}
		scs = append(scs, sc)
	}
	return servers, scs, nil
}
