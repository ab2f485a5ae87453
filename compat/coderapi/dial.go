package websocket

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/handshake"
)

// DialOptions are the options of [Dial].
type DialOptions struct {
	// HTTPClient sends the request; nil stands for http.DefaultClient. Its transport must return a body that can be written
	// to for a response that switches protocols, as http.Transport does. Its Timeout bounds the handshake.
	HTTPClient *http.Client

	// HTTPHeader goes into the request.
	HTTPHeader http.Header

	// Host is sent instead of the URL's host if it is not empty.
	Host string

	// Subprotocols are offered to the server, in order of preference.
	Subprotocols []string

	// CompressionMode says whether messages are compressed; by default they are not.
	CompressionMode CompressionMode

	// CompressionThreshold is the size in bytes below which messages are not compressed. 0 stands for the default of
	// CompressionMode.
	CompressionThreshold int

	// OnPingReceived, if not nil, is called for each ping, on the goroutine that reads. If it returns false, no pong is
	// sent. ctx is that of the call that reads; payload is valid until the function returns. It must not block, read or close.
	OnPingReceived func(ctx context.Context, payload []byte) bool

	// OnPongReceived, if not nil, is called for each pong. See OnPingReceived.
	OnPongReceived func(ctx context.Context, payload []byte)

	// CheckUTF8 checks that text messages are UTF-8, as RFC 6455 asks for: the connection fails with code 1007 where they
	// are not. coder/websocket does not have it.
	CheckUTF8 bool
}

const (
	maxBody      = 1024            // bytes of the response's body that are kept
	bodyTimeout  = 3 * time.Second // for them to come
	maxRedirects = 10
)

// Dial opens a connection to a URL with the scheme ws, wss, http or https. The response need not be closed. With an error it may
// be there too: then its body has up to 1024 bytes of what came. ctx bounds the handshake only. nil options are the defaults.
func Dial(ctx context.Context, u string, opts *DialOptions) (*Conn, *http.Response, error) {
	if opts == nil {
		opts = &DialOptions{}
	}
	c, resp, err := dial(ctx, u, opts)
	if err != nil {
		return nil, resp, fmt.Errorf("failed to WebSocket dial: %w", err)
	}
	return c, resp, nil
}

func dial(ctx context.Context, rawURL string, opts *DialOptions) (*Conn, *http.Response, error) {
	u, err := parseURL(rawURL)
	if err != nil {
		return nil, nil, err
	}
	o, asked, err := opts.request(*u)
	if err != nil {
		return nil, nil, err
	}
	client, timeout := opts.client()
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, nil, fmt.Errorf("failed to create new http request: %w", err)
	}
	if req.Header, err = opts.header(asked); err != nil {
		return nil, nil, err
	}
	if opts.Host != "" {
		req.Host = opts.Host
	}
	var below watch
	resp, err := client.Do(below.over(req))
	if err != nil {
		return nil, resp, fmt.Errorf("failed to send handshake request: %w", err)
	}
	body := resp.Body
	resp.Body = nil
	agreed, err := verify(asked, resp)
	stream, writable := body.(io.ReadWriteCloser)
	if err == nil && !writable {
		err = fmt.Errorf("response body is not a io.ReadWriteCloser: %T", body)
	}
	if err != nil {
		resp.Body = excerpt(body)
		return nil, resp, err
	}
	c := &Conn{}
	n := conn.Negotiated{Subprotocol: agreed.Subprotocol, Deflate: agreed.Deflate, DeflateOptions: o.Deflate}
	nc := below.network(c, stream, &n)
	c.c = conn.Client(nc, &n, c.config(hooks{opts.OnPingReceived, opts.OnPongReceived}, opts.CheckUTF8))
	return c, resp, nil
}

// parseURL returns the URL as package http knows it.
func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("failed to parse url: %w", err)
	}
	switch u.Scheme {
	case "ws":
		u.Scheme = "http"
	case "wss":
		u.Scheme = "https"
	case "http", "https":
	default:
		return nil, fmt.Errorf("unexpected url scheme: %q", u.Scheme)
	}
	return u, nil
}

// request prepares the handshake.
func (o *DialOptions) request(u url.URL) (*handshake.ClientOptions, *handshake.Request, error) {
	co := &handshake.ClientOptions{
		Header:       http.Header{},
		Subprotocols: o.Subprotocols,
		Deflate:      o.CompressionMode.options(o.CompressionThreshold),
		Lenient:      true,
	}
	for name, values := range o.HTTPHeader {
		if !handshake.Reserved(name) {
			co.Header[name] = values
		}
	}
	u.Fragment, u.RawFragment, u.User = "", "", nil // package http sees to that
	parsed, err := handshake.ParseURL(u.String())
	if err != nil {
		return nil, nil, fmt.Errorf("failed to parse url: %w", err)
	}
	asked, err := co.NewRequest(parsed)
	return co, asked, err
}

// header returns the fields of the request.
func (o *DialOptions) header(asked *handshake.Request) (http.Header, error) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(asked.AppendRequest(nil))))
	if err != nil {
		return nil, err
	}
	if _, ok := o.HTTPHeader["User-Agent"]; !ok {
		r.Header.Del("User-Agent") // package http has one
	}
	return r.Header, nil
}

// client returns the client to use, which follows redirects to ws and wss, and the limit to its time.
func (o *DialOptions) client() (*http.Client, time.Duration) {
	client := *http.DefaultClient
	if o.HTTPClient != nil {
		client = *o.HTTPClient
	}
	timeout, check := client.Timeout, client.CheckRedirect
	client.Timeout = 0
	client.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		switch r.URL.Scheme {
		case "ws":
			r.URL.Scheme = "http"
		case "wss":
			r.URL.Scheme = "https"
		}
		if check != nil {
			return check(r, via)
		}
		if len(via) >= maxRedirects {
			return errors.New("stopped after 10 redirects")
		}
		return nil
	}
	return &client, timeout
}

// verify checks the response.
func verify(asked *handshake.Request, resp *http.Response) (handshake.Agreed, error) {
	const violation = "WebSocket protocol violation: "
	switch {
	case resp.StatusCode != http.StatusSwitchingProtocols:
		return handshake.Agreed{}, fmt.Errorf("expected handshake response status code %v but got %v",
			http.StatusSwitchingProtocols, resp.StatusCode)
	case !strings.Contains(strings.ToLower(resp.Header.Get("Upgrade")), "websocket"):
		return handshake.Agreed{}, fmt.Errorf(violation+"Upgrade header %q does not contain websocket", resp.Header.Get("Upgrade"))
	}
	agreed, err := asked.Verify(resp)
	if err != nil {
		return agreed, fmt.Errorf(violation+"%w", err)
	}
	return agreed, nil
}

// excerpt reads the start of a body and closes it.
func excerpt(body io.ReadCloser) io.ReadCloser {
	timer := time.AfterFunc(bodyTimeout, func() { body.Close() })
	defer timer.Stop()
	p, _ := io.ReadAll(io.LimitReader(body, maxBody)) // what there is
	body.Close()
	return io.NopCloser(bytes.NewReader(p))
}
