package protocol

import (
	"math"
	"sync"

	"github.com/seed60239977/websocket/deflate"
)

// inflater is what a Receiver needs for compressed messages.
type inflater struct {
	deflate.Decompressor
	out     []byte // where the next parts of the message are put
	own     []byte // what out is if the driver does not say; nil until it is needed
	packed  int64  // bytes so far of the message as they came
	plain   int    // bytes of the frame that were given, are unmasked, and were not taken
	full    bool   // output was filled to its end, so that there may be more without more bytes
	corrupt error  // what comes after the part that was reported last
}

// inflaters are those that nobody needs.
var inflaters = sync.Pool{New: func() any { return new(inflater) }}

// needInflater returns r.inflater, making it if necessary. Compression was agreed to. It is not inlined to keep it off the stack
// while decompressing.
//
//go:noinline
func (r *Receiver) needInflater() *inflater {
	if r.inflater == nil {
		r.inflater = inflaters.Get().(*inflater)
		r.inflater.Reset(compression(r.window, r.takeover), false)
	}
	return r.inflater
}

// dropInflater lets go of r.inflater, unless a message needs it: the one that is coming, or the next.
func (r *Receiver) dropInflater() {
	u := r.inflater
	if u == nil || r.takeover || r.InMessage() {
		return
	}
	*u = inflater{}
	inflaters.Put(u)
	r.inflater = nil
}

// ownOutput is how much is decompressed at a time by default, in bytes.
const ownOutput = 16 << 10

// SetOutput says where compressed messages are decompressed to, from the start of out to its end: the payloads of events
// lie there, one behind the other. Once it is used up, the event is [NeedOutput]. The bytes of out behind what was reported
// may be overwritten at any time until SetOutput is called again, which a nil out makes last. Without a call of it the
// Receiver uses memory of its own, and each payload is valid until the next call of Next.
//
// With a nil out, and no context takeover, a Receiver needs no memory for compression between two messages.
func (r *Receiver) SetOutput(out []byte) {
	r.driven = true
	switch {
	case r.window == 0:
	case out != nil:
		r.needInflater().out = out
	case r.inflater != nil:
		r.inflater.out = nil
		r.dropInflater()
	}
}

// output returns where to decompress to, which is empty if the driver has to say.
func (u *inflater) output(driven bool) []byte {
	if driven {
		return u.out
	}
	if u.own == nil {
		u.own = make([]byte, ownOutput)
	}
	return u.own
}

// used notes that n bytes of output are taken.
func (u *inflater) used(n int, driven bool) {
	if driven {
		u.out = u.out[n:]
	}
}

// packedSlack is what a compressed message may be longer than twice the limit, in bytes.
const packedSlack = 64 << 10

// tooMuchPacked reports whether n compressed bytes more cannot be of a message that is allowed. What is sensibly compressed
// is hardly longer than before, even in many small blocks; without this, blocks that come to nothing could go on for ever.
func (r *Receiver) tooMuchPacked(n int64) bool {
	before := r.inflater.packed
	r.inflater.packed += n
	limit := r.limit.Load()
	return limit >= 0 && limit <= math.MaxInt64/4 && n > 2*limit+packedSlack-before
}

// inflate is what data is for a message that is compressed. It takes no more of the current frame's payload than what
// comes out has room for.
func (r *Receiver) inflate(p []byte, ev *Event) (taken int, err error) {
	u := r.inflater
	if u.corrupt != nil {
		return 0, u.corrupt
	}
	src := p[:min(int64(len(p)), r.left)]
	if len(src) > u.plain {
		r.unmask(src[u.plain:])
		u.plain = len(src)
	}
	last := r.fin && int64(len(src)) == r.left
	if len(src) == 0 && !last && !u.full {
		r.inFrame = r.left > 0
		return 0, nil
	}
	out := u.output(r.driven)
	if len(out) == 0 {
		ev.Kind = NeedOutput
		return 0, nil
	}
	n, taken, err := u.Decompress(out, src)
	done := false
	if err == nil && last && taken == len(src) && n < len(out) {
		var more int
		more, done, err = u.Finish(out[n:])
		n += more
	}
	u.full = n == len(out) && !done
	if room := r.room(); int64(n) > room { // as with corrupt data, what is in front of it comes first
		n, done, err = int(max(0, room)), false, ErrMessageTooBig
	}
	if err != nil && n > 0 {
		u.corrupt, err = err, nil // what came out before is good, or is bad text, which comes first
	}
	u.plain -= taken
	r.left -= int64(taken)
	r.inFrame = r.left > 0 || r.fin && !done || u.full || u.corrupt != nil
	if err != nil {
		return taken, err
	}
	u.used(n, r.driven)
	return taken, r.payload(out[:n:n], done, ev)
}
