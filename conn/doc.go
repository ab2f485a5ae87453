// Package conn carries messages over a net.Conn by the framing of RFC 6455, for servers and clients alike, once the
// opening handshake is done. It knows no HTTP; package websocket has the handshakes.
//
// # Which call reads?
//
// [Conn.Read] returns one message that belongs to the caller, [Conn.ReadAppend] puts it into the caller's buffer,
// [Conn.Messages] and [Conn.Serve] lend it without a copy, [Conn.Reader] streams it, [Stream] forgets the edges of
// messages. They may be mixed: each goes on where the last one stopped. [Conn.CloseRead] is for peers that should say
// nothing.
//
// # Which call writes?
//
// [Conn.Write] sends a message and returns when it is on the wire; [Conn.Send] accepts it and never waits; [Conn.Writer]
// streams one of unknown length; [Prepare] encodes one for many connections.
//
// # What happens at the same time?
//
// One goroutine at a time reads: a second one that waits for a message gets [ErrConcurrentRead]. All else may be called
// from any goroutine. Messages of several writers go out whole, in the order in which they were accepted, control frames
// in between. What waits while one goroutine writes goes out together in the next write.
//
// # What does a context do?
//
// It cuts the call, not the connection. What has arrived of a message is kept, and the next call that reads goes on
// there. What was accepted for sending and is not yet sent goes out ahead of the next write.
//
// The net.Conn's deadlines cut a call that reads. Where they do not work (SSH channels have none), the connection is closed
// instead, up to a second later: it ends with [StatusAbnormalClosure] and the context's error as its cause. A call that
// writes is cut on any net.Conn.
//
// # Who owns which bytes?
//
// What is passed to a call that sends may be changed as soon as it returns. What Read and ReadAppend return is the
// caller's. What Messages lends is valid until the next call that reads, and what Serve lends until the callback returns.
// A connection that waits for bytes holds no buffer.
//
// # What do options stand for?
//
// In [Config], as in all options of this module, 0 is the default, and a negative number no limit, or off.
//
// # How does it end?
//
// By [Conn.Close], [Conn.CloseNow], the peer, or an error. Every valid call then returns the same *[CloseError]; errors.Is
// and errors.As find its cause, and errors.Is(err, net.ErrClosed) holds if this side has closed. Every connection must be
// closed, also after an error of the peer or the network; the second and later calls do nothing.
//
// A write that the network refuses ends sending, with a [*WriteError] for all who send, and not receiving: what the peer
// said before it went away is read to its end. See [Conn.Write].
//
// # What is checked?
//
// Everything that the RFC has a MUST for. What a peer did wrong is told to it with a close frame and the status code
// that fits, and to the caller as a [*frame.ProtocolError], [ErrInvalidUTF8], [ErrMessageTooBig] or
// [ErrTooManyFragments] within the *CloseError. Memory is taken for bytes that have arrived, never for what a header
// promises.
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
//	carries.go     what a browser does not send
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
