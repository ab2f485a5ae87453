package h2stream

import (
	"io"
	"net"
	"os"
	"sync"
)

// How much the pump reads at once. While it waits it holds the small room only.
const (
	smallRead = 256
	largeRead = 16 << 10 // a frame, as most peers send them
)

// inbound is the direction that is read: directly, by whoever needs no deadline, until somebody does; from then on by a pump.
// One read of the pump waits here to be taken before there is the next one: what is not read here is not read from the stream,
// so that its flow control holds the peer back.
type inbound struct {
	monitor
	unread  []byte           // of small or large
	small   *[smallRead]byte // the pump's
	large   *[]byte          // of largeBuffers, nil while reads are small
	err     error            // why there is no more behind unread
	direct  bool             // a direct read is under way
	claimed bool             // somebody pumps, or will
	pumping bool             // and has not ended to do so
	closed  bool
	left    bool // since then, and Close touches the stream no more
	hosted  bool // Host has not returned
}

var largeBuffers = sync.Pool{New: func() any { b := make([]byte, largeRead); return &b }}

// claim reports whether it is for the caller to call pump, once.
func (in *inbound) claim() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.claimed || in.closed || in.err != nil {
		return false
	}
	in.claimed, in.pumping = true, true
	return true
}

// pump reads body until it ends or in is closed.
func (in *inbound) pump(body io.Reader) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.small = new([smallRead]byte)
	for in.err == nil && !in.closed {
		if len(in.unread) > 0 || in.direct {
			in.changed.Wait()
			continue
		}
		room := in.small[:]
		if in.large != nil {
			room = *in.large
		}
		in.mu.Unlock()
		n, err := body.Read(room)
		in.mu.Lock()
		in.unread, in.err = room[:n], streamFailed(err)
		in.resize(n)
		in.changed.Broadcast()
	}
	in.pumping = false
	if in.closed {
		in.unread = nil
		in.releaseLarge()
	}
	in.changed.Broadcast()
}

// resize chooses how much the next read may take, which comes once these n bytes were taken.
func (in *inbound) resize(n int) {
	switch {
	case in.large == nil && n == smallRead:
		in.large = largeBuffers.Get().(*[]byte)
	case in.large != nil && n <= smallRead: // which small has room for
		in.unread = in.small[:copy(in.small[:], in.unread)]
		in.releaseLarge()
	}
}

func (in *inbound) releaseLarge() {
	if in.large != nil {
		largeBuffers.Put(in.large)
		in.large = nil
	}
}

// beginDirect reports whether the caller may read the stream itself: nobody else does, and there is nothing else to be heeded.
func (in *inbound) beginDirect() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.direct || in.claimed || in.closed || in.err != nil || !in.at.IsZero() {
		return false
	}
	in.direct = true
	return true
}

// endDirect ends what beginDirect began, with what came of it.
func (in *inbound) endDirect(n int, err error) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.direct, in.err = false, streamFailed(err)
	in.changed.Broadcast()
	switch {
	case n > 0:
		return nil // the error comes with the next read
	case in.closed:
		return net.ErrClosed
	}
	return in.err
}

// read waits with as little on the stack as possible: a goroutine that only reads keeps that for as long as it waits.
func (in *inbound) read(p []byte) (n int, err error) {
	in.mu.Lock()
	for !in.readable(p) {
		in.changed.Wait()
	}
	n, err = in.take(p)
	in.mu.Unlock()
	return n, err
}

// readable reports whether take need not wait. The caller holds mu.
func (in *inbound) readable(p []byte) bool {
	return len(in.unread) > 0 || in.err != nil || in.closed || len(p) == 0 || in.passed()
}

// take reads what there is. The caller holds mu.
func (in *inbound) take(p []byte) (int, error) {
	switch {
	case in.closed:
		return 0, net.ErrClosed
	case in.passed():
		return 0, os.ErrDeadlineExceeded
	case len(p) == 0:
		return 0, nil
	case len(in.unread) == 0:
		return 0, in.err
	}
	n := copy(p, in.unread)
	if in.unread = in.unread[n:]; len(in.unread) == 0 {
		in.changed.Broadcast()
	}
	return n, nil
}

// close reports whether it was this call that closed.
func (in *inbound) close() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return false
	}
	in.closed = true
	in.stopTimer()
	if !in.pumping {
		in.unread = nil
		in.releaseLarge()
	}
	in.changed.Broadcast()
	return true
}

// leave is the end of Close. It waits for whoever reads the stream.
func (in *inbound) leave() {
	in.mu.Lock()
	defer in.mu.Unlock()
	for in.pumping || in.direct {
		in.changed.Wait()
	}
	in.left = true
	in.changed.Broadcast()
}
