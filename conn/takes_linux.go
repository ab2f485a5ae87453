//go:build linux && !386 && !s390x && !websocket_portable

package conn

import (
	"crypto/tls"
	"net"
	"syscall"
	"unsafe"
)

// underTLS is the socket under a tls.Conn. A tls.Conn cannot write without waiting, and does not survive a write that is cut. So
// before a write that must not wait for the peer, its socket is asked how much memory is taken by what was written before: if
// there is room for all of it, who has it can write it, without another goroutine.
type underTLS struct {
	raw    syscall.RawConn
	look   func(fd uintptr) // made once: a closure for each call would be garbage for each call
	mem    [memVars]uint32  // of the socket, by the last look
	size   uint32           // bytes of it that the system has filled in
	unsent int32            // bytes that were not sent even once; only if much of mem is taken
	err    syscall.Errno
}

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

// newTakes returns portable.takes for a tls.Conn over a socket of the operating system, and nil for all others.
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
	u := &underTLS{raw: raw}
	u.look = func(fd uintptr) { u.err = u.ask(fd) }
	return u.takes
}

// ask asks the system, with calls that never wait, so that the scheduler need not be told.
func (u *underTLS) ask(fd uintptr) syscall.Errno {
	u.size = uint32(unsafe.Sizeof(u.mem))
	_, _, err := syscall.RawSyscall6(syscall.SYS_GETSOCKOPT, fd, syscall.SOL_SOCKET, soMemInfo,
		uintptr(unsafe.Pointer(&u.mem)), uintptr(unsafe.Pointer(&u.size)), 0)
	if err != 0 || u.taken() < minUnsent { // what is unsent takes memory
		return err
	}
	_, _, err = syscall.RawSyscall(syscall.SYS_IOCTL, fd, siocOutQNSD, uintptr(unsafe.Pointer(&u.unsent)))
	return err
}

// taken is how much memory holds what was written and not acknowledged.
func (u *underTLS) taken() uint32 { return max(u.mem[memWriteAlloc], u.mem[memWriteQueued]) }

// takes reports whether the socket takes n bytes, and what TLS adds to them, at once.
func (u *underTLS) takes(n int) bool {
	// A record of TLS has 1 KiB and more, but for the last one, and a packet takes less than twice that.
	need := 2*n + 2<<10
	u.unsent = 0
	if need > minUnsent || u.raw.Control(u.look) != nil || u.err != 0 || u.size <= 4*memWriteQueued {
		return false
	}
	taken, unsent := int(u.taken()), int(u.unsent)
	if taken < minUnsent {
		unsent = taken
	}
	return taken+need <= int(u.mem[memSendBuffer]) && unsent+need <= minUnsent
}
