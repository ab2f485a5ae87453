// Package wsjson reads and writes JSON values as messages of a WebSocket connection, by package encoding/json.
//
// # What limits what a peer may send?
//
// The connection does: Config.ReadLimit, 1 MiB if nothing else was said, bounds each message before it takes memory. How
// deep values may be nested is bounded by encoding/json.
//
// # What does bad JSON do?
//
// It is returned as a [*DecodeError], and nothing else happens: the message is read to its end, and the next call reads
// the next one. To be strict, close the connection with StatusUnsupportedData or StatusPolicyViolation then.
//
// # How does one value go to many connections?
//
// [Prepare] encodes it once, for Conn.WritePrepared, Conn.SendPrepared and package hub.
package wsjson
