// Package connect is the command that talks to a server: with a prompt on a terminal, line by line in a pipe.
package connect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
	"github.com/seed60239977/websocket/cmd/ws/internal/dial"
	"github.com/seed60239977/websocket/cmd/ws/internal/record"
	"github.com/seed60239977/websocket/cmd/ws/internal/show"
	"github.com/seed60239977/websocket/reconnect"
)

// options are the command line.
type options struct {
	dial           dial.Options
	messages       []string
	hello          []string
	one            bool
	count          int
	wait           time.Duration
	stay           bool
	binary, null   bool
	slash          bool
	json, jsonrpc  bool
	quiet, verbose bool
	binaryMode     string
	colour         string
	record         string
	history        string
	reconnect      bool
	resume         string
}

// Command describes it.
func Command() *cli.Command {
	return &cli.Command{
		Name: "connect", Args: "URL", Min: 1, Max: 1,
		Short: "talks to a server, from a terminal or a script",
		Long: `On a terminal there is a prompt, with line editing and a history (arrow keys). Messages appear as they come, with the time: JSON laid out, binary as a dump. A line that begins with / is a command: /help lists them. Ctrl-D or Ctrl-C closes the connection and ends the program.

In a pipe, each line of standard input is sent as a message: as text, or as binary if it is not UTF-8. Each message that comes is printed on a line of standard output; binary is printed as it is, with nothing in between. Everything else goes to standard error. At the end of the input a ping makes sure that the server has read everything, and what it has sent until then is printed, before the connection is closed with 1000. When the program is interrupted or terminated, it closes with 1001.

The URL may go without ws://, and without a host in front of a port of this machine, as in :8080/path or 8080. ws+unix:/run/app.sock:/path has the path of a Unix socket in it.`,
		Examples: []cli.Example{
			{Does: "talk to a server", Line: "ws connect ws://localhost:8080/"},
			{Does: "send a line, print the first answer", Line: `echo '{"op":"status"}' | ws connect -1 wss://example.com/api`},
			{Does: "the same without a pipe", Line: `ws connect -1 -x '{"op":"status"}' wss://example.com/api`},
			{Does: "subscribe, and print what comes until interrupted", Line: `ws connect -n -x '{"subscribe":"news"}' wss://example.com/feed`},
			{Does: "come back after failures, and go on behind the last seq", Line: `ws connect -reconnect -resume seq -hello '{"subscribe":"news","after":{{last}}}' wss://example.com/feed`},
			{Does: "calls of JSON-RPC, by hand", Line: "ws connect -jsonrpc wss://node.example/"},
			{Does: "keep a recording, for ws replay", Line: "ws connect -record talk.jsonl :8080"},
			{Does: "a server behind a proxy, with a certificate of one's own", Line: "ws connect -proxy http://proxy:3128 -cacert ca.pem -u me wss://internal.example/"},
		},
		Setup: func(f *cli.Flags) cli.Action {
			o := &options{}
			o.addFlags(f)
			return o.run
		},
	}
}

func (o *options) addFlags(f *cli.Flags) {
	f.Section("What is sent")
	f.Strings(&o.messages, "x", "send `message` in place of standard input; may be repeated")
	f.Strings(&o.hello, "hello", "send `message` first, on each connection; may be repeated. {{last}} in it is what -resume found, or null")
	f.BoolVar(&o.binary, "b", false, "send binary messages")
	f.BoolVar(&o.null, "0", false, "messages end with a zero byte in place of a line feed, in both directions")
	f.BoolVar(&o.jsonrpc, "jsonrpc", false, "send lines as calls of JSON-RPC 2.0: the first word is the method, the rest its parameters in JSON, with commas between them, or one object")
	f.BoolVar(&o.slash, "slash", false, "take lines that begin with / for commands in a pipe, too")

	f.Section("When it ends")
	f.BoolVar(&o.one, "1", false, "end after one message has come: the same as -count 1")
	f.IntVar(&o.count, "count", 0, "end after `n` messages have come")
	f.BoolVar(&o.stay, "n", false, "stay connected at the end of the input")
	f.DurationVar(&o.wait, "w", 0, "wait for this `time` at the end of the input: for all that comes, or for what -1 or -count ask for")
	f.BoolVar(&o.reconnect, "reconnect", false, "connect again when the connection is lost, unless the server has ended it for good; what could not be sent is sent then")
	f.StringVar(&o.resume, "resume", "", "remember the `field` of the last JSON message that has it (a.b for one inside of another), for -hello")

	f.Section("What is printed")
	f.StringVar(&o.binaryMode, "binary", "", "print binary messages as `how`: hex (the default on a terminal), raw (the default in a pipe), base64, or into files of a directory")
	f.Values("binary", "hex", "raw", "base64", "./")
	f.BoolVar(&o.json, "json", false, "print everything that happens as JSON lines, as -record does")
	f.StringVar(&o.record, "record", "", "also write everything that happens to `file`, as JSON lines with times")
	f.StringVar(&o.colour, "color", "auto", "colours, `when`: auto (on a terminal), always or never")
	f.Values("color", "auto", "always", "never")
	f.BoolVar(&o.quiet, "q", false, "print nothing but messages and errors")
	f.BoolVar(&o.verbose, "v", false, "show pings and pongs, and the response to the handshake")
	f.StringVar(&o.history, "history", "", "`file` for the history of the prompt, or off (default ws/history in $XDG_STATE_HOME)")
	f.Files("record", "history")
	o.dial.AddFlags(f)
}

