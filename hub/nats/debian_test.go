package nats

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/hub/brokertest"
)

// newProcess starts the nats-server that is installed: an older one than that of the other tests, which can be killed.
func newProcess(t *testing.T) brokertest.Server {
	t.Helper()
	bin, err := exec.LookPath("nats-server")
	if err != nil {
		bin = "/usr/sbin/nats-server" // which is not in everybody's PATH
		if _, err := os.Stat(bin); err != nil {
			require.NotEqual(t, "true", os.Getenv("CI"), "nats-server is not installed")
			t.Skip("nats-server is not installed")
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	dir := filepath.Join(t.TempDir(), "data")
	var cmd *exec.Cmd
	kill := func() {
		if cmd != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			cmd = nil
		}
	}
	start := func() {
		cmd = exec.Command(bin, "-a", "127.0.0.1", "-p", port, "-js", "-sd", dir)
		require.NoError(t, cmd.Start())
		require.Eventually(t, func() bool {
			nc, err := nats.Connect("nats://" + addr)
			if err == nil {
				nc.Close()
			}
			return err == nil
		}, 30*time.Second, 20*time.Millisecond)
	}
	start()
	t.Cleanup(kill)
	return brokertest.Server{
		Addr:  addr,
		Open:  impatient,
		Kill:  kill,
		Start: start,
	}
}

func TestFaultsOfAServerThatIsKilledLoseNothing(t *testing.T) {
	t.Parallel()
	brokertest.RunFaults(t, newProcess)
}

func TestItKeepsItsPromisesOnAnOlderServer(t *testing.T) {
	t.Parallel()
	s := newProcess(t)
	brokertest.Run(t, brokertest.Broker{
		New:  func(t *testing.T) hub.Broker { return s.Open(t, s.Addr) },
		Kill: func(_ *testing.T, b hub.Broker) { die(b.(*Broker)) },
	})
}
