// Package listen is the command that waits for clients: it echoes, broadcasts, runs a program for each, or has somebody talk to
// them.
package listen

import (
	"bufio"
	"bytes"
	"context"
	_ "embed" // the page
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
	"github.com/seed60239977/websocket/cmd/ws/internal/serve"
	"github.com/seed60239977/websocket/cmd/ws/internal/show"
)

//go:embed page.html
var page []byte

// options are the command line.
type options struct {
	serve           serve.Options
	broadcast, talk bool
	exec            string
	binary          bool
	most            int
	grace           time.Duration
	verbose, noPage bool
	dir             string
	colour          string
	binaryMode      string
	out             *show.Printer
	processes       chan struct{}  // has an element for each that runs
	running         sync.WaitGroup // connections
	stderr          io.Writer
}

// Command describes it.
func Command() *cli.Command {
	return &cli.Command{
		Name: "listen", Args: "ADDR", Min: 1, Max: 1,
		Short: "waits for clients: echo, broadcast, or a program for each",
		Long: `ADDR is host:port, :port for all addresses of this machine, a port alone for localhost, or unix:PATH. Port 0 takes a free one. When it is ready, the URL is printed on standard output. A browser gets a page at / that talks to the server.

By default each message is sent back. With -exec, a program is started for each connection, by the shell: each message becomes a line of its standard input, each line of its standard output a message. When the client goes, its standard input ends; if it is still there after -grace, it is terminated. When it ends, the connection is closed: with 1000, or with 1011 if it has failed. It has the variables of CGI in its environment, such as REMOTE_ADDR, REQUEST_URI, QUERY_STRING and HTTP_COOKIE; what is in them comes from the client.

Only pages of the same origin may connect, and programs, which send no origin; -allow lets in more. Without TLS and on all addresses, anybody on the network may connect.`,
		Examples: []cli.Example{
			{Does: "an echo server, with a page for your browser", Line: "ws listen 8080"},
			{Does: "everybody hears what the others say", Line: "ws listen -broadcast :8080"},
			{Does: "talk to whoever connects, line by line", Line: "ws listen -talk 8080"},
			{Does: "a program for each connection", Line: "ws listen -exec 'while read line; do date; done' 8080"},
			{Does: "the same, with a page of one's own", Line: "ws listen -dir public -path /ws -exec 'while read line; do date; done' 8080"},
			{Does: "follow a file in a browser", Line: "ws listen -exec 'tail -f app.log' 8080"},
			{Does: "with TLS, over HTTP/2 too", Line: "ws listen -tls-cert cert.pem -tls-key key.pem -serve-http2 :8443"},
		},
		Setup: setup,
	}
}

// setup declares the flags.
func setup(f *cli.Flags) cli.Action {
	o := &options{}
	f.Section("What it does")
	f.BoolVar(&o.broadcast, "broadcast", false, "send each message to all other clients; who is too slow for it is let go with 1008")
	f.BoolVar(&o.talk, "talk", false, "print messages, and send the lines of standard input to all clients")
	f.StringVar(&o.exec, "exec", "", "start `command` for each connection")
	f.BoolVar(&o.binary, "b", false, "with -exec: binary messages, with the bytes as they come, in place of lines")
	f.IntVar(&o.most, "max", 100, "with -exec: no more than `n` at once; others are closed with 1013")
	f.DurationVar(&o.grace, "grace", 5*time.Second, "with -exec: `time` to end after the client has gone, and again after SIGTERM")
	f.BoolVar(&o.verbose, "v", false, "log connections and messages")
	f.BoolVar(&o.noPage, "no-page", false, "serve no page")
	f.StringVar(&o.dir, "dir", "", "serve the files of a `directory` in place of the page, to whoever asks; links out of it are not followed")
	f.Files("dir")
	f.StringVar(&o.binaryMode, "binary", "hex", "with -talk: print binary messages as `how`: hex, base64 or into files of a directory")
	f.StringVar(&o.colour, "color", "auto", "colours, `when`: auto (on a terminal), always or never")
	f.Values("color", "auto", "always", "never")
	f.Values("binary", "hex", "base64", "./")
	o.serve.AddFlags(f)
	o.serve.AddLimit(f)
	return o.run
}

