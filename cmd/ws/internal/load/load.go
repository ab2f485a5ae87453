// Package load is the command that measures a server: many connections, messages at the times of a schedule, and how long the
// answers took.
package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
	"github.com/seed60239977/websocket/cmd/ws/internal/dial"
)

// options are the command line.
type options struct {
	dial                dial.Options
	connections         int
	rate                float64 // messages a second of each connection; 0 is one after the other
	duration, warmup    time.Duration
	ramp, drain         time.Duration
	size                int
	binary, oneWay      bool
	message, hello      string
	jsonFile, htmlFile  string
	quiet               bool
	maxErrors, maxP99MS float64
}

// Command describes it.
func Command() *cli.Command {
	return &cli.Command{
		Name: "load", Args: "URL", Min: 1, Max: 1,
		Short: "measures how a server bears many connections and messages",
		Long: `The server at URL has to answer each message of a connection with one message, in order, as an echo endpoint does; with -one-way it need not answer.

Messages go out at the times of a schedule, whether the server keeps up or not, and the time that an answer takes counts from when its message was due. A server that stands still for a second is therefore seen by all messages that were due in that second, and not by the one alone that was being waited for (coordinated omission). With -rate 0 each connection sends when it has its answer: that measures throughput, and no latency that users would see.

Connections are opened over the time of -ramp. What is due during -warmup after that is sent and not counted. Reported are percentiles of the time for connecting (TCP, and TLS with wss), to the first byte of the handshake's response, and of round trips; how many messages a second came back; and errors by their kind.

The exit status is 5 if there were errors, or more than -max-errors allows, or if -max-p99 was exceeded.`,
		Examples: []cli.Example{
			{Does: "100 connections, 10 messages a second each, for 10 seconds", Line: "ws load ws://localhost:8080/"},
			{Does: "10,000 connections, opened within 20 seconds, that say something every 10", Line: "ws load -c 10000 -ramp 20s -rate 0.1 -duration 60s ws://localhost:8080/"},
			{Does: "as much as goes through 8 connections", Line: "ws load -c 8 -rate 0 -size 1024 -b ws://localhost:8080/"},
			{Does: "messages of one's own, and a report with charts", Line: `ws load -message '{"user":{{conn}},"n":{{seq}}}' -html report.html wss://example.com/api`},
			{Does: "users who are told more than they say, in binary", Line: `ws load -one-way -b -hello '{{0x01}}{{conn:8}}user {{conn}}' -message '{{0x02}}{{seq:2}}' ws://localhost:9014/ws`},
			{Does: "a gate for CI", Line: "ws load -json result.json -max-errors 0 -max-p99 50ms ws://localhost:8080/"},
		},
		Setup: func(f *cli.Flags) cli.Action {
			o := &options{}
			o.addFlags(f)
			return o.run
		},
	}
}

func (o *options) addFlags(f *cli.Flags) {
	f.Section("The load")
	f.IntVar(&o.connections, "c", 100, "`number` of connections")
	f.Float64Var(&o.rate, "rate", 10, "`messages` a second of each connection; 0 sends the next when the answer is there")
	f.DurationVar(&o.duration, "duration", 10*time.Second, "`time` that is measured")
	f.DurationVar(&o.warmup, "warmup", time.Second, "`time` before that, which is not counted")
	f.DurationVar(&o.ramp, "ramp", time.Second, "`time` in which the connections are opened, one after another")
	f.DurationVar(&o.drain, "drain", 5*time.Second, "`time` to wait for answers at the end; those that do not come are errors")
	f.Section("The messages")
	f.IntVar(&o.size, "size", 32, "`bytes` of a message")
	f.BoolVar(&o.binary, "b", false, "send binary messages")
	f.StringVar(&o.message, "message", "", "send `text` in place of -size; {{conn}} in it is the number of the connection, {{seq}} that of its message, {{time}} milliseconds since 1970, {{rand}} a random number; {{seq:2}} is the number in two bytes, the most significant first, and {{0x01ff}} stands for these bytes")
	f.StringVar(&o.hello, "hello", "", "first send `text`, with the same in it as -message, on each connection; no answer is expected to that")
	f.BoolVar(&o.oneWay, "one-way", false, "expect no answers")
	f.Section("The result")
	f.StringVar(&o.jsonFile, "json", "", "write the result as JSON to `file`, or to standard output if it is -")
	f.StringVar(&o.htmlFile, "html", "", "write a report with charts to `file`: one page that needs nothing else")
	f.Float64Var(&o.maxErrors, "max-errors", 0, "allow `n` errors")
	f.Func("max-p99", "fail if the 99th percentile of round trips is longer than `time`", func(s string) error {
		d, err := time.ParseDuration(s)
		if err == nil && d <= 0 {
			err = errors.New("it is not positive")
		}
		o.maxP99MS = milliseconds(d)
		return err
	})
	f.BoolVar(&o.quiet, "q", false, "show no progress")
	f.Files("json", "html")
	o.dial.AddFlags(f)
}

