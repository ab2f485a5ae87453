// Package bridge is the command that joins two streams of bytes, at least one of them a WebSocket as a rule.
package bridge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
	"github.com/seed60239977/websocket/cmd/ws/internal/dial"
	"github.com/seed60239977/websocket/cmd/ws/internal/process"
	"github.com/seed60239977/websocket/cmd/ws/internal/serve"
)

// halfClose is the subprotocol in which an empty binary message says that this direction has ended, and the other one goes on.
const halfClose = "half-close.bridge.ws"

// options are the command line.
type options struct {
	dial        dial.Options
	serve       serve.Options
	text        bool
	noHalfClose bool
	once        bool
	linger      time.Duration
	verbose     bool
	env         *cli.Env
	mu          sync.Mutex // of what is printed
}

// Command describes it.
func Command() *cli.Command {
	return &cli.Command{
		Name: "bridge", Args: "A B", Min: 2, Max: 2,
		Short: "joins a WebSocket with TCP, a Unix socket, a command or standard input and output",
		Long: `What comes from A goes to B, and the other way around. Each of them is one of

  ws://… wss://…          a WebSocket that is dialed
  ws-listen:ADDR[/PATH]   clients of a WebSocket server
  tcp:HOST:PORT           a TCP connection that is dialed
  tcp-listen:ADDR         clients of a TCP server
  unix:PATH               a Unix socket that is dialed
  unix-listen:PATH        clients of a Unix socket
  exec:COMMAND            the input and output of a command, which the shell runs
  -                       standard input and output

where ADDR is as for ws listen. If one of them waits for clients, the other one is opened for each; with -once there is one client, and the program ends with it. Bytes become binary messages as they come, and messages become bytes; with -text, lines become text messages, and messages lines. Two WebSockets pass messages on as they are, and how they are closed.

Nobody reads faster than the other side takes it: a slow end slows the other one down, and no more than some buffers are in memory. When two of these bridges talk to each other, they agree on the subprotocol half-close.bridge.ws, in which one direction can end before the other. Other peers do not know it: when one direction ends there, what still comes in the other one is waited for, until nothing has come for -linger. A connection that breaks is broken on the other side, too, so that nobody takes a part for the whole.`,
		Examples: []cli.Example{
			{Does: "carry ssh through whatever lets WebSockets through: at the far end", Line: "ws bridge ws-listen:8080/ssh tcp:localhost:22"},
			{Does: "and at the near end", Line: "ssh -o ProxyCommand='ws bridge - wss://far.example/ssh' far"},
			{Does: "or as a port of this machine", Line: "ws bridge tcp-listen:2222 wss://far.example/ssh"},
			{Does: "talk to a TCP server from a browser", Line: "ws bridge -allow https://app.example ws-listen:8080 tcp:localhost:6379"},
			{Does: "a program that answers a server, line by line", Line: "ws bridge -text exec:./bot wss://chat.example/"},
			{Does: "send a file to whoever connects first", Line: "ws bridge -once ws-listen:8080 - < file"},
			{Does: "lines from a pipe as text messages", Line: "tail -f app.log | ws bridge -text - ws://collector.example/"},
		},
		Setup: setup,
	}
}

// setup declares the flags.
func setup(f *cli.Flags) cli.Action {
	o := &options{}
	f.Section("The bridge")
	f.BoolVar(&o.text, "text", false, "lines are text messages")
	f.BoolVar(&o.once, "once", false, "wait for one client, and end with it; the exit status says how that was")
	f.BoolVar(&o.noHalfClose, "no-half-close", false, "do not offer, nor agree to, the subprotocol half-close.bridge.ws")
	f.DurationVar(&o.linger, "linger", 5*time.Second, "`time` in which nothing has come after which a connection that can end in one direction is closed")
	f.BoolVar(&o.verbose, "v", false, "log connections")
	o.dial.AddUnlimited(f)
	o.serve.AddFlags(f)
	return o.run
}

// point is A or B.
type point struct {
	kind, address string
	listens       bool
	dial          dial.Options
}

