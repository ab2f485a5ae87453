package netpoll

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/wstest"
)

func TestAListenerKnowsTheAddressThatAllItsConnectionsHave(t *testing.T) {
	for network, addresses := range map[string][]string{
		"tcp":  {"127.0.0.1:0", "[::1]:0", ":0", "0.0.0.0:0"},
		"unix": {wstest.SocketPath(t)},
	} {
		for _, address := range addresses {
			ln, err := net.Listen(network, address)
			if address == "[::1]:0" && err != nil {
				t.Logf("no IPv6 here: %v", err)
				continue
			}
			require.NoError(t, err)
			l, err := Listen(ln)
			require.NoError(t, err)
			host, _, _ := net.SplitHostPort(address)
			if host == "127.0.0.1" || host == "::1" {
				require.Equal(t, ln.Addr().String(), l.Local().String())
			} else {
				require.Nil(t, l.Local(), address)
			}
			l.Close()
			ln.Close()
		}
	}
}

// What a transparent proxy accepts has the address that the client has asked for.
func TestATransparentListenerKnowsNoAddress(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	raw, err := ln.(*net.TCPListener).SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_IP, syscall.IP_TRANSPARENT, 1)
	}))
	l, listenErr := Listen(ln)
	require.NoError(t, listenErr)
	defer l.Close()
	if err != nil { // only the administrator may
		require.ErrorIs(t, err, syscall.EPERM)
		require.NotNil(t, l.Local())
		return
	}
	require.Nil(t, l.Local())
}
