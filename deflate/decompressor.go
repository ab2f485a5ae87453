package deflate

import "sync"

// A Decompressor decompresses the messages that one endpoint of a connection receives
// (RFC 7692, section 7.2.2). [Params.Decompressor] makes one.
//
// It does no I/O, and decides nothing about sizes: it takes a message's payload in
// pieces as they arrive, and fills the buffers it is given. Whoever stops giving it
// buffers has stopped a message that is too big.
//
// Between messages it holds the LZ77 window alone: nothing without context takeover,
// otherwise what has been received, up to the window's size. While a message is in
// progress it has working memory from a pool.
//
// A Decompressor is not safe for concurrent use.
type Decompressor struct {
	history  window // between messages, or while none is in progress
	takeover bool
	inflater *inflater // while a message is in progress
	tail     int       // octets of syncTail that were put back
	err      error
}

// Decompressor returns the decompressor for the messages this endpoint receives:
// those for the server or those for the client.
func (p Params) Decompressor(server bool) *Decompressor {
	bits, takeover := p.outgoing(!server)
	return &Decompressor{history: newWindow(bits), takeover: takeover}
}

// Decompress decodes the next piece of a message's payload, src, to dst. It stops when
// src is used up or dst is full, or both, and returns how many octets of each are done
// with. When it leaves some of src, it is to be called with the rest and another dst.
// It may write anywhere in dst. It retains neither slice; they must not overlap.
//
// The error, a [*CorruptError], ends this Decompressor; the octets that came out before
// are good.
func (d *Decompressor) Decompress(dst, src []byte) (nDst, nSrc int, err error) {
	nDst, nSrc, _, err = d.run(dst, src)
	return nDst, nSrc, err
}

// Finish ends the message when all of its payload has gone through
// [Decompressor.Decompress]. There may be more to put out: as long as done is false
// and there is no error, it is to be called again with another dst, which has to have
// room. When done, the Decompressor is ready for the next message.
//
// The error is a [*CorruptError], also if the message breaks off.
func (d *Decompressor) Finish(dst []byte) (nDst int, done bool, err error) {
	nDst, _, p, err := d.run(dst, nil)
	if err != nil || p == outputFull {
		return nDst, false, err
	}
	if z := d.inflater; d.tail == 0 && z.final && z.atBoundary() {
		// The stream has ended already. Section 7.2.3.4 asks for an octet to follow, with
		// which the tail makes an empty block; not every sender has it.
		d.endMessage()
		return nDst, true, nil
	}
	// "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload".
	n, used, p, err := d.run(dst[nDst:], syncTail[d.tail:])
	nDst += n
	d.tail += used
	if err != nil || p == outputFull {
		return nDst, false, err
	}
	if !d.inflater.atBoundary() {
		return nDst, false, d.fail(errMessageEnds)
	}
	d.endMessage()
	return nDst, true, nil
}

// Release gives memory back when a connection ends, even within a message. A
// Decompressor that is dropped without leaks nothing. All later calls return an error.
func (d *Decompressor) Release() {
	if d.err == nil {
		d.fail(errReleased)
	}
}

// run decodes from src to dst, and adds what comes out to the history.
func (d *Decompressor) run(dst, src []byte) (nDst, nSrc int, p pause, err error) {
	if d.err != nil {
		return 0, 0, goOn, d.err
	}
	z := d.inflater
	if z == nil {
		z = inflaters.Get().(*inflater)
		z.history, z.size = d.history, d.history.size
		d.inflater, d.history = z, window{}
	}
	z.in, z.out, z.s, z.o = src, dst, 0, 0
	p, err = z.run()
	nDst, nSrc = z.o, z.s
	z.in, z.out = nil, nil
	z.history.write(dst[:nDst])
	if err != nil {
		err = d.fail(err)
	}
	return nDst, nSrc, p, err
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

// atBoundary reports whether a block has ended, and an octet with it.
func (z *inflater) atBoundary() bool { return z.state == stateHeader && z.n == 0 }
