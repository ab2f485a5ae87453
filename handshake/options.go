package handshake

import (
	"errors"
	"net/http"

	"github.com/seed60239977/websocket/deflate"
)

// ServerOptions configures the server's side of a handshake. The zero value, and nil, accept requests without an origin
// or from the same host, and agree to no subprotocol and no extension.
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
	// for all names below example.com, but not for itself; a port "*" for all ports. International names may be written
	// either way, and case does not matter.
	//
	// With any scheme other than http and https, "*" stands for every host. Browser extensions, editors and desktop shells
	// send for example
	//
	//	chrome-extension://*      Chromium's extensions; one of them: chrome-extension://ID
	//	moz-extension://*         Firefox's, with another ID in each installation
	//	safari-web-extension://*  Safari's, likewise
	//	vscode-webview://*        Visual Studio Code
	//	tauri://localhost         Tauri; on Windows and Android http://tauri.localhost or https://tauri.localhost
	//	capacitor://localhost     Capacitor on iOS; on Android https://localhost
	//	ionic://localhost         Ionic
	//	app://.                   Electron, with a scheme of the program's own
	//	file://                   Electron and Chromium, for pages from a file
	//
	// "null" allows the opaque origin of sandboxed frames and, with other browsers, of pages from a file. "*" allows
	// everybody, and with it any web page to act on behalf of its visitors, unless authentication does without cookies.
	AllowedOrigins []string

	// CheckOrigin, if not nil, decides alone: AllowedOrigins is not looked at. An error refuses the request: with its
	// own status if it is an [*Error], otherwise with 403.
	CheckOrigin func(r *http.Request) error

	// Header is sent with the response that accepts. Fields that belong to the handshake may not be in it.
	Header http.Header

	// Deflate, if not nil, agrees to permessage-deflate (RFC 7692) when a client offers it in a way that it can agree to.
	Deflate *deflate.Options

	// Extensions, if not nil, gets what else the client offered, in its order of preference, and returns the answer: for
	// each extension that is agreed on, its name, which must have been offered, and its parameters. An error refuses
	// the request: with its own status if it is an [*Error], otherwise with 400.
	Extensions func(offers []Extension) (answer []Extension, err error)

	// Lenient allows names of subprotocols that are not tokens, against §4.1, such as "SPDY/3.1+portforward.k8s.io", by
	// both sides: whatever a field can hold, without a comma. And SelectSubprotocol may answer with what the client has not
	// offered, against §4.2.2, as some clients expect it; browsers and most other clients fail then.
	Lenient bool
}

// Validate reports what is wrong with the options themselves, so that a server need not wait for a request to find
// out. Errors are [*Error] with status 500. [ServerOptions.Accept] and [ServerOptions.Negotiate] do the same check each
// time, a [Server] only once.
func (o *ServerOptions) Validate() error {
	err := checkSubprotocols(o.Subprotocols, o.Lenient)
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

// ClientOptions configures the client's side of a handshake. The zero value, and nil, offer neither a subprotocol nor an
// extension.
type ClientOptions struct {
	// Subprotocols are the names to offer, in order of preference: tokens, each of them once.
	Subprotocols []string

	// Header is sent with the request: Origin, Authorization, Cookie and the like. Fields that belong to the handshake may
	// not be in it. Without a User-Agent in it, [DefaultUserAgent] is sent; an empty one sends none.
	Header http.Header

	// Host is sent instead of the URL's host if it is not empty.
	Host string

	// Deflate, if not nil, offers permessage-deflate (RFC 7692), and checks the server's answer to that.
	Deflate *deflate.Options

	// Extensions are offered after that, in order of preference; an extension may be offered several times with different
	// parameters (§9.1).
	Extensions []Extension

	// ConfirmExtensions, if not nil, gets the server's answer, whose names are all among what was offered. An error fails
	// the handshake. Without it, an answer to Extensions is accepted whatever its parameters.
	ConfirmExtensions func(answer []Extension) error

	// Lenient allows what some servers and their clients do against §4.1: names of subprotocols that are not tokens, such
	// as "SPDY/3.1+portforward.k8s.io", as long as a field can hold them and they have no comma; a response whose
	// Upgrade is a list with websocket in it; and a response that names a subprotocol that was not offered, or several.
	// Agreed.Subprotocol is then what the first Sec-WebSocket-Protocol field says.
	Lenient bool
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
