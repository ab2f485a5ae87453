package deflate

import "sync"

// A Decompressor decompresses the messages that one endpoint of a connection receives
// (RFC 7692, section 7.2.2). [Params.Decompressor] makes one.
//
// It does no I/O and sets no limit. It takes a message's payload in pieces as they
// arrive, and fills the buffers that it is given. To stop a message that is too big, stop
// giving it buffers.
//
// Between messages it holds only the LZ77 window: what has been received, up to the
// window's size, and nothing without context takeover. While a message is in progress it
// has working memory from a pool.
//
// A Decompressor is not safe for concurrent use.
type Decompressor struct {
	history  window // between messages, or while none is in progress
	takeover bool
	inflater *inflater // while a message is in progress
	tail     int       // bytes of syncTail that were put back
	err      error
}

// Decompressor returns the decompressor for the messages that this endpoint receives, as
// a server or as a client.
func (p Params) Decompressor(server bool) *Decompressor {
	d := new(Decompressor)
	d.Reset(p, server)
	return d
}

// Reset releases the memory of d, if it has any, and makes d what [Params.Decompressor]
// returns, even after an error. It is for connections that use one Decompressor in turn,
// message by message, because they agreed on no context takeover.
func (d *Decompressor) Reset(p Params, server bool) {
	d.Release()
	bits, takeover := p.outgoing(!server)
	*d = Decompressor{history: newWindow(bits), takeover: takeover}
}

// Decompress decodes the next piece of a message's payload, src, into dst. It stops when
// src is used up or dst is full, and returns how many bytes of each it has used. If some
// of src is left, call it again with the rest and another dst. It may write anywhere in
// dst. It retains neither slice. The slices must not overlap.
//
// The error is a [*CorruptError] and ends this Decompressor. The bytes that came out
// before it are valid.
func (d *Decompressor) Decompress(dst, src []byte) (nDst, nSrc int, err error) {
	nDst, nSrc, _, err = d.run(dst, src, false)
	return nDst, nSrc, err
}

// Finish ends the message after all of its payload has gone through
// [Decompressor.Decompress]. More output may follow: until done is true or there is an
// error, call it again with another dst that is not empty. When done is true, the
// Decompressor is ready for the next message.
//
// The error is a [*CorruptError]. A message that is cut short is one, too.
func (d *Decompressor) Finish(dst []byte) (nDst int, done bool, err error) {
	nDst, _, done, err = d.run(dst, nil, true)
	return nDst, done, err
}

// Release returns memory to the pool when a connection ends, even within a message. All
// later calls return an error. A Decompressor that is dropped without it leaks nothing.
func (d *Decompressor) Release() {
	if d.err == nil {
		d.fail(errReleased)
	}
}

// run decodes from src to dst, and adds what comes out to the history. With finish the
// message ends behind src; done says that all of it has come out.
func (d *Decompressor) run(dst, src []byte, finish bool) (nDst, nSrc int, done bool, err error) {
	if d.inflater == nil {
		if d.err != nil {
			return 0, 0, false, d.err
		}
		d.beginMessage()
	}
	z := d.inflater
	z.in, z.out, z.s, z.o = src, dst, 0, 0
	p, err := z.run()
	nSrc = z.s
	if finish && p == inputEmpty {
		done, err = d.runTail()
	}
	nDst = z.o
	z.in, z.out = nil, nil
	if err != nil {
		return nDst, nSrc, false, d.fail(err)
	}
	if nDst > 0 {
		z.history.write(dst[:nDst])
	}
	if done {
		d.endMessage()
	}
	return nDst, nSrc, done, nil
}

// runTail goes on with what the sender has taken off the end of the message.
func (d *Decompressor) runTail() (done bool, err error) {
	z := d.inflater
	if d.tail == 0 && z.final && z.atBoundary() {
		// The stream has ended already. Section 7.2.3.4 asks for a byte to follow, with
		// which the tail makes an empty block; not every sender has it.
		return true, nil
	}
	// "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload".
	z.in, z.s = syncTail[d.tail:], 0
	p, err := z.run()
	d.tail += z.s
	if err != nil || p == outputFull {
		return false, err
	}
	if !z.atBoundary() {
		return false, errMessageEnds
	}
	return true, nil
}

// beginMessage takes an inflater, and gives it the history until the message ends.
func (d *Decompressor) beginMessage() {
	z := inflaters.Get().(*inflater)
	z.history = d.history
	d.inflater, d.history = z, window{}
}

// endMessage keeps the history, if that was agreed, and gives back the inflater.
func (d *Decompressor) endMessage() {
	z := d.inflater
	if !d.takeover {
		z.history.release()
	}
	d.history = z.history
	d.inflater, d.tail = nil, 0
	z.recycle()
}

// fail gives all memory back and refuses what comes later.
func (d *Decompressor) fail(err error) error {
	d.err = err
	if z := d.inflater; z != nil {
		d.history = z.history
		d.inflater = nil
		z.recycle()
	}
	d.history.release()
	return err
}

var inflaters = sync.Pool{New: func() any { return new(inflater) }}

// recycle puts z into the pool, at the beginning of a message.
func (z *inflater) recycle() {
	z.acc, z.n, z.state, z.final, z.history, z.tables = 0, 0, stateHeader, false, window{}, nil
	inflaters.Put(z)
}

// atBoundary reports whether a block has ended, and a byte with it.
func (z *inflater) atBoundary() bool { return z.state == stateHeader && z.n == 0 }