// parse reads A or B.
func parse(text string) (point, error) {
	if text == "-" {
		return point{kind: "stdio"}, nil
	}
	for _, scheme := range []string{"ws://", "wss://", "http://", "https://", "ws+unix:", "wss+unix:"} {
		if strings.HasPrefix(text, scheme) {
			return point{kind: "ws", address: text}, nil
		}
	}
	kind, address, ok := strings.Cut(text, ":")
	kind, listens := strings.CutSuffix(kind, "-listen")
	if !ok || address == "" || !known(kind, listens) {
		return point{}, cli.Usage("ws://…, tcp:HOST:PORT, unix:PATH, exec:COMMAND, tcp-listen:PORT, ws-listen:PORT or -", "%q is nothing to join", text)
	}
	return point{kind: kind, address: address, listens: listens}, nil
}

// known reports whether there is such a kind.
func known(kind string, listens bool) bool {
	switch kind {
	case "tcp", "unix":
		return true
	case "ws": // without -listen it begins with ws://
		return listens
	case "exec":
		return !listens
	}
	return false
}

// run is the command.
func (o *options) run(ctx context.Context, env *cli.Env, args []string) error {
	o.env = env
	a, errA := parse(args[0])
	b, errB := parse(args[1])
	if err := errors.Join(errA, errB); err != nil {
		return err
	}
	if b.listens {
		a, b = b, a
	}
	switch {
	case b.listens:
		return cli.Usage("one that dials", "both of them wait for clients")
	case a.listens && b.kind == "stdio" && !o.once:
		return cli.Usage("-once, or ws listen -talk", "standard input and output are for one connection, and there may be many")
	case a.kind == "stdio" && b.kind == "stdio":
		return cli.Usage("cat", "both of them are standard input and output")
	case o.linger <= 0:
		return cli.Usage("-linger 5s", "-linger is not positive")
	}
	if err := o.prepare(&a, &b); err != nil {
		return err
	}
	defer a.dial.Close()
	defer b.dial.Close()
	if a.listens {
		return o.listen(ctx, a, b)
	}
	near, err := o.open(ctx, a)
	if err != nil {
		return err
	}
	far, err := o.open(ctx, b)
	if err != nil {
		near.Close(err)
		return err
	}
	return o.conclude(ctx, o.join(ctx, near, far))
}

// prepare completes the options for the WebSockets.
func (o *options) prepare(points ...*point) error {
	sockets := 0
	for _, p := range points {
		if p.kind == "ws" {
			sockets++
		}
	}
	// Two WebSockets pass messages on as they are.
	half := sockets == 1 && !o.noHalfClose && !o.text
	if half {
		o.serve.Accept.Subprotocols = append(o.serve.Accept.Subprotocols, halfClose)
	}
	if half && len(o.dial.Websocket.Subprotocols) == 0 {
		o.dial.Websocket.Subprotocols = []string{halfClose}
	}
	for _, p := range points {
		if p.kind != "ws" || p.listens {
			continue
		}
		var err error
		p.dial = o.dial // each has a socket, or none, of its own
		if p.address, err = p.dial.Target(p.address, o.env.Getenv); err != nil {
			return err
		}
		// Messages of any length pass without being in memory as a whole.
		p.dial.Websocket.Config.ReadLimit = -1
	}
	o.serve.Accept.Config.ReadLimit = -1
	return nil
}

// conclude turns how a single bridge has ended into how the command has.
func (o *options) conclude(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil // interrupted
	}
	if _, ok := errors.AsType[*websocket.CloseError](err); ok {
		return cli.Closed(err)
	}
	return err
}

