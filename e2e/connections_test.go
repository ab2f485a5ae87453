package e2e

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

// The size of the load test. The real one is
//
//	go test -v -run ManyConnections . -connections 10000 -interval 30s -hold 60s
//
// It takes some two minutes, and as many file descriptors in each of two processes.
var (
	connections = flag.Int("connections", 200, "how many connections the load test holds")
	interval    = flag.Duration("interval", 2*time.Second, "the server's ping interval in the load test")
	hold        = flag.Duration("hold", 6*time.Second, "how long the load test holds its connections")
)

func TestManyConnectionsAreHeldWithAHeartbeat(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("the memory and the time of a process are read from /proc")
	}
	program := buildBeating(t)
	for _, ping := range []time.Duration{0, *interval} {
		name := "off"
		if ping > 0 {
			name = ping.String()
		}
		t.Run(name, func(t *testing.T) {
			server := start(t, program, "-ping", ping.String())
			address := server.listening()
			settle(t, address)
			before := usageOf(t, server)

			begun := time.Now()
			all := dialMany(t, "ws://"+address, *connections, func(int) *websocket.DialOptions { return nil })
			dialed := time.Since(begun)
			settle(t, address)
			held := usageOf(t, server)
			<-time.After(*hold)
			after := usageOf(t, server)
			settle(t, address)
			rested := usageOf(t, server)

			for _, c := range all {
				require.Equal(t, websocket.StateOpen, c.State(), "%v", c.Err())
			}
			n := float64(len(all))
			each := func(u usage) float64 { return (u.resident - before.resident) / n / 1024 }
			t.Logf("%d connections in %v, held for %v: %.1f KiB resident each, %.1f at the end, %.1f after a collection; %.2f %% of a core",
				len(all), dialed.Round(time.Millisecond), *hold, each(held), each(after), each(rested),
				100*(after.busy-held.busy).Seconds()/hold.Seconds())
		})
	}
}

// buildBeating returns the path of the server of the load tests.
func buildBeating(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "beating")
	out, err := exec.Command("go", "build", "-o", program, "./beating").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}

// dialMany holds n connections until the end of the test, and somebody reads on each: that is what answers pings. options are
// those of the i-th.
func dialMany(t *testing.T, url string, n int, options func(i int) *websocket.DialOptions) []*websocket.Conn {
	t.Helper()
	all := make([]*websocket.Conn, n)
	errs := make(chan error, n)
	var dialing, reading sync.WaitGroup
	t.Cleanup(func() {
		for _, c := range all {
			if c != nil {
				_ = c.CloseNow()
			}
		}
		reading.Wait()
	})
	const atOnce = 32
	for first := range atOnce {
		dialing.Go(func() {
			for i := first; i < n; i += atOnce {
				c, _, err := websocket.Dial(t.Context(), url, options(i))
				if err != nil {
					errs <- err
					return
				}
				all[i] = c
				reading.Go(func() { _, _, _ = c.Read(context.Background()) })
			}
		})
	}
	dialing.Wait()
	require.Empty(t, errs)
	return all
}

func settle(t *testing.T, address string) {
	t.Helper()
	resp, err := http.Get("http://" + address + "/settle")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	http.DefaultClient.CloseIdleConnections()
}

// usage is what a process has used: memory now, in bytes, and processor time until now.
type usage struct {
	resident float64
	busy     time.Duration
}

// usageOf reads proc_pid_stat(5): utime and stime are fields 14 and 15 in hundredths of a second, rss is field 24 in pages.
func usageOf(t *testing.T, p *process) usage {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	require.NoError(t, err)
	_, behindName, ok := strings.Cut(string(stat), ") ")
	require.True(t, ok)
	fields := strings.Fields(behindName) // from field 3
	number := func(field int) float64 {
		v, err := strconv.ParseFloat(fields[field-3], 64)
		require.NoError(t, err)
		return v
	}
	return usage{
		resident: number(24) * float64(os.Getpagesize()),
		busy:     time.Duration((number(14) + number(15)) * float64(10*time.Millisecond)),
	}
}
