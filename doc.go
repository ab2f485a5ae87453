// Package websocket is a client and a server of the WebSocket protocol (RFC 6455).
//
// # How do I accept connections?
//
// [Handler] turns a function that is called for each connection into an http.Handler:
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
// [Accept] does the same inside a handler of your own. [AcceptConn] needs no HTTP server, only a net.Conn; use it where a
// process holds very many connections and serves nothing else on the port.
//
// # How do I connect?
//
// With [Dial]. Options add headers, cookies, a TLS configuration or your own way to connect. If the server refuses, its
// response is returned with the error. Proxies (HTTP, HTTPS, SOCKS5) are taken from the environment, as in net/http, or from
// DialOptions.Proxy. Package reconnect dials again after a connection is lost.
//
// # Does it work over HTTP/2?
//
// Yes, for servers and clients (RFC 8441). For a net/http server, import package http2 for its side effect, which its
// documentation describes. For clients, set DialOptions.HTTP2. HTTP/3 (RFC 9220) is in module http3.
//
// # Who may call what at the same time?
//
// Only one goroutine may read at a time; everything else may be called from any goroutine. Always have one that reads, even if
// you expect no messages: reading also answers pings and notices the end of the connection.
//
// # What does a context do?
//
// It bounds the call that it is passed to. When the context ends, the call returns, and the connection goes on where the call
// stopped: no message is lost or cut in half. The contexts of [Accept], [AcceptConn] and [Dial] bound the handshake; they do
// not end the connection later.
//
// # How does a connection end?
//
// With Conn.Close, by the peer, or by an error. From then on every call returns the same [*CloseError], which says who ended it
// and why, like a browser's CloseEvent. [CloseStatus] returns its code, and errors.Is(err, net.ErrClosed) is true if this side
// closed the connection. Every connection must be ended with Conn.Close or Conn.CloseNow; [Handler] does so when its function
// returns.
//
// # How do I see what happens?
//
// Set Config.Observer, which is called for handshakes, messages, pings, slow peers and the end of connections. Package observe
// has observers that count, for expvar too, and that log with log/slog.
//
// # Is it safe to expose?
//
// The zero value of every option is safe. Browsers let any page connect to any server and attach the user's cookies, so a
// request with a foreign Origin is refused unless AcceptOptions.AllowedOrigins lists it (§10.2). There are limits to the size
// of messages (1 MiB), to the number of their fragments, and to the size and duration of handshakes. Text must be valid UTF-8.
// With net/http, set http.Server.ReadHeaderTimeout as well: the request is read before this package sees it.
//
// # Can messages be compressed?
//
// Yes, with permessage-deflate (RFC 7692), if both sides agree to it: set Deflate to &DeflateOptions{} in [AcceptOptions] or
// [DialOptions]. It is off by default because it costs memory and time, and because compressing secrets together with text that
// an attacker chooses can reveal the secrets.
//
// # Which errors are there?
//
// A handshake that fails returns a [*HandshakeError] with an HTTP status and a reason. A connection that has ended returns a
// [*CloseError] with a status code and, where there is one, the cause, such as [ErrMessageTooBig] or [ErrInvalidUTF8]. The
// error of a context means that only the call has ended.
//
// # Which methods has a connection?
//
// [Conn] is an alias, whose methods are listed with package conn.
//
// How are messages received?
//
//   - [conn.Conn.Read]: the next message, which the caller owns
//   - [conn.Conn.ReadAppend]: the same, appended to a slice
//   - [conn.Conn.Messages]: all messages, for a range loop, without copying
//   - [conn.Conn.Serve]: all messages, for a callback whose answers share system calls
//   - [conn.Conn.Reader]: the next message as an io.Reader
//   - [conn.Conn.CloseRead]: reads in the background when no message is expected
//   - [conn.Conn.SetReadLimit]: changes Config.ReadLimit
//
// How are messages sent?
//
//   - [conn.Conn.Write]: one message; returns when it is on the wire
//   - [conn.Conn.Send]: one message; never waits
//   - [conn.Conn.Writer]: a message piece by piece
//   - [conn.Conn.WritePrepared]: like Write, for a message made by [Prepare]
//   - [conn.Conn.WriteBatch]: the same for several messages, in one write
//   - [conn.Conn.SendPrepared]: like Send, for a message made by [Prepare]
//   - [conn.Conn.Flush]: waits until everything accepted is on the wire
//   - [conn.Conn.BufferedAmount]: how many bytes are not on the wire yet
//   - [conn.Conn.SetWriteCompression]: turns compression on or off for the messages that follow
//
// How are pings sent?
//
//   - [conn.Conn.Ping]: a ping; waits for its pong and returns the round-trip time
//   - [conn.Conn.SendPing]: a ping with any payload; never waits
//   - [conn.Conn.Pong]: a pong without a ping
//   - [conn.Conn.SendPong]: the same; never waits
//
// How is a connection closed?
//
//   - [conn.Conn.Close]: the closing handshake, with a code and a reason
//   - [conn.Conn.CloseNow]: ends the connection without it
//   - [conn.Conn.SendClose]: a close frame; never waits
//   - [conn.Conn.Done]: a channel that is closed at the end
//   - [conn.Conn.Err]: how the connection ended
//   - [conn.Conn.OnEnd]: a function that is called at the end
//   - [conn.Conn.State]: open, closing or closed
//
// What was agreed on, and with whom?
//
//   - [conn.Conn.Subprotocol]: the one that the handshake chose
//   - [conn.Conn.Deflate]: the parameters of compression
//   - [conn.Conn.EventDriven]: whether an event loop reads from it, see [Loop]
//   - [conn.Conn.NetConn]: the underlying net.Conn
//   - [conn.Conn.LocalAddr]: the address of this end
//   - [conn.Conn.RemoteAddr]: the address of the peer
//   - [conn.Conn.SetValue]: keeps a value of the program's with the connection
//   - [conn.Conn.Value]: what was kept
//
// # Which options are there?
//
// In all of them, 0 stands for the default given in the documentation, and a negative number means no limit, or off.
//
// [Config], in both directions:
//
//   - ReadLimit, MaxFragments: how long messages may be, and how many small frames they may have
//   - SkipUTF8: does not check that text is UTF-8
//   - SendQueue: how much may wait to be sent
//   - FragmentSize: where a Writer cuts
//   - ReuseReader: one reader for all messages
//   - PingInterval, IdleTimeout: notice that a peer is gone
//   - CloseTimeout: bounds the closing handshake
//   - FailFast: do not wait for a peer that has broken a rule, nor for long for one that does not read
//   - NetDeadlines: the program sets deadlines on the net.Conn itself
//   - OnPing, OnPong, OnClose: called for control frames
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
//   - MinSize: shorter messages are sent uncompressed
//   - Outgoing, Incoming: context takeover and window of each direction
//   - RequireWindow: fails if the server does not agree to the window
//
// # Where is the rest?
//
// [Conn] and its related types come from package conn, which works over any net.Conn and knows nothing of HTTP; the names here
// are aliases. Package handshake has the rules of the opening handshake without any network.
package websocket
