// Package check is the command that tests an echo server with the conformance suite, and says in plain words what is broken.
package check

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/autobahn"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
	"github.com/seed60239977/websocket/cmd/ws/internal/dial"
)

// options are the command line.
type options struct {
	dial           dial.Options
	full, strict   bool
	cases, exclude string
	parallel       int
	wait           time.Duration
	report         string
	json, verbose  bool
	env            *cli.Env
}

// Command describes it.
func Command() *cli.Command {
	return &cli.Command{
		Name: "check", Args: "URL", Min: 1, Max: 1,
		Short: "tests whether a server keeps to the protocol",
		Long: `The server at URL has to send every message back, as echo endpoints do. By default the cases run that take seconds: those of RFC 6455, a few of large messages and of compression (RFC 7692), and a strict group that looks at details. With -full it is all of them, which takes minutes.

What is broken is said in plain words, with how a browser would notice. A server that does not compress is no worse for it, and neither is one that is less strict than it may be; -strict holds that against it as well.

The exit status is 5 if a case failed.`,
		Examples: []cli.Example{
			{Does: "the quick cases", Line: "ws check ws://localhost:8080/echo"},
			{Does: "everything, with a report as web pages", Line: "ws check -full -report report wss://example.com/echo"},
			{Does: "one group, with what was seen on the wire", Line: "ws check -cases '6.*' -v ws://localhost:8080/echo"},
			{Does: "for a script", Line: "ws check -json ws://localhost:8080/echo > result.json"},
		},
		Setup: func(f *cli.Flags) cli.Action {
			o := &options{}
			f.Section("The cases")
			f.BoolVar(&o.full, "full", false, "run all cases, and not only those that take seconds")
			f.StringVar(&o.cases, "cases", "", "`patterns` of cases to run, with commas between: 1.*,6.4.1")
			f.StringVar(&o.exclude, "exclude", "", "`patterns` of cases to leave out")
			f.BoolVar(&o.strict, "strict", false, "anything but OK and INFORMATIONAL is a failure")
			f.IntVar(&o.parallel, "parallel", 8, "run `n` cases at a time")
			f.DurationVar(&o.wait, "wait", 10*time.Second, "`time` for the first message to come back, before the cases")
			f.Section("What is printed")
			f.StringVar(&o.report, "report", "", "write web pages and JSON with every frame of every case to a `directory`")
			f.BoolVar(&o.json, "json", false, "print the result as JSON")
			f.BoolVar(&o.verbose, "v", false, "also say what was seen in each case, in the terms of the RFC")
			f.Files("report")
			o.dial.AddNetwork(f)
			return o.run
		},
	}
}

// run is the command.
func (o *options) run(ctx context.Context, env *cli.Env, args []string) error {
	o.env = env
	if err := o.check(); err != nil {
		return err
	}
	address, err := o.dial.Target(args[0], env.Getenv)
	if err != nil {
		return err
	}
	defer o.dial.Close()
	suite := o.suite(address)
	if _, err := autobahn.Select(suite.Cases, suite.Exclude); err != nil {
		return cli.Usage("-cases '1.*,6.4.*'", "%w", err)
	}
	if err := o.tryEcho(ctx, address); err != nil {
		return err
	}
	p := &progress{out: env.Stderr}
	_, _, p.terminal = cli.Terminal(env.Stderr)
	suite.Progress = p.show
	report, err := autobahn.TestServer(ctx, asWS(address), suite)
	p.end()
	if err != nil {
		return &cli.Error{Err: err, Try: "again; the server may have gone away in between"}
	}
	if o.report != "" {
		if err := report.Write(o.report); err != nil {
			return err
		}
	}
	if err := o.print(env.Stdout, dial.Redact(address), report); err != nil {
		return err
	}
	if !report.Passed(o.strict) {
		return cli.Quiet(cli.StatusFindings)
	}
	return nil
}

// check looks at flags that make no sense.
func (o *options) check() error {
	switch {
	case o.full && o.cases != "":
		return cli.Usage("one of them", "-full and -cases exclude each other")
	case o.parallel < 1:
		return cli.Usage("-parallel 8", "-parallel is not positive")
	case o.wait <= 0:
		return cli.Usage("-wait 10s", "-wait is not positive")
	}
	return nil
}

// asWS has a scheme that the suite knows.
func asWS(address string) string {
	if rest, ok := strings.CutPrefix(address, "http"); ok {
		return "ws" + rest
	}
	return address
}

// suite says what to run.
func (o *options) suite(address string) *autobahn.Options {
	s := &autobahn.Options{
		Agent: dial.Redact(address), Cases: patterns(o.cases), Exclude: patterns(o.exclude), Parallel: o.parallel,
		TLS: o.dial.Websocket.TLSConfig, HTTP2: o.dial.HTTP2(),
	}
	if len(s.Cases) == 0 && !o.full {
		s.Cases = autobahn.Quick()
	} else if o.full {
		s.Cases = []string{"*", "14.*"}
	}
	own := o.dial.Websocket // what the suite does itself is not for the dialing
	own.HTTP2 = nil
	secure := strings.HasPrefix(address, "wss") || strings.HasPrefix(address, "https")
	if own.Proxy == nil {
		own.Proxy = http.ProxyFromEnvironment
	}
	proxy := own.Proxy
	own.Proxy = func(r *http.Request) (*url.URL, error) {
		if secure {
			r = r.Clone(r.Context())
			r.URL.Scheme = "https"
		}
		return proxy(r)
	}
	s.Dial = func(ctx context.Context, _, hostPort string) (net.Conn, error) {
		return websocket.Connect(ctx, "ws://"+hostPort, &own)
	}
	return s
}

func patterns(list string) (all []string) {
	for p := range strings.SplitSeq(list, ",") {
		if p = strings.TrimSpace(p); p != "" {
			all = append(all, p)
		}
	}
	return all
}

// tryEcho sees whether the server can be tested at all.
func (o *options) tryEcho(ctx context.Context, address string) error {
	c, _, err := o.dial.Dial(ctx, address)
	if err != nil {
		return err
	}
	defer c.Close(websocket.StatusNormalClosure, "")
	sent := []byte("ws check: is this an echo server?")
	limit, cancel := context.WithTimeout(ctx, o.wait)
	defer cancel()
	const try = "a URL of the server that sends every message back; the suite compares"
	var got []byte
	if err = c.Write(limit, websocket.Text, sent); err == nil {
		_, got, err = c.Read(limit)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return &cli.Error{Err: errors.New("this is no echo server: it does not answer"), Try: try}
	case err != nil:
		return &cli.Error{Err: fmt.Errorf("this is no echo server: %w", err), Try: try}
	case !bytes.Equal(got, sent):
		return &cli.Error{Err: fmt.Errorf("this is no echo server: it answers %.60q", got), Try: try}
	}
	return nil
}

// print prints the result.
func (o *options) print(w io.Writer, address string, r *autobahn.Report) error {
	if !o.json {
		_, err := io.WriteString(w, text(address, r, o.verbose, o.strict))
		return err
	}
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	if err := out.Encode(summarize(address, r, o.strict)); err != nil {
		return err
	}
	_, err := w.Write(cli.JSON(b.Bytes()))
	return err
}
