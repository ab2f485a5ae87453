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
// What a connection does not take at once goes to a queue of its own, bounded by [Options].QueueMessages and QueueBytes.
// When that is full, Publish waits for room once, after all others have been served, and for 5 ms at most ([Patience]):
// a burst that is faster than the machine can send is slowed down, and a peer that takes nothing is found out. From then
// on, until it has caught up, it delays nobody, and what happens to it is the [Policy]: [CloseSlow], [DropOldest] or
// [DropNewest]. Only with [Block] does Publish go on to wait. All connections of a hub have the same policy. Those that
// need different ones belong to different hubs; a connection may be in any number of them.
//
// Up to [Ahead] bytes, or one message, are handed over to the connection before its peer has taken them, more if it always takes
// at once what it is given, and the
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
// All connections get the messages of a topic in the same order, that of the broker: those of one goroutine in the order of
// its calls. That holds also if some are dropped. A value with a key takes the place of the one that it replaces, so it may
// overtake messages that were published between the two; values with the same key never overtake each other. What is sent
// by the methods of the connection goes in between. Across processes, topics without history keep the order of each
// publisher alone.
//
// # How do new subscribers get history?
//
// Topics have history if the [Broker] says so, see [Retention]: its last messages, bounded by number, age and bytes. By
// default there is none. [Hub.SubscribeFrom] sends what is asked for, the last 50 or all since a [Position], and then goes
// on with what is published: nothing is missing between the two, and nothing comes twice. With an [Envelope], clients
// learn the positions of messages; [Client] keeps them and comes back where it was. Whoever has been away for too long is
// told that it could not be recovered.
//
// # Who is there?
//
// [Hub.Enter] makes a subscriber present in a topic, with an id and a small value, until it leaves or its connection ends.
// [Hub.Present] lists who is there, and [Options].OnPresence hears who comes and goes.
//
// # How does a server shut down?
//
// First [Hub.Shutdown], which hands everything that waits to the connections, then Shutdown of package websocket's
// Registry, which sends that and closes them.
//
// # Can a topic span processes?
//
// With a broker that does, such as hub/nats and hub/redis. A hub follows only the topics that its connections are
// subscribed to. What is published comes back through the broker, in its order. Without one, each hub has a [Memory] of its
// own; hubs of one process may share it. docs/scaling.md says what each broker promises.
package hub
