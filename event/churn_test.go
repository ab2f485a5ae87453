package event

import (
	"context"
	"encoding/binary"
	"flag"
	"io"
	"log"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

var full = flag.Bool("full", false, "churn through 100,000 connections")

// TestADescriptorNeverServesAnotherConnection churns through connections whose descriptors are used again and again, each with a
// canary of its own, while they end in every way there is: no byte, and no call, may come to a connection that it does not belong
// to.
func TestADescriptorNeverServesAnotherConnection(t *testing.T) {
	wstest.NoLeaks(t)
	total := 2000
	if *full {
		total = 100_000
	}
	l, err := New(&Options{ErrorLog: log.New(io.Discard, "", 0)})
	require.NoError(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var live sync.Map // the canary of each connection
	var opened, closed, wrong atomic.Int64
	e := &Events{
		Open: func(_ context.Context, c *conn.Conn) {
			opened.Add(1)
			live.Store(c, new(atomic.Uint64))
		},
		Message: func(c *conn.Conn, m conn.Message) error {
			mine, ok := live.Load(c)
			canary := binary.BigEndian.Uint64(m.Data)
			if !ok || !mine.(*atomic.Uint64).CompareAndSwap(0, canary) && mine.(*atomic.Uint64).Load() != canary {
				wrong.Add(1)
			}
			if canary%5 == 0 {
				go c.CloseNow() // while it is answered
			}
			return c.Write(context.Background(), conn.Binary, m.Data)
		},
		Close: func(c *conn.Conn, _ error) {
			closed.Add(1)
			live.Delete(c)
		},
	}
	accepting := make(chan struct{})
	go func() {
		defer close(accepting)
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			l.Attach(nc, frame.Server, &Opening{Context: context.Background(), Events: e})
		}
	}()
	var canaries atomic.Uint64
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() {
			for canary := canaries.Add(1); canary <= uint64(total); canary = canaries.Add(1) {
				if !visit(ln.Addr().String(), canary) {
					wrong.Add(1)
				}
			}
		})
	}
	clients.Wait()
	ln.Close()
	<-accepting
	l.Shutdown(canceled)
	l.workers.Wait()
	require.Zero(t, wrong.Load())
	require.EqualValues(t, total, opened.Load())
	require.EqualValues(t, total, closed.Load())
}

// visit is one client: it says its canary a few times, and ends in one of several ways. It reports false if it gets an answer that
// is not its own.
func visit(address string, canary uint64) bool {
	nc, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	c := conn.Client(nc, nil, nil)
	defer c.CloseNow()
	message := binary.BigEndian.AppendUint64(nil, canary)
	for range 3 {
		if c.Write(context.Background(), conn.Binary, message) != nil {
			return true // the server closes every fifth
		}
		_, got, err := c.Read(context.Background())
		if err != nil {
			return canary%5 == 0
		}
		if binary.BigEndian.Uint64(got) != canary {
			return false
		}
	}
	switch canary % 3 {
	case 0:
		c.Close(conn.StatusNormalClosure, "")
	case 1:
		nc.(*net.TCPConn).SetLinger(0) // a reset
	}
	return true
}
