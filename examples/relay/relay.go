package main

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/seed60239977/websocket"
)

// relay passes messages between two connections, and the end of each one to the other. It returns when both have ended.
func relay(a, b *websocket.Conn) {
	var way sync.WaitGroup
	way.Go(func() { pass(a, b) })
	pass(b, a)
	way.Wait()
}

// buffers for pieces of messages. None is held while an end is silent.
var buffers = sync.Pool{New: func() any { return new([16 << 10]byte) }}

// pass is one of the two ways. While to does not take what was read, it reads no further: the sender has to wait, and the
// relay needs no more memory. A piece of a message goes on when there is a full fragment, or when the message ends.
func pass(from, to *websocket.Conn) {
	ctx := context.Background()
	for {
		typ, r, err := from.Reader(ctx)
		if err != nil {
			passClose(from, to)
			return
		}
		w, err := to.Writer(ctx, typ)
		if err != nil {
			return // to has ended, which the other way passes on
		}
		buf := buffers.Get().(*[16 << 10]byte)
		_, err = io.CopyBuffer(w, r, buf[:])
		buffers.Put(buf)
		if err != nil {
			passClose(from, to) // first, so that nobody takes half a message for a whole one
		}
		if err = errors.Join(err, w.Close()); err != nil {
			return
		}
	}
}

// passClose closes to as from was closed, if it was. Close turns a code that may not travel (§7.4.1) into one that does: an
// end that vanished (1006) is an internal error (1011) to the other, and a close frame without a code (1005) stays one.
func passClose(from, to *websocket.Conn) {
	var end *websocket.CloseError
	if errors.As(from.Err(), &end) {
		to.Close(end.Code, end.Reason)
	}
}