// run is the command.
func (o *options) run(ctx context.Context, env *cli.Env, args []string) error {
	if err := o.check(); err != nil {
		return err
	}
	closePage, err := o.openPage()
	if err != nil {
		return err
	}
	defer closePage()
	l, err := serve.Listen(ctx, args[0])
	if err != nil {
		return err
	}
	o.stderr = env.Stderr
	_, _, pretty := cli.Terminal(env.Stdout)
	o.out = &show.Printer{Out: env.Stdout, Notices: env.Stderr, Pretty: pretty, Colour: pretty && env.Colour(o.colour), Binary: o.binaryMode}
	o.processes = make(chan struct{}, o.most)
	o.serve.Accept.OnError = func(r *http.Request, err error) { o.out.Problem("%s: %v", r.RemoteAddr, err) }
	url := o.serve.URL(l)
	fmt.Fprintln(env.Stdout, "listening on", url)
	if o.serve.Page != nil && l.Addr().Network() == "tcp" {
		o.out.Notice("%s at %s", map[bool]string{false: "a page to talk to it is", true: "the files are"}[o.dir != ""], o.serve.PageURL(l))
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if o.talk {
		go o.send(ctx, stop, env.Stdin) // a read of it may never return: nobody waits for that
	}
	err = o.serve.Run(ctx, l, o.connection)
	o.running.Wait() // each for some times -grace at most
	return err
}

// check looks at flags that do not go together.
func (o *options) check() error {
	modes := 0
	for _, set := range []bool{o.broadcast, o.talk, o.exec != ""} {
		if set {
			modes++
		}
	}
	switch {
	case modes > 1:
		return cli.Usage("one of them", "-broadcast, -talk and -exec exclude each other")
	case o.dir != "" && o.noPage:
		return cli.Usage("one of them", "-dir and -no-page exclude each other")
	case o.most < 1:
		return cli.Usage("-max 100", "-max is not positive")
	case o.grace < 0:
		return cli.Usage("-grace 5s", "-grace is negative")
	case o.serve.Accept.Config.ReadLimit <= 0:
		return cli.Usage("-serve-max-message 33554432", "-serve-max-message is not positive")
	case o.binaryMode == "raw":
		return cli.Usage("-binary base64", "-binary raw would run into the text")
	}
	return show.CheckBinary(o.binaryMode)
}

// connection is one client.
func (o *options) connection(ctx context.Context, c *websocket.Conn) {
	o.running.Add(1)
	defer o.running.Done()
	who := serve.Request(ctx).RemoteAddr
	if o.verbose || o.talk {
		o.out.Notice("%s connected: %s", who, serve.Request(ctx).RequestURI)
	}
	var err error
	switch {
	case o.exec != "":
		err = o.execute(ctx, serve.Request(ctx), c)
	case o.broadcast:
		err = c.Serve(ctx, func(c *websocket.Conn, m websocket.Message) error {
			o.logged(who, m)
			o.toOthers(c, m)
			return nil
		})
	case o.talk:
		err = c.Serve(ctx, func(_ *websocket.Conn, m websocket.Message) error { return o.out.Message(m.Type, m.Data) })
	default:
		err = c.Serve(ctx, func(c *websocket.Conn, m websocket.Message) error {
			o.logged(who, m)
			return c.Write(ctx, m.Type, m.Data)
		})
	}
	if o.verbose || o.talk {
		o.out.Notice("%s ended: %v", who, err)
	}
}

// logged logs a message.
func (o *options) logged(who string, m websocket.Message) {
	if !o.verbose {
		return
	}
	const most = 200
	data, more := m.Data, ""
	if len(data) > most {
		data, more = data[:most], " …"
	}
	o.out.Notice("%s %v, %d bytes: %q%s", who, m.Type, len(m.Data), data, more)
}

// toOthers sends a message to all but one. It waits for nobody.
func (o *options) toOthers(from *websocket.Conn, m websocket.Message) {
	p := websocket.Prepare(m.Type, m.Data)
	for c := range o.serve.Accept.Registry.Conns() {
		if c == from {
			continue
		}
		if err := c.SendPrepared(p); errors.Is(err, websocket.ErrQueueFull) {
			_ = c.SendClose(websocket.StatusPolicyViolation, "too slow")
		}
	}
}

// send sends lines to all clients. At their end, stop ends the server.
func (o *options) send(ctx context.Context, stop func(), in io.Reader) {
	defer stop()
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, int(o.serve.Accept.Config.ReadLimit))
	for scanner.Scan() && ctx.Err() == nil {
		o.toOthers(nil, websocket.Message{Type: websocket.Text, Data: []byte(strings.ToValidUTF8(scanner.Text(), "\ufffd"))})
	}
	if err := scanner.Err(); err != nil {
		o.out.Problem("cannot read the input: %v", err)
	}
}

// openPage prepares what answers requests that want no WebSocket.
func (o *options) openPage() (closed func(), err error) {
	switch {
	case o.dir != "":
		root, err := os.OpenRoot(o.dir)
		if err != nil {
			return nil, cli.Usage("-dir .", "-dir: %w", err)
		}
		o.serve.Page = http.FileServerFS(root.FS())
		return func() { root.Close() }, nil
	case !o.noPage:
		path, err := json.Marshal(o.serve.Path()) // which is what may stand in a script
		if err != nil {
			return nil, err
		}
		o.serve.Page = pageHandler(bytes.Replace(page, []byte(`"" /* -path */`), path, 1))
	}
	return func() {}, nil
}

// pageHandler serves the page. It may have scripts and styles of its own, and connect to where it came from.
func pageHandler(page []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'unsafe-inline'; "+
			"style-src 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'")
		_, _ = w.Write(page)
	}
}