// run is the command.
func (o *options) run(ctx context.Context, env *cli.Env, args []string) error {
	if err := o.check(); err != nil {
		return err
	}
	address, err := o.dial.Target(args[0], env.Getenv)
	if err != nil {
		return err
	}
	defer o.dial.Close()
	dialing, stopDialing := context.WithCancel(ctx)
	defer stopDialing()
	s := &session{options: o, env: env, address: address, stopDialing: stopDialing}
	s.enough, s.complete = context.WithCancel(context.Background())
	defer s.complete()
	if o.record != "" {
		file, err := os.OpenFile(o.record, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			return &cli.Error{Err: err, Try: "-record with a file that can be written"}
		}
		defer file.Close()
		s.record = record.NewWriter(file, nil)
	}
	if err := s.open(); err != nil {
		return err
	}
	s.watch()
	err = s.run(ctx, dialing)
	s.close()
	if failed := s.record.Err(); failed != nil {
		return fmt.Errorf("cannot write the recording: %w", failed)
	}
	return s.conclude(dialing, err)
}

// check looks at flags that do not go together.
func (o *options) check() error {
	if o.one {
		o.count = 1
	}
	switch {
	case o.count < 0:
		return cli.Usage("-count 1", "-count is negative")
	case o.wait < 0:
		return cli.Usage("-w 5s", "-w is negative")
	case o.colour != "auto" && o.colour != "always" && o.colour != "never":
		return cli.Usage("-color never", "-color is auto, always or never, not %q", o.colour)
	case o.resume != "" && !o.reconnect:
		return cli.Usage("-reconnect with it", "-resume is for connections that come back")
	case o.stay && o.wait > 0:
		return cli.Usage("one of them", "-n and -w exclude each other")
	}
	if o.binaryMode != "" {
		return show.CheckBinary(o.binaryMode)
	}
	return nil
}

// run connects, and again if that was asked for. The error is how the last connection ended, or why there was none. dialing is
// for the time in which there is no connection.
func (s *session) run(ctx, dialing context.Context) error {
	if !s.reconnect {
		c, err := s.dial(dialing)
		if err != nil {
			return err
		}
		return s.serve(ctx, c)
	}
	// serve has to tell the end of a connection from that of the program: it does not take the context for both.
	serve := func(_ context.Context, c *websocket.Conn) error { return s.serve(ctx, c) }
	return reconnect.Run(dialing, s.dial, serve, &reconnect.Options{
		ShouldRetry: func(err error) bool { return !s.over.Load() && reconnect.ShouldRetry(err) },
		OnWait: func(err error, wait time.Duration) time.Duration {
			s.out.Problem("%v; connecting again in %v", err, wait.Round(time.Millisecond))
			return wait
		},
	})
}

// dial connects once.
func (s *session) dial(ctx context.Context) (*websocket.Conn, error) {
	c, resp, err := s.options.dial.Dial(ctx, s.address)
	if err != nil {
		return nil, err
	}
	s.opened(c, resp)
	return c, nil
}

// conclude turns how a connection ended into an exit status, and into words unless they were said.
func (s *session) conclude(dialing context.Context, err error) error {
	if s.timedOut {
		return &cli.Error{Err: errors.New("the messages that were waited for did not come"), Try: "a longer -w", Status: cli.StatusTimeout}
	}
	if s.reconnect && err != nil && err == dialing.Err() {
		return nil // it was interrupted, and has closed
	}
	_, ended := errors.AsType[*websocket.CloseError](err)
	switch {
	case !ended:
		return err
	case s.count > 0 && s.received.Load() >= int64(s.count):
		return nil // however the connection has ended after that
	case s.count > 0 && !s.over.Load() && cli.CloseStatus(err) == 0:
		return &cli.Error{
			Err:    fmt.Errorf("the messages that were waited for did not come: %w", err),
			Try:    "-v, which shows what the server does",
			Status: cli.StatusTimeout,
		}
	}
	return cli.Closed(err)
}
