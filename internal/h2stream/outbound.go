package h2stream

import (
	"net"
	"os"
	"sync"
)

// sendSize is how many bytes are sent at once: a frame, as most peers take them.
const sendSize = 16 << 10

// outbound is the direction that is written. Bytes are copied before they are sent, since a caller that is cut takes its
// own back.
type outbound struct {
	monitor
	busy     bool  // a Write is under way
	sending  bool  // a goroutine is at work for it
	finished bool  // there is nothing more to be written
	ended    bool  // end was called
	err      error // why nothing more can be sent
}

var sendBuffers = sync.Pool{New: func() any { b := make([]byte, 0, sendSize); return &b }}

func (out *outbound) write(p []byte, send func([]byte) error) (n int, err error) {
	out.mu.Lock()
	defer out.mu.Unlock()
	if err := out.await(&out.busy); err != nil {
		return 0, err
	}
	out.busy = true
	defer func() {
		out.busy = false
		out.changed.Broadcast()
	}()
	for sent := 0; ; {
		// What a Write that was cut has left behind goes first.
		err := out.await(&out.sending)
		switch {
		case out.err != nil:
			return sent, err
		case err != nil || n == len(p):
			return n, err
		}
		sent = n
		b := sendBuffers.Get().(*[]byte)
		*b = append((*b)[:0], p[n:min(len(p), n+sendSize)]...)
		n += len(*b)
		out.sending = true
		go out.send(b, send)
	}
}

// await waits until flag is not set, or for what makes writing impossible. The caller holds mu.
func (out *outbound) await(flag *bool) error {
	for {
		switch {
		case out.finished:
			return net.ErrClosed
		case out.passed():
			return os.ErrDeadlineExceeded
		case out.err != nil:
			return out.err
		case !*flag:
			return nil
		}
		out.changed.Wait()
	}
}

// send is a goroutine that close waits for.
func (out *outbound) send(b *[]byte, send func([]byte) error) {
	err := send(*b)
	sendBuffers.Put(b)
	out.mu.Lock()
	defer out.mu.Unlock()
	out.sending = false
	if out.err == nil {
		out.err = sendFailed(err)
	}
	out.changed.Broadcast()
}

// finish waits for what is being sent, and lets no more be written.
func (out *outbound) finish() error {
	out.mu.Lock()
	defer out.mu.Unlock()
	if err := out.await(&out.busy); err != nil {
		return err
	}
	if err := out.await(&out.sending); err != nil {
		return err
	}
	out.finished = true
	out.changed.Broadcast()
	return nil
}

// close lets no more be written, and reports whether something is under way that is to be aborted.
func (out *outbound) close() (abort bool) {
	out.mu.Lock()
	defer out.mu.Unlock()
	out.finished = true
	out.stopTimer()
	out.changed.Broadcast()
	return out.sending
}

func (out *outbound) awaitIdle() {
	out.mu.Lock()
	defer out.mu.Unlock()
	for out.sending {
		out.changed.Wait()
	}
}

// end reports whether the stream is to be ended now, which is so once.
func (out *outbound) end() bool {
	out.mu.Lock()
	defer out.mu.Unlock()
	before := out.ended
	out.ended = true
	return !before
}
