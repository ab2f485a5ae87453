//go:build !unix || websocket_portable

package conn

import "net"

func newSource(nc net.Conn) source { return &portable{nc: nc} }
