//go:build !unix || websocket_portable

package conn

import "net"

func newTransport(nc net.Conn, _ *readBuffer) transport { return newPortable(nc) }
