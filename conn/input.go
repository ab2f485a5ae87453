package conn

// input holds the bytes that arrived and that the receiver did not take yet. It belongs to whoever holds Conn.reading.
type input struct {
	buf *buffer // nil while everything was taken
	// room is how many octets the read that is under way may add to buf, which is somebody else's; 0 if buf is not.
	room int32
	r    int32 // buf.b[r:] is what the receiver did not take
	// lent is set while a caller looks at a message inside buf: then its bytes stay where they are.
	lent bool
	// kept is set while rare.kept is a message whose reader has left the loop of Messages.
	kept bool
	// within is set while the rest of a frame is to come, so that reading need not start small.
	within bool
	// class is the size of the next buffer. It follows how much comes at once; small counts reads of little in a row.
	class, small uint8
	// replied is set while pongs are queued and nobody was told to send them.
	replied bool
	// serving is set while the caller is Serve.
	serving bool
	// refuses is set while the caller is CloseRead: what comes once its context has ended is for who reads next.
	refuses bool
}

// unread returns the bytes that the receiver did not take. They are valid until before or idle.
func (in *input) unread() []byte {
	if in.buf == nil {
		return nil
	}
	return in.buf.b[in.r:]
}

// take marks n bytes as taken. Their memory is not touched until before or idle.
func (in *input) take(n int) { in.r += int32(n) }

// before is called before bytes are read, which are within a frame or start one. Those that were taken before are lost,
// unless they are lent.
func (in *input) before(within bool) {
	in.within = within
	in.idle()
	if in.buf != nil {
		in.makeRoom()
	}
}

// readTo waits for bytes of src while nothing is unread. At least one, and at most room, go to b, which has room for as many.
func (in *input) readTo(b *buffer, room int, src source) error {
	in.release()
	in.buf, in.room = b, int32(min(room, 1<<30))
	err := src.read(in)
	in.buf, in.room = nil, 0
	return err
}

// maxReadClass is the largest class of buffer that is read into: 256 KiB.
const maxReadClass = 3

// prepare sees to it that there is a buffer to read into.
func (in *input) prepare() {
	if in.buf == nil {
		in.buf = getClass(int(in.class))
		in.r = 0
	}
}

// free is where a read goes to.
func (in *input) free() []byte {
	in.prepare()
	if in.room > 0 {
		return in.buf.b[len(in.buf.b) : len(in.buf.b)+int(in.room)]
	}
	return in.buf.b[len(in.buf.b):cap(in.buf.b)]
}

// received adds n bytes that were read into free.
func (in *input) received(n int) {
	room := cap(in.buf.b) - len(in.buf.b)
	in.buf.b = in.buf.b[:len(in.buf.b)+n]
	switch {
	case in.room > 0: // somebody else has chosen its size
	case n >= room/8:
		in.small = 0
		if n == room && in.class < maxReadClass {
			in.class++
		}
	case in.small < 1: // perhaps the end of what just did not fit
		in.small++
	case in.class > 0:
		in.small = 0
		in.class--
	}
}

// idle lets go of the buffer if nothing in it is unread or lent.
func (in *input) idle() {
	if in.buf != nil && int(in.r) == len(in.buf.b) && !in.lent && in.room == 0 {
		in.release()
	}
}

// release lets go of everything that arrived.
func (in *input) release() {
	if !in.lent {
		in.buf.release()
	}
	in.buf, in.r, in.lent = nil, 0, false
}

// minRead is the least room that is worth a read. It also is more than the receiver ever leaves untaken when it asks
// for more: a header and the payload of a control frame.
const minRead = 512

// makeRoom moves the unread bytes so that at least minRead fit behind them. A lent buffer is left to its borrower.
func (in *input) makeRoom() {
	unread := in.buf.b[in.r:]
	switch {
	case in.lent || cap(in.buf.b) < len(unread)+minRead:
		bigger := getBuffer(max(len(unread)+minRead, classSize(int(in.class))))
		bigger.b = append(bigger.b, unread...)
		in.release()
		in.buf = bigger
	case cap(in.buf.b)-len(in.buf.b) < minRead:
		in.buf.b = in.buf.b[:copy(in.buf.b, unread)]
		in.r = 0
	}
}
