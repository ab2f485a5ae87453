// Command conformance is a client for a conformance suite to test. It echoes whatever it receives, once for each case.
//
// Start the suite, then the client in another terminal:
//
//	go run ./autobahn/wstest server -addr 127.0.0.1:9001
//	go run ./examples/conformance -url ws://127.0.0.1:9001 -agent mine -compress
//
// The suite writes the reports: a summary when it is interrupted, and reports/clients/index.html. The original suite uses
// the same protocol and works as well.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/seed60239977/websocket"
)

// Exit statuses.
const (
	statusFailed = 1 // the suite could not be reached, or ended early
	statusUsage  = 2 // the command line is wrong
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program less the process around it. It returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "conformance:", err)
		return statusUsage
	}
	if err := c.takeTest(ctx, stdout); err != nil {
		fmt.Fprintln(stderr, "conformance:", err)
		return statusFailed
	}
	return 0
}

// client is the command line, and what comes of it.
type client struct {
	url, agent string
	options    websocket.DialOptions
}

func parse(args []string, help io.Writer) (*client, error) {
	c := &client{}
	flags := flag.NewFlagSet("conformance", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // one line says what is wrong; -h says what is right
	flags.StringVar(&c.url, "url", "ws://127.0.0.1:9001", "`URL` of the suite")
	flags.StringVar(&c.agent, "agent", "github.com/seed60239977/websocket", "`name` of the client in the reports")
	// The longest message of the suite has 16 MiB.
	flags.Int64Var(&c.options.Config.ReadLimit, "max-message", 16<<20, "longest message in `bytes`")
	compress := flags.Bool("compress", false, "offer permessage-deflate")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(help)
		fmt.Fprintln(help, "usage: conformance [flags]")
		flags.PrintDefaults()
		return nil, err
	case err != nil:
		return nil, err
	case flags.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *compress {
		c.options.Deflate = &websocket.DeflateOptions{}
	}
	return c, nil
}

// takeTest goes through all cases that the suite has, and asks for the reports.
func (c *client) takeTest(ctx context.Context, stdout io.Writer) error {
	count, err := c.caseCount(ctx)
	if err != nil {
		return err
	}
	for i := range count {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := c.takeCase(ctx, i+1); err != nil {
			return fmt.Errorf("case %d of %d: the suite cannot be reached any more: %w", i+1, count, err)
		}
	}
	if err := c.visit(ctx, "updateReports", nil, nil); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s: took part in %d cases\n", c.agent, count)
	return nil
}

// caseCount asks how many cases there are.
func (c *client) caseCount(ctx context.Context) (count int, err error) {
	var answer string
	err = c.visit(ctx, "getCaseCount", nil, func(conn *websocket.Conn) error {
		_, data, err := conn.Read(ctx)
		answer = string(data)
		return err
	})
	if err != nil {
		return 0, err
	}
	if count, err = strconv.Atoi(answer); err != nil || count < 0 {
		return 0, fmt.Errorf("the suite counts its cases as %q", answer)
	}
	return count, nil
}

// takeCase echoes until the suite ends the connection. How the case went is for the suite to say, even if it has refused
// the handshake; the error is that of a suite with which there is no connection at all.
func (c *client) takeCase(ctx context.Context, number int) error {
	err := c.visit(ctx, "runCase", url.Values{"case": {strconv.Itoa(number)}}, func(conn *websocket.Conn) error {
		for m, err := range conn.Messages(ctx) {
			if err != nil {
				return err
			}
			if err := conn.Write(ctx, m.Type, m.Data); err != nil {
				return err
			}
		}
		return nil
	})
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return err
	}
	return nil
}

// visit opens a connection to one of the suite's paths, calls talk if there is anything to say, and closes.
func (c *client) visit(ctx context.Context, path string, query url.Values, talk func(*websocket.Conn) error) error {
	if query == nil {
		query = url.Values{}
	}
	query.Set("agent", c.agent)
	conn, _, err := websocket.Dial(ctx, strings.TrimSuffix(c.url, "/")+"/"+path+"?"+query.Encode(), &c.options)
	if err != nil {
		return err
	}
	defer conn.Close(websocket.StatusNormalClosure, "")
	if talk == nil {
		return nil
	}
	return talk(conn)
}
