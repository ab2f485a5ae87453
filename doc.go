// Package websocket is a client and a server of the WebSocket protocol (RFC 6455).
//
// # How do I accept connections?
//
// [Handler] makes an http.Handler of a function that is called once per connection:
//
//	http.Handle("/chat", websocket.Handler(func(ctx context.Context, c *websocket.Conn) {
//		for m, err := range c.Messages(ctx) {
//			if err != nil {
//				return
//			}
//			c.Write(ctx, m.Type, m.Data)
//		}
//	}, nil))
//
// [Accept] does the same in the middle of a handler of your own. [AcceptConn] needs no HTTP server, only a net.Conn; use
// it where a process holds very many connections and serves nothing else on the port.
//
// # How do I connect?
//
// With [Dial]. Options add headers, cookies, TLS configuration or a network of your own. When the server refuses, the
// response is returned with the error. Proxies (HTTP, HTTPS, SOCKS5) are taken from the environment, as net/http does, or
// from DialOptions.Proxy. Package reconnect comes back after a connection was lost.
//
// # Does it work over HTTP/2?
//
// On both sides (RFC 8441). For servers of net/http, import package http2 for its effect; it says what that changes. For clients, set
// DialOptions.HTTP2. HTTP/3 (RFC 9220) is in module http3.
//
// # Who may call what at the same time?
//
// One goroutine at a time reads; everything else may be called from any goroutine. Always have one reading, even if no
// messages are expected: reading is also how pings are answered and how the end of the connection is noticed.
//
// # What does a context do?
//
// It bounds the call that it is passed to. When it ends, the call returns and the connection goes on where the call
// stopped: no message is lost or cut in half. The contexts of [Accept], [AcceptConn] and [Dial] bound the handshake; none of
// them ends the connection later.
//
// # How does a connection end?
//
// With Conn.Close, by the peer, or by an error. From then on every call returns the same [*CloseError], which tells by whom
// and why, like a browser's CloseEvent, and [CloseStatus] finds the code; errors.Is(err, net.ErrClosed) holds if it was this side that closed. Every connection must be ended by
// Conn.Close or Conn.CloseNow; [Handler] does so when the function returns.
//
// # How do I see what happens?
//
// Config.Observer is told of handshakes, messages, pings, slow peers and ends. Package observe has counters, also for expvar, and
// a log with log/slog.
//
// # Is it safe to expose?
//
// The zero value of all options is the safe one. Browsers let any page connect to any server and attach the user's
// cookies; so a request with a foreign Origin is refused until AcceptOptions.AllowedOrigins lists it (§10.2). Messages are
// limited to 1 MiB, their fragments in number, handshakes in size and time. Text is checked to be UTF-8. With net/http,
// set http.Server.ReadHeaderTimeout too: the request is read before this package sees it.
//
// # Can messages be compressed?
//
// With permessage-deflate (RFC 7692), if both sides want to: set Deflate to &DeflateOptions{} in the options of either. It
// is off by default because it costs memory and time, and because compressing secrets together with text that an
// attacker chooses can give the secrets away.
//
// # Which errors are there?
//
// A handshake that fails is a [*HandshakeError] with an HTTP status and a reason. A connection that has ended is a
// [*CloseError] with a status code and perhaps a cause, such as [ErrMessageTooBig] or [ErrInvalidUTF8]. A context's
// error says that only the call has ended.
//
// # Which methods has a connection?
//
// [Conn] is an alias, whose methods are listed with package conn.
//
// How are messages received?
//
//   - [conn.Conn.Read]: the next message, in memory of the caller's own
//   - [conn.Conn.ReadAppend]: the same, appended to a slice
//   - [conn.Conn.Messages]: all that come, for a range loop, without a copy
//   - [conn.Conn.Serve]: all that come, for a callback, whose answers share system calls
//   - [conn.Conn.Reader]: the next message as an io.Reader
//   - [conn.Conn.CloseRead]: reads in the background where no message is expected
//   - [conn.Conn.SetReadLimit]: changes Config.ReadLimit
//
// How are messages sent?
//
//   - [conn.Conn.Write]: one message; returns when it is on the wire
//   - [conn.Conn.Send]: one message; never waits
//   - [conn.Conn.Writer]: a message piece by piece
//   - [conn.Conn.WritePrepared]: Write of what [Prepare] made
//   - [conn.Conn.WriteBatch]: the same for several, in one write
//   - [conn.Conn.SendPrepared]: Send of what [Prepare] made
//   - [conn.Conn.Flush]: waits until all that was accepted is on the wire
//   - [conn.Conn.BufferedAmount]: how much is not
//   - [conn.Conn.SetWriteCompression]: switches compression for the messages to come
//
// How are pings sent?
//
//   - [conn.Conn.Ping]: a ping; waits for its pong and tells the time between
//   - [conn.Conn.SendPing]: a ping with any payload; never waits
//   - [conn.Conn.Pong]: a pong that nobody asked for
//   - [conn.Conn.SendPong]: the same; never waits
//
// How is a connection closed?
//
//   - [conn.Conn.Close]: the closing handshake, with a code and a reason
//   - [conn.Conn.CloseNow]: ends it without
//   - [conn.Conn.SendClose]: a close frame; never waits
//   - [conn.Conn.Done]: a channel that is closed at the end
//   - [conn.Conn.Err]: how the connection ended
//   - [conn.Conn.OnEnd]: a function that is called at the end
//   - [conn.Conn.State]: open, closing or closed
//
// What was agreed to, and with whom?
//
//   - [conn.Conn.Subprotocol]: what the handshake chose
//   - [conn.Conn.Deflate]: the parameters of compression
//   - [conn.Conn.EventDriven]: whether an event loop reads from it, see [Loop]
//   - [conn.Conn.NetConn]: the net.Conn below
//   - [conn.Conn.LocalAddr]: its address at this end
//   - [conn.Conn.RemoteAddr]: its address at the other
//
// # Which options are there?
//
// In all of them 0 stands for the default that the documentation names, and a negative number for no limit, or for off.
//
// [Config], in both directions:
//
//   - ReadLimit, MaxFragments: how long messages may be, and in how many small frames
//   - SkipUTF8: trusts text to be UTF-8
//   - SendQueue: how much may wait to be sent
//   - FragmentSize: where a Writer cuts
//   - PingInterval, IdleTimeout: find out that a peer is gone
//   - CloseTimeout: bounds the closing handshake
//   - OnPing, OnPong, OnClose: hear of control frames
//   - Observer: counts, logs and traces what happens
//
// [AcceptOptions]:
//
//   - Config, Deflate: the connection and its compression
//   - Subprotocols, SelectSubprotocol: what to speak
//   - AllowedOrigins, CheckOrigin: which pages may connect
//   - Header: goes into the response
//   - Lenient: takes what common clients get wrong
//   - HandshakeTimeout: bounds the handshake
//   - ConnContext, OnError: for [Handler]
//   - Registry: knows the connections, lists them and ends them
//
// [DialOptions]:
//
//   - Config, Deflate: the connection and its compression
//   - Subprotocols, Header, Host, Jar: go into the request
//   - Lenient: takes what common servers get wrong
//   - TLSConfig, NetDial, NetDialTLS, HTTP2: the network connection
//   - Proxy, ProxyHeader, ProxyConnectHeader, ProxyTLSConfig: the way through proxies
//   - HandshakeTimeout, MaxRedirects: bound the handshake
//
// [DeflateOptions], which are those of package deflate:
//
//   - Level: how hard to compress
//   - MinSize: below it messages go out as they are
//   - Outgoing, Incoming: context takeover and window of each direction
//   - RequireWindow: fails where a server does not agree to the window
//
// # Where is the rest?
//
// The type [Conn] and what belongs to it come from package conn, which works over any net.Conn and knows no HTTP; the names
// here are aliases. Package handshake has the rules of the opening handshake without any network.
package websocket
