// Package hijack takes over what an HTTP server has kept for a connection. It knows nothing of WebSocket.
package hijack

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"net"
)

// smallest is the size of the smallest bufio.Reader, in bytes.
const smallest = 16

// Rest returns a copy of what the server has read behind the request on nc, or nil, and lets go of the memory of brw, which has come
// with nc from http.Hijacker: 8 KiB that package net/http would hold until its handler returns, which for one that serves the
// connection itself is the connection's end. brw can still be used, and is empty.
//
// That is for connections of package net and TLS only: another net.Conn may itself read from brw.
func Rest(nc net.Conn, brw *bufio.ReadWriter) (rest []byte) {
	rest = Buffered(brw.Reader)
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn, *tls.Conn:
		*brw.Reader = *bufio.NewReaderSize(nc, smallest)
		*brw.Writer = *bufio.NewWriterSize(nc, smallest)
	}
	return rest
}

// Buffered returns a copy of what br has read ahead, or nil.
func Buffered(br *bufio.Reader) []byte {
	n := br.Buffered()
	if n == 0 {
		return nil
	}
	b, _ := br.Peek(n)
	return bytes.Clone(b)
}
