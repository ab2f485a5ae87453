package handshake

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/seed60239977/websocket/deflate"
)

// ClientOptions are the wishes of a client. The zero value, and nil, offer neither a subprotocol nor an extension.
type ClientOptions struct {
	// Subprotocols are the names to offer, in order of preference: tokens, each of them once.
	Subprotocols []string

	// Header is sent along: Origin, Authorization, Cookie and the like. Fields that belong to the handshake may not be in it.
	Header http.Header

	// Host is sent instead of the URL's host if it is not empty.
	Host string

	// Deflate, if not nil, offers permessage-deflate (RFC 7692), and holds the server's answer against that.
	Deflate *deflate.Options

	// Extensions are offered after that, in order of preference; an extension may be offered several times with different
	// parameters (§9.1).
	Extensions []Extension

	// ConfirmExtensions, if not nil, gets the server's answer, whose names are all among what was offered. An error fails
	// the handshake. Without it, an answer to Extensions is as good as the names in it.
	ConfirmExtensions func(answer []Extension) error
}

// Request is a client's request, and what the response to it will be held against.
type Request struct {
	target  string
	host    string
	user    *url.Userinfo
	key     string
	offers  []Extension
	options ClientOptions
}

// NewRequest checks the options and prepares a request for u, which comes from [ParseURL], with a new key. User
// information in u becomes basic authentication, unless Header has Authorization. Errors are [*Error] with status 0.
func (o *ClientOptions) NewRequest(u *url.URL) (*Request, error) {
	if o == nil {
		o = &ClientOptions{}
	}
	r := &Request{target: u.RequestURI(), host: hostField(u), key: NewKey(), options: *o}
	if o.Header["Authorization"] == nil {
		r.user = u.User
	}
	if o.Host != "" {
		r.host = o.Host
	}
	if hasControl(r.target) || strings.ContainsAny(r.target, " \t") {
		return nil, invalid("request target %.100q contains a control character or a space", r.target)
	}
	if r.host == "" || !httpguts.ValidHostHeader(r.host) {
		return nil, invalid("Host %.100q is not valid", r.host)
	}
	if err := checkSubprotocols(o.Subprotocols); err != nil {
		return nil, err
	}
	if err := r.offerExtensions(); err != nil {
		return nil, err
	}
	if err := checkHeader(o.Header); err != nil {
		return nil, invalid("the options are not valid: %v", err)
	}
	return r, nil
}

// offerExtensions collects the offers.
func (r *Request) offerExtensions() error {
	if d := r.options.Deflate; d != nil {
		if err := d.Validate(); err != nil {
			return invalid("the options are not valid: %v", err)
		}
		r.offers = append(r.offers, Extension{Name: deflate.ExtensionName, Params: d.Offer()})
	}
	for i := range r.options.Extensions {
		if e := &r.options.Extensions[i]; !e.valid() {
			return invalid("extension %.100q: its names and values have to be tokens", e.Name)
		}
	}
	r.offers = append(r.offers, r.options.Extensions...)
	return nil
}

// AppendRequest appends the request (§4.1), all of it.
func (r *Request) AppendRequest(dst []byte) []byte {
	dst = append(dst, "GET "...)
	dst = append(dst, r.target...)
	dst = append(dst, " HTTP/1.1\r\n"...)
	dst = appendField(dst, "Host", r.host)
	dst = append(dst, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "+version+"\r\n"...)
	dst = appendField(dst, "Sec-WebSocket-Key", r.key)
	if list := r.options.Subprotocols; len(list) > 0 {
		dst = appendField(dst, "Sec-WebSocket-Protocol", strings.Join(list, ", "))
	}
	dst = appendExtensionsField(dst, r.offers)
	if r.user != nil {
		password, _ := r.user.Password()
		credentials := base64.StdEncoding.EncodeToString([]byte(r.user.Username() + ":" + password))
		dst = appendField(dst, "Authorization", "Basic "+credentials) // RFC 7617
	}
	dst = appendHeader(dst, r.options.Header)
	return append(dst, "\r\n"...)
}

// Verify holds the response against §4.1: only a 101 that upgrades to websocket, proves to have read the key and agrees
// to nothing but what was offered is a WebSocket. All errors are [*Error] with the status and the header of the
// response. The body is not touched.
func (r *Request) Verify(resp *http.Response) (Agreed, error) {
	agreed, err := r.verify(resp)
	if err != nil {
		err.Status, err.Header = resp.StatusCode, resp.Header
		return Agreed{}, err
	}
	return agreed, nil
}

func (r *Request) verify(resp *http.Response) (agreed Agreed, err *Error) {
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return agreed, invalid("the server did not switch protocols")
	}
	for name, values := range resp.Header {
		for _, value := range values {
			if checkField(name, value) != nil {
				return agreed, invalid("the response's header field %.100q contains a control character", name)
			}
		}
	}
	if upgrade, ok := single(resp.Header["Upgrade"]); !ok || !equalASCIIFold(upgrade, "websocket") {
		return agreed, invalid("the response does not upgrade to websocket")
	}
	if !httpguts.HeaderValuesContainsToken(resp.Header["Connection"], "upgrade") {
		return agreed, invalid("the response's Connection does not say Upgrade")
	}
	var buf [acceptLen]byte
	if accept, ok := single(resp.Header[acceptField]); !ok || accept != string(AppendAccept(buf[:0], r.key)) {
		return agreed, invalid("Sec-WebSocket-Accept is not the answer to the key")
	}
	// A body would be read as frames by us and as a body by a proxy.
	length := resp.Header.Get("Content-Length")
	if length != "" && length != "0" || len(resp.TransferEncoding) > 0 || resp.Header["Transfer-Encoding"] != nil {
		return agreed, invalid("the response has a body")
	}
	if agreed.Subprotocol, err = r.verifySubprotocol(resp.Header[protocolField]); err != nil {
		return agreed, err
	}
	if agreed.Extensions, err = r.verifyExtensions(resp.Header[extensionsField]); err != nil {
		return agreed, err
	}
	agreed.Deflate, err = confirmDeflate(r.options.Deflate, agreed.Extensions)
	return agreed, err
}

// verifySubprotocol allows one of the names that were offered, or none at all (§4.1 6.).
func (r *Request) verifySubprotocol(values []string) (string, *Error) {
	if len(values) == 0 {
		return "", nil
	}
	name, ok := single(values)
	if !ok || !slices.Contains(r.options.Subprotocols, name) {
		return "", invalid("the server chose subprotocol %.100q, which was not offered", values)
	}
	return name, nil
}

// verifyExtensions allows extensions that were offered, each once, if the hook has nothing against their parameters
// (§4.1 5.).
func (r *Request) verifyExtensions(values []string) ([]Extension, *Error) {
	if tooLong(values) {
		return nil, invalid("Sec-WebSocket-Extensions is longer than %d octets", maxList)
	}
	answer, ok := ParseExtensions(values)
	if !ok {
		return nil, invalid("Sec-WebSocket-Extensions is malformed")
	}
	for i := range answer {
		if !named(r.offers, answer[i].Name) {
			return nil, invalid("the server chose extension %.100q, which was not offered", answer[i].Name)
		}
		if named(answer[:i], answer[i].Name) {
			return nil, invalid("the server chose extension %.100q twice", answer[i].Name)
		}
	}
	if confirm := r.options.ConfirmExtensions; confirm != nil {
		if err := confirm(answer); err != nil {
			return nil, &Error{Reason: "the server's answer to the extensions is not acceptable", Err: err}
		}
	}
	return answer, nil
}
