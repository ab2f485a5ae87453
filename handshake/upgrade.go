package handshake

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// This file has what HTTP/1.1 alone needs to switch protocols (§4): the request line, Upgrade and Connection, the key and
// the value that answers it. What is negotiated in any version of HTTP is in negotiate.go.

// Response is an accepted upgrade.
type Response struct {
	Agreed
	key    [keyLen]byte // answered where the response is put together: see AppendAccept
	header http.Header
}

// Accept checks a request of HTTP/1.1 for an upgrade by the rules of §4.2.1 and decides as §4.2.2 asks. All errors are
// [*Error]. Only Method, the protocol version, Host, Header, TLS and the body's length of r are looked at; nothing of r is
// kept but strings.
func (o *ServerOptions) Accept(r *http.Request) (resp Response, err error) {
	if o == nil {
		o = &ServerOptions{}
	}
	if err := o.Validate(); err != nil {
		return Response{}, err
	}
	h := headOf(r)
	err = o.accept(&h, &resp)
	return resp, err
}

// accept is Accept with options that are valid, into resp, which is zero.
func (o *ServerOptions) accept(h *head, resp *Response) error {
	key, err := checkUpgrade(h)
	if err != nil {
		return err
	}
	agreed, err := o.choose(h)
	if err != nil {
		return err
	}
	resp.Agreed, resp.header = agreed, o.Header
	copy(resp.key[:], key)
	return nil
}

// SetHeader sets the header fields of the response in h, except for those of the options, for a caller that sends the response
// with an http.ResponseWriter.
func (r *Response) SetHeader(h http.Header) {
	v := [...]string{"websocket", "Upgrade", string(AppendAccept(nil, string(r.key[:])))}
	h["Upgrade"], h["Connection"], h[acceptField] = v[0:1:1], v[1:2:2], v[2:3:3]
	r.Agreed.SetHeader(h)
}

// shortResponse is the room that a response takes which has only what it must have, or a little more, in bytes.
const shortResponse = 192

