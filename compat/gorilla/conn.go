package websocket

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/deflate"
)

// The types of messages (RFC 6455, section 11.8).
const (
	TextMessage   = 1  // text, which should be UTF-8
	BinaryMessage = 2  // bytes
	CloseMessage  = 8  // a close frame; see FormatCloseMessage for its payload
	PingMessage   = 9  // a ping of up to 125 bytes
	PongMessage   = 10 // a pong of up to 125 bytes
)

const (
	defaultFragment = 4096             // bytes, where WriteBufferSize is 0
	closeTimeout    = 10 * time.Second // for the closing handshake
	answerTimeout   = time.Second      // for what the default handlers send
)

// BufferPool is a pool of buffers, such as a *sync.Pool. It has no effect: buffers are always shared.
type BufferPool interface {
	// Get returns a value, or nil.
	Get() any
	// Put takes a value back.
	Put(any)
}

// Conn is a WebSocket connection. One goroutine at a time may read, which also is the one that calls handlers; everything else
// may be called from any goroutine.
type Conn struct {
	c *conn.Conn

	// Of these, most are looked at with each message: they come first, and next to each other.
	readBy       readDeadline
	reader       *messageReader                // of the current message; for the goroutine that reads, like the next two
	parts        io.Reader                     // of the message: the engine's reader, which is the same for each
	readFailure  error                         // stays
	writer       atomic.Pointer[messageWriter] // of the message that NextWriter has begun, if it is not closed
	writeFailure atomic.Pointer[error]         // stays
	closed       atomic.Bool                   // by Close
	closeSent    atomic.Bool
	handling     atomic.Bool // a handler is running, on the goroutine that reads
	readsAfter   int32       // that have failed with readFailure; for the goroutine that reads
	writeBy      deadline
	owes         atomic.Int64 // until when Close waits for what a handler has sent, in nanoseconds since 1970; 0 if none has

	// For the goroutine that reads.
	failed                 error       // what a handler has returned
	peer                   *CloseError // the peer's close frame
	handlePing, handlePong func(string) error
	handleClose            func(int, string) error

	compressing  sync.Mutex // guards the next three
	level        deflate.Level
	uncompressed bool // EnableWriteCompression(false)
	stored       bool // SetCompressionLevel(0)

	handedOut atomic.Bool // NetConn was called: the program may have set deadlines on it
}

// config returns the engine's configuration for c.
func (c *Conn) config(writeBufferSize int, checkUTF8 bool) conn.Config {
	if writeBufferSize <= 0 {
		writeBufferSize = defaultFragment
	}
	return conn.Config{
		ReadLimit:    -1,
		MaxFragments: -1,
		CloseTimeout: closeTimeout,
		FragmentSize: writeBufferSize,
		SkipUTF8:     !checkUTF8,
		ReuseReader:  true, // that of a message before is not asked again: see messageReader
		OnPing:       c.onPing,
		OnPong:       c.onPong,
		OnClose:      c.onClose,
		FailFast:     answerTimeout,
		NetDeadlines: true,
	}
}

// compression is what this package agrees to: each message by itself.
func compression(enabled bool) *deflate.Options {
	if !enabled {
		return nil
	}
	alone := deflate.Direction{NoContextTakeover: true}
	return &deflate.Options{Incoming: alone, Outgoing: alone}
}

// Subprotocol returns what the handshake has agreed to, or "".
func (c *Conn) Subprotocol() string {
	if c.c == nil { // the zero value, which a test may put where a connection belongs
		return ""
	}
	return c.c.Subprotocol()
}

// LocalAddr returns the network address of this end.
func (c *Conn) LocalAddr() net.Addr { return c.c.LocalAddr() }

// RemoteAddr returns the network address of the peer.
func (c *Conn) RemoteAddr() net.Addr { return c.c.RemoteAddr() }

// NetConn returns the network connection, for addresses and options. Reading from it or writing to it breaks the WebSocket.
//
// A deadline that is set on it is taken back by the next call that writes, or by SetReadDeadline.
func (c *Conn) NetConn() net.Conn {
	if c.c == nil {
		return nil
	}
	c.handedOut.Store(true)
	return c.c.NetConn()
}

// UnderlyingConn is NetConn.
//
// Deprecated: Use NetConn.
//
//go:fix inline
func (c *Conn) UnderlyingConn() net.Conn { return c.NetConn() }

// Close closes the network connection, without a close frame. Calls that wait return. What WriteControl or WriteMessage has
// returned for is on the wire, unless the network does not take what a handler has sent within a second of that.
func (c *Conn) Close() error {
	if c.closed.Swap(true) {
		return c.closedError("close")
	}
	c.readBy.stop()
	c.writeBy.stop()
	if c.handling.Load() { // the call that reads does the rest
		c.flushBy(time.Now().Add(answerTimeout))
		c.c.NetConn().Close()
		return nil
	}
	if by := c.owes.Load(); by != 0 {
		c.flushBy(time.Unix(0, by))
	}
	c.c.CloseNow()
	return nil
}

// flushBy waits until what a handler has sent is on the wire, or is too slow.
func (c *Conn) flushBy(t time.Time) {
	ctx, cancel := context.WithDeadline(context.Background(), t)
	defer cancel()
	c.c.Flush(ctx)
}

// SetReadDeadline sets the time after which calls that read fail, with an error that stays; the zero time is never. It may be
// moved while a call waits.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if c.closed.Load() {
		return c.closedError("set")
	}
	if c.handedOut.Load() {
		c.readBy.takeBack(c.c.NetConn())
	}
	c.readBy.set(t)
	return nil
}

// SetWriteDeadline sets the time after which calls that write fail, with an error that stays; the zero time is never.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.writeBy.set(t)
	return nil
}

// SetReadLimit sets the longest message that is accepted, in bytes. For a longer one, the peer is told and calls that read
// return [ErrReadLimit]. 0 and less set no limit.
func (c *Conn) SetReadLimit(limit int64) {
	if limit <= 0 {
		limit = -1
	}
	if c.c != nil {
		c.c.SetReadLimit(limit)
	}
}

// EnableWriteCompression switches compression for messages to come, if the handshake has agreed to it.
func (c *Conn) EnableWriteCompression(enable bool) {
	c.compressing.Lock()
	defer c.compressing.Unlock()
	c.uncompressed = !enable
	c.compress()
}

// SetCompressionLevel sets how hard messages to come are compressed, in the levels of package compress/flate: from -2 to 9.
// The engine has three, and no compression for 0.
func (c *Conn) SetCompressionLevel(level int) error {
	c.compressing.Lock()
	defer c.compressing.Unlock()
	switch {
	case level < -2 || level > 9:
		return errLevel
	case level >= 7:
		c.level = deflate.Smallest
	case level >= 4 || level == -1:
		c.level = deflate.Balanced
	default:
		c.level = deflate.Fastest
	}
	c.stored = level == 0
	c.compress()
	return nil
}

// compress tells the engine. The caller holds compressing.
func (c *Conn) compress() {
	if c.c != nil {
		c.c.SetWriteCompression(!c.uncompressed && !c.stored, c.level)
	}
}

// FormatCloseMessage returns the payload of a close message. For CloseNoStatusReceived, which may not travel, it is empty.
func FormatCloseMessage(closeCode int, text string) []byte {
	if closeCode == CloseNoStatusReceived {
		return []byte{}
	}
	return append(binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(text)), uint16(closeCode)), text...)
}
