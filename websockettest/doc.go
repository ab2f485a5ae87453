// Package websockettest helps you test programs that use package websocket. It connects a client and a server in memory.
//
// # How do I test code that gets a connection?
//
// [Pair] returns both ends of a connection, made by a real handshake with the options of your choice. Give one end to the
// code under test, and play the peer with the other.
//
// # How do I test what takes time?
//
// Put the whole test into one bubble of testing/synctest. Timeouts, heartbeats and back-off then take no time at all, and
// synctest.Wait waits until neither end has anything left to do.
//
// # How do I test slow and broken peers?
//
// For a slow peer, do not read from its end: once [Options].Buffer bytes are on their way, the other end has to wait. For a
// peer that vanishes, call CloseNow on its end. For a network that breaks, make a [Pipe], use one end with package
// websocket's Dial or AcceptConn, or package conn's Client or Server, and close the other.
package websockettest
