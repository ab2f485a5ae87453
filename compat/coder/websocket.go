package websocket

import (
	"context"
	"net"
	"net/http"

	websocket "github.com/seed60239977/websocket/compat/coderapi"
)

type (
	// Conn is a WebSocket connection. One goroutine at a time may call Reader and Read; everything else may be called from any
	// goroutine. A context that ends while a call that reads or writes waits closes the connection.
	Conn = websocket.Conn
	// AcceptOptions are the options of [Accept].
	AcceptOptions = websocket.AcceptOptions
	// DialOptions are the options of [Dial].
	DialOptions = websocket.DialOptions
	// MessageType says what a message carries (RFC 6455, section 5.6).
	MessageType = websocket.MessageType
	// CompressionMode says whether messages are compressed (RFC 7692), if the peer agrees.
	CompressionMode = websocket.CompressionMode
	// StatusCode says why a connection was closed (RFC 6455, section 7.4).
	StatusCode = websocket.StatusCode
	// CloseError is the peer's close frame. It is in the error of the call that has read it.
	CloseError = websocket.CloseError
)

// The types of messages.
const (
	MessageText   = websocket.MessageText   // UTF-8, such as JSON
	MessageBinary = websocket.MessageBinary // any bytes
)

// The modes of compression.
const (
	CompressionDisabled          = websocket.CompressionDisabled          // none; the default
	CompressionContextTakeover   = websocket.CompressionContextTakeover   // with reference to earlier messages
	CompressionNoContextTakeover = websocket.CompressionNoContextTakeover // each message by itself
)

// The status codes of the protocol. StatusNoStatusRcvd, StatusAbnormalClosure and StatusTLSHandshake are never sent.
const (
	StatusNormalClosure           = websocket.StatusNormalClosure
	StatusGoingAway               = websocket.StatusGoingAway
	StatusProtocolError           = websocket.StatusProtocolError
	StatusUnsupportedData         = websocket.StatusUnsupportedData
	StatusNoStatusRcvd            = websocket.StatusNoStatusRcvd
	StatusAbnormalClosure         = websocket.StatusAbnormalClosure
	StatusInvalidFramePayloadData = websocket.StatusInvalidFramePayloadData
	StatusPolicyViolation         = websocket.StatusPolicyViolation
	StatusMessageTooBig           = websocket.StatusMessageTooBig
	StatusMandatoryExtension      = websocket.StatusMandatoryExtension
	StatusInternalError           = websocket.StatusInternalError
	StatusServiceRestart          = websocket.StatusServiceRestart
	StatusTryAgainLater           = websocket.StatusTryAgainLater
	StatusBadGateway              = websocket.StatusBadGateway
	StatusTLSHandshake            = websocket.StatusTLSHandshake
)

// ErrMessageTooBig is in the error for a message that is longer than [Conn.SetReadLimit] allows.
var ErrMessageTooBig = websocket.ErrMessageTooBig

// Accept answers the request with the opening handshake and returns the connection. If the request is refused, it has been
// answered. What is in the header of w goes into the response. nil options are the defaults.
func Accept(w http.ResponseWriter, r *http.Request, opts *AcceptOptions) (*Conn, error) {
	return websocket.Accept(w, r, opts)
}

// Dial opens a connection to a URL with the scheme ws, wss, http or https. The response need not be closed. With an error it may
// be there too: then its body has up to 1024 bytes of what came. ctx bounds the handshake only. nil options are the defaults.
func Dial(ctx context.Context, u string, opts *DialOptions) (*Conn, *http.Response, error) {
	return websocket.Dial(ctx, u, opts)
}

// NetConn returns the connection as a net.Conn. Each Write is a message of the given type; the ends of messages mean nothing to
// Read. There is no limit to what is read any longer. ctx bounds all calls: if it ends, the connection is closed.
//
// A close frame with [StatusNormalClosure] or [StatusGoingAway] is io.EOF to Read. A message of the other type closes the
// connection with [StatusUnsupportedData]. Close closes it with StatusNormalClosure; it does not wait for the peer's answer
// if a Read or a Write is under way, which then fails.
//
// A deadline that passes during a call closes the connection. Before a call it fails that, until the deadline is moved. The
// addresses of a connection that [Dial] has made are not known.
func NetConn(ctx context.Context, c *Conn, msgType MessageType) net.Conn {
	return websocket.NetConn(ctx, c, msgType)
}

// CloseStatus returns the code of the [CloseError] in err's chain, and -1 if there is none.
func CloseStatus(err error) StatusCode { return websocket.CloseStatus(err) }
