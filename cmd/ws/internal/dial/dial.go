// Package dial has the flags of all commands that connect to a server, and what to try when that fails.
package dial

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
)

// Options are what the flags say. The zero value of Websocket is completed by [Options.Target].
type Options struct {
	Websocket websocket.DialOptions

	user, bearer, proxy, unix string
	cacert, cert, key, sni    string
	compress                  string
	insecure, http2, limited  bool
	ping                      time.Duration
}

// AddFlags defines all flags.
func (o *Options) AddFlags(f *cli.Flags) {
	o.addRequest(f)
	o.limited = true
	f.Int64Var(&o.Websocket.Config.ReadLimit, "max-message", defaultReadLimit, "longest message to accept, in `bytes`")
	o.AddNetwork(f)
}

// AddUnlimited defines all flags but that for how long messages may be, for commands that do not have them in memory.
func (o *Options) AddUnlimited(f *cli.Flags) {
	o.addRequest(f)
	o.AddNetwork(f)
}

func (o *Options) addRequest(f *cli.Flags) {
	w := &o.Websocket
	f.Section("The request, and the connection")
	f.Func("H", "header field to send, as in `'Name: value'`; may be repeated", o.addHeader)
	f.Strings(&w.Subprotocols, "s", "subprotocol `name` to offer; may be repeated, the best first")
	f.Func("cookie", "cookie to send, as in `name=value`; may be repeated", o.addCookie)
	f.Func("origin", "`origin` to send, as a browser would: https://example.com", func(s string) error {
		o.header().Set("Origin", s)
		return nil
	})
	f.StringVar(&o.user, "u", "", "basic authentication: `user:password`, or the user alone and the password in $WS_PASSWORD")
	f.StringVar(&o.bearer, "bearer", "", "send `token` as Authorization: Bearer; - takes it from $WS_TOKEN")
	f.StringVar(&o.compress, "compress", "off", "permessage-deflate to offer, in a `mode`: off, notakeover or takeover")
	f.Values("compress", "off", "notakeover", "takeover")
	f.IntVar(&w.MaxRedirects, "redirects", 0, "follow up to `n` redirects")
	f.BoolVar(&w.Lenient, "lenient", false, "accept subprotocols that are no tokens or were not offered, and an Upgrade of several protocols")
	f.DurationVar(&o.ping, "ping", 0, "`time` of silence after which to ping; a server that is silent for twice that is gone")
}

// defaultReadLimit is how long messages may be, in bytes.
const defaultReadLimit = 32 << 20

// AddNetwork defines the flags about the network and TLS alone.
func (o *Options) AddNetwork(f *cli.Flags) {
	w := &o.Websocket
	f.Section("The network")
	f.StringVar(&o.unix, "unix", "", "connect to the Unix socket `path` in place of the URL's host")
	f.Files("unix")
	f.StringVar(&o.proxy, "proxy", "", "`URL` of a proxy (http, https, socks5), or off; default is what the environment says")
	f.BoolVar(&o.http2, "http2", false, "use HTTP/2 (RFC 8441): with wss if the server has it, with ws without asking")
	f.DurationVar(&w.HandshakeTimeout, "timeout", websocket.DefaultHandshakeTimeout, "`time` for connecting, the handshake included")

	f.Section("TLS")
	f.BoolVar(&o.insecure, "k", false, "accept any certificate of the server")
	f.StringVar(&o.cacert, "cacert", "", "PEM `file` with the certificates to trust instead of the system's")
	f.StringVar(&o.cert, "cert", "", "PEM `file` with the certificate of this client")
	f.StringVar(&o.key, "key", "", "PEM `file` with the private key for -cert (default the same file)")
	f.StringVar(&o.sni, "sni", "", "server `name` to ask for, and to check the certificate against, in place of the URL's host")
	f.Files("cacert", "cert", "key")
}

// header is that of the request.
func (o *Options) header() http.Header {
	if o.Websocket.Header == nil {
		o.Websocket.Header = http.Header{}
	}
	return o.Websocket.Header
}

// addHeader takes a field as it stands in a request.
func (o *Options) addHeader(field string) error {
	name, value, err := Field(field)
	switch {
	case err != nil:
		return err
	case strings.EqualFold(name, "Host"):
		o.Websocket.Host = value
	default:
		o.header().Add(name, value)
	}
	return nil
}

