package conn

import (
	"io"
	"net"
)

// source is the seam between the protocol and the operating system: where bytes come from and where they go to.
type source interface {
	// read waits until it can add at least one byte to in, which is always the same, or for an error. While it waits between
	// frames it holds no buffer that is empty. Only whoever holds Conn.reading calls it.
	read(in *input) error
	// write sends p, which is not empty, with more right behind it, and returns how much was sent. If wait is set, that is
	// all, or there is an error; else it is as much as is possible without waiting, which may be nothing. Only whoever holds
	// output.flushing calls it.
	write(p, more []byte, wait bool) (int, error)
	// cuttable reports whether a write that fails because of its deadline counts what it has sent and can be gone on
	// with later.
	cuttable() bool
}

// portable is the source for any net.Conn. It assumes nothing but the contract of that interface.
type portable struct {
	nc net.Conn
	// first takes the start of what comes after a pause, so that waiting for it needs no buffer of the pool. It is long
	// enough for many a message, and much less than a tls.Conn holds for itself.
	first [256]byte
	less  bool // read one octet less to first
}

func (s *portable) read(in *input) error {
	if in.buf != nil || in.within {
		n, err := s.readSome(in.free())
		if n > 0 {
			in.received(n)
		}
		return err
	}
	size := len(s.first)
	if s.less {
		size--
	}
	n, err := s.readSome(s.first[:size])
	// A frame that just fits would end each read, and hide that more has arrived: the next one of its size will not fit.
	s.less = s.less != (n == size)
	if n > 0 {
		in.prepare()
		in.buf.b = append(in.buf.b, s.first[:n]...)
	}
	return err
}

// cuttable: a net.Conn need not survive a write that is cut, and a tls.Conn does not.
func (s *portable) cuttable() bool { return false }

// maxEmptyReads is how often in a row a net.Conn may read nothing and say that all is well.
const maxEmptyReads = 100

// readSome reads at least one byte or returns an error, never both.
func (s *portable) readSome(p []byte) (int, error) {
	for range maxEmptyReads {
		n, err := s.nc.Read(p)
		if n > 0 {
			return n, nil // an error comes again with the next read
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, io.ErrNoProgress
}

func (s *portable) write(p, more []byte, wait bool) (n int, err error) {
	if !wait {
		return 0, nil
	}
	if len(more) > 0 && len(p) < smallestBuffer { // what fits a segment or so goes with p; the rest is not copied
		both := getBuffer(smallestBuffer)
		defer both.release()
		both.b = append(both.b, p...)
		both.b = append(both.b, more[:min(len(more), cap(both.b)-len(p))]...)
		p, more = both.b, more[len(both.b)-len(p):]
	}
	for _, p := range [...][]byte{p, more} {
		if err == nil && len(p) > 0 {
			var k int
			k, err = s.nc.Write(p)
			n += k
			if k < len(p) && err == nil {
				err = io.ErrShortWrite
			}
		}
	}
	return n, err
}
