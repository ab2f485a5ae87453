package browser

import (
	"sync"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// call is what a browser was asked to do.
type call struct {
	do   string // text, binary, close or abandon
	what string // the message or the reason
	code frame.StatusCode
}

// fake is a Socket that remembers what it was asked to do.
type fake struct {
	mu       sync.Mutex
	calls    []call
	buffered int
	refusal  error // of the next messages
}

func (f *fake) add(c call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, c)
}

func (f *fake) did() []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// buffer sets how much the browser has yet to send.
func (f *fake) buffer(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.buffered = n
}

func (f *fake) Send(text bool, p []byte) error {
	if f.refusal != nil {
		return f.refusal
	}
	do := "binary"
	if text {
		do = "text"
	}
	f.add(call{do: do, what: string(p)})
	return nil
}

func (f *fake) Close(code frame.StatusCode, reason string) error {
	f.add(call{"close", reason, code})
	return nil
}

func (f *fake) Buffered() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.buffered
}

func (f *fake) Abandon() { f.add(call{do: "abandon"}) }

// open returns a Conn over a fake.
func open() (*Conn, *fake) {
	f := &fake{}
	return New(f, Addr("here"), Addr("there:80")), f
}

// masked returns the frames as a client sends them.
func masked(frames ...wstest.Frame) (b []byte) {
	for _, f := range frames {
		b = f.Append(b, frame.Client)
	}
	return b
}

// unmasked returns the frames as a server sends them.
func unmasked(frames ...wstest.Frame) (b []byte) {
	for _, f := range frames {
		b = f.Append(b, frame.Server)
	}
	return b
}
