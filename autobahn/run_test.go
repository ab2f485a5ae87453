package autobahn

import (
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// listen runs a reference server on loopback for the length of the test.
func listen(t *testing.T, bad faults) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var group sync.WaitGroup
	group.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() { serveReference(nc, bad) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		group.Wait()
	})
	return "ws://" + l.Addr().String()
}

func TestAReferenceServerPassesOverTCP(t *testing.T) {
	r, err := TestServer(t.Context(), listen(t, faults{}), &Options{
		Cases:   []string{"1.*", "2.*", "3.*", "4.*", "5.*", "7.*", "9.1.1", "9.5.6", "10.*", "12.1.2", "13.7.2", "14.*"},
		Exclude: []string{"5.19", "5.20"}, // which wait for a second, and run in memory, where none passes
	})
	require.NoError(t, err)
	requirePassed(t, r.Results)
	requirePassed(t, r.Strict)
}
