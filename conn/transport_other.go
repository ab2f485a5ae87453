//go:build !unix || websocket_portable

package conn

import "net"

func newTransport(nc net.Conn, _ *readBuffer) transport { return newPortable(nc) }

// asNet is for sockets that are read and written past their net.Conn.
func (c *Conn) asNet(err error) error { return err }