// Field reads a field of a header as it stands in a request or a response.
func Field(field string) (name, value string, err error) {
	name, value, ok := strings.Cut(field, ":")
	if !ok {
		return "", "", errors.New("there is no colon")
	}
	return strings.TrimSpace(name), strings.TrimSpace(value), nil
}

func (o *Options) addCookie(pair string) error {
	if _, _, ok := strings.Cut(pair, "="); !ok {
		return errors.New("there is no =")
	}
	if before := o.header().Get("Cookie"); before != "" {
		pair = before + "; " + pair
	}
	o.header().Set("Cookie", pair)
	return nil
}

// Target completes the options once the flags were parsed, and returns the URL to dial. rawURL is what was typed: see [URL].
func (o *Options) Target(rawURL string, getenv func(string) string) (string, error) {
	address, socket, err := URL(rawURL)
	if err != nil {
		return "", err
	}
	if socket != "" {
		o.unix = socket
	}
	w := &o.Websocket
	if o.limited && w.Config.ReadLimit <= 0 {
		return "", cli.Usage("-max-message 33554432", "-max-message is not positive")
	}
	if o.ping < 0 {
		return "", cli.Usage("-ping 30s", "-ping is negative")
	}
	w.Config.PingInterval, w.Config.IdleTimeout = o.ping, 2*o.ping
	if o.http2 {
		w.HTTP2 = &websocket.HTTP2Pool{Unencrypted: true}
	}
	if o.unix != "" {
		path := o.unix
		w.Proxy = http.ProxyURL(nil)
		w.NetDial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	o.authenticate(getenv)
	return address, errors.Join(o.setCompression(), o.setProxy(), o.setTrust())
}

// HTTP2 reports whether HTTP/2 is asked for.
func (o *Options) HTTP2() bool { return o.http2 }

// Close closes what the connections share.
func (o *Options) Close() {
	if o.Websocket.HTTP2 != nil {
		o.Websocket.HTTP2.Close()
	}
}

// authenticate keeps passwords out of the list of processes for those who do not want them there.
func (o *Options) authenticate(getenv func(string) string) {
	switch {
	case o.user != "":
		if !strings.Contains(o.user, ":") {
			o.user += ":" + getenv("WS_PASSWORD")
		}
		o.header().Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(o.user)))
	case o.bearer == "-":
		o.header().Set("Authorization", "Bearer "+getenv("WS_TOKEN"))
	case o.bearer != "":
		o.header().Set("Authorization", "Bearer "+o.bearer)
	}
}

func (o *Options) setCompression() error {
	d, err := Compression(o.compress)
	o.Websocket.Deflate = d
	return err
}

// Compression returns the options for one of the words off, notakeover and takeover.
func Compression(mode string) (*websocket.DeflateOptions, error) {
	switch mode {
	case "off", "":
		return nil, nil
	case "notakeover", "takeover":
		d := &websocket.DeflateOptions{}
		d.Outgoing.NoContextTakeover = mode == "notakeover"
		d.Incoming.NoContextTakeover = mode == "notakeover"
		return d, nil
	}
	return nil, cli.Usage("-compress takeover", "-compress is off, notakeover or takeover, not %q", mode)
}

func (o *Options) setProxy() error {
	if o.proxy == "" {
		return nil
	}
	var via *url.URL // nil is off
	if o.proxy != "off" {
		var err error
		if via, err = url.Parse(o.proxy); err != nil || via.Host == "" {
			// Without what was typed, which may hold a password.
			return cli.Usage("-proxy http://proxy.example:3128, or -proxy off", "-proxy is a URL or off")
		}
	}
	o.Websocket.Proxy = http.ProxyURL(via)
	return nil
}

// setTrust says whose certificates are good, and shows the client's own. -k is not for proxies: they get a password.
func (o *Options) setTrust() error {
	var roots *x509.CertPool
	if o.cacert != "" {
		pem, err := os.ReadFile(o.cacert)
		if err != nil {
			return cli.Usage("", "-cacert: %w", err)
		}
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return cli.Usage("a file that has -----BEGIN CERTIFICATE----- in it", "there is no certificate in %s", o.cacert)
		}
	}
	server := &tls.Config{RootCAs: roots, InsecureSkipVerify: o.insecure, ServerName: o.sni}
	if o.cert != "" {
		key := o.key
		if key == "" {
			key = o.cert
		}
		pair, err := KeyPair("-cert", o.cert, key)
		if err != nil {
			return err
		}
		server.Certificates = []tls.Certificate{pair}
	} else if o.key != "" {
		return cli.Usage("-cert FILE", "-key needs -cert")
	}
	o.Websocket.TLSConfig = server
	o.Websocket.ProxyTLSConfig = &tls.Config{RootCAs: roots}
	return nil
}

