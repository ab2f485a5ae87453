// Package replay is the command that plays a recording again: to a server, to clients, or to people.
package replay

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
	"github.com/seed60239977/websocket/cmd/ws/internal/dial"
	"github.com/seed60239977/websocket/cmd/ws/internal/record"
	"github.com/seed60239977/websocket/cmd/ws/internal/serve"
	"github.com/seed60239977/websocket/cmd/ws/internal/show"
)

// options are the command line.
type options struct {
	dial             dial.Options
	serve            serve.Options
	listen           string
	print            bool
	speed            float64
	lockstep, verify bool
	wait             time.Duration
	quiet            bool
	colour           string
	out              *show.Printer
}

// Command describes it.
func Command() *cli.Command {
	return &cli.Command{
		Name: "replay", Args: "FILE [URL]", Min: 1, Max: 2,
		Short: "plays a recording of ws connect again",
		Long: `What was sent in the recording (ws connect -record FILE) is sent again, at the same times from the beginning, to URL or to where it was sent then. What comes is printed. FILE may be - for standard input.

With -lockstep, a message is sent as soon as all messages have come that had come before it in the recording, whatever their contents: that is independent of how fast anything goes. With -verify they have to be the same ones, too; the exit status is 5 if they are not.

With -listen, it is the other side that is played: each client that connects gets what the server had sent. With -print, the recording is printed for people, and nobody is connected to.`,
		Examples: []cli.Example{
			{Does: "to the server it was recorded with", Line: "ws replay talk.jsonl"},
			{Does: "ten times as fast, to another one", Line: "ws replay -speed 10 talk.jsonl ws://localhost:8080/"},
			{Does: "as a test: does the server still answer the same?", Line: "ws replay -verify talk.jsonl ws://localhost:8080/"},
			{Does: "as a server, for the test of a client", Line: "ws replay -lockstep -listen 8080 talk.jsonl"},
			{Does: "look at it", Line: "ws replay -print talk.jsonl"},
		},
		Setup: func(f *cli.Flags) cli.Action {
			o := &options{}
			f.Section("The replay")
			f.Float64Var(&o.speed, "speed", 1, "`times` as fast as it was; 0 waits for nothing")
			f.BoolVar(&o.lockstep, "lockstep", false, "wait for messages of the other side, not for times")
			f.BoolVar(&o.verify, "verify", false, "compare them with the recording: implies -lockstep")
			f.DurationVar(&o.wait, "w", 10*time.Second, "`time` to wait for a message of the other side")
			f.StringVar(&o.listen, "listen", "", "play the server's side on `address`, as for ws listen")
			f.BoolVar(&o.print, "print", false, "print the recording")
			f.BoolVar(&o.quiet, "q", false, "do not print what comes")
			f.StringVar(&o.colour, "color", "auto", "colours, `when`: auto (on a terminal), always or never")
			f.Values("color", "auto", "always", "never")
			o.dial.AddFlags(f)
			o.serve.AddFlags(f)
			o.serve.AddLimit(f)
			return o.run
		},
	}
}

// run is the command.
func (o *options) run(ctx context.Context, env *cli.Env, args []string) error {
	if o.speed < 0 || o.wait <= 0 {
		return cli.Usage("-speed 1 -w 10s", "-speed is not negative, and -w positive")
	}
	o.lockstep = o.lockstep || o.verify
	entries, err := read(env, args[0])
	if err != nil {
		return err
	}
	_, _, terminal := cli.Terminal(env.Stdout)
	o.out = &show.Printer{Out: env.Stdout, Notices: env.Stderr, Pretty: terminal || o.print, Colour: env.Colour(o.colour), Binary: "hex"}
	switch {
	case o.print:
		return o.show(entries)
	case o.listen != "" && len(args) > 1:
		return cli.Usage("one of them", "-listen and a URL exclude each other")
	case o.listen != "":
		return o.toClients(ctx, env, entries)
	}
	url := where(entries)
	if len(args) > 1 {
		url = args[1]
	}
	if url == "" {
		return cli.Usage("ws replay "+args[0]+" ws://localhost:8080/", "the recording does not say to which URL")
	}
	return o.toServer(ctx, env, url, entries)
}

