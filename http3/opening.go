package http3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	h3 "github.com/quic-go/quic-go/http3"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/handshake"
)

// How much of a response is read.
const (
	maxResponseHeader = 64 << 10 // bytes
	maxResponseBody   = 64 << 10 // bytes
	maxResponses      = 5        // the final one and those with a status 1xx in front of it
)

// errNoStream is why no stream could be opened on a connection.
var errNoStream = errors.New("no stream can be opened")

// opening is a handshake.
type opening struct {
	url     *url.URL
	options *websocket.DialOptions
	offer   *handshake.Offer
	header  http.Header
}

func newOpening(u *url.URL, o *websocket.DialOptions) (*opening, error) {
	if u.Scheme != "wss" {
		return nil, &handshake.Error{Reason: "HTTP/3 has no ws, only wss"}
	}
	client := handshake.ClientOptions{
		Subprotocols: o.Subprotocols,
		Header:       o.Header,
		Host:         o.Host,
		Deflate:      o.Deflate,
		Lenient:      o.Lenient,
	}
	offer, err := client.NewOffer(u)
	if err != nil {
		return nil, err
	}
	return &opening{url: u, options: o, offer: offer, header: offer.Header()}, nil
}

// httpURL is the URL as HTTP has it.
func (h *opening) httpURL() *url.URL {
	u := *h.url
	u.Scheme, u.User = "https", nil
	return &u
}

// request is the extended CONNECT: quic-go has :protocol in Proto.
func (h *opening) request(ctx context.Context) *http.Request {
	r := (&http.Request{
		Method:     http.MethodConnect,
		Proto:      "websocket",
		ProtoMajor: 3,
		URL:        h.httpURL(),
		Host:       h.options.Host,
		Header:     h.header.Clone(),
	}).WithContext(ctx)
	if r.Host == "" {
		r.Host = handshake.HostField(h.url)
	}
	if h.options.Jar != nil {
		for _, cookie := range h.options.Jar.Cookies(r.URL) {
			r.AddCookie(cookie)
		}
	}
	return r
}

// open opens the WebSocket on a connection.
func (h *opening) open(ctx context.Context, c *connection) (*websocket.Conn, *http.Response, error) {
	s, err := c.http.OpenRequestStream(ctx)
	if err != nil {
		return nil, nil, failed("the stream could not be opened", cause(ctx, fmt.Errorf("%w: %w", errNoStream, err)))
	}
	settled := false
	defer func() {
		if !settled {
			reset(s)
		}
	}()
	stop := context.AfterFunc(ctx, func() { reset(s) })
	defer stop()
	r := h.request(ctx)
	resp, err := exchange(s, r)
	if err != nil {
		reason := "the server did not answer"
		if ctx.Err() != nil {
			reason = "the server did not answer in time"
		}
		return nil, nil, failed(reason, cause(ctx, err))
	}
	state := c.quic.ConnectionState().TLS
	resp.TLS, resp.Request = &state, r
	if h.options.Jar != nil {
		h.options.Jar.SetCookies(r.URL, resp.Cookies())
	}
	agreed, err := h.offer.VerifyConnect(resp)
	if err != nil {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxResponseBody)) // one that breaks off is better than none
		resp.Body = io.NopCloser(bytes.NewReader(body))
		return nil, resp, err
	}
	resp.Body = http.NoBody
	if !stop() {
		return nil, resp, failed("the handshake was given up", ctx.Err())
	}
	settled = true
	n := &conn.Negotiated{Subprotocol: agreed.Subprotocol, Deflate: agreed.Deflate, DeflateOptions: h.options.Deflate}
	return conn.Client(newStream(s, c.quic), n, &h.options.Config), resp, nil
}

// exchange sends the request and reads the final response.
func exchange(s *h3.RequestStream, r *http.Request) (*http.Response, error) {
	if err := s.SendRequestHeader(r); err != nil {
		return nil, err
	}
	for range maxResponses {
		resp, err := s.ReadResponse()
		if err != nil || resp.StatusCode >= 200 {
			return resp, err
		}
	}
	return nil, errors.New("too many informational responses")
}
