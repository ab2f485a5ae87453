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

// This file has what is negotiated with any version of HTTP: the version of the protocol, the origin, the subprotocol and
// the extensions. How HTTP/1.1 switches protocols (§4) is in upgrade.go. An extended CONNECT of HTTP/2 (RFC 8441 §5) or
// HTTP/3 (RFC 9220) carries the same header fields without Upgrade, Connection, key and accept value.

// Agreed is what a handshake settled, in the same words for both roles.
type Agreed struct {
	Subprotocol string          // "" for none
	Extensions  []Extension     // all of them, as the server answered
	Deflate     *deflate.Params // what Extensions says about permessage-deflate, nil for nothing
}

// SetHeader sets the header fields by which a server tells a client what was agreed on. For HTTP/1.1, the bytes of the
// whole response come from [Response.AppendResponse].
func (a *Agreed) SetHeader(h http.Header) {
	if a.Subprotocol != "" {
		h[protocolField] = []string{a.Subprotocol}
	}
	if len(a.Extensions) > 0 {
		h[extensionsField] = []string{string(AppendExtensions(nil, a.Extensions))}
	}
}

// appendFields appends the same fields.
func (a *Agreed) appendFields(dst []byte) []byte {
	if a.Subprotocol != "" {
		dst = appendField(dst, "Sec-WebSocket-Protocol", a.Subprotocol)
	}
	return appendExtensionsField(dst, a.Extensions)
}

// Negotiate checks and decides everything about a request that does not depend on the version of HTTP: the version of the
// protocol, the origin, the subprotocol and the extensions (§4.2.2, RFC 8441 §5). It does not look at how the request
// asks for a WebSocket: neither at its method, nor at Upgrade, Connection, the key or a body. [ServerOptions.Accept] does
// all of that for HTTP/1.1. Only ProtoMajor, Host, Header and TLS of r are looked at, and hooks get r. All errors are
// [*Error].
func (o *ServerOptions) Negotiate(r *http.Request) (Agreed, error) {
	if o == nil {
		o = &ServerOptions{}
	}
	if err := o.Validate(); err != nil {
		return Agreed{}, err
	}
	return o.negotiate(r)
}

// negotiate is Negotiate with options that are valid.
func (o *ServerOptions) negotiate(r *http.Request) (Agreed, error) {
	h := headOf(r)
	if err := checkVersion(&h); err != nil {
		return Agreed{}, err
	}
	return o.choose(&h)
}

// choose decides. The options and the version have been checked.
func (o *ServerOptions) choose(h *head) (agreed Agreed, err error) {
	if err := o.checkOrigin(h); err != nil {
		return Agreed{}, err
	}
	if agreed.Subprotocol, err = o.selectSubprotocol(h); err != nil {
		return Agreed{}, err
	}
	if agreed.Deflate, agreed.Extensions, err = o.selectExtensions(h.values(extensionsName)); err != nil {
		return Agreed{}, err
	}
	return agreed, nil
}

// checkVersion tells a client of another version of the protocol which one it has to ask for (§4.4).
func checkVersion(h *head) error {
	const reason = "the only supported Sec-WebSocket-Version is " + version
	if v, ok := single(h.values(versionName)); ok && v == version {
		return nil
	}
	if h.major <= 1 {
		return upgradeRequired(reason)
	}
	e := refuse(http.StatusBadRequest, reason) // "Upgrade" means nothing there (RFC 9113 §8.2.2)
	e.Header = http.Header{versionField: {version}}
	return e
}

// selectExtensions parses the offers and decides about them.
func (o *ServerOptions) selectExtensions(values []string) (*deflate.Params, []Extension, error) {
	if tooLong(values) {
		return nil, nil, refuse(http.StatusRequestHeaderFieldsTooLarge,
			"Sec-WebSocket-Extensions is longer than %d bytes", maxList)
	}
	// "The recipient of such malformed data MUST immediately Fail the WebSocket Connection" (§9.1), wanted or not.
	if !validExtensions(values) {
		return nil, nil, refuse(http.StatusBadRequest, "Sec-WebSocket-Extensions is malformed")
	}
	if len(values) == 0 || o.Deflate == nil && o.Extensions == nil {
		return nil, nil, nil
	}
	return o.answerOffers(values)
}

