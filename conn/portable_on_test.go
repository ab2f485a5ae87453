//go:build !unix || websocket_portable

package conn_test

// portable: sockets are used as any net.Conn.
const portable = true
