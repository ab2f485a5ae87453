package websocket

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/handshake"
)

// AcceptOptions are the options of [Accept].
type AcceptOptions struct {
	// Subprotocols are what the server speaks, in its order of preference, in any case.
	Subprotocols []string

	// InsecureSkipVerify accepts requests with any Origin: every web page may then connect with its visitors' cookies.
	InsecureSkipVerify bool

	// OriginPatterns are the origins that may connect besides the host that the request is addressed to: patterns of
	// path.Match, in any case, for the host of the origin or, if they have "://", for scheme://host.
	OriginPatterns []string

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

// Accept answers the request with the opening handshake and returns the connection. If the request is refused, it has been
// answered. What is in the header of w goes into the response. nil options are the defaults.
func Accept(w http.ResponseWriter, r *http.Request, opts *AcceptOptions) (*Conn, error) {
	if opts == nil {
		opts = &AcceptOptions{}
	}
	c, err := accept(w, r, opts)
	if err != nil {
		return nil, fmt.Errorf("failed to accept WebSocket connection: %w", err)
	}
	return c, nil
}

func accept(w http.ResponseWriter, r *http.Request, opts *AcceptOptions) (*Conn, error) {
	o := opts.handshake()
	resp, err := o.Accept(r)
	if err != nil {
		return nil, refuse(w, r, err)
	}
	if !opts.InsecureSkipVerify {
		if err := checkOrigin(r, opts.OriginPatterns); err != nil {
			text := err.Error()
			if errors.Is(err, path.ErrBadPattern) { // nothing that the client is to see
				text = http.StatusText(http.StatusForbidden)
			}
			http.Error(w, text, http.StatusForbidden)
			return nil, err
		}
	}
	hijacker, ok := findHijacker(w)
	if !ok {
		http.Error(w, http.StatusText(http.StatusNotImplemented), http.StatusNotImplemented)
		return nil, errors.New("http.ResponseWriter does not implement http.Hijacker")
	}
	respond(w, r, &resp)
	nc, brw, err := hijacker.Hijack()
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return nil, fmt.Errorf("failed to hijack connection: %w", err)
	}
	agreed := conn.Negotiated{
		Subprotocol:    w.Header().Get("Sec-Websocket-Protocol"),
		Deflate:        resp.Deflate,
		DeflateOptions: o.Deflate,
		Buffered:       buffered(brw),
	}
	c := &Conn{addrs: nc}
	c.c = conn.Server(nc, &agreed, c.config(hooks{opts.OnPingReceived, opts.OnPongReceived}, opts.CheckUTF8))
	return c, nil
}

// handshake are the engine's options.
func (o *AcceptOptions) handshake() *handshake.ServerOptions {
	return &handshake.ServerOptions{
		SelectSubprotocol: func(_ *http.Request, offered []string) (string, error) {
			for _, name := range o.Subprotocols {
				same := func(s string) bool { return strings.EqualFold(s, name) }
				if i := slices.IndexFunc(offered, same); i >= 0 {
					return offered[i], nil
				}
			}
			return "", nil
		},
		CheckOrigin: func(*http.Request) error { return nil }, // comes after
		Deflate:     o.CompressionMode.options(o.CompressionThreshold),
		Lenient:     true,
	}
}

// refuse answers a request that is none for a WebSocket.
func refuse(w http.ResponseWriter, r *http.Request, err error) error {
	status, reason := http.StatusInternalServerError, err.Error()
	var refused *handshake.Error
	if errors.As(err, &refused) {
		status, reason = refused.Status, refused.Reason
		for name, values := range refused.Header {
			w.Header()[name] = values
		}
	}
	switch upgrades := r.ProtoAtLeast(1, 1) && has(r.Header["Connection"], "upgrade") && has(r.Header["Upgrade"], "websocket"); {
	case !upgrades:
		status = http.StatusUpgradeRequired
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
	case status == http.StatusUpgradeRequired: // another version of the protocol
		status = http.StatusBadRequest
	}
	err = errors.New("WebSocket protocol violation: " + reason)
	http.Error(w, err.Error(), status)
	return err
}

// has reports whether lists of a header have a token, in any case.
func has(lists []string, token string) bool {
	return slices.ContainsFunc(strings.Split(strings.Join(lists, ","), ","), func(s string) bool {
		return strings.EqualFold(strings.TrimSpace(s), token)
	})
}

// respond sends the response that accepts.
func respond(w http.ResponseWriter, r *http.Request, resp *handshake.Response) {
	h := w.Header()
	h.Set("Upgrade", "websocket")
	h.Set("Connection", "Upgrade")
	h.Set("Sec-Websocket-Accept", string(handshake.AppendAccept(nil, strings.TrimSpace(r.Header.Get("Sec-Websocket-Key")))))
	resp.SetHeader(h)
	w.WriteHeader(http.StatusSwitchingProtocols)
	if gin, ok := w.(interface{ WriteHeaderNow() }); ok { // it would wait for a body
		gin.WriteHeaderNow()
	}
}

// buffered returns what has come behind the request, after what stands behind the response is on its way.
func buffered(brw *bufio.ReadWriter) []byte {
	if brw.Writer.Buffered() > 0 {
		brw.Flush()
	}
	if brw.Reader.Buffered() == 0 {
		return nil
	}
	p := make([]byte, brw.Reader.Buffered())
	io.ReadFull(brw.Reader, p) // all of it is in memory
	return p
}

// checkOrigin decides about the Origin of a request.
func checkOrigin(r *http.Request, patterns []string) error {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil {
		return fmt.Errorf("failed to parse Origin header %q: %w", origin, err)
	}
	if strings.EqualFold(u.Host, r.Host) {
		return nil
	}
	for _, pattern := range patterns {
		target := u.Host
		if strings.Contains(pattern, "://") {
			target = u.Scheme + "://" + u.Host
		}
		if ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(target)); err != nil {
			return fmt.Errorf("failed to parse path pattern %q: %w", pattern, err)
		} else if ok {
			return nil
		}
	}
	if u.Host == "" {
		return fmt.Errorf("request Origin %q is not a valid URL with a host", origin)
	}
	return fmt.Errorf("request Origin %q is not authorized for Host %q", u.Host, r.Host)
}

// findHijacker looks for an http.Hijacker behind wrappers with a method Unwrap.
func findHijacker(w http.ResponseWriter) (http.Hijacker, bool) {
	for {
		switch t := w.(type) {
		case http.Hijacker:
			return t, true
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return nil, false
		}
	}
}
