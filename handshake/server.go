package handshake

import (
	"errors"
	"net/http"

	"golang.org/x/net/http/httpguts"

	"github.com/seed60239977/websocket/deflate"
)

// ServerOptions are the decisions of a server. The zero value, and nil, accept requests without an origin or from the
// same host, and agree to no subprotocol and no extension.
type ServerOptions struct {
	// Subprotocols are the names the server speaks, in its order of preference. The first one that the client offers is
	// agreed on; when there is none, the connection goes without one (§4.2.2).
	Subprotocols []string

	// SelectSubprotocol, if not nil, chooses instead of Subprotocols. It gets what the client offered, in the client's
	// order and possibly nothing, and returns one of these names, or "" for none. An error refuses the request: with
	// its own status if it is an [*Error], otherwise with 400.
	SelectSubprotocol func(r *http.Request, offered []string) (string, error)

	// AllowedOrigins lists the origins that may connect besides the one that the request is addressed to. A pattern is
	//
	//	[scheme://]host[:port]
	//
	// where the scheme is http or https if left out and the port is the scheme's default one. A host "*.example.com" stands
	// for all names below example.com, but not for itself; a port "*" for all ports. "null" allows the opaque origin
	// of sandboxed frames and local files. "*" allows everybody, and with it any web page to act on behalf of its
	// visitors, unless authentication does without cookies. International names may be written either way.
	AllowedOrigins []string

	// CheckOrigin, if not nil, decides alone: AllowedOrigins is not looked at. An error refuses the request: with its
	// own status if it is an [*Error], otherwise with 403.
	CheckOrigin func(r *http.Request) error

	// Header is sent along with the 101. Fields that belong to the handshake may not be in it.
	Header http.Header

	// Deflate, if not nil, agrees to permessage-deflate (RFC 7692) when a client offers it in a way that it can agree to.
	Deflate *deflate.Options

	// Extensions, if not nil, gets what else the client offered, in its order of preference, and returns the answer: for
	// each extension that is agreed on, its name, which must have been offered, and its parameters. An error refuses
	// the request: with its own status if it is an [*Error], otherwise with 400.
	Extensions func(offers []Extension) (answer []Extension, err error)
}

// Agreed is what a handshake settled, in the same words for both roles.
type Agreed struct {
	Subprotocol string          // "" for none
	Extensions  []Extension     // all of them, as the server answered
	Deflate     *deflate.Params // what Extensions says about permessage-deflate, nil for nothing
}

// Response is an accepted handshake.
type Response struct {
	Agreed
	accept [acceptLen]byte
	header http.Header
}

// Validate reports what is wrong with the options themselves, so that a server need not wait for a request to find
// out. Errors are [*Error] with status 500. [ServerOptions.Accept] does the same check.
func (o *ServerOptions) Validate() error {
	err := checkSubprotocols(o.Subprotocols)
	if err == nil {
		err = checkOriginPatterns(o.AllowedOrigins)
	}
	if err == nil {
		err = checkHeader(o.Header)
	}
	if err == nil && o.Deflate != nil {
		err = o.Deflate.Validate()
	}
	if err != nil {
		return &Error{Status: http.StatusInternalServerError, Reason: "the server's options are not valid", Err: err}
	}
	return nil
}

// Accept holds a request against the rules of §4.2.1 and decides as §4.2.2 asks. All errors are [*Error]. Only Method,
// the protocol version, Host, Header, TLS and the body's length of r are looked at; nothing of r is kept but strings.
func (o *ServerOptions) Accept(r *http.Request) (Response, error) {
	if o == nil {
		o = &ServerOptions{}
	}
	if err := o.Validate(); err != nil {
		return Response{}, err
	}
	key, err := checkRequest(r)
	if err != nil {
		return Response{}, err
	}
	if err := o.checkOrigin(r); err != nil {
		return Response{}, err
	}
	resp := Response{header: o.Header}
	if resp.Subprotocol, err = o.selectSubprotocol(r); err != nil {
		return Response{}, err
	}
	if resp.Deflate, resp.Extensions, err = o.selectExtensions(r.Header[extensionsField]); err != nil {
		return Response{}, err
	}
	AppendAccept(resp.accept[:0], key)
	return resp, nil
}

// AppendResponse appends the 101 response (§4.2.2 5.), all of it.
func (r *Response) AppendResponse(dst []byte) []byte {
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: "...)
	dst = append(dst, r.accept[:]...)
	dst = append(dst, "\r\n"...)
	if r.Subprotocol != "" {
		dst = appendField(dst, "Sec-WebSocket-Protocol", r.Subprotocol)
	}
	dst = appendExtensionsField(dst, r.Extensions)
	dst = appendHeader(dst, r.header)
	return append(dst, "\r\n"...)
}

