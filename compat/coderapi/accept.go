package websocket

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"reflect"
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
	if status, err := checkRequest(w.Header(), r); err != nil {
		http.Error(w, err.Error(), status)
		return nil, err
	}
	var resp handshake.Response
	if err := opts.decide(w, r, &resp); err != nil {
		return nil, err
	}
	nc, brw, err := switchProtocols(w, &resp)
	if err != nil {
		return nil, err
	}
	return opts.open(nc, brw, &resp.Agreed, w.Header().Get("Sec-Websocket-Protocol")), nil
}

// decide puts the response into resp, which is zero. If the request is refused, it has been answered. It is apart, like open,
// because of its frame: what is called is deep in the stack of net/http's goroutine, and must not be what makes it need a
// larger one.
//
//go:noinline
func (o *AcceptOptions) decide(w http.ResponseWriter, r *http.Request, resp *handshake.Response) (err error) {
	so := o.handshake()
	named := r
	if r.Host == "" { // a request that a program has put together
		at := *r
		at.Host = "localhost"
		named = &at
	}
	if *resp, err = so.Accept(named); err != nil {
		return refuse(w, err)
	}
	if err := o.checkOrigin(r); err != nil {
		text := err.Error()
		if errors.Is(err, path.ErrBadPattern) { // nothing that the client is to see
			text = http.StatusText(http.StatusForbidden)
		}
		http.Error(w, text, http.StatusForbidden)
		return err
	}
	return nil
}

// open makes the connection. ownSubprotocol is one that the program has put into the response, or "".
//
//go:noinline
func (o *AcceptOptions) open(nc net.Conn, brw *bufio.ReadWriter, agreed *handshake.Agreed, ownSubprotocol string) *Conn {
	n := conn.Negotiated{
		Subprotocol: cmp.Or(ownSubprotocol, agreed.Subprotocol), Deflate: agreed.Deflate, Buffered: buffered(nc, brw),
	}
	if n.Deflate != nil {
		n.DeflateOptions = compressing(o.CompressionMode.options(o.CompressionThreshold), n.Deflate.ServerNoContextTakeover)
	}
	c := new(Conn)
	cfg := c.config(o.OnPingReceived, o.OnPongReceived, o.CheckUTF8)
	c.c = conn.Server(nc, &n, &cfg)
	return c
}

// switchProtocols sends the response that accepts, and takes the connection from the HTTP server.
func switchProtocols(w http.ResponseWriter, resp *handshake.Response) (net.Conn, *bufio.ReadWriter, error) {
	hijacker, ok := findHijacker(w)
	if !ok {
		http.Error(w, http.StatusText(http.StatusNotImplemented), http.StatusNotImplemented)
		return nil, nil, errors.New("http.ResponseWriter does not implement http.Hijacker")
	}
	direct := plain(w)
	if !direct {
		respond(w, resp)
	}
	nc, brw, err := hijacker.Hijack()
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return nil, nil, fmt.Errorf("failed to hijack connection: %w", err)
	}
	if direct {
		nc.Write(resp.AppendResponse(nil)) // if it fails, so will what comes next
	}
	return nc, brw, nil
}

// plain reports whether a ResponseWriter is package http's own and has no header yet. Then nobody looks on who would have to see
// the response, and it need not go through the ResponseWriter, which would take longer.
func plain(w http.ResponseWriter) bool {
	t := reflect.TypeOf(w)
	return len(w.Header()) == 0 && t.Kind() == reflect.Pointer && t.Elem().PkgPath() == "net/http"
}

// handshake are the engine's options.
func (o *AcceptOptions) handshake() handshake.ServerOptions {
	so := handshake.ServerOptions{
		CheckOrigin: func(*http.Request) error { return nil }, // comes after
		Deflate:     o.CompressionMode.options(o.CompressionThreshold),
		Lenient:     true,
	}
	if len(o.Subprotocols) > 0 {
		so.SelectSubprotocol = func(_ *http.Request, offered []string) (string, error) {
			for _, name := range o.Subprotocols {
				same := func(s string) bool { return strings.EqualFold(s, name) }
				if i := slices.IndexFunc(offered, same); i >= 0 {
					return offered[i], nil
				}
			}
			return "", nil
		}
	}
	return so
}

