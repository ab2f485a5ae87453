//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package netpoll

import (
	"net"
	"time"
)

// Supported says whether there is a poller on this system.
const Supported = false

// Poller is not there on this system.
type Poller struct{}

// Open fails.
func Open() (*Poller, error) { return nil, ErrUnsupported }

// The methods of a poller are never called, because there is none.

func (*Poller) Close()                                   {}
func (*Poller) Add(*FD, uint64) error                    { return ErrUnsupported }
func (*Poller) Arm(*FD, uint64) error                    { return ErrUnsupported }
func (*Poller) Wait([]Event, time.Duration) (int, error) { return 0, ErrUnsupported }
func (*Poller) Wake()                                    {}

// FD is not there either.
type FD struct{}

func (*FD) Init(int) error                    { return ErrUnsupported }
func (*FD) Close() bool                       { return false }
func (*FD) Do(func(fd int) error) error       { return ErrUnsupported }
func (*FD) TryRead([]byte) (int, error)       { return 0, ErrUnsupported }
func (*FD) TryWrite(_, _ []byte) (int, error) { return 0, ErrUnsupported }
func (*FD) CloseWrite() error                 { return ErrUnsupported }
func (*FD) LocalAddr() net.Addr               { return nil }
func (*FD) RemoteAddr() net.Addr              { return nil }

// Listener is not there either.
type Listener struct{ FD }

// Listen fails.
func Listen(net.Listener) (*Listener, error) { return nil, ErrUnsupported }

func (*Listener) TryAccept(*FD) error { return ErrUnsupported }

// Temporary reports false.
func Temporary(error) bool { return false }

// WouldBlock reports false.
func WouldBlock(error) bool { return false }

// Duplicate fails.
func Duplicate(net.Conn) (int, error) { return 0, ErrUnsupported }
