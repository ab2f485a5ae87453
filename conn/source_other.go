//go:build !unix || websocket_portable

package conn

import "net"

func newSource(nc net.Conn, _ *input) source { return &portable{nc: nc} }
