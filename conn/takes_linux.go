//go:build linux && !386 && !s390x && !websocket_portable

package conn

import (
	"crypto/tls"
	"net"
	"sync"
	"syscall"
	"unsafe"
)

// look is one look at the memory of a socket. It is pooled, with its function, because few connections look at a time.
type look struct {
	mem    [memVars]uint32 // of the socket
	size   uint32          // bytes of it that the system has filled in
	unsent int32           // bytes that were not sent even once; only if much of mem is taken
	err    syscall.Errno
	at     func(fd uintptr) // looks
}

var looks = sync.Pool{New: func() any {
	l := new(look)
	l.at = func(fd uintptr) { l.err = l.ask(fd) }
	return l
}}

// What the system tells of the memory of a socket: see SO_MEMINFO in socket(7).
const (
	soMemInfo      = 55
	memWriteAlloc  = 2
	memSendBuffer  = 3
	memWriteQueued = 5
	memVars        = 9
)

// siocOutQNSD asks for the bytes that were not sent: see tcp(7).
const siocOutQNSD = 0x894b

// minUnsent is how many bytes may be unsent on any system before a write waits. TCP_NOTSENT_LOWAT is seldom set, and then to
// this or more.
const minUnsent = 16 << 10

// newTakes returns portable.takes for a tls.Conn over a socket of the operating system, and nil for all others. A tls.Conn
// cannot write without waiting, and does not survive a write that is cut. So before a write that must not wait for the peer, its
// socket is asked how much memory is taken by what was written before: if there is room for all of it, who has it can write it,
// without another goroutine.
func newTakes(nc net.Conn) func(n int) bool {
	over, ok := nc.(*tls.Conn)
	if !ok {
		return nil
	}
	var raw syscall.RawConn
	var err error
	switch socket := over.NetConn().(type) {
	case *net.TCPConn:
		raw, err = socket.SyscallConn()
	case *net.UnixConn:
		raw, err = socket.SyscallConn()
	default: // somebody else's, who may wait for anything
		return nil
	}
	if err != nil {
		return nil
	}
	return func(n int) bool {
		l := looks.Get().(*look)
		defer looks.Put(l)
		return l.room(raw, n)
	}
}

// room reports whether the socket takes n bytes, and what TLS adds to them, at once.
func (l *look) room(raw syscall.RawConn, n int) bool {
	// A record of TLS has 1 KiB and more, but for the last one, and a packet takes less than twice that.
	need := 2*n + 2<<10
	l.unsent = 0
	if need > minUnsent || raw.Control(l.at) != nil || l.err != 0 || l.size <= 4*memWriteQueued {
		return false
	}
	taken, unsent := int(l.taken()), int(l.unsent)
	if taken < minUnsent {
		unsent = taken
	}
	return taken+need <= int(l.mem[memSendBuffer]) && unsent+need <= minUnsent
}

// ask asks the system, with calls that never wait, so that the scheduler need not be told.
func (l *look) ask(fd uintptr) syscall.Errno {
	l.size = uint32(unsafe.Sizeof(l.mem))
	_, _, err := syscall.RawSyscall6(syscall.SYS_GETSOCKOPT, fd, syscall.SOL_SOCKET, soMemInfo,
		uintptr(unsafe.Pointer(&l.mem)), uintptr(unsafe.Pointer(&l.size)), 0)
	if err != 0 || l.taken() < minUnsent { // what is unsent takes memory
		return err
	}
	_, _, err = syscall.RawSyscall(syscall.SYS_IOCTL, fd, siocOutQNSD, uintptr(unsafe.Pointer(&l.unsent)))
	return err
}

// taken is how much memory holds what was written and not acknowledged.
func (l *look) taken() uint32 { return max(l.mem[memWriteAlloc], l.mem[memWriteQueued]) }
