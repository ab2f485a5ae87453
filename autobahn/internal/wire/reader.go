package wire

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// MaxPayload bounds the payload of a frame that the suite is willing to read.
const MaxPayload = 64 << 20

// Violation is a breach of RFC 6455 by the judged endpoint. Code is the close
// code that answers it (§7.4.1).
type Violation struct {
	Code int
	What string
	// Lost says that the bytes that follow cannot be told apart into frames.
	Lost bool
}

// Error says what is wrong.
func (v *Violation) Error() string { return v.What }

// Reader reads frames from a judged endpoint.
type Reader struct {
	src *bufio.Reader
	// fromClient says that the frames must be masked (§5.1); else they must not.
	fromClient bool
	bytes      int64
}

// NewReader reads from src the frames of a client or of a server.
func NewReader(src *bufio.Reader, fromClient bool) *Reader {
	return &Reader{src: src, fromClient: fromClient}
}

// Bytes is the number of bytes of all frames read so far.
func (r *Reader) Bytes() int64 { return r.bytes }

// Next reads one frame. The payload is the caller's. A breach of the framing
// rules of §5.1 and §5.2 is a *Violation; what depends on earlier frames or on
// the extensions is the caller's to judge.
func (r *Reader) Next() (Frame, error) {
	var f Frame
	var b [14]byte
	if _, err := io.ReadFull(r.src, b[:2]); err != nil {
		return f, err
	}
	f.Fin, f.RSV, f.Opcode = b[0]&0x80 != 0, b[0]>>4&7, b[0]&0xF
	f.Masked = b[1]&0x80 != 0
	n, err := r.length(&f, b[1]&0x7F, b[2:10])
	if err != nil {
		return f, err
	}
	if f.Masked {
		if _, err := io.ReadFull(r.src, f.Key[:]); err != nil {
			return f, midFrame(err)
		}
		n += 4
	}
	if f.Payload, err = readPayload(r.src, f.Len); err != nil {
		return f, midFrame(err)
	}
	r.bytes += int64(2+n) + f.Len
	if f.Masked {
		XOR(f.Payload, f.Key, 0)
	}
	if f.Masked != r.fromClient {
		return f, &Violation{Code: 1002, What: maskFault(r.fromClient)}
	}
	return f, nil
}

// length reads the extended payload length and returns how many bytes it took.
func (r *Reader) length(f *Frame, short byte, b []byte) (int, error) {
	switch short {
	case 126:
		if _, err := io.ReadFull(r.src, b[:2]); err != nil {
			return 0, midFrame(err)
		}
		f.Len = int64(binary.BigEndian.Uint16(b))
		if f.Len < 126 {
			return 2, notMinimal(f.Len, 16)
		}
		return 2, nil
	case 127:
		if _, err := io.ReadFull(r.src, b[:8]); err != nil {
			return 0, midFrame(err)
		}
		f.Len = int64(binary.BigEndian.Uint64(b))
		if f.Len < 0 {
			return 8, &Violation{Code: 1002, What: "the most significant bit of a 64-bit payload length is set", Lost: true}
		}
		if f.Len <= 0xFFFF {
			return 8, notMinimal(f.Len, 64)
		}
		if f.Len > MaxPayload {
			return 8, &Violation{Code: 1009, What: fmt.Sprintf("a frame of %d bytes is more than this suite reads", f.Len), Lost: true}
		}
		return 8, nil
	}
	f.Len = int64(short)
	return 0, nil
}

func notMinimal(n int64, bits int) error {
	return &Violation{Code: 1002, What: fmt.Sprintf("a payload length of %d in %d bits is not minimal", n, bits), Lost: true}
}

func maskFault(fromClient bool) string {
	if fromClient {
		return "a frame from a client is not masked"
	}
	return "a frame from a server is masked"
}

// midFrame turns the end of the stream inside a frame into its own error.
func midFrame(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readPayload allocates as bytes arrive, never on the header's word alone.
func readPayload(src io.Reader, n int64) ([]byte, error) {
	const step = 1 << 18
	buf := make([]byte, min(n, step))
	for at := 0; ; {
		if _, err := io.ReadFull(src, buf[at:]); err != nil {
			return nil, err
		}
		if int64(len(buf)) == n {
			return buf, nil
		}
		at = len(buf)
		grown := make([]byte, min(n, int64(2*at)))
		copy(grown, buf)
		buf = grown
	}
}
