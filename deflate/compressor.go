package deflate

// A Compressor compresses the messages that one endpoint of a connection sends
// (RFC 7692, section 7.2.1). [Params.Compressor] makes one.
//
// Between messages it holds only its history: as much as [Options] says for the level,
// never more than was sent, and nothing without context takeover. During a call it
// takes working memory from a pool.
//
// A Compressor is not safe for concurrent use. With context takeover, messages must be
// sent in the order in which they were compressed.
type Compressor struct {
	history  window // with takeover, or while a message goes out in parts
	window   int    // the largest distance, in bytes
	takeover bool
	level    Level
	minSize  int
}

// Compressor returns the compressor for the messages that this endpoint sends, as a
// server or as a client. It takes [Options.Level] and [Options.MinSize] from o, which
// must be valid or nil.
func (p Params) Compressor(server bool, o *Options) *Compressor {
	c := new(Compressor)
	c.Reset(p, server, o)
	return c
}

// Reset releases the history of c, if there is one, and makes c what [Params.Compressor]
// returns. It is for connections that use one Compressor in turn, message by message,
// because they agreed on no context takeover.
func (c *Compressor) Reset(p Params, server bool, o *Options) {
	if o == nil {
		o = &defaults
	}
	c.Release()
	bits, takeover := p.outgoing(server)
	*c = Compressor{window: 1 << bits, takeover: takeover, level: o.Level, minSize: o.minSize()}
	c.history = newWindow(min(bits, levels[o.Level].keepBits))
}

// defaults stands for nil. Nobody writes to it.
var defaults Options

// Worthwhile reports whether a message of n bytes should be compressed, according to
// [Options.MinSize]. Compressing shorter ones does no harm.
func (c *Compressor) Worthwhile(n int) bool { return n >= c.minSize }

// Append appends the compressed form of a message to dst and returns the extended
// buffer. It appends the whole payload of the message (RFC 7692, section 7.2.1): at
// least one byte, and at most 6 bytes more than len(message), plus 6 for each 16 KiB. It
// retains neither slice. The slices must not overlap.
//
// The message becomes part of the context, so it must be sent. If that is not certain
// yet, or depends on the compressed size, use [Compressor.Draft].
func (c *Compressor) Append(dst, message []byte) []byte {
	return c.AppendPart(dst, message, true)
}

// AppendPart is [Compressor.Append] for a message in parts. The last part is final and
// may be empty. Send the outputs in order as the payload of one message, cut into frames
// in any way. The receiver can decode a part as soon as its output has arrived, which
// costs up to 5 bytes a part.
func (c *Compressor) AppendPart(dst, part []byte, final bool) []byte {
	if len(part) == 0 && !final {
		return dst
	}
	return c.compress(dst, part, final, true)
}

// Draft is [Compressor.Append] for a message that may not be sent in this form after
// all. The context does not change until [Compressor.Commit] says that it was sent.
// Until then, another message may be drafted instead, or sent uncompressed.
func (c *Compressor) Draft(dst, message []byte) []byte {
	return c.compress(dst, message, true, false)
}

// Commit makes the message of the last [Compressor.Draft] part of the context. Pass it
// the same message again.
func (c *Compressor) Commit(message []byte) {
	if c.takeover {
		c.history.write(message)
	}
}

// Release returns the history's memory to the pool. Messages compressed from then on do
// not refer to earlier ones, which every receiver understands. Call it when a connection
// ends. A Compressor that is dropped without it leaks nothing.
func (c *Compressor) Release() { c.history.release() }

// compress appends what src is compressed. With commit it becomes part of the context.
func (c *Compressor) compress(dst, src []byte, final, commit bool) []byte {
	e := newEncoder(c.level)
	e.begin(dst, src, c)
	for e.next() {
		e.match()
		e.choose(e.stop - e.start)
		e.write(e.open(&e.w))
	}
	dst = e.finish(final)
	encoders[c.level].Put(e)
	switch {
	case !commit:
	case final && !c.takeover:
		c.history.release()
	default:
		c.history.write(src)
	}
	return dst
}

// syncTail is what an empty stored block ends with: LEN and NLEN. It is cut off a
// message's end, and put back by the receiver (RFC 7692, sections 7.2.1 and 7.2.2).
var syncTail = []byte{0x00, 0x00, 0xff, 0xff}
