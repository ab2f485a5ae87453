// Package http2 has net/http's servers offer WebSockets over HTTP/2 (RFC 8441). It is imported for that alone:
//
//	import _ "github.com/seed60239977/websocket/http2"
//
// # What it does
//
// A server of HTTP/2 tells its clients whether it takes an extended CONNECT. net/http can, but does not say so unless
// the environment has GODEBUG=http2xconnect=1 when the program starts. A program that imports this package behaves as
// if it had; its environment, and what it starts, is as before. That goes for all servers of the program, with TLS or
// without (http.Protocols.SetUnencryptedHTTP2), and for those of golang.org/x/net/http2.
//
// [github.com/seed60239977/websocket.Accept] and [github.com/seed60239977/websocket.Handler] serve these requests without
// further ado. Clients need none of this: see [github.com/seed60239977/websocket.HTTP2Pool].
//
// # What changes
//
// Browsers open a WebSocket on the HTTP/2 connection that they have for the page already, if its server says that it can.
// So from now on all of a server's WebSockets come as
//
//	:method CONNECT, :protocol websocket, :scheme https, :path /chat, :authority example.com
//
// which net/http shows as a request with the method CONNECT and a header field ":protocol". Therefore
//
//   - a route for "GET /chat" has to become "/chat", or have "CONNECT /chat" beside it;
//   - handlers of other WebSocket libraries, which want to take the connection over, and [net/http/httputil.ReverseProxy] fail:
//     leave this package out as long as the program has them;
//   - middleware that replaces the ResponseWriter needs an Unwrap method, which http.ResponseController needs as well, and what
//     it does to requests' bodies it does to the connection: http.MaxBytesHandler ends it after so many bytes;
//   - http.Server.Shutdown waits for these connections; see [github.com/seed60239977/websocket.Registry];
//   - a stream ends in good order when the handler returns. It is reset, with INTERNAL_ERROR since net/http has no other code, if
//     the connection is closed while a write waits for the peer's window, and if the serve function of
//     [github.com/seed60239977/websocket.Handler] goes on for more than a second when the connection has ended;
//   - a connection that waits takes some 10 KiB instead of 4, of which 9 are net/http's for a request that waits. Once something was
//     sent it takes 15, since net/http has a buffer for each response. 3 KiB and a goroutine come on top when something is read
//     with a context that can end.
//
// # What if net/http gets a setting for it?
//
// Go 1.26 has none: the environment is the only way. A field EnableConnectProtocol of http.HTTP2Config is accepted for a later
// version (go.dev/issue/53208). A program that sets it in http.Server.HTTP2 will not need this package: it is the better way, since
// it is for one server and not for all. This package works for as long as net/http heeds the environment. Should that end,
// importing it will change nothing, and [Enabled] will return false.
//
// # What does net/http take care of?
//
// What HTTP/2 itself can be attacked with (floods of header fields, of CONTINUATION and of streams that are reset) is for
// net/http to ward off, and http.Server.HTTP2 has its limits: MaxConcurrentStreams is 250, so a browser gets that many
// WebSockets on a connection. A peer that reads none of a stream takes no more memory than the limits of
// [github.com/seed60239977/websocket.Config] say, and holds up no other stream.
package http2

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"

	"golang.org/x/net/http2"

	"github.com/seed60239977/websocket/http2/internal/xconnect"
	"github.com/seed60239977/websocket/internal/pipe"
)

func init() { xconnect.Restore() } // net/http and golang.org/x/net/http2 have been initialized

// Enabled reports whether net/http's servers offer extended CONNECT. It asks one, once, whose configuration is the default: what a
// program has in its environment counts as well as this package, and if Go should change, Enabled says what is so. It may be
// called from any goroutine.
func Enabled() bool { return enabled() }

var enabled = sync.OnceValue(func() bool {
	l := pipe.Listen()
	server := &http.Server{Protocols: new(http.Protocols)}
	server.Protocols.SetUnencryptedHTTP2(true)
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(l) })
	defer serving.Wait()
	defer server.Close()
	nc, err := l.Dial(context.Background(), "", "")
	return err == nil && offers(nc)
})

// offers says hello to a server, and reports whether its SETTINGS offer extended CONNECT.
func offers(nc net.Conn) bool {
	defer nc.Close()
	framer := http2.NewFramer(nc, bufio.NewReader(nc))
	if _, err := io.WriteString(nc, http2.ClientPreface); err != nil || framer.WriteSettings() != nil {
		return false
	}
	frame, err := framer.ReadFrame()
	settings, ok := frame.(*http2.SettingsFrame)
	if err != nil || !ok {
		return false
	}
	value, _ := settings.Value(http2.SettingEnableConnectProtocol)
	return value == 1
}
