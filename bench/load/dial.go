package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Every wait of the generator is bounded by this.
const patience = 10 * time.Second

// accept answers the key in the request (RFC 6455, section 1.3 has the two as its example).
const accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

func request(addr, scheme, extensions string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "GET /echo HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n", addr)
	b.WriteString("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
	fmt.Fprintf(&b, "Origin: %s://%s\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) bench\r\nAccept-Language: en\r\nCache-Control: no-cache\r\n", scheme, addr)
	if extensions != "" {
		fmt.Fprintf(&b, "Sec-WebSocket-Extensions: %s\r\n", extensions)
	}
	return []byte(b.String() + "\r\n")
}

// shake does the opening handshake on a connection whose reads wait.
func shake(c io.ReadWriter, request []byte, deflate bool) error {
	if _, err := c.Write(request); err != nil {
		return err
	}
	var buf [2048]byte
	n := 0
	for !bytes.Contains(buf[:n], []byte("\r\n\r\n")) {
		m, err := c.Read(buf[n:])
		if err != nil {
			return err
		}
		if n += m; n == len(buf) {
			return fmt.Errorf("load: response is too long")
		}
	}
	return checkResponse(string(buf[:n]), deflate)
}

func checkResponse(r string, deflate bool) error {
	switch {
	case !strings.HasPrefix(r, "HTTP/1.1 101 "), !strings.Contains(r, accept), !strings.HasSuffix(r, "\r\n\r\n"):
		return fmt.Errorf("load: handshake was refused: %q", r)
	case deflate != strings.Contains(r, "permessage-deflate"):
		return fmt.Errorf("load: compression is %t, wanted %t: %q", !deflate, deflate, r)
	}
	return nil
}

// socket is a TCP connection that the runtime of Go knows nothing of, so that its poller is not woken.
type socket int

func dialSocket(addr string) (socket, error) {
	a, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return -1, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	to := unix.NsecToTimeval(patience.Nanoseconds())
	for _, o := range []error{
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &to),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &to),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		// Closing resets the connection, so that no port is left waiting.
		unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}),
		connect(fd, &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte(a.IP.To4())}),
	} {
		if o != nil {
			unix.Close(fd)
			return -1, o
		}
	}
	return socket(fd), nil
}

// connect is unix.Connect, which a signal may interrupt but not stop.
func connect(fd int, to unix.Sockaddr) error {
	err := unix.Connect(fd, to)
	if err != unix.EINTR {
		return err
	}
	ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	if _, err := uninterrupted(func() (int, error) { return unix.Poll(ready, int(patience.Milliseconds())) }); err != nil {
		return err
	}
	if code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || code != 0 {
		return errors.Join(err, syscall.Errno(code))
	}
	return nil
}

// uninterrupted repeats a system call when a signal was the reason that it returned.
func uninterrupted(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != unix.EINTR {
			return n, err
		}
	}
}

func (s socket) Read(p []byte) (int, error) {
	n, err := uninterrupted(func() (int, error) { return unix.Read(int(s), p) })
	if err == nil && n == 0 {
		err = io.EOF
	}
	return max(n, 0), err
}

func (s socket) Write(p []byte) (int, error) {
	n, err := uninterrupted(func() (int, error) { return unix.Write(int(s), p) })
	return max(n, 0), err
}

func (s socket) Close() error { return unix.Close(int(s)) }
