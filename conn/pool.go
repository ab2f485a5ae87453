package conn

import "sync"

// Buffers come in classes, so that what one connection gives back serves any other. A class is four times the one
// below it: the smallest holds a burst of small frames, the largest a message of the default limit.
const (
	smallestBuffer = 4 << 10
	bufferClasses  = 5 // 4 KiB, 16 KiB, 64 KiB, 256 KiB, 1 MiB
)

// buffer is pooled memory. Whoever holds the pointer owns it, and gives it back with release exactly once.
type buffer struct {
	b       []byte // length: what is in use
	written int    // octets of b that output has written
	foreign bool   // the memory is a caller's: it never goes to the pool
	shared  bool   // the memory is a prepared message's: many have it at once, and it never changes
}

var pools = [bufferClasses]sync.Pool{
	{New: newOf(0)}, {New: newOf(1)}, {New: newOf(2)}, {New: newOf(3)}, {New: newOf(4)},
}

func newOf(class int) func() any {
	return func() any { return &buffer{b: make([]byte, 0, classSize(class))} }
}

// classOf returns the smallest class that holds n bytes, or bufferClasses if none does.
func classOf(n int) int {
	class := 0
	for size := smallestBuffer; size < n && class < bufferClasses; class++ {
		size *= 4
	}
	return class
}

// fullClass returns the size of the largest class that is not larger than n octets, which are enough for one, or n if that
// is beyond all classes.
func fullClass(n int64) int64 {
	size := int64(smallestBuffer)
	for class := 1; class < bufferClasses && 4*size <= n; class++ {
		size *= 4
	}
	if size == int64(classSize(bufferClasses-1)) {
		return n
	}
	return size
}

func classSize(class int) int { return smallestBuffer << (2 * class) }

// getBuffer returns an empty buffer with room for at least n bytes.
func getBuffer(n int) *buffer {
	class := classOf(n)
	if class == bufferClasses {
		return &buffer{b: make([]byte, 0, n)}
	}
	return getClass(class)
}

// getClass returns an empty buffer of a class.
func getClass(class int) *buffer { return pools[class].Get().(*buffer) }

// release gives b back. Its bytes may be overwritten at any moment after. A nil b is fine.
func (b *buffer) release() {
	if b == nil || b.foreign || b.shared {
		return
	}
	// A buffer that append has grown is no longer of the size that its class promises: the garbage collector has it.
	if class := classOf(cap(b.b)); class < bufferClasses && cap(b.b) == classSize(class) {
		poison(b.b[:cap(b.b)])
		b.b, b.written = b.b[:0], 0
		pools[class].Put(b)
	}
}

// grow returns a buffer with the contents of b and room for n more bytes. b is used up. What a caller gave grows in
// place, into memory that is the caller's again.
func (b *buffer) grow(n int) *buffer {
	if len(b.b)+n <= cap(b.b) && !b.shared {
		return b
	}
	size := max(len(b.b)+n, min(2*cap(b.b), len(b.b)+maxGrowth))
	if b.foreign {
		b.b = append(make([]byte, 0, size), b.b...)
		return b
	}
	bigger := getBuffer(size)
	bigger.b, bigger.written = append(bigger.b, b.b...), b.written
	b.release()
	return bigger
}

// add returns b, or a larger buffer in its place, with p behind its contents. A nil b is empty.
func (b *buffer) add(p []byte) *buffer {
	if b == nil {
		b = getBuffer(len(p))
	}
	b = b.grow(len(p))
	b.b = append(b.b, p...)
	return b
}

// maxGrowth bounds how much more than needed a growing buffer takes.
const maxGrowth = 16 << 20
