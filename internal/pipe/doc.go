// Package pipe has an in-memory net.Conn that behaves like a socket and works in fake time. It imports nothing that users
// of the module would not build anyway.
package pipe
