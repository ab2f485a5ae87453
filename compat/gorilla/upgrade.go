package websocket

import (
	"bufio"
	"cmp"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/handshake"
)

// Upgrader makes connections of requests. The zero value is ready for use, by any number of goroutines.
type Upgrader struct {
	// HandshakeTimeout bounds the sending of the response; 0 does not.
	HandshakeTimeout time.Duration

	// ReadBufferSize has no effect. WriteBufferSize is where a writer of [Conn.NextWriter] cuts a message into frames, in
	// bytes; 0 stands for 4096.
	ReadBufferSize, WriteBufferSize int

	// WriteBufferPool has no effect.
	WriteBufferPool BufferPool

	// Subprotocols are what the server speaks, in its order of preference. If it is nil, the response header of Upgrade may
	// name one.
	Subprotocols []string

	// Error, if not nil, answers a request that is refused, instead of http.Error.
	Error func(w http.ResponseWriter, r *http.Request, status int, reason error)

	// CheckOrigin, if not nil, decides about the request's Origin. Otherwise it must be missing, or have the host that the
	// request is addressed to.
	CheckOrigin func(r *http.Request) bool

	// EnableCompression agrees to compress messages (RFC 7692), each by itself.
	EnableCompression bool

	// CheckUTF8 checks that text messages are UTF-8, as RFC 6455 asks for: the connection fails with code 1007 where they
	// are not. gorilla/websocket does not have it.
	CheckUTF8 bool
}

// Upgrade answers the request with the opening handshake and returns the connection. responseHeader goes into the response. If
// the request is refused, it has been answered, and the error is a [HandshakeError].
func (u *Upgrader) Upgrade(w http.ResponseWriter, r *http.Request, responseHeader http.Header) (*Conn, error) {
	if status, reason := u.refuses(r, responseHeader); status != 0 {
		return nil, u.refuse(w, r, status, reason)
	}
	var resp handshake.Response
	if err := u.decide(r, responseHeader, &resp); err != nil {
		return nil, u.refuseHandshake(w, r, err)
	}
	nc, brw, err := http.NewResponseController(w).Hijack()
	if errors.Is(err, http.ErrNotSupported) {
		return nil, u.refuse(w, r, http.StatusInternalServerError, "websocket: response does not implement http.Hijacker")
	} else if err != nil {
		return nil, u.refuse(w, r, http.StatusInternalServerError, err.Error())
	}
	if err := u.respond(nc, brw.Writer.AvailableBuffer(), &resp); err != nil {
		nc.Close()
		return nil, err
	}
	return u.open(nc, brw, &resp.Agreed), nil
}

// decide puts the response into resp, which is zero. It is apart, like open, because of its frame: what is called is deep in the
// stack of net/http's goroutine, and must not be what makes it need a larger one.
//
//go:noinline
func (u *Upgrader) decide(r *http.Request, responseHeader http.Header, resp *handshake.Response) (err error) {
	o := u.options(responseHeader)
	*resp, err = o.Accept(completed(r))
	return err
}

// open makes the connection.
//
//go:noinline
func (u *Upgrader) open(nc net.Conn, brw *bufio.ReadWriter, agreed *handshake.Agreed) *Conn {
	n := conn.Negotiated{
		Subprotocol: agreed.Subprotocol, Deflate: agreed.Deflate, DeflateOptions: compression(u.EnableCompression),
		Buffered: conn.Hijacked(nc, brw),
	}
	c := &Conn{}
	cfg := c.config(u.WriteBufferSize, u.CheckUTF8)
	c.c = conn.Server(nc, &n, &cfg)
	c.readBy.init(nc)
	return c
}

// respond sends the response that accepts. It is put together in buf.
func (u *Upgrader) respond(nc net.Conn, buf []byte, resp *handshake.Response) error {
	nc.SetDeadline(time.Time{}) // those of the HTTP server
	if u.HandshakeTimeout > 0 {
		nc.SetWriteDeadline(time.Now().Add(u.HandshakeTimeout))
		defer nc.SetWriteDeadline(time.Time{})
	}
	_, err := nc.Write(resp.AppendResponse(buf))
	return err
}

// refuses returns the status and the reason for a request to be refused before the handshake looks at it, for what programs
// know by these words.
func (u *Upgrader) refuses(r *http.Request, responseHeader http.Header) (status int, reason string) {
	const other = "websocket: the client is not using the websocket protocol: "
	switch {
	case !hasToken(r.Header, "Connection", "upgrade"):
		return http.StatusBadRequest, other + "'upgrade' token not found in 'Connection' header"
	case !hasToken(r.Header, "Upgrade", "websocket"):
		return http.StatusBadRequest, other + "'websocket' token not found in 'Upgrade' header"
	case r.Method != http.MethodGet:
		return http.StatusMethodNotAllowed, other + "request method is not GET"
	case !hasToken(r.Header, "Sec-Websocket-Version", "13"):
		return http.StatusBadRequest, "websocket: unsupported version: 13 not found in 'Sec-Websocket-Version' header"
	case responseHeader["Sec-Websocket-Extensions"] != nil:
		return http.StatusInternalServerError, "websocket: application specific 'Sec-WebSocket-Extensions' headers are unsupported"
	}
	check := u.CheckOrigin
	if check == nil {
		check = sameHost
	}
	if !check(r) {
		return http.StatusForbidden, "websocket: request origin not allowed by Upgrader.CheckOrigin"
	}
	if !handshake.ValidKey(r.Header.Get("Sec-Websocket-Key")) {
		return http.StatusBadRequest,
			"websocket: not a websocket handshake: 'Sec-WebSocket-Key' header must be Base64 encoded value of 16-byte in length"
	}
	return 0, ""
}

