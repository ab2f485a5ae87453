package conn

import (
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/buffer"
)

// readBuffer holds the bytes that arrived and that the Receiver did not take yet. It belongs to whoever holds Conn.reading.
//
// Invariants: buf is nil while everything was taken and nothing of it is lent. buf.B[r:] is what the Receiver did not take.
// While lent is set, a caller looks at a message inside buf, and its bytes stay where they are. While room is not 0, buf is
// somebody else's, and a read may add as many bytes to it.
type readBuffer struct {
	buf    *buffer.Buffer
	room   int32
	r      int32
	lent   bool
	within bool  // the rest of a frame is to come, so that reading need not start small
	uncut  bool  // no context can end the call that reads, so that the network's deadline is not set meanwhile
	late   bool  // uncut until the call would wait, by a context that has ended: see Conn.cutBy
	small  bool  // the last read was of little
	class  uint8 // of the next buffer; it follows how much comes at once
}

// unread returns the bytes that the Receiver did not take. They are valid until before or idle.
func (in *readBuffer) unread() []byte {
	if in.buf == nil {
		return nil
	}
	return in.buf.B[in.r:]
}

// take marks n bytes as taken. Their memory is not touched until before or idle.
func (in *readBuffer) take(n int) { in.r += int32(n) }

// before is called before bytes are read, which are within a frame or start one. Those that were taken before are lost,
// unless they are lent.
func (in *readBuffer) before(within bool) {
	in.within = within
	if in.buf == nil {
		return
	}
	if in.idle(); in.buf != nil {
		in.makeRoom()
	}
}

// readInto waits for bytes while nothing is unread. At least one, and at most room, go to b, which has room for as many.
func (in *readBuffer) readInto(b *buffer.Buffer, room int, from transport) error {
	in.release()
	in.buf, in.room = b, int32(min(room, 1<<30))
	err := from.read(in)
	in.buf, in.room = nil, 0
	return err
}

// maxReadClass is the largest class of buffer that is read into: 256 KiB.
const maxReadClass = 3

// prepare makes sure that there is a buffer to read into.
func (in *readBuffer) prepare() {
	if in.buf == nil {
		in.buf = buffer.GetClass(int(in.class))
		in.r = 0
	}
}

// free is where a read goes to.
func (in *readBuffer) free() []byte {
	in.prepare()
	if in.room > 0 {
		return in.buf.B[len(in.buf.B) : len(in.buf.B)+int(in.room)]
	}
	return in.buf.B[len(in.buf.B):cap(in.buf.B)]
}

// received adds n bytes that were read into free.
func (in *readBuffer) received(n int) {
	room := cap(in.buf.B) - len(in.buf.B)
	in.buf.B = in.buf.B[:len(in.buf.B)+n]
	switch {
	case in.room > 0: // somebody else has chosen its size
	case n >= room/8:
		in.small = false
		if n == room && in.class < maxReadClass {
			in.class++
		}
	case !in.small: // perhaps the end of what just did not fit
		in.small = true
	case in.class > 0:
		in.small = false
		in.class--
	}
}

// idle lets go of the buffer if nothing in it is unread or lent.
func (in *readBuffer) idle() {
	if in.buf != nil && int(in.r) == len(in.buf.B) && !in.lent && in.room == 0 {
		in.release()
	}
}

// release lets go of everything that arrived.
func (in *readBuffer) release() {
	if !in.lent {
		in.buf.Release()
	}
	in.buf, in.r, in.lent = nil, 0, false
}

// minRead is the least room that is worth a read. It also is more than the Receiver ever leaves untaken when it asks
// for more: a header and the payload of a control frame.
const minRead = 512

// makeRoom moves the unread bytes so that at least minRead fit behind them. A lent buffer is left to its borrower.
func (in *readBuffer) makeRoom() {
	unread := in.buf.B[in.r:]
	switch {
	case in.lent || cap(in.buf.B) < len(unread)+minRead:
		bigger := buffer.Get(max(len(unread)+minRead, buffer.ClassSize(int(in.class))))
		bigger.B = append(bigger.B, unread...)
		in.release()
		in.buf = bigger
	case cap(in.buf.B)-len(in.buf.B) < minRead:
		in.buf.B = in.buf.B[:copy(in.buf.B, unread)]
		in.r = 0
	}
}

// holdsFrame reports whether the bytes that wait to be read begin with a whole frame.
func (in *readBuffer) holdsFrame() bool {
	p := in.unread()
	var h frame.Header
	n, err := h.Parse(p)
	return err == nil && n > 0 && h.Length <= int64(len(p)-n)
}
