package load

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

var errSilent = errors.New("load: the server does not answer")

// watch prepares the sockets for [Fleet.runPolling].
func (f *Fleet) watch() (err error) {
	if f.plan.TLS {
		return nil
	}
	if f.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	for i, s := range f.sessions {
		if err := unix.SetNonblock(s.fd, true); err != nil {
			return err
		}
		ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
		if err := unix.EpollCtl(f.poll, unix.EPOLL_CTL_ADD, s.fd, &ev); err != nil {
			return err
		}
	}
	return nil
}

// runPolling is the loop for all connections without TLS, on this one thread.
func (f *Fleet) runPolling(end time.Time) error {
	missing, err := f.start()
	if err != nil {
		return err
	}
	events := make([]unix.EpollEvent, 256)
	for missing > 0 {
		n, err := unix.EpollWait(f.poll, events, int(patience.Milliseconds()))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return err
		case n == 0:
			return fmt.Errorf("%w: %d messages are missing", errSilent, missing)
		}
		for _, ev := range events[:n] {
			got, err := f.handle(int(ev.Fd))
			if err != nil {
				return err
			}
			missing -= got
			if more, err := f.goOn(int(ev.Fd), missing, end); err != nil {
				return err
			} else {
				missing += more
			}
		}
	}
	return nil
}

// start sends the first bursts and returns how many messages have to come for them.
func (f *Fleet) start() (missing int, err error) {
	if f.plan.Broadcast {
		return f.broadcast()
	}
	for i, s := range f.sessions {
		if err := f.send(i, s.burst(f.plan.Depth)); err != nil {
			return 0, err
		}
		missing += f.plan.Depth
	}
	return missing, nil
}

// broadcast sends on the first connection what all will get.
func (f *Fleet) broadcast() (missing int, err error) {
	now := time.Now()
	for _, s := range f.sessions {
		s.missing, s.began = f.plan.Depth, now
	}
	return f.plan.Depth * len(f.sessions), f.send(0, f.sessions[0].burst(f.plan.Depth))
}

// goOn sends the next burst when the last one is answered, until the time is over.
func (f *Fleet) goOn(i, missing int, end time.Time) (more int, err error) {
	s := f.sessions[i]
	switch {
	case f.plan.Broadcast && missing == 0 && time.Now().Before(end):
		return f.broadcast()
	case !f.plan.Broadcast && s.missing == 0 && s.unsent == nil && time.Now().Before(end):
		return f.plan.Depth, f.send(i, s.burst(f.plan.Depth))
	}
	return 0, nil
}

// handle counts what has come on a connection.
func (f *Fleet) handle(i int) (messages int, err error) {
	p, err := f.receive(i)
	if err != nil || p == nil {
		return 0, err
	}
	return f.count(f.sessions[i], p, &f.result)
}

// receive sends what could not be sent before on a connection, and reads what has come there, once: nil if that is nothing. It is
// valid until the next call.
func (f *Fleet) receive(i int) (p []byte, err error) {
	s := f.sessions[i]
	if s.unsent != nil {
		if err := f.send(i, s.unsent); err != nil {
			return nil, err
		}
	}
	n, err := s.conn.Read(f.buf)
	if err == unix.EAGAIN {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return f.buf[:n], nil
}

// count records what has come.
func (f *Fleet) count(s *session, b []byte, r *Result) (messages int, err error) {
	messages, payload, err := s.counter.feed(b)
	if err != nil {
		return 0, err
	}
	if s.missing -= messages; s.missing < 0 {
		return 0, fmt.Errorf("load: the server sent %d messages too many", -s.missing)
	}
	r.Messages += int64(messages)
	r.Payload += payload
	if messages > 0 {
		r.Latency.Add(time.Since(s.began), messages)
	}
	return messages, nil
}

// send sends b, or what the socket has room for: then the rest goes out when there is more.
func (f *Fleet) send(i int, b []byte) error {
	s := f.sessions[i]
	n, err := s.conn.Write(b)
	if err != nil && err != unix.EAGAIN {
		return err
	}
	s.unsent = b[n:]
	if len(s.unsent) == 0 {
		s.unsent = nil
	}
	if (s.unsent != nil) == s.writing {
		return nil
	}
	s.writing = !s.writing
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
	if s.writing {
		ev.Events |= unix.EPOLLOUT
	}
	return unix.EpollCtl(f.poll, unix.EPOLL_CTL_MOD, s.fd, &ev)
}
