// Package conn carries messages over a net.Conn with the framing of RFC 6455, for servers and clients, once the opening
// handshake is done. It knows nothing of HTTP; package websocket does the handshakes.
//
// # Which call reads?
//
// [Conn.Read] returns one message that the caller owns, [Conn.ReadAppend] appends it to the caller's buffer, [Conn.Messages]
// and [Conn.Serve] lend it without a copy, [Conn.Reader] streams it, and [Stream] ignores where messages end. These may be
// mixed: each goes on where the last one stopped. [Conn.CloseRead] is for peers that should send no messages.
//
// # Which call writes?
//
// [Conn.Write] sends a message and returns when it is on the wire; [Conn.Send] queues it and never waits; [Conn.Writer] streams
// a message of unknown length; [Prepare] encodes one for many connections.
//
// # What may be called at the same time?
//
// Only one goroutine may read at a time: a second one gets [ErrConcurrentRead]. Everything else may be called from any
// goroutine. Messages of several writers go out whole and in the order in which they were accepted, with control frames in
// between. What is queued while one goroutine writes goes out together in the next write.
//
// # What does a context do?
//
// It ends the call, not the connection. The part of a message that has arrived is kept, and the next call that reads continues
// there. What was accepted but not yet sent goes out ahead of the next write.
//
// A call that reads is interrupted by the deadlines of the net.Conn. Where these do not work (SSH channels have none), the
// connection is closed instead, up to a second later, with [StatusAbnormalClosure] and the context's error as the cause. A call
// that writes can be interrupted on any net.Conn.
//
// # Who owns which bytes?
//
// Data passed to a call that sends may be changed as soon as the call returns. The caller owns what Read and ReadAppend return.
// What Messages lends is valid until the next call that reads, and what Serve lends until the callback returns. A connection
// that waits for bytes holds no buffer.
//
// # What does 0 stand for in options?
//
// In [Config], as in all options of this module, 0 stands for the default, and a negative number means no limit, or off.
//
// # How does it end?
//
// By [Conn.Close], [Conn.CloseNow], the peer, or an error. Every valid call then returns the same *[CloseError]; errors.Is and
// errors.As find its cause, and errors.Is(err, net.ErrClosed) is true if this side closed the connection. Every connection must
// be closed, even after an error of the peer or the network; closing it again does nothing.
//
// A failed write of the net.Conn ends sending, with a [*WriteError] for all who send, but not receiving: what the peer sent
// before it went away can still be read. See [Conn.Write].
//
// # What is checked?
//
// Everything for which the RFC has a MUST. If the peer breaks a rule, it gets a close frame with the appropriate status code,
// and the caller gets a [*frame.ProtocolError], [ErrInvalidUTF8], [ErrMessageTooBig] or [ErrTooManyFragments] inside the
// *CloseError. Memory is allocated for bytes that have arrived, never for what a header promises.
//
// # Where is what?
//
// What users call, a file for each verb:
//
//	conn.go, config.go, errors.go, message.go: a connection, and the words that the calls use
//	read.go        Read and ReadAppend
//	reader.go      Reader
//	messages.go    Messages, and how a message is lent
//	serve.go       Serve
//	closeread.go   CloseRead
//	write.go       Write and Flush
//	writer.go      Writer: messages in fragments
//	send.go        Send, which never waits
//	prepared.go    Prepare: one message for many connections
//	batch.go       WriteBatch: several of them in one write
//	ping.go        pings and pongs, of either side
//	close.go       Close, SendClose and CloseNow
//	onend.go       OnEnd
//	value.go       SetValue and Value
//	carries.go     what a browser does not send
//	hijacked.go    what an HTTP server has read, and its buffers
//	stream.go      Stream
//	observer.go    Observer: who is told of all that
//
// What they share on the way in:
//
//	next.go        the next part of a message: all ways of reading are loops over it
//	readbuffer.go  bytes that have arrived
//	assemble.go    messages that do not come in one part
//	heartbeat.go   when to ping, and when a peer is gone
//
// On the way out:
//
//	queue.go       what was accepted, and whose message is next
//	pack.go        compression
//	flush.go       who writes, and when
//	through.go     long messages, which are not copied
//	cork.go        what Serve keeps back to send it together
//	fanout.go      goroutines that write to many connections
//
// On the way to the end:
//
//	closeframe.go  a close frame, behind what was accepted before
//	finish.go      the last steps: what follows from a close frame, a broken rule, an error
//	end.go         what is left when the connection has ended
//	linger.go      a client's wait for its server to close TCP
//
// And below:
//
//	transport.go, transport_other.go: any net.Conn
//	takes_linux.go, takes_other.go: whether the socket under a tls.Conn has room
//	transport_unix.go, socket_unix.go, socket_linux.go: sockets, without a buffer while they wait
//	driven.go      what is different with an event loop: see package event
//	freshstack.go  what would make stacks grow for good
package conn
