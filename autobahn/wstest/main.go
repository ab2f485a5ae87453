// Command wstest tests WebSocket servers and clients, in any language, against
// RFC 6455 and RFC 7692: 517 cases, and a strict group apart.
//
//	wstest client -url ws://127.0.0.1:9001 -agent NAME   tests a server
//	wstest server -addr 127.0.0.1:9001                   tests the clients that connect
//	wstest list                                          lists the cases
//
// The exit status is 0 when nothing failed, 1 when a case did, 2 when the test
// could not be made.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/seed60239977/websocket/autobahn"
)

const usage = `wstest tests WebSocket endpoints against RFC 6455 and RFC 7692.

	wstest client -url URL [flags]    test an echo server
	wstest server [-addr ADDR]        test the clients that connect
	wstest list [-cases PATTERNS]     list the cases
	wstest help                       print this

Each takes -h.
`

// Exit statuses.
const (
	passed = 0
	failed = 1
	unable = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run is the whole command but for the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		_, _ = io.WriteString(stderr, usage)
		return unable
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		_, _ = io.WriteString(stdout, usage)
		return passed
	}
	commands := map[string]func(context.Context, []string, io.Writer) (int, error){
		"client": client, "server": server, "list": list,
	}
	command, ok := commands[args[0]]
	if !ok {
		fmt.Fprintf(stderr, "wstest: no command is called %q\n%s", args[0], usage)
		return unable
	}
	status, err := command(ctx, args[1:], stdout)
	if errors.Is(err, flag.ErrHelp) {
		return passed
	}
	if err != nil {
		fmt.Fprintf(stderr, "wstest: %v\n", err)
		return unable
	}
	return status
}

// common are the flags of both directions.
type common struct {
	set            *flag.FlagSet
	help           io.Writer
	cases, exclude string
	out, spec      string
	strict, quiet  bool
	quick          bool
}

// newFlags has -h print to help; what is wrong is an error for run to print.
func newFlags(name, out string, help io.Writer) *common {
	c := &common{set: flag.NewFlagSet("wstest "+name, flag.ContinueOnError), help: help}
	c.set.SetOutput(io.Discard)
	c.set.StringVar(&c.cases, "cases", "", "`patterns` of cases to run, with commas between: 1.*,6.4.1; group 14 only by its name (default *)")
	c.set.StringVar(&c.exclude, "exclude", "", "`patterns` of cases to leave out")
	c.set.StringVar(&c.out, "out", out, "`directory` for reports; - writes none")
	c.set.StringVar(&c.spec, "spec", "", "JSON `file` as the original suite takes it")
	c.set.BoolVar(&c.quick, "quick", false, "run the cases that take seconds rather than minutes, group 14 with them")
	c.set.BoolVar(&c.strict, "strict", false, "exit with 1 on anything but OK and INFORMATIONAL, in group 14 too")
	c.set.BoolVar(&c.quiet, "quiet", false, "print nothing but errors: the exit status tells")
	return c
}

// parse also takes what a -spec file says; flags given on the command line win.
func (c *common) parse(args []string) (*spec, error) {
	if err := c.set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			c.set.SetOutput(c.help)
			c.set.Usage()
		}
		return nil, err
	}
	if c.set.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q: %s takes flags only, which -h lists", c.set.Arg(0), c.set.Name())
	}
	s := &spec{}
	if c.spec != "" {
		if err := s.read(c.spec); err != nil {
			return nil, err
		}
	}
	if c.quick {
		if c.cases != "" {
			return nil, errors.New("-quick and -cases exclude each other")
		}
		s.Cases = autobahn.Quick()
	}
	c.set.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "cases":
			s.Cases = patterns(c.cases)
		case "exclude":
			s.Exclude = patterns(c.exclude)
		case "out":
			s.Out = c.out
		}
	})
	if s.Out == "" {
		s.Out = c.out
	}
	if s.Out == "-" {
		s.Out = ""
	}
	return s, nil
}

func patterns(list string) (all []string) {
	for p := range strings.SplitSeq(list, ",") {
		if p = strings.TrimSpace(p); p != "" {
			all = append(all, p)
		}
	}
	return all
}

func list(_ context.Context, args []string, stdout io.Writer) (int, error) {
	c := newFlags("list", "", stdout)
	s, err := c.parse(args)
	if err != nil {
		return unable, err
	}
	if len(s.Cases) == 0 {
		s.Cases = []string{"*", "14.*"}
	}
	cases, err := autobahn.Select(s.Cases, s.Exclude)
	if err != nil {
		return unable, err
	}
	for _, one := range cases {
		section := ""
		if one.Section != "" {
			section = " (" + one.Section + ")"
		}
		fmt.Fprintf(stdout, "%-8s %-5s %s%s\n", one.ID, one.Group(), one.Shows, section)
	}
	return passed, nil
}
