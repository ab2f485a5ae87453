// Package h2stream makes a net.Conn of the two directions of an HTTP/2 or HTTP/3 stream: a body that is read, and a way
// to send. What HTTP libraries offer for such a stream cannot be interrupted and gone on with, as a net.Conn can by its
// deadlines; so sending, and reading unless it is known that nothing interrupts it, are done by goroutines of their own, which
// callers wait for.
package h2stream
