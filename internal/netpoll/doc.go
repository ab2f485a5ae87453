// Package netpoll has sockets that never wait, and a poller that says when they can be read and written: epoll on Linux,
// kqueue on macOS and the BSDs. Readiness is reported once, when it begins ("edge-triggered"), but that of listeners for as long as it
// lasts ("level-triggered"). The package knows nothing of WebSocket. On other systems [Supported] is false and [Open] fails.
package netpoll

import "errors"

// Ready says what a socket is ready for.
type Ready uint8

// What a socket may be ready for; several at once.
const (
	Readable Ready = 1 << iota
	Writable
	HungUp // the peer has closed its side, or the connection is broken: there is an end to be read
)

// Event is what a poller reports.
type Event struct {
	Token uint64 // of the socket
	Ready Ready
}

// ErrUnsupported is returned by Open where there is no poller.
var ErrUnsupported = errors.New("netpoll: not supported on this system")

// wakeToken is the token of what Wake uses.
const wakeToken = ^uint64(0)