// answerOffers is selectExtensions for lists that are well-formed. It is apart because of its frame: what a server without extensions
// does must not be what makes net/http's goroutine need a larger stack.
func (o *ServerOptions) answerOffers(values []string) (*deflate.Params, []Extension, error) {
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

// Offer is what a client asks for, whatever version of HTTP carries it. [ClientOptions.NewOffer] makes one.
type Offer struct {
	user       *url.Userinfo // to be sent as basic authentication, nil for none
	extensions []Extension
	options    ClientOptions
}

// NewOffer checks the options and prepares the offer for u, which comes from [ParseURL]. User information in u becomes
// basic authentication, unless Header has Authorization. For HTTP/1.1, use [ClientOptions.NewRequest]. Errors are [*Error]
// with status 0.
func (o *ClientOptions) NewOffer(u *url.URL) (*Offer, error) {
	f, err := o.newOffer(u)
	if err != nil {
		return nil, err
	}
	return &f, nil
}

func (o *ClientOptions) newOffer(u *url.URL) (f Offer, err error) {
	if o != nil {
		f.options = *o
	}
	if !hasField(f.options.Header, "Authorization") {
		f.user = u.User
	}
	if err := checkSubprotocols(f.options.Subprotocols, f.options.Lenient); err != nil {
		return f, err
	}
	if err := f.offerExtensions(); err != nil {
		return f, err
	}
	if err := checkHeader(f.options.Header); err != nil {
		return f, invalid("the options are not valid: %v", err)
	}
	f.options.Header = withUserAgent(f.options.Header)
	return f, nil
}

// offerExtensions collects the offers.
func (f *Offer) offerExtensions() error {
	if d := f.options.Deflate; d != nil {
		if err := d.Validate(); err != nil {
			return invalid("the options are not valid: %v", err)
		}
		for _, offer := range d.Offers() {
			f.extensions = append(f.extensions, Extension{Name: deflate.ExtensionName, Params: offer})
		}
	}
	for i := range f.options.Extensions {
		if e := &f.options.Extensions[i]; !e.valid() {
			return invalid("extension %.100q: names and values must be tokens", e.Name)
		}
	}
	f.extensions = append(f.extensions, f.options.Extensions...)
	return nil
}

// Header returns the header fields of the request that do not depend on the version of HTTP, those of ClientOptions.Header
// and User-Agent included. The caller owns the result. It has neither Host nor :authority, which is ClientOptions.Host or else
// [HostField] of the URL.
func (f *Offer) Header() http.Header {
	h := http.Header{}
	for name, values := range f.options.Header {
		h[name] = slices.Clone(values)
	}
	h[versionField] = []string{version}
	if list := f.options.Subprotocols; len(list) > 0 {
		h[protocolField] = []string{strings.Join(list, ", ")}
	}
	if len(f.extensions) > 0 {
		h[extensionsField] = []string{string(AppendExtensions(nil, f.extensions))}
	}
	if credentials := f.credentials(); credentials != "" {
		h["Authorization"] = []string{credentials}
	}
	return h
}

// appendFields appends the same fields.
func (f *Offer) appendFields(dst []byte) []byte {
	dst = appendField(dst, "Sec-WebSocket-Version", version)
	if list := f.options.Subprotocols; len(list) > 0 {
		dst = appendField(dst, "Sec-WebSocket-Protocol", strings.Join(list, ", "))
	}
	dst = appendExtensionsField(dst, f.extensions)
	if credentials := f.credentials(); credentials != "" {
		dst = appendField(dst, "Authorization", credentials)
	}
	return appendHeader(dst, f.options.Header)
}

// credentials returns the value of Authorization that the URL asks for (RFC 7617), or "".
func (f *Offer) credentials() string {
	if f.user == nil {
		return ""
	}
	password, _ := f.user.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(f.user.Username()+":"+password))
}

// Confirm checks the header of a response that accepts, as far as it does not depend on the version of HTTP: it may agree
// to nothing but what was offered. Errors are [*Error] with status 0.
func (f *Offer) Confirm(h http.Header) (Agreed, error) {
	err := checkResponseHeader(h)
	var agreed Agreed
	if err == nil {
		agreed, err = f.confirm(h)
	}
	if err != nil { // a nil *Error would not be a nil error
		return Agreed{}, err
	}
	return agreed, nil
}

// checkResponseHeader refuses header fields that no server may send, whatever they mean.
func checkResponseHeader(h http.Header) *Error {
	for name, values := range h {
		for _, value := range values {
			if checkField(name, value) != nil {
				return invalid("the response's header field %.100q contains a control character", name)
			}
		}
	}
	return nil
}

// confirm is Confirm for a header that has been checked.
func (f *Offer) confirm(h http.Header) (agreed Agreed, err *Error) {
	if agreed.Subprotocol, err = f.confirmSubprotocol(h[protocolField]); err != nil {
		return Agreed{}, err
	}
	if agreed.Extensions, err = f.confirmExtensions(h[extensionsField]); err != nil {
		return Agreed{}, err
	}
	if agreed.Deflate, err = confirmDeflate(f.options.Deflate, agreed.Extensions); err != nil {
		return Agreed{}, err
	}
	return agreed, nil
}

// confirmSubprotocol allows one of the names that were offered, or none at all (§4.1 6.).
func (f *Offer) confirmSubprotocol(values []string) (string, *Error) {
	if len(values) == 0 {
		return "", nil
	}
	if f.options.Lenient {
		return trimOWS(values[0]), nil
	}
	name, ok := single(values)
	if !ok || !slices.Contains(f.options.Subprotocols, name) {
		return "", invalid("the server chose subprotocol %.100q, which was not offered", values)
	}
	return name, nil
}

// confirmExtensions allows extensions that were offered, each once, if the hook accepts their parameters (§4.1 5.).
func (f *Offer) confirmExtensions(values []string) ([]Extension, *Error) {
	if tooLong(values) {
		return nil, invalid("Sec-WebSocket-Extensions is longer than %d bytes", maxList)
	}
	answer, ok := ParseExtensions(values)
	if !ok {
		return nil, invalid("Sec-WebSocket-Extensions is malformed")
	}
	for i := range answer {
		if !named(f.extensions, answer[i].Name) {
			return nil, invalid("the server chose extension %.100q, which was not offered", answer[i].Name)
		}
		if named(answer[:i], answer[i].Name) {
			return nil, invalid("the server chose extension %.100q twice", answer[i].Name)
		}
	}
	if confirm := f.options.ConfirmExtensions; confirm != nil {
		if err := confirm(answer); err != nil {
			return nil, &Error{Reason: "the server's answer to the extensions is not acceptable", Err: err}
		}
	}
	return answer, nil
}

// validHost reports whether a request may have this Host (RFC 9110 §7.2) or :authority.
func validHost(host string) bool { return host != "" && httpguts.ValidHostHeader(host) }