// AppendResponse appends the whole 101 response (§4.2.2 5.).
func (r *Response) AppendResponse(dst []byte) []byte {
	dst = append(slices.Grow(dst, shortResponse), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: "...)
	dst = AppendAccept(dst, string(r.key[:]))
	dst = append(dst, "\r\n"...)
	dst = r.appendFields(dst)
	dst = appendHeader(dst, r.header)
	return append(dst, "\r\n"...)
}

// checkUpgrade checks what a request for an upgrade consists of (§4.2.1), and returns its key.
func checkUpgrade(h *head) (key string, err error) {
	if err := checkRequestLine(h); err != nil {
		return "", err
	}
	upgrade := hasToken(h.values(connectionName), "Upgrade") &&
		hasToken(h.values(upgradeName), "websocket")
	if !upgrade {
		return "", upgradeRequired("this is a WebSocket endpoint: the request must ask for the upgrade")
	}
	if !validHost(h.host) {
		return "", refuse(http.StatusBadRequest, "the request has no valid Host")
	}
	// A body would be read as frames by us and as a body by a proxy: the ground that request smuggling grows on.
	if h.body {
		return "", refuse(http.StatusBadRequest, "a request for an upgrade has no body")
	}
	if err := checkVersion(h); err != nil {
		return "", err
	}
	key, ok := single(h.values(keyName))
	if !ok || !ValidKey(key) {
		return "", refuse(http.StatusBadRequest, "there must be one Sec-WebSocket-Key, of 16 bytes in base64")
	}
	return key, nil
}

// checkRequestLine asks for "a GET request of HTTP/1.1 or higher" (§4.2.1 1.).
func checkRequestLine(h *head) error {
	switch {
	case h.major > 1:
		// There is no upgrade in HTTP/2 and later, but extended CONNECT: see AcceptConnect.
		return refuse(http.StatusNotImplemented, "HTTP/%d has no upgrade; use HTTP/1.1", h.major)
	case h.method != http.MethodGet:
		e := refuse(http.StatusMethodNotAllowed, "method %.100q: only GET opens a WebSocket", h.method)
		e.Header = http.Header{"Allow": {http.MethodGet}}
		return e
	case h.major < 1 || h.major == 1 && h.minor < 1:
		return refuse(http.StatusBadRequest, "HTTP/%d.%d has no upgrade; use HTTP/1.1", h.major, h.minor)
	}
	return nil
}

// upgradeRequired is a 426, which "MUST send an Upgrade header field" (RFC 9110 §15.5.22) and tells the version (§4.4).
func upgradeRequired(reason string) *Error {
	return &Error{
		Status: http.StatusUpgradeRequired,
		Reason: reason,
		Header: http.Header{
			"Connection": {"Upgrade"},
			"Upgrade":    {"websocket"},
			versionField: {version},
		},
	}
}

// Request is a client's request for an upgrade, and what the response to it will be checked against.
type Request struct {
	offer  Offer
	target string
	host   string
	key    string
}

// NewRequest checks the options and prepares a request for u, which comes from [ParseURL], with a new key. User
// information in u becomes basic authentication, unless Header has Authorization. Errors are [*Error] with status 0.
func (o *ClientOptions) NewRequest(u *url.URL) (*Request, error) {
	offer, err := o.newOffer(u)
	if err != nil {
		return nil, err
	}
	r := &Request{offer: offer, target: u.RequestURI(), host: HostField(u), key: NewKey()}
	if offer.options.Host != "" {
		r.host = offer.options.Host
	}
	if hasControl(r.target) || strings.ContainsAny(r.target, " \t") {
		return nil, invalid("the request target %.100q contains a control character or a space", r.target)
	}
	if !validHost(r.host) {
		return nil, invalid("Host %.100q is not valid", r.host)
	}
	return r, nil
}

// AppendRequest appends the whole request (§4.1).
func (r *Request) AppendRequest(dst []byte) []byte {
	dst = append(dst, "GET "...)
	dst = append(dst, r.target...)
	dst = append(dst, " HTTP/1.1\r\n"...)
	dst = appendField(dst, "Host", r.host)
	dst = append(dst, "Upgrade: websocket\r\nConnection: Upgrade\r\n"...)
	dst = appendField(dst, "Sec-WebSocket-Key", r.key)
	dst = r.offer.appendFields(dst)
	return append(dst, "\r\n"...)
}

// HTTPRequest returns the request as package net/http describes one, for u, which it was made for: the Request of a response to it. The
// caller owns the result.
func (r *Request) HTTPRequest(u *url.URL) *http.Request {
	h := r.offer.Header()
	h["Upgrade"], h["Connection"], h[keyField] = []string{"websocket"}, []string{"Upgrade"}, []string{r.key}
	return &http.Request{
		Method: http.MethodGet, URL: u, Host: r.host, Header: h,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
}

// Verify checks the response by the rules of §4.1: only a 101 that upgrades to websocket, proves to have read the key and
// agrees to nothing but what was offered is a WebSocket. All errors are [*Error] with the status and the header of the
// response. The body is not touched.
func (r *Request) Verify(resp *http.Response) (Agreed, error) {
	err := r.checkSwitched(resp)
	var agreed Agreed
	if err == nil {
		agreed, err = r.offer.confirm(resp.Header)
	}
	if err != nil {
		err.Status, err.Header = resp.StatusCode, resp.Header
		return Agreed{}, err
	}
	return agreed, nil
}

// checkSwitched checks that the server has switched protocols.
func (r *Request) checkSwitched(resp *http.Response) *Error {
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return invalid("the server did not switch protocols")
	}
	if err := checkResponseHeader(resp.Header); err != nil {
		return err
	}
	upgrade, ok := single(resp.Header["Upgrade"])
	ok = ok && equalASCIIFold(upgrade, "websocket")
	if r.offer.options.Lenient {
		ok = hasToken(resp.Header["Upgrade"], "websocket")
	}
	if !ok {
		return invalid("the response does not upgrade to websocket")
	}
	if !hasToken(resp.Header["Connection"], "Upgrade") {
		return invalid("the Connection field of the response does not contain Upgrade")
	}
	var buf [acceptLen]byte
	if accept, ok := single(resp.Header[acceptField]); !ok || accept != string(AppendAccept(buf[:0], r.key)) {
		return invalid("Sec-WebSocket-Accept does not match the key")
	}
	return nil // "any response with a 1xx" has no body, whatever Content-Length or Transfer-Encoding say (RFC 9112 §6.3)
}
