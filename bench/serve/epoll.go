//go:build linux

package serve

import (
	"bytes"
	"net"
	"runtime"
	"syscall"
	"unsafe"
)

// startEpoll echoes bytes as they come, from one thread that waits by epoll and checks nothing: what an event loop costs that
// does nothing else. It does not even tell Go's scheduler that it waits, so that other goroutines run only when the scheduler
// interrupts it, every 10 ms. Its connections must take what they are sent at once, as those of the load generator do.
func startEpoll(s Spec) (net.Addr, error) {
	l, err := listen(Spec{})
	if err != nil {
		return nil, err
	}
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		return nil, err
	}
	e := &epoll{listener: int(f.Fd()), broadcast: s.Task == Broadcast, greeted: map[int32]bool{}, buf: make([]byte, 256<<10)}
	if err := syscall.SetNonblock(e.listener, true); err != nil {
		return nil, err
	}
	if e.fd, err = syscall.EpollCreate1(0); err != nil {
		return nil, err
	}
	if err := e.add(e.listener, 0); err != nil {
		return nil, err
	}
	go func() {
		defer f.Close()
		for e.wait() == nil {
		}
	}()
	return l.Addr(), nil
}

type epoll struct {
	fd, listener int
	broadcast    bool
	greeted      map[int32]bool // whether the request was answered
	buf          []byte
	events       [256]syscall.EpollEvent
}

func (e *epoll) add(fd int, flags uint32) error {
	return syscall.EpollCtl(e.fd, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN | flags, Fd: int32(fd)})
}

func (e *epoll) wait() error {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(e.fd), uintptr(unsafe.Pointer(&e.events[0])),
		uintptr(len(e.events)), ^uintptr(0), 0, 0)
	if errno == syscall.EINTR {
		runtime.Gosched()
		return nil
	}
	if errno != 0 {
		return errno
	}
	for _, ev := range e.events[:n] {
		if int(ev.Fd) == e.listener {
			e.accept()
		} else {
			e.read(ev.Fd)
		}
	}
	return nil
}

func (e *epoll) accept() {
	for {
		fd, _, err := syscall.Accept4(e.listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
		e.greeted[int32(fd)] = false
		e.add(fd, 0)
	}
}

func (e *epoll) read(fd int32) {
	n, err := syscall.Read(int(fd), e.buf)
	if n <= 0 {
		if err != syscall.EAGAIN {
			delete(e.greeted, fd)
			syscall.Close(int(fd))
		}
		return
	}
	switch b := e.buf[:n]; {
	case !e.greeted[fd]: // the load generator sends nothing behind its request before the answer
		if bytes.HasSuffix(b, []byte("\r\n\r\n")) {
			e.greeted[fd] = true
			e.write(fd, []byte(switching))
		}
	case e.broadcast:
		for to := range e.greeted {
			e.write(to, b)
		}
	default:
		e.write(fd, b)
	}
}

// write waits, by trying again, for a socket that is full.
func (e *epoll) write(fd int32, b []byte) {
	for len(b) > 0 {
		n, err := syscall.Write(int(fd), b)
		if err != nil && err != syscall.EAGAIN && err != syscall.EINTR {
			return
		}
		b = b[max(n, 0):]
	}
}
