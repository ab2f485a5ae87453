// Package hub sends messages to many connections at once: to all that have subscribed to a topic, such as a room, a
// document or a ticker symbol. A message is encoded once, and compressed once, however many get it.
//
// # How does it work?
//
// [Hub.Subscribe] adds a connection to a topic; [Hub.Publish] sends to all that are there. A connection that ends is
// unsubscribed by itself, a topic exists for as long as somebody is in it, and a connection that takes what it is sent
// costs no goroutine and no buffer.
//
// The hub only sends. Somebody has to read each connection, as ever, and to close it.
//
// # What about a peer that is slow?
//
// What a connection does not take at once goes to a queue of its own, bounded by [Options].QueueMessages and QueueOctets.
// When that is full, Publish waits for room once, after all others have been served, and for 5 ms at most ([Patience]):
// a burst that is faster than the machine can send is slowed down, and a peer that takes nothing is found out. From then
// on, until it has caught up, it delays nobody, and what happens to it is the [Policy]: [CloseSlow], [DropOldest] or
// [DropNewest]. Only with [Block] does Publish go on to wait. All connections of a hub have the same policy. Those that
// need different ones belong to different hubs; a connection may be in any number of them.
//
// Up to [Ahead] octets, or one message, are handed over to the connection before its peer has taken them, and the
// operating system buffers some more (see SetWriteBuffer of net.TCPConn): these are past replacing and dropping.
//
// # What about values of which only the latest matters?
//
// [Hub.PublishLatest] gives a message a key: prices by symbol, cursors by user. While such a value waits for a slow peer,
// a newer one with the same topic and key takes its place. Values are the first to be dropped when a queue is full,
// whatever the policy, and never the reason for it to close or to block. So a peer that sleeps loses old values, not the
// connection.
//
// # In which order do messages arrive?
//
// All connections get the messages of a topic in the same order, the one in which they were accepted by the hub: those
// of one goroutine in the order of its calls. That holds also if some are dropped. A value with a key takes the place of
// the one that it replaces, so it may overtake messages that were published between the two; values with the same key
// never overtake each other. What is sent by the methods of the connection goes in between.
//
// # How do those who come late get what was before?
//
// By the program, which knows what that is. Hold a lock of your own while you add to the history and publish, and while
// you send the history (by Conn.Send, which does not wait) and subscribe: then nothing is missing and nothing comes
// twice. See the example of Hub.
//
// # How does a server shut down?
//
// First [Hub.Shutdown], which hands everything that waits to the connections, then Shutdown of package websocket's
// Registry, which sends that and closes them.
//
// # Can a topic span processes?
//
// With a [Relay] between the hubs. [Bus] is one for hubs of the same process.
package hub
