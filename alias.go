package websocket

import (
	"context"
	"net"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/handshake"
)

// The types of package conn, so that most programs import this package alone.
type (
	// Conn is one end of a WebSocket connection.
	Conn = conn.Conn
	// Config has the limits and settings of a connection. The zero value is safe.
	Config = conn.Config
	// Message is one whole message.
	Message = conn.Message
	// MessageType is [Text] or [Binary].
	MessageType = conn.MessageType
	// State is the phase of a connection, numbered as in browsers.
	State = conn.State
	// StatusCode says why a connection was closed.
	StatusCode = conn.StatusCode
	// MessageWriter writes one message piece by piece.
	MessageWriter = conn.MessageWriter
	// Prepared is a message that is encoded once and sent to many connections.
	Prepared = conn.Prepared
	// Observer is called for what happens on connections; see [Config].
	Observer = conn.Observer
	// Handshake describes an opening handshake to an [Observer].
	Handshake = conn.Handshake
	// MessageSize is the length of a message, before and after compression.
	MessageSize = conn.MessageSize
	// CloseError says how a connection ended.
	CloseError = conn.CloseError
	// WriteError is a failed write of the network connection: nothing more can be sent, but what has arrived can still be read.
	WriteError = conn.WriteError
	// BrowserError names something that a program wants and browsers do not allow.
	BrowserError = conn.BrowserError
)

// HandshakeError says why a handshake failed or was refused. It is the error type of [Accept], [AcceptConn] and [Dial].
type HandshakeError = handshake.Error

// DeflateOptions configures the compression of messages (RFC 7692). It is the type Options of package deflate, with Level (how
// hard to compress), MinSize (shorter messages are sent uncompressed), Outgoing and Incoming (context takeover and window of
// each direction), and RequireWindow. The zero value suits most programs.
type DeflateOptions = handshake.DeflateOptions

// The two types of message (§5.6).
const (
	Text   = conn.Text
	Binary = conn.Binary
)

// The phases of a connection.
const (
	StateConnecting = conn.StateConnecting
	StateOpen       = conn.StateOpen
	StateClosing    = conn.StateClosing
	StateClosed     = conn.StateClosed
)

// The status codes of §7.4.1 and of the registry of §11.7.
const (
	StatusNormalClosure      = conn.StatusNormalClosure
	StatusGoingAway          = conn.StatusGoingAway
	StatusProtocolError      = conn.StatusProtocolError
	StatusUnsupportedData    = conn.StatusUnsupportedData
	StatusNoStatus           = conn.StatusNoStatus
	StatusAbnormalClosure    = conn.StatusAbnormalClosure
	StatusInvalidPayload     = conn.StatusInvalidPayload
	StatusPolicyViolation    = conn.StatusPolicyViolation
	StatusMessageTooBig      = conn.StatusMessageTooBig
	StatusMandatoryExtension = conn.StatusMandatoryExtension
	StatusInternalError      = conn.StatusInternalError
	StatusServiceRestart     = conn.StatusServiceRestart
	StatusTryAgainLater      = conn.StatusTryAgainLater
	StatusBadGateway         = conn.StatusBadGateway
	StatusTLSHandshake       = conn.StatusTLSHandshake
)

// Defaults of a [Config] and sizes that the library chooses.
const (
	DefaultReadLimit    = conn.DefaultReadLimit
	DefaultMaxFragments = conn.DefaultMaxFragments
	DefaultCloseTimeout = conn.DefaultCloseTimeout
	DefaultSendQueue    = conn.DefaultSendQueue
	SmallFragment       = conn.SmallFragment
	DefaultFragmentSize = conn.DefaultFragmentSize
	DefaultSlowAfter    = conn.DefaultSlowAfter
)

// The errors of a [Conn]; see package conn for what each means.
var (
	ErrMessageTooBig    = conn.ErrMessageTooBig
	ErrTooManyFragments = conn.ErrTooManyFragments
	ErrInvalidUTF8      = conn.ErrInvalidUTF8
	ErrPeerTimeout      = conn.ErrPeerTimeout
	ErrCloseTimeout     = conn.ErrCloseTimeout
	ErrConcurrentRead   = conn.ErrConcurrentRead
	ErrEventDriven      = conn.ErrEventDriven
	ErrQueueFull        = conn.ErrQueueFull
	ErrMessageType      = conn.ErrMessageType
	ErrReaderDone       = conn.ErrReaderDone
	ErrWriterClosed     = conn.ErrWriterClosed
	ErrCloseSent        = conn.ErrCloseSent
	ErrClosedNow        = conn.ErrClosedNow
	ErrNobodyReads      = conn.ErrNobodyReads
	ErrControlTooLong   = conn.ErrControlTooLong
)

// Stream returns the connection as a net.Conn whose bytes travel in messages of the given type: each Write is one message,
// and the ends of messages mean nothing to Read. ctx bounds all its calls. See package conn for how deadlines and the end
// of the connection show.
func Stream(ctx context.Context, c *Conn, typ MessageType) net.Conn { return conn.Stream(ctx, c, typ) }

// CloseStatus returns the code with which a connection ended according to err, that of the [*CloseError] in its chain, and 0
// if there is none.
func CloseStatus(err error) StatusCode { return conn.CloseStatus(err) }

// Prepare encodes a message once for any number of connections; see Conn.WritePrepared and Conn.SendPrepared.
func Prepare(typ MessageType, data []byte) *Prepared { return conn.Prepare(typ, data) }

// The compiler inlines what another package has only if the package that is imported has inlined it, too. So this loop,
// which nobody runs, is why [Conn.Messages] makes no garbage in the loops of those who import this package alone.
var _ = func(ctx context.Context, c *Conn) {
	for range c.Messages(ctx) {
	}
}
