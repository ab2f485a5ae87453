// Package event drives WebSocket connections from an event loop: an idle connection has no goroutine and no buffer. What
// arrives is delivered to callbacks; everything else works as with any other [conn.Conn]. The package knows nothing of HTTP:
// package websocket has a Loop with an http.Handler, a server of its own, and Dial.
//
// # When is it worth it?
//
// With very many connections that are mostly idle: each takes half a KiB instead of four. Or with many busy ones, where it saves
// the scheduler's work. With few connections, a goroutine for each is simpler to program and just as fast.
//
// # Which goroutine calls?
//
// Each [Loop] divides its connections into shards, one for each processor. A shard has a goroutine that leads it, which waits
// for the network and runs the callbacks. A callback that takes longer than a millisecond or two, because it blocks or
// computes, delays no other connection: another goroutine takes over the shard, and the one in the callback stays with that
// connection. So callbacks may block, and quick ones start no goroutine. Calls for one connection never overlap.
//
// Each take-over costs the others a millisecond or two, so a shard can start no more than a few hundred callbacks a second that
// block. Where most callbacks block, use a goroutine for each connection: [conn.Conn.Serve].
//
// # What may a callback call?
//
// Any method except those that read, which fail with [conn.ErrEventDriven]. A Write to a peer that does not read blocks the
// callback, and nothing is read from the connection meanwhile. Nor is anything read from a peer that does not read its answers,
// once 64 KiB that were accepted for it wait. So two ends on event loops that both write more than that at once wait for each other:
// one of them needs a goroutine that reads whatever waits to be sent, in [conn.Conn.Serve] or a loop around [conn.Conn.Read], and
// whose answers do not wait for the peer.
//
// # Where does what I know of a connection go?
//
// Into [conn.Conn.SetValue], in Open; [conn.Conn.Value] has it in the callbacks to come. It takes no memory where it is not used.
//
// # What about TLS, and other systems?
//
// Connections that are not sockets of the operating system, and all connections on systems without epoll and kqueue, get the
// same calls from a goroutine of their own. [conn.Conn.EventDriven] reports which kind a connection is.
//
// # Where is what?
//
//	loop.go       Loop, Events, Attach, Shutdown
//	listen.go     listeners: what accepts connections
//	guest.go      a connection until its opening handshake is done
//	socket.go     a connection: its state, and what there is to do for it
//	place.go      where a socket is, what it is, and its addresses
//	slot.go       the table of sockets, which the poller's tokens lead to
//	netconn.go    the methods that package conn calls
//	shard.go      the goroutine that waits for the network, its queue and timers
//	watch.go      what makes another goroutine lead when a callback takes long
//	goroutine.go  connections that cannot be driven
//	poller.go     the seam to the operating system
//	rawconn.go    the descriptor, for socket options
package event
