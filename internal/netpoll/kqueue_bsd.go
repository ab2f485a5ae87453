//go:build darwin || dragonfly || freebsd || netbsd || openbsd

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
	kqueue int
	pipe   [2]int // Wake writes to it
	tokens tokens
	buf    [maxEvents]syscall.Kevent_t
}

const maxEvents = 256

// Open returns a new poller. It must be closed.
func Open() (*Poller, error) {
	kqueue, err := syscall.Kqueue()
	if err != nil {
		return nil, os.NewSyscallError("kqueue", err)
	}
	syscall.CloseOnExec(kqueue)
	p := &Poller{kqueue: kqueue}
	if err := syscall.Pipe(p.pipe[:]); err != nil {
		syscall.Close(kqueue)
		return nil, os.NewSyscallError("pipe", err)
	}
	for _, fd := range p.pipe {
		syscall.CloseOnExec(fd)
		syscall.SetNonblock(fd, true)
	}
	if err := p.register(p.pipe[0], syscall.EVFILT_READ, syscall.EV_ADD|syscall.EV_CLEAR, wakeToken); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Close closes the poller. Nobody may use it any more.
func (p *Poller) Close() {
	syscall.Close(p.kqueue)
	syscall.Close(p.pipe[0])
	syscall.Close(p.pipe[1])
}

// Add begins to report when f can be read, under this token.
func (p *Poller) Add(f *FD, token uint64) error {
	return f.Do(func(fd int) error { return p.register(fd, syscall.EVFILT_READ, syscall.EV_ADD|syscall.EV_CLEAR, token) })
}

// AddListener begins to report when a connection can be accepted from f, each time that it is asked: who accepts one need not try
// again to see that there is no other.
func (p *Poller) AddListener(f *FD, token uint64) error {
	return f.Do(func(fd int) error { return p.register(fd, syscall.EVFILT_READ, syscall.EV_ADD, token) })
}

// Remove stops reporting about f, which is a listener.
func (p *Poller) Remove(f *FD) error {
	return f.Do(func(fd int) error { return p.register(fd, syscall.EVFILT_READ, syscall.EV_DELETE, 0) })
}

// Arm asks to be told once f can be written, at once if it can be now.
func (p *Poller) Arm(f *FD, token uint64) error {
	return f.Do(func(fd int) error {
		return p.register(fd, syscall.EVFILT_WRITE, syscall.EV_ADD|syscall.EV_CLEAR, token)
	})
}

// register adds or deletes one filter. The token is kept beside the kernel, since the type of udata differs between the systems.
func (p *Poller) register(fd, filter, flags int, token uint64) error {
	if flags&syscall.EV_ADD != 0 {
		p.tokens.set(fd, token)
	}
	var k syscall.Kevent_t
	syscall.SetKevent(&k, fd, filter, flags)
	_, err := syscall.Kevent(p.kqueue, []syscall.Kevent_t{k}, nil, nil)
	return os.NewSyscallError("kevent", err)
}

// Wait waits for events, or for timeout, or for Wake. A negative timeout is none. It returns how many events there are.
func (p *Poller) Wait(events []Event, timeout time.Duration) (int, error) {
	var until *syscall.Timespec
	if timeout >= 0 {
		t := syscall.NsecToTimespec(int64(timeout))
		until = &t
	}
	n, err := syscall.Kevent(p.kqueue, nil, p.buf[:min(len(p.buf), len(events))], until)
	if err != nil {
		if err == syscall.EINTR {
			return 0, nil
		}
		return 0, os.NewSyscallError("kevent", err)
	}
	got := 0
	for i := range p.buf[:n] {
		e := &p.buf[i]
		token := p.tokens.get(int(e.Ident))
		if token == wakeToken {
			var drop [64]byte
			for n := 1; n > 0; {
				n, _ = syscall.Read(p.pipe[0], drop[:])
			}
			continue
		}
		events[got] = Event{token, readyFor(e)}
		got++
	}
	return got, nil
}

func readyFor(e *syscall.Kevent_t) (r Ready) {
	if e.Filter == syscall.EVFILT_WRITE {
		r = Writable
	} else {
		r = Readable
	}
	if e.Flags&(syscall.EV_EOF|syscall.EV_ERROR) != 0 {
		r |= Readable | HungUp
	}
	return r
}

// Wake makes Wait return.
func (p *Poller) Wake() { syscall.Write(p.pipe[1], []byte{0}) }