// open dials.
func (o *options) open(ctx context.Context, p point) (end, error) {
	switch p.kind {
	case "stdio":
		return &stdio{in: o.env.Stdin, out: o.env.Stdout}, nil
	case "exec":
		p, err := process.Start(p.address, nil, o.env.Stderr, o.linger)
		if err != nil {
			return nil, err
		}
		return newCommand(p, o.linger), nil
	case "ws":
		c, _, err := p.dial.Dial(ctx, p.address)
		if err != nil {
			return nil, err
		}
		return newSocket(c, o.text, o.linger), nil
	}
	nc, err := (&net.Dialer{Timeout: o.dial.Timeout()}).DialContext(ctx, p.kind, p.address)
	if err != nil {
		return nil, &cli.Error{Err: err, Try: "whether the server runs, and listens at " + p.address}
	}
	return &stream{Conn: nc}, nil
}

// listen waits for clients of a, and opens b for each, or for the first one.
func (o *options) listen(ctx context.Context, a, b point) error {
	address, path, _ := strings.Cut(a.address, "/")
	if a.kind == "unix" {
		address = "unix:" + a.address
	}
	l, err := serve.Listen(ctx, address)
	if err != nil {
		return err
	}
	said := o.env.Stdout
	if b.kind == "stdio" {
		said = o.env.Stderr
	}
	if a.kind == "ws" {
		if path != "" {
			o.serve.SetPath("/" + path)
		}
		fmt.Fprintln(said, "listening on", o.serve.URL(l))
		return o.upgrade(ctx, l, b)
	}
	fmt.Fprintf(said, "listening on %s:%s\n", a.kind, l.Addr())
	if o.once {
		return o.acceptOne(ctx, l, b)
	}
	return o.accept(ctx, l, b)
}

// upgrade serves WebSockets until ctx ends, or with -once the first one has ended.
func (o *options) upgrade(ctx context.Context, l net.Listener, b point) error {
	running, done := context.WithCancel(ctx)
	defer done()
	var taken atomic.Bool
	first := make(chan error, 1) // how the client of -once has ended
	err := o.serve.Run(running, l, func(inner context.Context, c *websocket.Conn) {
		if o.once && taken.Swap(true) {
			c.Close(websocket.StatusTryAgainLater, "there is a client already")
			return
		}
		who := serve.Request(inner).RemoteAddr
		err := o.client(inner, newSocket(c, o.text, o.linger), b, who)
		if o.once {
			first <- err
			done()
		} else if err != nil {
			o.log("%s: %v", who, err)
		}
	})
	select {
	case ended := <-first:
		return o.conclude(ctx, ended)
	default:
		return err
	}
}

// acceptOne joins the first client.
func (o *options) acceptOne(ctx context.Context, l net.Listener, b point) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	nc, err := l.Accept()
	stop()
	l.Close()
	if err == nil {
		err = o.client(ctx, &stream{Conn: nc}, b, nc.RemoteAddr().String())
	}
	return o.conclude(ctx, err)
}

// accept accepts until ctx ends, and waits for all connections then.
func (o *options) accept(ctx context.Context, l net.Listener, b point) error {
	var clients sync.WaitGroup
	defer clients.Wait()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	defer l.Close()
	for {
		nc, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				nc.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil: // too many files, as a rule: those who come later may have more luck
			o.log("cannot accept: %v", err)
			t := time.NewTimer(100 * time.Millisecond)
			select {
			case <-t.C:
			case <-ctx.Done():
			}
			continue
		}
		clients.Go(func() {
			who := nc.RemoteAddr().String()
			if err := o.client(ctx, &stream{Conn: nc}, b, who); err != nil {
				o.log("%s: %v", who, err)
			}
		})
	}
}

// client joins one client with what is opened for it. The error is how that went wrong.
func (o *options) client(ctx context.Context, near end, b point, who string) error {
	far, err := o.open(ctx, b)
	if err != nil {
		near.Close(errNotOpened)
		return err
	}
	if o.verbose {
		o.log("%s connected", who)
	}
	err = o.join(ctx, near, far)
	if err == nil && o.verbose {
		o.log("%s ended", who)
	}
	return err
}

// log prints a line.
func (o *options) log(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	fmt.Fprintf(o.env.Stderr, "ws bridge: %s\n", cli.Line(fmt.Sprintf(format, args...)))
}
