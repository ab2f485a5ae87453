// Package hub sends messages to many connections at once: to all that have subscribed to a topic, such as a room, a
// document or a ticker symbol. A message is encoded once, and compressed once, however many get it.
//
// # How does it work?
//
// [Hub.Subscribe] subscribes a connection to a topic; [Hub.Publish] sends to all subscribers. A connection that ends is
// unsubscribed automatically, and a topic exists as long as it has subscribers. A connection that keeps up with what it is sent
// needs no goroutine and no buffer.
//
// The hub only sends. The program must still read from each connection, and close it.
//
// # What about a peer that is slow?
//
// What a connection cannot take at once waits in a queue of its own, limited by [Options].QueueMessages and QueueBytes. When
// that is full, Publish waits for room once, after it has served all others, and for at most 5 ms ([Patience]): this slows down
// a burst that is faster than the machine can send, and finds out a peer that takes nothing. From then on, until it has caught
// up, such a peer delays nobody, and the [Policy] decides what happens to it: [CloseSlow], [DropOldest] or [DropNewest]. Only
// with [Block] does Publish keep waiting. All connections of a hub have the same policy. Use several hubs for different
// policies; a connection may be in any number of them.
//
// The hub hands up to [Ahead] bytes, or one message, to a connection before its peer has taken them, and more if the connection
// always takes at once what it is given. The operating system buffers some more (see SetWriteBuffer of net.TCPConn). These
// messages can no longer be replaced or dropped.
//
// # What about values of which only the latest matters?
//
// [Hub.PublishLatest] gives a message a key: prices by symbol, cursors by user. While such a value waits for a slow peer, a
// newer one with the same topic and key takes its place. When a queue is full, values are dropped first, whatever the policy,
// and are never a reason to close or to block. So a peer that falls asleep loses old values, not the connection.
//
// # In which order do messages arrive?
//
// All connections get the messages of a topic in the same order, that of the broker, which keeps the order of the calls of one
// goroutine. That is so even if some are dropped. A value with a key takes the place of the one that it replaces, so it may
// overtake messages that were published between the two; values with the same key never overtake each other. Messages sent with
// the methods of the connection may come in between. Across processes, topics without history keep the order of each publisher
// alone.
//
// # How do new subscribers get history?
//
// The [Broker] can keep a history of a topic, see [Retention]: its last messages, limited by number, age and bytes. By default
// there is none. [Hub.SubscribeFrom] sends the part that is asked for, such as the last 50 messages or all since a [Position],
// and continues with what is published: between the two, nothing is missing and nothing comes twice. With an [Envelope],
// clients learn the positions of messages; [Client] remembers them and resumes where it was. A client that was away for too
// long is told that it could not be recovered.
//
// # Who is there?
//
// [Hub.Enter] makes a subscriber present in a topic, with an id and a small value, until it leaves or its connection ends.
// [Hub.Present] lists who is there, and [Options].OnPresence is called when somebody comes or goes.
//
// # How does a server shut down?
//
// Call [Hub.Shutdown] first, which hands everything that is waiting to the connections, and then Shutdown of package
// websocket's Registry, which sends that and closes them.
//
// # Can a topic span processes?
//
// Yes, with a broker such as hub/nats or hub/redis. A hub follows only the topics that its connections are subscribed to. What
// it publishes comes back through the broker, in the broker's order. Without a broker, each hub has a [Memory] of its own,
// which hubs of one process may share. docs/scaling.md says what each broker promises.
package hub