// check looks at what makes no sense.
func (o *options) check() error {
	switch {
	case o.connections < 1:
		return cli.Usage("-c 100", "-c is not positive")
	case o.rate < 0 || math.IsNaN(o.rate) || o.rate > 1e6:
		return cli.Usage("-rate 10", "-rate is from 0 to 1000000")
	case o.duration <= 0:
		return cli.Usage("-duration 10s", "-duration is not positive")
	case o.warmup < 0 || o.ramp < 0 || o.drain < 0:
		return cli.Usage("0s", "-warmup, -ramp and -drain are not negative")
	case o.size < 0 || o.size > 1<<30:
		return cli.Usage("-size 1024", "-size is from 0 to 1073741824")
	case o.maxErrors < 0 || math.IsNaN(o.maxErrors):
		return cli.Usage("-max-errors 0", "-max-errors is not negative")
	case o.oneWay && o.maxP99MS != 0:
		return cli.Usage("-max-errors, which counts what went wrong", "-max-p99 is about round trips, and -one-way has none")
	case o.oneWay && o.rate == 0:
		return cli.Usage("-rate 1000", "-one-way needs a -rate: without answers nothing says when the next message is due")
	}
	return nil
}

// run is the command.
func (o *options) run(ctx context.Context, env *cli.Env, args []string) error {
	if err := o.check(); err != nil {
		return err
	}
	greeting, messages, err := o.templates()
	if err != nil {
		return err
	}
	address, err := o.dial.Target(args[0], env.Getenv)
	if err != nil {
		return err
	}
	defer o.dial.Close()
	loop, err := websocket.NewLoop(nil)
	if err != nil {
		return &cli.Error{Err: err, Try: "ulimit -n, to allow more open files"}
	}
	defer loop.Shutdown(context.Background()) // all connections have ended
	e := newEngine(o, &loopClient{address, &o.dial.Websocket, loop}, messages)
	e.greeting = greeting
	stop := func() {}
	if _, _, terminal := cli.Terminal(env.Stderr); terminal && !o.quiet {
		stop = e.showProgress(env.Stderr)
	}
	e.run(ctx)
	stop()
	r := e.result(dial.Redact(address))
	if err := o.write(r, env); err != nil {
		return err
	}
	return o.judge(r)
}

// templates returns what makes the messages; greeting is nil if there is none.
func (o *options) templates() (greeting, all *messages, err error) {
	if o.hello != "" {
		if greeting, err = parseTemplate("-hello", o.hello); err != nil {
			return nil, nil, err
		}
	}
	if o.message == "" {
		return greeting, sized(o.size), nil
	}
	all, err = parseTemplate("-message", o.message)
	return greeting, all, err
}

// write writes the result in all forms.
func (o *options) write(r *Result, env *cli.Env) error {
	if o.jsonFile != "-" {
		if _, err := io.WriteString(env.Stdout, r.text()); err != nil {
			return err
		}
	}
	if o.jsonFile != "" {
		if err := toFile(o.jsonFile, env.Stdout, r.json()); err != nil {
			return err
		}
	}
	if o.htmlFile != "" {
		page, err := r.page()
		if err != nil {
			return err
		}
		return toFile(o.htmlFile, env.Stdout, page)
	}
	return nil
}

func toFile(name string, stdout io.Writer, data []byte) error {
	if name == "-" {
		_, err := stdout.Write(data)
		return err
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		return &cli.Error{Err: err, Try: "a file that can be written"}
	}
	return nil
}

// judge says whether it was good.
func (o *options) judge(r *Result) error {
	if r.Connections.Opened == 0 {
		return &cli.Error{Err: errors.New("no connection was made"), Try: "ws connect " + r.URL + ", which explains why"}
	}
	var errs []error
	if n := r.errors(); float64(n) > o.maxErrors {
		errs = append(errs, fmt.Errorf("there were %d errors", n))
	}
	if o.maxP99MS > 0 && r.RoundTrip.Count == 0 {
		errs = append(errs, errors.New("there was no round trip for -max-p99"))
	}
	if o.maxP99MS > 0 && r.RoundTrip.P99 > o.maxP99MS {
		errs = append(errs, fmt.Errorf("the 99th percentile of round trips is %.3f ms, and -max-p99 %.3f ms", r.RoundTrip.P99, o.maxP99MS))
	}
	if len(errs) == 0 {
		return nil
	}
	return &cli.Error{Err: errors.Join(errs...), Try: "less -c or -rate, to see what the server does bear", Status: cli.StatusFindings}
}

// typ is what messages are sent as.
func (o *options) typ() websocket.MessageType {
	if o.binary {
		return websocket.Binary
	}
	return websocket.Text
}
