package load

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Opcodes of RFC 6455, section 5.2.
const (
	opText   = 0x1
	opBinary = 0x2
	opPing   = 0x9
	opPong   = 0xa
)

// key is the masking key of every frame. A fixed one costs a server what a random one does.
var key = [4]byte{0x5a, 0xc3, 0x17, 0x88}

// Frame returns a masked frame with one whole message, as a client sends it.
func Frame(payload []byte, text, compressed bool) []byte {
	first := byte(0x80 | opBinary)
	if text {
		first = 0x80 | opText
	}
	if compressed {
		first |= 0x40
	}
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, key[:]...)
	for i, c := range payload {
		b = append(b, c^key[i%4])
	}
	return b
}

// counter counts messages in what a server sends. It accepts frames that are fragmented, and bytes cut anywhere.
type counter struct {
	raw     int   // if not 0, there are no frames: so many bytes are a message
	left    int64 // bytes of a payload, or of a raw message, that are still to come
	header  [10]byte
	have    int // bytes of header
	fin     bool
	control bool
}

var errClosed = errors.New("load: the server sent a close frame")

// feed returns how many messages end in b, and how many bytes of payload are in it.
func (c *counter) feed(b []byte) (messages int, payload int64, err error) {
	if c.raw > 0 {
		return c.feedRaw(len(b)), int64(len(b)), nil
	}
	for len(b) > 0 {
		if c.left > 0 {
			n := min(c.left, int64(len(b)))
			c.left -= n
			b = b[n:]
			payload += n
		} else {
			n, whole, err := c.parse(b)
			if err != nil {
				return messages, payload, err
			}
			b = b[n:]
			if !whole {
				break
			}
		}
		if c.left == 0 && c.fin && !c.control {
			messages++
		}
	}
	return messages, payload, nil
}

func (c *counter) feedRaw(n int) (messages int) {
	if c.left == 0 {
		c.left = int64(c.raw)
	}
	for int64(n) >= c.left {
		n -= int(c.left)
		c.left = int64(c.raw)
		messages++
	}
	c.left -= int64(n)
	return messages
}

// parse takes bytes of a header from b. It returns how many it took and whether the header is whole.
func (c *counter) parse(b []byte) (n int, whole bool, err error) {
	for c.have < 2 || c.have < headerSize(c.header[1]) {
		if n == len(b) {
			return n, false, nil
		}
		c.header[c.have] = b[n]
		c.have++
		n++
	}
	c.have = 0
	switch length := c.header[1] & 0x7f; length {
	case 126:
		c.left = int64(binary.BigEndian.Uint16(c.header[2:]))
	case 127:
		c.left = int64(binary.BigEndian.Uint64(c.header[2:]))
	default:
		c.left = int64(length)
	}
	c.fin = c.header[0]&0x80 != 0
	c.control = c.header[0]&0x08 != 0
	if c.header[1]&0x80 != 0 {
		return n, false, fmt.Errorf("load: the server sent a masked frame")
	}
	if c.header[0]&0x0f == 8 {
		return n, false, errClosed
	}
	return n, true, nil
}

func headerSize(second byte) int {
	switch second & 0x7f {
	case 126:
		return 4
	case 127:
		return 10
	}
	return 2
}
