package netpoll

import (
	"os"
	"syscall"
	"time"
)

// Supported says whether there is a poller on this system.
const Supported = true

// Poller reports which sockets are ready. Wait is for one goroutine at a time, all else for any.
type Poller struct {
	epoll, event int // descriptors
	keeper       keeper
	buf          [maxEvents]syscall.EpollEvent
}

const maxEvents = 256

// What sockets are registered for.
const (
	forReading = syscall.EPOLLIN | syscall.EPOLLRDHUP | 1<<31 // EPOLLET
	forWriting = forReading | syscall.EPOLLOUT

	forAccepting = syscall.EPOLLIN
)

// Open returns a new poller. It must be closed.
func Open() (*Poller, error) {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	event, _, errno := syscall.Syscall(syscall.SYS_EVENTFD2, 0, syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if errno != 0 {
		syscall.Close(epoll)
		return nil, os.NewSyscallError("eventfd2", errno)
	}
	p := &Poller{epoll: epoll, event: int(event)}
	if err := p.control(syscall.EPOLL_CTL_ADD, p.event, wakeToken, forReading); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Close closes the poller. Nobody may use it any more.
func (p *Poller) Close() {
	syscall.Close(p.epoll)
	syscall.Close(p.event)
}

// Add begins to report when f can be read, under this token.
func (p *Poller) Add(f *FD, token uint64) error {
	return f.Do(func(fd int) error { return p.control(syscall.EPOLL_CTL_ADD, fd, token, forReading) })
}

// AddListener begins to report when a connection can be accepted from f, each time that it is asked: who accepts one need not try
// again to see that there is no other, which costs more.
func (p *Poller) AddListener(f *FD, token uint64) error {
	return f.Do(func(fd int) error { return p.control(syscall.EPOLL_CTL_ADD, fd, token, forAccepting) })
}

// Remove stops reporting about f.
func (p *Poller) Remove(f *FD) error {
	return f.Do(func(fd int) error { return p.control(syscall.EPOLL_CTL_DEL, fd, 0, 0) })
}

// Arm asks to be told once f can be written, at once if it can be now.
func (p *Poller) Arm(f *FD, token uint64) error {
	return f.Do(func(fd int) error { return p.control(syscall.EPOLL_CTL_MOD, fd, token, forWriting) })
}

func (p *Poller) control(op, fd int, token uint64, events uint32) error {
	e := syscall.EpollEvent{Events: events, Fd: int32(uint32(token)), Pad: int32(uint32(token >> 32))}
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(p.epoll, op, fd, &e))
}

// Wait waits for events, or for timeout, or for Wake. A negative timeout is none. It returns how many events there are. The
// thread is blocked meanwhile, and not only the goroutine: that is quicker by far to wake up. See also keeper.
func (p *Poller) Wait(events []Event, timeout time.Duration) (int, error) {
	n, err := p.wait(p.buf[:min(len(p.buf), len(events))], timeout)
	if err != nil {
		if err == syscall.EINTR {
			return 0, nil
		}
		return 0, os.NewSyscallError("epoll_wait", err)
	}
	got := 0
	for i := range p.buf[:n] {
		e := &p.buf[i]
		token := uint64(uint32(e.Pad))<<32 | uint64(uint32(e.Fd))
		if token == wakeToken {
			var count [8]byte
			syscall.Read(p.event, count[:])
			continue
		}
		events[got] = Event{token, ready(e.Events)}
		got++
	}
	return got, nil
}

func (p *Poller) wait(buf []syscall.EpollEvent, timeout time.Duration) (n int, err error) {
	if timeout == 0 {
		return waitKeeping(p.epoll, buf, 0)
	}
	if p.keeper.keeps(timeout) {
		if n, err := p.keeper.wait(p.epoll, buf); n > 0 || err != nil {
			return n, err
		}
	}
	start := time.Now()
	n, err = syscall.EpollWait(p.epoll, buf, milliseconds(timeout))
	p.keeper.waited(start, n)
	return n, err
}

func ready(events uint32) (r Ready) {
	const broken = syscall.EPOLLERR | syscall.EPOLLHUP
	if events&(syscall.EPOLLIN|syscall.EPOLLRDHUP|broken) != 0 {
		r |= Readable
	}
	if events&(syscall.EPOLLOUT|broken) != 0 {
		r |= Writable
	}
	if events&(syscall.EPOLLRDHUP|broken) != 0 {
		r |= HungUp
	}
	return r
}

// Wake makes Wait return.
func (p *Poller) Wake() {
	one := [8]byte{1} // whatever the order of bytes, it is not 0
	syscall.Write(p.event, one[:])
}
