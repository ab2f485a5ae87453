// Package observe has ready-made observers that count, log and show what happens on connections. Set an observer in
// Config.Observer, of servers or clients. Module observe/otel has one for OpenTelemetry.
//
// # How are messages counted?
//
//	var counters observe.Counters // of the whole program, mostly
//	options := &websocket.AcceptOptions{Config: websocket.Config{Observer: counters.Observer()}}
//	…
//	counters.Stats().Received.Bytes
//
// # How do the counters get to /debug/vars?
//
// With one line, since [*Counters] is an expvar.Var:
//
//	expvar.Publish("websocket", &counters)
//
// # How is a log written?
//
//	Observer: observe.Log(slog.Default())
//
// # How do several observers hear of the same connections?
//
//	Observer: observe.Join(counters.Observer(), observe.Log(slog.Default()))
//
// # How does one see who is connected?
//
// [Page] is an http.Handler that lists the connections of a websocket.Registry. It is for operators only.
//
// # What does it cost?
//
// The counters take no memory per connection and allocate nothing. Make an observer once, not for each connection, because
// connections with the same observer share its memory. docs/observe.md has figures, and says what to look at.
package observe
