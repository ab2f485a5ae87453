package e2e

import (
	"context"
	"flag"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

// How long each way is measured. The figures that it logs are worth something with
//
//	go test -v -run WhatHTTP2Costs . -measure 10s
var measure = flag.Duration("measure", 200*time.Millisecond, "how long the cost of HTTP/2 is measured")

// 64 WebSockets share a connection and bounce 128 bytes each: on streams of our server, and on streams of haproxy with
// HTTP/1.1 to our server behind; besides, on connections of their own with HTTP/1.1. The processors' time is that of
// the servers.
func TestWhatHTTP2Costs(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("the time of a process is read from /proc")
	}
	cert, key, _ := selfSigned(t)
	ways := []struct {
		name  string
		http2 bool
		start func() (url string, servers []*process)
	}{
		{"HTTP/1.1", false, func() (string, []*process) {
			server, addr := startEcho(t, "-tls-cert", cert, "-tls-key", key)
			return addr, []*process{server}
		}},
		{"HTTP/2", true, func() (string, []*process) {
			server, addr := startEcho(t, "-tls-cert", cert, "-tls-key", key, "-http2")
			return addr, []*process{server}
		}},
		{"HTTP/2 with haproxy", true, func() (string, []*process) {
			server, addr := startEcho(t)
			gateway, _, secure := startHAProxy(t, behind{server: addr, certFile: cert, keyFile: key, idle: patientIdle})
			return secure, []*process{server, gateway}
		}},
	}
	for _, way := range ways {
		t.Run(strings.ReplaceAll(way.name, "/", ""), func(t *testing.T) {
			addr, servers := way.start()
			o := pooledOptions(t, cert)
			if !way.http2 {
				o.HTTP2 = nil
			}
			busy := func() (sum time.Duration) {
				for _, s := range servers {
					sum += usageOf(t, s).busy
				}
				return sum
			}
			all := dialAll(t, 64, func() *websocket.Conn {
				_, c := connect(t, "wss://"+addr+"/", o)
				return c
			})
			before := busy()
			n := bounce(t, all, make([]byte, 128), *measure)
			took := busy() - before
			require.Positive(t, n)
			t.Logf("%s: %.0f messages/s, %.1f µs of the servers' processors for each", way.name,
				float64(n)/measure.Seconds(), float64(took.Microseconds())/float64(n))
		})
	}
}

func dialAll(t *testing.T, n int, dial func() *websocket.Conn) (all []*websocket.Conn) {
	t.Helper()
	for range n {
		all = append(all, dial())
	}
	return all
}

// WebSockets that wait share connections of HTTP/2, 100 on each. The memory is the server's, whose figures are worth something
// with
//
//	go test -v -run IdleStream . -connections 5000
func TestWhatAnIdleStreamOfHTTP2Costs(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("the memory of a process is read from /proc")
	}
	const toAConnection = 100
	pools := make([]*websocket.HTTP2Pool, (*connections+toAConnection-1)/toAConnection)
	for i := range pools {
		pools[i] = &websocket.HTTP2Pool{Unencrypted: true}
		t.Cleanup(func() { pools[i].Close() })
	}
	server := start(t, buildBeating(t), "-ping", "0")
	address := server.listening()
	options := func(i int) *websocket.DialOptions {
		return &websocket.DialOptions{HTTP2: pools[i%len(pools)]}
	}
	_, c := connect(t, "ws://"+address, &websocket.DialOptions{HTTP2: pools[0]}) // what is needed but once is nobody's
	require.NoError(t, c.CloseNow())
	settle(t, address)
	before := usageOf(t, server)
	each := func() float64 { return (usageOf(t, server).resident - before.resident) / float64(*connections) / 1024 }

	all := dialMany(t, "ws://"+address, *connections, options)
	open := each()
	settle(t, address)
	collected := each()
	for _, c := range all {
		_, err := c.Ping(t.Context())
		require.NoError(t, err)
	}
	answered := each()
	settle(t, address)
	t.Logf("%d streams, %d to a connection: %.1f KiB resident each, %.1f after a collection; %.1f when each had answered a ping, %.1f after a collection",
		len(all), toAConnection, open, collected, answered, each())
	for _, c := range all {
		require.Equal(t, websocket.StateOpen, c.State(), "%v", c.Err())
	}
}

// bounce sends a message to and fro on all connections at once for that long, and returns how many came back.
func bounce(t *testing.T, all []*websocket.Conn, payload []byte, long time.Duration) (total int) {
	t.Helper()
	until := time.Now().Add(long)
	counts := make([]int, len(all))
	errs := make(chan error, len(all))
	var group sync.WaitGroup
	for i, c := range all {
		group.Go(func() {
			for time.Now().Before(until) {
				if err := c.Write(context.Background(), websocket.Binary, payload); err != nil {
					errs <- err
					return
				}
				if _, _, err := c.Read(context.Background()); err != nil {
					errs <- err
					return
				}
				counts[i]++
			}
		})
	}
	group.Wait()
	require.Empty(t, errs)
	for _, n := range counts {
		total += n
	}
	return total
}
