// Package websockettest helps to test programs that use package websocket: it connects a client and a server in memory.
//
// # How do I test code that gets a connection?
//
// [Pair] returns both ends of one, made by a real handshake with the options of your choice. Give one end to the code
// under test, and play the peer with the other.
//
// # How do I test what takes time?
//
// Inside testing/synctest, with the whole test in one bubble: timeouts, heartbeats and back-off then take no time at all,
// and synctest.Wait waits until both ends have nothing left to do.
//
// # How do I test slow and broken peers?
//
// A peer that does not read is an end that nobody reads from: once the network between the two is full, which is after
// [Options].Buffer bytes, it makes the other end wait. One that vanishes is CloseNow; a network that breaks is a
// [Pipe] whose end is closed, with package websocket's Dial or AcceptConn, or package conn's Client or Server, on the
// other.
package websockettest
