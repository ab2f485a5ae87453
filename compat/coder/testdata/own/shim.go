// What the tests of coder/websocket look at that is not exported, as far as it can be had here. own_test.go compiles it together
// with them.

package websocket

import (
	"context"
	"io"
	"net"
	"net/http"

	"github.com/seed60239977/websocket/handshake"
)

// ErrClosed is the error of a connection that this side has closed.
var ErrClosed = net.ErrClosed

// SecWebSocketAccept answers a key.
func SecWebSocketAccept(key string) string { return string(handshake.AppendAccept(nil, key)) }

// ExportedDial is Dial. Keys are not read from rand.
func ExportedDial(ctx context.Context, u string, opts *DialOptions, _ io.Reader) (*Conn, *http.Response, error) {
	return Dial(ctx, u, opts)
}