// completed returns r with a version of HTTP that has an upgrade, and a host. A request that a program has put together may have neither,
// gateways say HTTP/1.0 if they are not told otherwise, and gorilla/websocket looks at neither.
func completed(r *http.Request) *http.Request {
	if r.ProtoAtLeast(1, 1) && r.Host != "" {
		return r
	}
	c := *r
	c.Host = cmp.Or(c.Host, "localhost")
	if !c.ProtoAtLeast(1, 1) {
		c.ProtoMajor, c.ProtoMinor = 1, 1
	}
	return &c
}

// refuseHandshake answers a request that the handshake refuses.
func (u *Upgrader) refuseHandshake(w http.ResponseWriter, r *http.Request, err error) error {
	var refused *handshake.Error
	errors.As(err, &refused) // all errors are
	status := refused.Status
	if status == http.StatusUpgradeRequired {
		status = http.StatusBadRequest
	}
	return u.refuse(w, r, status, "websocket: "+refused.Reason)
}

// refuse answers a request that makes no connection.
func (u *Upgrader) refuse(w http.ResponseWriter, r *http.Request, status int, reason string) error {
	err := HandshakeError{reason}
	if u.Error != nil {
		u.Error(w, r, status, err)
		return err
	}
	w.Header().Set("Sec-Websocket-Version", "13")
	http.Error(w, http.StatusText(status), status)
	return err
}

// options are those of the handshake.
func (u *Upgrader) options(responseHeader http.Header) handshake.ServerOptions {
	o := handshake.ServerOptions{
		Subprotocols: distinct(u.Subprotocols),
		CheckOrigin:  func(*http.Request) error { return nil }, // was asked before
		Deflate:      compression(u.EnableCompression),
		Lenient:      true,
	}
	if named := subprotocolOf(responseHeader); u.Subprotocols == nil && named != "" {
		// Also what the client has not offered: one that goes by the RFC fails then.
		o.SelectSubprotocol = func(*http.Request, []string) (string, error) { return clean(named), nil }
	}
	for name, values := range responseHeader {
		if handshake.Reserved(name) {
			continue
		}
		if o.Header == nil {
			o.Header = make(http.Header, len(responseHeader))
		}
		for _, v := range values {
			o.Header[name] = append(o.Header[name], strings.ReplaceAll(clean(v), "\t", " ")) // as gorilla does
		}
	}
	return o
}

// subprotocolOf returns the subprotocol that a response header names, or "". Programs also spell the field as the RFC does, which
// is not how package http does.
func subprotocolOf(responseHeader http.Header) string {
	for name, values := range responseHeader {
		if http.CanonicalHeaderKey(name) == protocolField && len(values) > 0 && values[0] != "" {
			return values[0]
		}
	}
	return ""
}

// clean keeps the value of a header field from becoming several lines. A tab may be part of one, and so may bytes that are no UTF-8.
func clean(value string) string {
	b := []byte(value)
	for i, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			b[i] = ' '
		}
	}
	return string(b)
}

// distinct are those of a list of subprotocols that say something: each once, and none that is empty.
func distinct(list []string) (names []string) {
	for _, name := range list {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// sameHost is the default of CheckOrigin.
func sameHost(r *http.Request) bool {
	origin := r.Header["Origin"]
	if len(origin) == 0 {
		return true
	}
	u, err := url.Parse(origin[0])
	return err == nil && len(u.Host) == len(r.Host) && strings.EqualFold(u.Host, r.Host) // no letters beyond ASCII
}

// Upgrade is [Upgrader.Upgrade] without a look at the Origin, and without an answer to a request that is refused.
//
// Deprecated: Use an Upgrader.
func Upgrade(w http.ResponseWriter, r *http.Request, responseHeader http.Header, readBufSize, writeBufSize int) (*Conn, error) {
	u := Upgrader{
		ReadBufferSize:  readBufSize,
		WriteBufferSize: writeBufSize,
		Error:           func(http.ResponseWriter, *http.Request, int, error) {},
		CheckOrigin:     func(*http.Request) bool { return true },
	}
	return u.Upgrade(w, r, responseHeader)
}

// Subprotocols returns what the client offers, in its order of preference.
func Subprotocols(r *http.Request) []string {
	return elements(r.Header.Get("Sec-Websocket-Protocol"))
}

// IsWebSocketUpgrade reports whether a request asks for the upgrade.
func IsWebSocketUpgrade(r *http.Request) bool {
	return hasToken(r.Header, "Connection", "upgrade") && hasToken(r.Header, "Upgrade", "websocket")
}

// elements returns the elements of a list in a header field.
func elements(list string) []string {
	list = strings.TrimSpace(list)
	if list == "" {
		return nil
	}
	parts := strings.Split(list, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// hasToken reports whether a list in a header has a token, in any case.
func hasToken(h http.Header, name, token string) bool {
	return slices.ContainsFunc(h[name], func(list string) bool {
		for e := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.TrimSpace(e), token) {
				return true
			}
		}
		return false
	})
}
