// Package http3 carries WebSockets over HTTP/3 (RFC 9220), on github.com/quic-go/quic-go.
//
// # How do I serve them?
//
// With the same handlers as for HTTP/1.1 and HTTP/2, on a Server of quic-go's package http3, which offers extended
// CONNECT by itself: [github.com/seed60239977/websocket.Handler] and [github.com/seed60239977/websocket.Accept] serve
// that. The example shows it.
//
// A WebSocket that is silent lives no longer than quic.Config.MaxIdleTimeout, 30 s, unless one side keeps the QUIC
// connection alive (quic.Config.KeepAlivePeriod) or the WebSocket is pinged (Config.PingInterval). A client has as many
// WebSockets on a connection as quic.Config.MaxIncomingStreams of the server allows, 100 by default.
//
// # How do I dial?
//
// With a [Dialer], whose WebSockets share a QUIC connection for each server. There is no way back to HTTP/1.1 in it: where
// UDP does not get through, Dial fails, and [github.com/seed60239977/websocket.Dial] is to be tried.
//
// Browsers do not use HTTP/3 for WebSockets yet.
package http3
