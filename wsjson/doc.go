// Package wsjson reads and writes JSON values as messages of a WebSocket connection, by package encoding/json.
//
// # What limits what a peer may send?
//
// The connection does: Config.ReadLimit, by default 1 MiB, bounds each message before it takes memory. Package
// encoding/json limits how deep values may be nested.
//
// # What does bad JSON do?
//
// [Read] returns a [*DecodeError], and nothing else happens: the connection stays open, and the next call reads the next
// message. To be strict, close the connection with StatusUnsupportedData or StatusPolicyViolation.
//
// # How do I send one value to many connections?
//
// [Prepare] encodes it once, for Conn.WritePrepared, Conn.SendPrepared and package hub.
package wsjson