// read reads a recording.
func read(env *cli.Env, name string) ([]record.Entry, error) {
	in := env.Stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, &cli.Error{Err: err, Try: "ws connect -record " + name + " URL, to make it"}
		}
		defer file.Close()
		in = file
	}
	entries, err := record.Read(in)
	if err != nil {
		return nil, &cli.Error{Err: err, Try: "a file of ws connect -record"}
	}
	return entries, nil
}

// where is the URL of a recording.
func where(entries []record.Entry) string {
	for _, e := range entries {
		if e.URL != "" {
			return e.URL
		}
	}
	return ""
}

// toServer plays the client.
func (o *options) toServer(ctx context.Context, env *cli.Env, url string, entries []record.Entry) error {
	address, err := o.dial.Target(url, env.Getenv)
	if err != nil {
		return err
	}
	defer o.dial.Close()
	c, resp, err := o.dial.Dial(ctx, address)
	if err != nil {
		return err
	}
	if !o.quiet {
		o.out.Notice("connected to %s%s", dial.Redact(address), dial.Agreed(c, resp))
	}
	return o.play(ctx, c, record.Out, entries)
}

// toClients plays the server, for each client that comes.
func (o *options) toClients(ctx context.Context, env *cli.Env, entries []record.Entry) error {
	l, err := serve.Listen(ctx, o.listen)
	if err != nil {
		return err
	}
	fmt.Fprintln(env.Stdout, "listening on", o.serve.URL(l))
	var mu sync.Mutex
	var worst error
	err = o.serve.Run(ctx, l, func(_ context.Context, c *websocket.Conn) {
		who := c.RemoteAddr()
		if err := o.play(ctx, c, record.In, entries); err != nil {
			o.out.Problem("%v: %v", who, err)
			mu.Lock()
			worst = err
			mu.Unlock()
			return
		}
		if !o.quiet {
			o.out.Notice("%v: played to the end", who)
		}
	})
	if err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	return worst
}

// message is one that has come, or how the connection has ended.
type message struct {
	typ  websocket.MessageType
	data []byte
	err  error
}

// play plays one side of a recording on a connection, and closes it.
func (o *options) play(ctx context.Context, c *websocket.Conn, own string, entries []record.Entry) error {
	came := make(chan message)
	gone := make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() { o.receive(c, came, gone) })
	defer reading.Wait()
	defer c.CloseNow()
	defer close(gone)
	p := &player{options: o, c: c, came: came}
	err := p.all(ctx, own, entries)
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		p.close(websocket.StatusGoingAway)
		return nil
	case err != nil:
		p.close(websocket.StatusGoingAway)
		return err
	}
	p.close(websocket.StatusNormalClosure)
	return nil
}

// receive hands on what comes until the connection ends, or nobody takes it any more.
func (o *options) receive(c *websocket.Conn, came chan<- message, gone <-chan struct{}) {
	for {
		var m message
		m.typ, m.data, m.err = c.Read(context.Background())
		select {
		case came <- m:
		case <-gone:
		}
		if m.err != nil {
			return
		}
	}
}

// show prints a recording.
func (o *options) show(entries []record.Entry) error {
	var at time.Time
	o.out.Now = func() time.Time { return at }
	o.out.Notices = o.out.Out
	for _, e := range entries {
		at = e.Time.Local()
		typ, data, err := e.Payload()
		switch {
		case err != nil:
			return err
		case e.Type == "open":
			o.out.Notice("%s", strings.TrimSpace("connected to "+e.URL+" "+e.Subprotocol))
		case e.Type == "close":
			o.out.Notice("%s", strings.TrimSpace(fmt.Sprintf("closed with %d %s", e.Code, e.Reason)))
		case !e.IsMessage():
			o.out.Notice("%s %s %q", e.Type, e.Dir, data)
		case e.Dir == record.Out:
			err = o.out.Sent(typ, data)
		default:
			err = o.out.Message(typ, data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// printMessage prints what has come.
func (o *options) printMessage(m message) error {
	if o.quiet {
		return nil
	}
	if err := o.out.Message(m.typ, m.data); err != nil {
		return fmt.Errorf("cannot write the output: %w", err)
	}
	return nil
}
