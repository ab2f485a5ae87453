package event

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
)

// BenchmarkWhileCallbacksSleep is how long 1000 connections wait for their echo while, every 100 ms, one callback more sleeps
// for a second.
func BenchmarkWhileCallbacksSleep(b *testing.B) {
	l, err := New(nil)
	require.NoError(b, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	attach := func(e *Events) *conn.Conn {
		near, err := net.Dial("tcp", ln.Addr().String())
		require.NoError(b, err)
		far, err := ln.Accept()
		require.NoError(b, err)
		_, err = l.Attach(far, frame.Server, &Opening{Context: b.Context(), Events: e})
		require.NoError(b, err)
		return conn.Client(near, nil, nil)
	}
	sleeps := make([]*conn.Conn, 10)
	for i := range sleeps {
		sleeps[i] = attach(&Events{Message: func(*conn.Conn, conn.Message) error { <-time.After(time.Second); return nil }})
		defer sleeps[i].CloseNow()
	}
	clients := make([]*conn.Conn, 1000)
	for i := range clients {
		clients[i] = attach(&Events{Message: func(c *conn.Conn, m conn.Message) error {
			return c.Write(context.Background(), m.Type, m.Data)
		}})
		defer clients[i].CloseNow()
	}
	stop := make(chan struct{})
	var sleeping sync.WaitGroup
	sleeping.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-tick.C:
				sleeps[i%len(sleeps)].Send(conn.Text, []byte("sleep"))
			case <-stop:
				return
			}
		}
	})
	var took []time.Duration
	next := 0
	for b.Loop() { // one after the other, so that what is measured is the loop and not the clients
		c := clients[next%len(clients)]
		next++
		start := time.Now()
		require.NoError(b, c.Write(b.Context(), conn.Text, []byte("hello")))
		_, _, err := c.Read(b.Context())
		require.NoError(b, err)
		took = append(took, time.Since(start))
		<-time.After(time.Millisecond)
	}
	close(stop)
	sleeping.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2])/1e6, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100])/1e6, "p99-ms")
	b.ReportMetric(float64(took[len(took)-1])/1e6, "max-ms")
	b.StopTimer()
	ln.Close()
	l.Shutdown(canceled)
}
