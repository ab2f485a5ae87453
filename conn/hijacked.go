package conn

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"net"
)

// smallestReader is the size of the smallest bufio.Reader, in bytes.
const smallestReader = 16

// Hijacked returns a copy of what an HTTP server has read behind the request on nc, for [Negotiated]; that may be nothing. It lets go
// of the memory of brw, which has come with nc from http.Hijacker: 8 KiB that package net/http would hold until its handler returns,
// which for one that serves the connection itself is the connection's end. brw can still be used, and is empty; what is in its Writer
// is lost. Nobody else may use brw meanwhile.
//
// Memory is let go of for connections of package net and TLS only: another net.Conn may itself read from brw.
func Hijacked(nc net.Conn, brw *bufio.ReadWriter) (rest []byte) {
	b, _ := brw.Reader.Peek(brw.Reader.Buffered())
	rest = bytes.Clone(b)
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn, *tls.Conn:
		*brw.Reader = *bufio.NewReaderSize(nc, smallestReader)
		*brw.Writer = *bufio.NewWriterSize(nc, smallestReader)
	}
	return rest
}
