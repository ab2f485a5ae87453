// Command client talks to a WebSocket server from a terminal or a script.
//
//	go run ./examples/client ws://127.0.0.1:9001/
//
// It sends each line of standard input as a text message, or as a binary one if it is not UTF-8. It prints each message
// that it receives on a line of standard output: text as it is, binary as its length and its first bytes. On a terminal,
// control characters in text are made visible. Everything else goes to standard error.
//
// At the end of its input it sends a ping to wait until the server has read everything, and closes the connection with 1000,
// unless -stay is set. When it is interrupted or terminated, it closes with 1001. The exit status says how it ended:
//
//	0          closed by this program, or by the server with 1000
//	1          not connected, or standard input or output failed
//	2          the command line is wrong
//	3          closed with a code from 3000 to 3999
//	4          closed with a code from 4000 to 4999
//	101 … 115  closed with the code 1001 … 1015, by the server or because of it;
//	           106 if the connection was lost without a closing handshake
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/seed60239977/websocket"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // whoever asks twice does not want to wait for the server
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program less the process around it. It returns the exit status. When the connection ends before stdin does,
// a read of stdin is still under way.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	complain := func(status int, err error) int {
		fmt.Fprintln(stderr, "client:", visible(err.Error()))
		return status
	}
	address, o, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return complain(statusUsage, err)
	}
	c, resp, err := websocket.Dial(ctx, address, &o.dial)
	if err != nil {
		return complain(statusFailed, withBody(err, resp))
	}
	fmt.Fprintln(stderr, "client: connected"+visible(agreed(c, resp)))
	t := talk{c: c, stay: o.stay, stdout: stdout, maxLine: int(o.dial.Config.ReadLimit)}
	err = t.run(ctx, stdin)
	if status := exitStatus(err); status != 0 {
		return complain(status, err)
	}
	return 0
}

// agreed says what the handshake settled.
func agreed(c *websocket.Conn, resp *http.Response) string {
	said := ""
	if s := c.Subprotocol(); s != "" {
		said += ", subprotocol " + s
	}
	if e := resp.Header.Get("Sec-WebSocket-Extensions"); e != "" {
		said += ", extensions " + e
	}
	return said
}

// withBody adds what a server says about its refusal.
func withBody(err error, resp *http.Response) error {
	if resp == nil {
		return err
	}
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 200)) // it is in memory
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	if line == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, line)
}

// options are the command line.
type options struct {
	dial websocket.DialOptions
	stay bool
}

func parse(args []string, help io.Writer) (address string, o options, err error) {
	var compress, proxy, cacert string
	var insecure bool
	var ping time.Duration
	o.dial.Header = http.Header{}
	flags := flag.NewFlagSet("client", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // one line says what is wrong; -h says what is right
	flags.Func("H", "header field to send, as in `Name: value`; may be repeated", o.addHeader)
	flags.Func("subprotocol", "`name` to offer to the server; may be repeated, the best first", func(name string) error {
		o.dial.Subprotocols = append(o.dial.Subprotocols, name)
		return nil
	})
	flags.StringVar(&compress, "compress", "off", "permessage-deflate to offer: `off`, notakeover or takeover")
	flags.StringVar(&proxy, "proxy", "", "`URL` of a proxy (http, https, socks5), or off; default is what the environment says")
	flags.BoolVar(&insecure, "k", false, "accept any certificate of the server")
	flags.StringVar(&cacert, "cacert", "", "`file` in PEM with the certificates to trust, instead of the system's")
	flags.DurationVar(&ping, "ping", 0, "`time` of silence after which to ping; a server that is silent for twice that is gone")
	flags.Int64Var(&o.dial.Config.ReadLimit, "max-message", 32<<20, "longest message, and longest line, in `bytes`")
	flags.BoolVar(&o.stay, "stay", false, "stay connected at the end of the input")
	err = flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(help)
		fmt.Fprintln(help, "usage: client [flags] URL")
		flags.PrintDefaults()
		return "", o, err
	case err != nil:
		return "", o, err
	case flags.NArg() != 1:
		return "", o, fmt.Errorf("one URL is needed, not %d", flags.NArg())
	case o.dial.Config.ReadLimit <= 0 || o.dial.Config.ReadLimit > 1<<30:
		return "", o, errors.New("-max-message is from 1 to 1073741824")
	case ping < 0:
		return "", o, errors.New("-ping is not negative")
	}
	o.dial.Config.PingInterval, o.dial.Config.IdleTimeout = ping, 2*ping
	return flags.Arg(0), o, errors.Join(o.setCompression(compress), o.setProxy(proxy), o.setTrust(cacert, insecure))
}

// addHeader takes a field as it stands in a request.
func (o *options) addHeader(field string) error {
	name, value, ok := strings.Cut(field, ":")
	if !ok {
		return errors.New("there is no colon")
	}
	if strings.EqualFold(name, "Host") {
		o.dial.Host = strings.TrimSpace(value)
		return nil
	}
	o.dial.Header.Add(name, strings.TrimSpace(value))
	return nil
}

// setCompression takes the words that the echo server takes, too.
func (o *options) setCompression(mode string) error {
	switch mode {
	case "off":
		return nil
	case "notakeover", "takeover":
		alone := websocket.DeflateOptions{}
		alone.Outgoing.NoContextTakeover = mode == "notakeover"
		alone.Incoming.NoContextTakeover = mode == "notakeover"
		o.dial.Deflate = &alone
		return nil
	}
	return fmt.Errorf("-compress is off, notakeover or takeover, not %q", mode)
}

func (o *options) setProxy(proxy string) error {
	if proxy == "" {
		return nil
	}
	var via *url.URL // nil is off
	if proxy != "off" {
		var err error
		if via, err = url.Parse(proxy); err != nil || via.Host == "" {
			return errors.New("-proxy is a URL or off") // without the URL, which may hold a password
		}
	}
	o.dial.Proxy = http.ProxyURL(via)
	return nil
}

// setTrust says whose certificates are good. -k is not for proxies: they get a password.
func (o *options) setTrust(cacert string, insecure bool) error {
	var roots *x509.CertPool
	if cacert != "" {
		pem, err := os.ReadFile(cacert)
		if err != nil {
			return err
		}
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return fmt.Errorf("there is no certificate in %s", cacert)
		}
	}
	o.dial.TLSConfig = &tls.Config{RootCAs: roots, InsecureSkipVerify: insecure}
	o.dial.ProxyTLSConfig = &tls.Config{RootCAs: roots}
	return nil
}
