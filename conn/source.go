package conn

import (
	"io"
	"net"
)

// source is the seam between the protocol and the operating system: where bytes come from and where they go to.
type source interface {
	// read waits until it can add at least one byte to in, or for an error. While it waits between frames it holds no
	// buffer that is empty. Only whoever holds Conn.reading calls it.
	read(in *input) error
	// readTo does the same for memory that is in use anyway: it adds at least one byte to b, which has room for as many as
	// room says, and no more than that.
	readTo(b *buffer, room int) error
	// write waits until all of p is sent, or for an error, and returns how much was sent. Only whoever holds
	// output.flushing calls it, or tryWrite.
	write(p []byte) (int, error)
	// tryWrite sends as much of p as is possible without waiting, which may be nothing.
	tryWrite(p []byte) (int, error)
	// cuttable reports whether a write that fails because of its deadline counts what it has sent and can be gone on
	// with later.
	cuttable() bool
}

// portable is the source for any net.Conn. It assumes nothing but the contract of that interface.
type portable struct {
	nc net.Conn
	// first takes the start of what comes after a pause, so that waiting for it needs no buffer. It is long enough for
	// the header of every frame.
	first [17]byte
	less  bool // read one octet less to first
}

func (s *portable) read(in *input) error {
	if in.buf != nil || in.within {
		in.prepare()
		n, err := s.readSome(in.free())
		in.received(n)
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

func (s *portable) tryWrite([]byte) (int, error) { return 0, nil }

func (s *portable) readTo(b *buffer, room int) error {
	n, err := s.readSome(b.b[len(b.b) : len(b.b)+room])
	b.b = b.b[:len(b.b)+n]
	return err
}

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

func (s *portable) write(p []byte) (int, error) {
	n, err := s.nc.Write(p)
	if n < len(p) && err == nil {
		err = io.ErrShortWrite
	}
	return n, err
}
