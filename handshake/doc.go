// Package handshake implements the opening handshake of RFC 6455 (§4) for both roles as a set of pure functions: bytes
// and net/http values go in, decisions and bytes come out. It never touches a socket, starts no goroutine and keeps no
// state between handshakes.
//
// # Which side am I on?
//
// A server fills in [ServerOptions] and calls [ServerOptions.Accept] with the request. The request may come from
// net/http or from [RequestParser], which reads one off raw bytes. What comes back is a [Response], whose
// AppendResponse method gives the bytes of the 101, or an [*Error], which carries the HTTP status of the refusal. [Server] does
// the same with options that are checked once, and its Answer method goes from the bytes of a request to the response.
//
// A client fills in [ClientOptions] and calls [ClientOptions.NewRequest] with the URL. AppendRequest gives the bytes to
// send, and [Request.Verify] checks the server's response.
//
// Both sides end with an [Agreed]: the subprotocol and the extensions of the connection.
//
// # Which version of HTTP?
//
// Accept and NewRequest are the upgrade of HTTP/1.1. What is negotiated inside does not depend on it, and stands by itself
// for the extended CONNECT of HTTP/2 (RFC 8441) and HTTP/3 (RFC 9220): [ServerOptions.Negotiate] and [Agreed.SetHeader] for
// a server, [ClientOptions.NewOffer], [Offer.Header] and [Offer.Confirm] for a client.
//
// # Which origins may connect?
//
// Browsers do not apply the same-origin policy to WebSocket: any page may open a connection to any server, and the
// browser attaches the user's cookies (§10.2). The server must look at the Origin header. By default it accepts
// requests without one (they do not come from a browser) and those whose origin is the host they are addressed to;
// [ServerOptions.AllowedOrigins] lists more.
//
// # What is refused?
//
// Whatever the RFC does not allow: control characters in any value of either side, requests with a body, repeated keys
// or versions, answers to what was never offered. Every refusal is an [*Error] that says why.
//
// # Concurrency
//
// Options are only read; any number of goroutines may share them as long as nobody changes them, and a [Server]. All other values belong
// to one goroutine at a time.
//
// # Which file has what?
//
//	options.go                   ServerOptions and ClientOptions
//	server.go                    ServerOptions that are checked once
//	negotiate.go                 what any version of HTTP negotiates
//	origin.go, subprotocol.go,
//	extension.go                 the three things that are negotiated
//	upgrade.go, key.go           HTTP/1.1: 101 Switching Protocols
//	parser.go                    a request off raw bytes
//	url.go, field.go, error.go   URLs, header fields, refusals
package handshake