// KeyPair reads a certificate and its private key, which flag names.
func KeyPair(flag, cert, key string) (tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err == nil {
		return pair, nil
	}
	try := "openssl x509 -in FILE -text, to see what is in it"
	if text, failed := os.ReadFile(key); failed == nil && bytes.Contains(text, []byte("ENCRYPTED")) { // PKCS #8, and what was before
		try = "openssl pkey -in " + key + " -out plain.pem, which asks for the passphrase, and the file that this makes"
	} else if strings.HasSuffix(cert, ".p12") || strings.HasSuffix(cert, ".pfx") {
		try = "openssl pkcs12 -in " + cert + " -out plain.pem -nodes, and the file that this makes"
	}
	return pair, cli.Usage(try, "%s: %w", flag, err)
}

// Timeout is how long connecting may take; 0 is no limit.
func (o *Options) Timeout() time.Duration { return max(o.Websocket.HandshakeTimeout, 0) }

// Dial connects. The error is a *cli.Error, with what to try. rawURL is what Target returned.
func (o *Options) Dial(ctx context.Context, rawURL string) (*websocket.Conn, *http.Response, error) {
	c, resp, err := websocket.Dial(ctx, rawURL, &o.Websocket)
	if err != nil {
		return nil, resp, Explain(rawURL, err, resp)
	}
	return c, resp, nil
}

// body is the first line of what a server says about its refusal.
func body(resp *http.Response) string {
	if resp == nil || resp.Body == nil {
		return ""
	}
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 200)) // it is in memory
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return line
}

// port is a port of this machine, and what follows it in a URL. No host has a name of digits alone.
var port = regexp.MustCompile(`^:?\d{1,5}([/?]|$)`)

// URL returns the URL to dial for what somebody has typed: the scheme may be missing, and so may the host in front of a port.
// In the form ws+unix:/path/of/socket:/path?query it also has the path of a Unix socket.
func URL(typed string) (rawURL, socket string, err error) {
	scheme, rest, ok := strings.Cut(typed, "+unix:")
	if ok && (scheme == "ws" || scheme == "wss") {
		path, target, _ := strings.Cut(strings.TrimPrefix(rest, "//"), ":")
		if path == "" {
			return "", "", cli.Usage("ws+unix:/run/app.sock:/path", "there is no path in %q", typed)
		}
		return scheme + "://localhost/" + strings.TrimPrefix(target, "/"), path, nil
	}
	if port.MatchString(typed) {
		typed = "localhost:" + strings.TrimPrefix(typed, ":")
	}
	if !strings.Contains(typed, "://") {
		typed = "ws://" + typed
	}
	u, err := url.Parse(typed)
	if err != nil {
		return "", "", cli.Usage("ws://localhost:8080/path", "this is no URL: %w", withoutURL(err))
	}
	switch u.Scheme {
	case "ws", "wss", "http", "https":
		return typed, "", nil
	}
	return "", "", cli.Usage("ws:// or wss://", "the scheme %s is none of WebSockets", u.Scheme)
}

// withoutURL takes the URL out of an error: it may hold a password.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// Redact returns a URL without its password.
func Redact(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "(a URL that cannot be parsed)"
	}
	return u.Redacted()
}

// Agreed says what the handshake settled, in words.
func Agreed(c *websocket.Conn, resp *http.Response) string {
	var said strings.Builder
	if resp.ProtoMajor > 1 {
		fmt.Fprintf(&said, ", HTTP/%d", resp.ProtoMajor)
	}
	if s := c.Subprotocol(); s != "" {
		said.WriteString(", subprotocol " + s)
	}
	if e := resp.Header.Get("Sec-WebSocket-Extensions"); e != "" {
		said.WriteString(", extensions " + e)
	}
	return said.String()
}