const violation = "WebSocket protocol violation: "

// checkRequest says in coder/websocket's words what is wrong with a request, and the status of the response, whose header it
// sets. The engine checks the rest.
func checkRequest(answer http.Header, r *http.Request) (status int, err error) {
	switch h := r.Header; {
	case !r.ProtoAtLeast(1, 1):
		err = fmt.Errorf(violation+"handshake request must be at least HTTP/1.1: %q", r.Proto)
	case !has(h["Connection"], "Upgrade"):
		err = fmt.Errorf(violation+"Connection header %q does not contain Upgrade", h.Get("Connection"))
	case !has(h["Upgrade"], "websocket"):
		err = fmt.Errorf(violation+"Upgrade header %q does not contain websocket", h.Get("Upgrade"))
	default:
		return checkUpgrade(answer, r)
	}
	answer.Set("Connection", "Upgrade")
	answer.Set("Upgrade", "websocket")
	return http.StatusUpgradeRequired, err
}

// checkUpgrade is checkRequest for a request that asks for the upgrade.
func checkUpgrade(answer http.Header, r *http.Request) (status int, err error) {
	switch keys, version := r.Header["Sec-Websocket-Key"], r.Header.Get("Sec-Websocket-Version"); {
	case r.Method != http.MethodGet:
		answer.Set("Allow", http.MethodGet)
		return http.StatusMethodNotAllowed, fmt.Errorf(violation+"handshake request method is not GET but %q", r.Method)
	case version != "13":
		answer.Set("Sec-Websocket-Version", "13")
		err = fmt.Errorf("unsupported WebSocket protocol version (only 13 is supported): %q", version)
	case len(keys) == 0:
		err = errors.New(violation + "missing Sec-WebSocket-Key")
	case len(keys) > 1:
		err = errors.New(violation + "multiple Sec-WebSocket-Key headers")
	case !handshake.ValidKey(strings.TrimSpace(keys[0])):
		err = fmt.Errorf(violation+"invalid Sec-WebSocket-Key %q, must be a 16 byte base64 encoded string", strings.TrimSpace(keys[0]))
	}
	return http.StatusBadRequest, err
}

// has reports whether lists of a header have a token, in any case.
func has(lists []string, token string) bool {
	for _, list := range lists {
		for element := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.TrimSpace(element), token) {
				return true
			}
		}
	}
	return false
}

// refuse answers a request that the engine refuses.
func refuse(w http.ResponseWriter, err error) error {
	status := http.StatusInternalServerError
	var refused *handshake.Error
	if errors.As(err, &refused) { // all errors are
		status = refused.Status
		for name, values := range refused.Header {
			w.Header()[name] = values
		}
		err = errors.New(violation + refused.Reason)
	}
	http.Error(w, err.Error(), status)
	return err
}

// respond sends the response that accepts.
func respond(w http.ResponseWriter, resp *handshake.Response) {
	resp.SetHeader(w.Header())
	w.WriteHeader(http.StatusSwitchingProtocols)
	if gin, ok := w.(interface{ WriteHeaderNow() }); ok { // it would wait for a body
		gin.WriteHeaderNow()
	}
}

// buffered returns what has come behind the request, after what stands behind the response is on its way.
func buffered(nc net.Conn, brw *bufio.ReadWriter) []byte {
	if brw.Writer.Buffered() > 0 {
		brw.Flush()
	}
	return conn.Hijacked(nc, brw)
}

// checkOrigin decides about the Origin of a request.
func (o *AcceptOptions) checkOrigin(r *http.Request) error {
	origin := r.Header.Get("Origin")
	if origin == "" || o.InsecureSkipVerify {
		return nil
	}
	if scheme, host, ok := strings.Cut(origin, "://"); ok && (scheme == "http" || scheme == "https") && host == r.Host {
		return nil // as most are
	}
	u, err := url.Parse(origin)
	if err != nil {
		return fmt.Errorf("failed to parse Origin header %q: %w", origin, err)
	}
	if strings.EqualFold(u.Host, r.Host) {
		return nil
	}
	for _, pattern := range o.OriginPatterns {
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
