//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package netpoll

import (
	"net"
	"net/netip"
	"time"
)

// Supported says whether there is a poller on this system.
const Supported = false

// Poller is not there on this system.
type Poller struct{}

// Open fails.
func Open() (*Poller, error) { return nil, ErrUnsupported }

// Close is never called, like all other methods of what is not there.
func (*Poller) Close() {}

// Add fails.
func (*Poller) Add(*FD, uint64) error { return ErrUnsupported }

// Arm fails.
func (*Poller) Arm(*FD, uint64) error { return ErrUnsupported }

// AddListener fails.
func (*Poller) AddListener(*FD, uint64) error { return ErrUnsupported }

// Remove fails.
func (*Poller) Remove(*FD) error { return ErrUnsupported }

// Wait fails.
func (*Poller) Wait([]Event, time.Duration) (int, error) { return 0, ErrUnsupported }

// Wake does nothing.
func (*Poller) Wake() {}

// FD is not there either.
type FD struct{}

// Init fails.
func (*FD) Init(int) error { return ErrUnsupported }

// Close reports that there was nothing to close.
func (*FD) Close() bool { return false }

// Do fails, and calls nothing.
func (*FD) Do(func(fd int) error) error { return ErrUnsupported }

// TryRead fails.
func (*FD) TryRead([]byte) (int, error) { return 0, ErrUnsupported }

// TryWrite fails.
func (*FD) TryWrite(_, _ []byte) (int, error) { return 0, ErrUnsupported }

// CloseWrite fails.
func (*FD) CloseWrite() error { return ErrUnsupported }

// LocalAddr returns nil.
func (*FD) LocalAddr() net.Addr { return nil }

// RemoteAddr returns nil.
func (*FD) RemoteAddr() net.Addr { return nil }

// Listener is not there either.
type Listener struct{ FD }

// Listen fails.
func Listen(net.Listener) (*Listener, error) { return nil, ErrUnsupported }

// Local returns nil.
func (*Listener) Local() net.Addr { return nil }

// TryAccept fails.
func (*Listener) TryAccept(*FD) (netip.AddrPort, error) { return netip.AddrPort{}, ErrUnsupported }

// Temporary reports false.
func Temporary(error) bool { return false }

// WouldBlock reports false.
func WouldBlock(error) bool { return false }

// Duplicate fails.
func Duplicate(net.Conn) (int, error) { return 0, ErrUnsupported }
