//go:build unix && !websocket_portable

package conn_test

const portable = false