// checkRequest holds a request against §4.2.1, apart from the origin, and returns its key.
func checkRequest(r *http.Request) (key string, err error) {
	if err := checkRequestLine(r); err != nil {
		return "", err
	}
	upgrade := httpguts.HeaderValuesContainsToken(r.Header["Connection"], "upgrade") &&
		httpguts.HeaderValuesContainsToken(r.Header["Upgrade"], "websocket")
	if !upgrade {
		return "", upgradeRequired("this is a WebSocket endpoint: the request has to ask for the upgrade")
	}
	if r.Host == "" || !httpguts.ValidHostHeader(r.Host) {
		return "", refuse(http.StatusBadRequest, "the request has no valid Host")
	}
	// A body would be read as frames by us and as a body by a proxy: the ground that request smuggling grows on.
	if r.ContentLength != 0 || len(r.TransferEncoding) != 0 {
		return "", refuse(http.StatusBadRequest, "a request for an upgrade has no body")
	}
	if v, ok := single(r.Header[versionField]); !ok || v != version {
		return "", upgradeRequired("the only supported Sec-WebSocket-Version is " + version)
	}
	key, ok := single(r.Header[keyField])
	if !ok || !ValidKey(key) {
		return "", refuse(http.StatusBadRequest, "Sec-WebSocket-Key has to be there once and be 16 octets in base64")
	}
	return key, nil
}

// checkRequestLine asks for "a GET request of HTTP/1.1 or higher" (§4.2.1 1.).
func checkRequestLine(r *http.Request) error {
	switch {
	case r.ProtoMajor > 1:
		// There is no upgrade in HTTP/2 and later: RFC 8441 and RFC 9220 have their own way, extended CONNECT.
		return refuse(http.StatusNotImplemented, "WebSocket over HTTP/%d is not supported here; use HTTP/1.1", r.ProtoMajor)
	case r.Method != http.MethodGet:
		e := refuse(http.StatusMethodNotAllowed, "method %.100q: only GET opens a WebSocket", r.Method)
		e.Header = http.Header{"Allow": {http.MethodGet}}
		return e
	case !r.ProtoAtLeast(1, 1):
		return refuse(http.StatusBadRequest, "HTTP/%d.%d has no upgrade; use HTTP/1.1", r.ProtoMajor, r.ProtoMinor)
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

// selectExtensions parses the offers and decides about them.
func (o *ServerOptions) selectExtensions(values []string) (*deflate.Params, []Extension, error) {
	if tooLong(values) {
		return nil, nil, refuse(http.StatusRequestHeaderFieldsTooLarge,
			"Sec-WebSocket-Extensions is longer than %d octets", maxList)
	}
	// "The recipient of such malformed data MUST immediately Fail the WebSocket Connection" (§9.1), wanted or not.
	if !validExtensions(values) {
		return nil, nil, refuse(http.StatusBadRequest, "Sec-WebSocket-Extensions is malformed")
	}
	if len(values) == 0 || o.Deflate == nil && o.Extensions == nil {
		return nil, nil, nil
	}
	offers, _ := ParseExtensions(values)
	agreed, answer := acceptDeflate(o.Deflate, offers)
	if o.Extensions == nil {
		return agreed, answer, nil
	}
	if o.Deflate != nil {
		offers = without(offers, deflate.ExtensionName)
	}
	more, err := o.Extensions(offers)
	if err != nil {
		return nil, nil, hookError(err, http.StatusBadRequest)
	}
	for i := range more {
		// "extensions not listed by the client MUST NOT be listed" (§9.1)
		if !more[i].valid() || !named(offers, more[i].Name) {
			return nil, nil, refuse(http.StatusInternalServerError,
				"the server chose extension %.100q, which was not offered", more[i].Name)
		}
	}
	return agreed, append(answer, more...), nil
}

// appendExtensionsField appends the header field if there is something to say.
func appendExtensionsField(dst []byte, list []Extension) []byte {
	if len(list) == 0 {
		return dst
	}
	dst = append(dst, "Sec-WebSocket-Extensions: "...)
	dst = AppendExtensions(dst, list)
	return append(dst, "\r\n"...)
}

// hookError is the refusal that a caller's hook asked for, with the given status if its own is not one for a refusal.
func hookError(err error, status int) error {
	if e, ok := errors.AsType[*Error](err); ok {
		if e.Status >= 300 && e.Status <= 599 {
			return e
		}
		return &Error{Status: status, Header: e.Header, Reason: e.Reason, Err: e.Err}
	}
	return &Error{Status: status, Reason: "the server refused the request", Err: err}
}
