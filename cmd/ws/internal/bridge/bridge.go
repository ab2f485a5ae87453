// Package bridge is the command that joins two streams of bytes, at least one of them a WebSocket as a rule.
package bridge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
	"github.com/seed60239977/websocket/cmd/ws/internal/dial"
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
	linger      time.Duration
	verbose     bool
	env         *cli.Env
	mu          sync.Mutex // of what is printed
}

// Command describes it.
func Command() *cli.Command {
	return &cli.Command{
		Name: "bridge", Args: "A B", Min: 2, Max: 2,
		Short: "joins a WebSocket with TCP, a Unix socket or standard input and output",
		Long: `What comes from A goes to B, and the other way around. Each of them is one of

  ws://… wss://…          a WebSocket that is dialed
  ws-listen:ADDR[/PATH]   clients of a WebSocket server
  tcp:HOST:PORT           a TCP connection that is dialed
  tcp-listen:ADDR         clients of a TCP server
  unix:PATH               a Unix socket that is dialed
  unix-listen:PATH        clients of a Unix socket
  -                       standard input and output

where ADDR is as for ws listen. If one of them waits for clients, the other one is opened for each. Bytes become binary messages as they come, and messages become bytes; with -text, lines become text messages, and messages lines. Two WebSockets pass messages on as they are, and how they are closed.

Nobody reads faster than the other side takes it: a slow end slows the other one down, and no more than some buffers are in memory. When two of these bridges talk to each other, they agree on the subprotocol half-close.bridge.ws, in which one direction can end before the other. Other peers do not know it: when one direction ends there, what still comes in the other one is waited for, until nothing has come for -linger. A connection that breaks is broken on the other side, too, so that nobody takes a part for the whole.`,
		Examples: []cli.Example{
			{Does: "carry ssh through whatever lets WebSockets through: at the far end", Line: "ws bridge ws-listen:8080/ssh tcp:localhost:22"},
			{Does: "and at the near end", Line: "ssh -o ProxyCommand='ws bridge - wss://far.example/ssh' far"},
			{Does: "or as a port of this machine", Line: "ws bridge tcp-listen:2222 wss://far.example/ssh"},
			{Does: "talk to a TCP server from a browser", Line: "ws bridge -allow https://app.example ws-listen:8080 tcp:localhost:6379"},
			{Does: "lines from a pipe as text messages", Line: "tail -f app.log | ws bridge -text - ws://collector.example/"},
		},
		Setup: func(f *cli.Flags) cli.Action {
			o := &options{}
			f.Section("The bridge")
			f.BoolVar(&o.text, "text", false, "lines are text messages")
			f.BoolVar(&o.noHalfClose, "no-half-close", false, "do not offer, nor agree to, the subprotocol half-close.bridge.ws")
			f.DurationVar(&o.linger, "linger", 5*time.Second, "`time` in which nothing has come after which a connection that can end in one direction is closed")
			f.BoolVar(&o.verbose, "v", false, "log connections")
			o.dial.AddFlags(f)
			o.serve.AddFlags(f, "")
			return o.run
		},
	}
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
	if !ok || address == "" || kind != "tcp" && kind != "unix" && (kind != "ws" || !listens) {
		return point{}, cli.Usage("ws://…, tcp:HOST:PORT, unix:PATH, tcp-listen:PORT, ws-listen:PORT or -", "%q is nothing to join", text)
	}
	return point{kind: kind, address: address, listens: listens}, nil
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
	case a.listens && b.kind == "stdio":
		return cli.Usage("ws listen -talk", "standard input and output are for one connection, and there may be many")
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
	case "ws":
		c, _, err := p.dial.Dial(ctx, p.address)
		if err != nil {
			return nil, err
		}
		return newSocket(c, o.text, o.linger), nil
	}
	nc, err := new(net.Dialer).DialContext(ctx, p.kind, p.address)
	if err != nil {
		return nil, &cli.Error{Err: err, Try: "whether the server runs, and listens at " + p.address}
	}
	return &stream{Conn: nc}, nil
}

// listen waits for clients of a, and opens b for each.
func (o *options) listen(ctx context.Context, a, b point) error {
	address, path, _ := strings.Cut(a.address, "/")
	if a.kind == "unix" {
		address = "unix:" + a.address
	}
	l, err := serve.Listen(ctx, address)
	if err != nil {
		return err
	}
	if a.kind == "ws" {
		if path != "" {
			o.serve.SetPath("/" + path)
		}
		fmt.Fprintln(o.env.Stdout, "listening on", o.serve.URL(l))
		return o.serve.Run(ctx, l, func(inner context.Context, c *websocket.Conn) {
			o.client(inner, newSocket(c, o.text, o.linger), b, serve.Request(inner).RemoteAddr)
		})
	}
	fmt.Fprintf(o.env.Stdout, "listening on %s:%s\n", a.kind, l.Addr())
	return o.accept(ctx, l, b)
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
		clients.Go(func() { o.client(ctx, &stream{Conn: nc}, b, nc.RemoteAddr().String()) })
	}
}

// client joins one client with what is opened for it.
func (o *options) client(ctx context.Context, near end, b point, who string) {
	far, err := o.open(ctx, b)
	if err != nil {
		o.log("%s: %v", who, err)
		near.Close(errNotOpened)
		return
	}
	if o.verbose {
		o.log("%s connected", who)
	}
	err = o.join(ctx, near, far)
	switch {
	case err != nil:
		o.log("%s: %v", who, err)
	case o.verbose:
		o.log("%s ended", who)
	}
}

// log prints a line.
func (o *options) log(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	fmt.Fprintf(o.env.Stderr, "ws bridge: %s\n", cli.Line(fmt.Sprintf(format, args...)))
}
