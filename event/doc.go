// Package event drives WebSocket connections from an event loop: a connection that waits has no goroutine, and no buffer. What
// comes is told by callbacks; for everything else there is the same [conn.Conn] as ever. It knows no HTTP: package websocket has
// a Loop with an http.Handler, a server of its own, and Dial.
//
// # When is it worth it?
//
// With very many connections that mostly wait: one takes 0.6 KiB instead of four. Or with many that are busy, where
// it saves the scheduler's work. A goroutine for each connection is simpler to program, and as quick with few connections.
//
// # Which goroutine calls?
//
// Each [Loop] has a few goroutines, one for each processor, and each of these leads a shard of the connections. Callbacks run
// on it. One that takes longer than a millisecond or two, because it blocks or computes, holds nobody up: another goroutine
// leads the shard from then on, and the one in the callback goes on with its connection alone. So callbacks may do what they
// like, and no goroutine is started for those that are quick. Calls for one connection never overlap.
//
// # What may a callback call?
//
// Everything but what reads, which is refused with [conn.ErrEventDriven]. A Write to a peer that does not read blocks the callback,
// and the connection is not read meanwhile. A peer that does not read what it is answered by Send is not read from either,
// once 64 KiB wait.
//
// # What about TLS, and other systems?
//
// Connections that are no sockets of the operating system, and all connections on systems without epoll and kqueue, get the
// same calls from a goroutine of their own. [conn.Conn.EventDriven] tells.
//
// # Where is what?
//
//	loop.go       Loop, Events, Attach, Shutdown
//	listen.go     listeners: what accepts connections
//	guest.go      a connection until its opening handshake is done
//	socket.go     a connection: its state, and what there is to do for it
//	netconn.go    the methods that package conn calls
//	shard.go      the goroutine that waits for the network, its queue and timers
//	watch.go      what makes another goroutine lead when a callback takes long
//	goroutine.go  connections that cannot be driven
//	poller.go     the seam to the operating system
//	rawconn.go    the descriptor, for socket options
package event
