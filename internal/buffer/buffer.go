// Package buffer pools the memory that bytes pass through on their way in and out of connections. It comes in classes, so
// that what one connection gives back serves any other.
//
// With the race detector, memory is overwritten when it goes back to the pool, so that a test notices whoever still looks
// at it.
package buffer

import "sync"

// Classes. Each is four times the one below it: the smallest holds a burst of small frames, the largest a message of
// the default limit.
const (
	Smallest = 4 << 10 // bytes
	Classes  = 5       // 4 KiB, 16 KiB, 64 KiB, 256 KiB, 1 MiB
)

// Buffer is pooled memory. Whoever holds the pointer owns it, and gives it back with Release exactly once.
type Buffer struct {
	B    []byte // its length is what is in use
	Done int    // how much of B its owner is done with; 0 when it comes from the pool

	borrowed bool // a caller's memory: it never goes to the pool
	shared   bool // many have it at once: it never changes and never goes to the pool
}

var pools = [Classes]sync.Pool{
	{New: newOf(0)}, {New: newOf(1)}, {New: newOf(2)}, {New: newOf(3)}, {New: newOf(4)},
}

func newOf(class int) func() any {
	return func() any { return &Buffer{B: make([]byte, 0, ClassSize(class))} }
}

// ClassSize returns how many bytes a buffer of class has room for. The smallest class is 0.
func ClassSize(class int) int { return Smallest << (2 * class) }

// ClassOf returns the smallest class with room for n bytes, or Classes if none has.
func ClassOf(n int) int {
	class := 0
	for size := Smallest; size < n && class < Classes; class++ {
		size *= 4
	}
	return class
}

// FullClass returns the size of the largest class that is not larger than n bytes, which are enough for one, or n if that
// is beyond all classes.
func FullClass(n int64) int64 {
	size := int64(Smallest)
	for class := 1; class < Classes && 4*size <= n; class++ {
		size *= 4
	}
	if size == int64(ClassSize(Classes-1)) {
		return n
	}
	return size
}

// Get returns an empty buffer with room for at least n bytes.
func Get(n int) *Buffer {
	class := ClassOf(n)
	if class == Classes {
		return &Buffer{B: make([]byte, 0, n)}
	}
	return GetClass(class)
}

// GetClass returns an empty buffer of a class.
func GetClass(class int) *Buffer { return pools[class].Get().(*Buffer) }

// Borrow returns a buffer over memory that stays the caller's. It grows in place as long as that has room.
func Borrow(b []byte) *Buffer { return &Buffer{B: b, borrowed: true} }

// BorrowIn is Borrow for a Buffer that exists already, whose memory is not given back.
func (b *Buffer) BorrowIn(p []byte) { *b = Buffer{B: p, borrowed: true} }

// Borrowed reports whether b is over memory that is somebody else's.
func (b *Buffer) Borrowed() bool { return b.borrowed }

// Share returns a buffer over bytes that never change again, for any number of owners.
func Share(b []byte) *Buffer { return &Buffer{B: b, shared: true} }

// Shared reports whether b came from [Share], so that nothing may be added in place.
func (b *Buffer) Shared() bool { return b.shared }

// Release gives b back. Its bytes may be overwritten at any moment after. A nil b is fine.
func (b *Buffer) Release() {
	if b == nil || b.borrowed || b.shared {
		return
	}
	// A buffer that append has grown is no longer of the size that its class promises: the garbage collector has it.
	if class := ClassOf(cap(b.B)); class < Classes && cap(b.B) == ClassSize(class) {
		poison(b.B[:cap(b.B)])
		b.B, b.Done = b.B[:0], 0
		pools[class].Put(b)
	}
}

// Poison is what Release does to memory of the pool, for an owner of other memory who is about to use that again.
func Poison(b []byte) { poison(b) }

// Grow returns a buffer with the contents of b and room for n more bytes. b is used up. Borrowed memory that is too small
// is left for memory of the garbage collector's, which is the caller's again.
func (b *Buffer) Grow(n int) *Buffer {
	if len(b.B)+n <= cap(b.B) && !b.shared {
		return b
	}
	size := max(len(b.B)+n, min(2*cap(b.B), len(b.B)+maxGrowth))
	if b.borrowed {
		b.B = append(make([]byte, 0, size), b.B...)
		return b
	}
	bigger := Get(size)
	bigger.B, bigger.Done = append(bigger.B, b.B...), b.Done
	b.Release()
	return bigger
}

// Add returns b, or a larger buffer in its place, with p behind its contents. A nil b is empty.
func (b *Buffer) Add(p []byte) *Buffer {
	if b == nil {
		b = Get(len(p))
	}
	b = b.Grow(len(p))
	b.B = append(b.B, p...)
	return b
}

// maxGrowth bounds how much more than needed a growing buffer takes, in bytes.
const maxGrowth = 16 << 20
