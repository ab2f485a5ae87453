// Package pipe is an in-memory net.Conn that behaves like a socket and works in fake time. It imports nothing that users
// of the module should not have to build.
package pipe
