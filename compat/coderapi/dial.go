package websocket

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
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
	if limit := cmp.Or(opts.HTTPClient, http.DefaultClient).Timeout; limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	c, resp, err := dial(ctx, u, opts)
	if err != nil {
		return nil, resp, fmt.Errorf("failed to WebSocket dial: %w", err)
	}
	return c, resp, nil
}

func dial(ctx context.Context, rawURL string, opts *DialOptions) (*Conn, *http.Response, error) {
	deflate := opts.CompressionMode.options(opts.CompressionThreshold)
	offer, err := (&handshake.ClientOptions{Deflate: deflate}).NewOffer(&url.URL{})
	if err != nil {
		return nil, nil, err
	}
	key := handshake.NewKey()
	req, err := opts.request(ctx, rawURL, key, offer)
	if err != nil {
		return nil, nil, err
	}
	var below watch
	resp, err := opts.client().Do(below.over(req))
	if err != nil {
		return nil, nil, fmt.Errorf("failed to send handshake request: %w", err)
	}
	body := resp.Body
	resp.Body = nil
	agreed, err := opts.verify(resp, key, offer)
	stream, writable := body.(io.ReadWriteCloser)
	if err == nil && !writable {
		err = fmt.Errorf("response body is not a io.ReadWriteCloser: %T", body)
	}
	if err != nil {
		resp.Body = excerpt(body)
		return nil, resp, err
	}
	c := &Conn{}
	if agreed.Deflate != nil {
		agreed.DeflateOptions = compressing(deflate, agreed.Deflate.ClientNoContextTakeover)
	}
	nc := below.network(c, stream, agreed)
	cfg := c.config(opts.OnPingReceived, opts.OnPongReceived, opts.CheckUTF8)
	c.c = conn.Client(nc, agreed, &cfg)
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

// request returns the request to send.
func (o *DialOptions) request(ctx context.Context, rawURL, key string, offer *handshake.Offer) (*http.Request, error) {
	u, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("failed to create new http request: %w", err)
	}
	if o.HTTPHeader != nil {
		r.Header = o.HTTPHeader.Clone()
	}
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-Websocket-Key", key)
	if len(o.Subprotocols) > 0 {
		r.Header.Set("Sec-Websocket-Protocol", strings.Join(o.Subprotocols, ","))
	}
	for name, values := range offer.Header() {
		if name != "User-Agent" { // package http has one
			r.Header[name] = values
		}
	}
	if o.Host != "" {
		r.Host = o.Host
	}
	return r, nil
}

// client returns the client to use, which follows redirects to ws and wss. Its Timeout would bound the connection, too.
func (o *DialOptions) client() *http.Client {
	client := *cmp.Or(o.HTTPClient, http.DefaultClient)
	check := client.CheckRedirect
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
	return &client
}

// verify checks the response.
func (o *DialOptions) verify(resp *http.Response, key string, offer *handshake.Offer) (*conn.Negotiated, error) {
	h := resp.Header
	accept, subprotocol := h.Get("Sec-Websocket-Accept"), h.Get("Sec-Websocket-Protocol")
	switch {
	case resp.StatusCode != http.StatusSwitchingProtocols:
		return nil, fmt.Errorf("expected handshake response status code %v but got %v", http.StatusSwitchingProtocols, resp.StatusCode)
	case !has(h["Connection"], "Upgrade"):
		return nil, fmt.Errorf(violation+"Connection header %q does not contain Upgrade", h.Get("Connection"))
	case !has(h["Upgrade"], "websocket"):
		return nil, fmt.Errorf(violation+"Upgrade header %q does not contain websocket", h.Get("Upgrade"))
	case accept != string(handshake.AppendAccept(nil, key)):
		return nil, fmt.Errorf(violation+"invalid Sec-WebSocket-Accept %q, key %q", accept, key)
	case subprotocol != "" && !slices.ContainsFunc(o.Subprotocols, func(s string) bool { return strings.EqualFold(s, subprotocol) }):
		return nil, fmt.Errorf(violation+"unexpected Sec-WebSocket-Protocol from server: %q", subprotocol)
	}
	agreed, err := offer.Confirm(http.Header{"Sec-Websocket-Extensions": h["Sec-Websocket-Extensions"]})
	if err != nil {
		return nil, fmt.Errorf(violation+"%w", err)
	}
	return &conn.Negotiated{Subprotocol: subprotocol, Deflate: agreed.Deflate}, nil
}

// excerpt reads the start of a body and closes it.
func excerpt(body io.ReadCloser) io.ReadCloser {
	timer := time.AfterFunc(bodyTimeout, func() { body.Close() })
	defer timer.Stop()
	p, _ := io.ReadAll(io.LimitReader(body, maxBody)) // what there is
	body.Close()
	return io.NopCloser(bytes.NewReader(p))
}
