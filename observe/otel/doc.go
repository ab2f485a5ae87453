// Package otel tells OpenTelemetry what happens on WebSockets: metrics of connections, and a span for each opening handshake.
//
//	observer, err := otel.New(nil) // with the global providers
//	…
//	options := &websocket.AcceptOptions{Config: websocket.Config{Observer: observer}}
//
// # Which metrics are there?
//
// Names and attributes follow OpenTelemetry's conventions; there are none for WebSockets yet.
//
//	websocket.connection.count       {connection}  connections that are open
//	websocket.connection.ends        {connection}  ends: websocket.close.code, websocket.close.by, websocket.close.clean
//	websocket.handshake.duration     s             handshakes: websocket.role, url.scheme, network.protocol.version,
//	                                               http.response.status_code, and error.type of those that failed
//	websocket.messages               {message}     network.io.direction, websocket.message.type
//	websocket.message.io             By            their bytes as the application has them; the same attributes
//	websocket.message.compressed_io  By            and as they travel, after compression; the same attributes
//	websocket.ping.duration          s             round trips of pings
//	websocket.send.rejected          {message}     what Send has refused because too much waited
//	websocket.slow_write.duration    s             writes that took longer than Observer.SlowAfter, 1 s by default
//
// # What is in a span?
//
// The span "websocket handshake" has the attributes of HTTP (server.address, url.path and so on, never the query), and those of
// the metric. A client's is the parent of what happens on the way, such as the spans of a NetDial, and travels to the server in
// the header of the request, in the way that the propagator has it. A server's is a child of the span that middleware has put into
// the request's context, or else of the client's.
//
// # What does it cost?
//
// A message costs what the counters of package observe cost, since these are read when metrics are collected. Handshakes, round
// trips and ends call the SDK.
package otel
