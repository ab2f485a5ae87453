//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package event

import (
	"bytes"
	"context"
	"math"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// drivenPair returns a client, and the end of a loop that it is connected to.
func drivenPair(t *testing.T, l *Loop, n *conn.Negotiated, e *Events) (client *conn.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	near, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	far, err := ln.Accept()
	require.NoError(t, err)
	for _, nc := range []net.Conn{near, far} { // or it depends on the system whether somebody has to wait
		require.NoError(t, nc.(*net.TCPConn).SetReadBuffer(1<<20))
		require.NoError(t, nc.(*net.TCPConn).SetWriteBuffer(1<<20))
	}
	o := &Opening{Context: t.Context(), Events: e}
	if n != nil {
		o.Negotiated = *n
	}
	server, err := l.Attach(far, frame.Server, o)
	require.NoError(t, err)
	require.True(t, server.EventDriven())
	client = conn.Client(near, n, nil)
	t.Cleanup(func() { client.CloseNow() })
	return client
}

// requireNoAllocations requires f to allocate nothing in one of several series of calls: where the scheduler makes somebody wait
// for somebody, that may take memory, and a collection empties the pools.
func requireNoAllocations(t *testing.T, f func(), what ...any) {
	t.Helper()
	allocs := math.Inf(1)
	for tries := 0; allocs > 0 && tries < 20; tries++ {
		allocs = min(allocs, testing.AllocsPerRun(20, f))
	}
	require.Zero(t, allocs, what...)
}

// TestAMessageOnALoopAllocatesNothing counts what the loop allocates to read, deliver and answer messages, with what the client
// does at the other end.
func TestAMessageOnALoopAllocatesNothing(t *testing.T) {
	if wstest.Racing {
		t.Skip("with the race detector pools forget at random")
	}
	l := realLoop(t)
	e := &Events{Message: func(c *conn.Conn, m conn.Message) error { return c.Write(context.Background(), m.Type, m.Data) }}
	all := &deflate.Options{MinSize: -1}
	for name, n := range map[string]*conn.Negotiated{
		"plain":            nil,
		"without takeover": {DeflateOptions: all, Deflate: &deflate.Params{ServerNoContextTakeover: true, ClientNoContextTakeover: true}},
		"with takeover":    {DeflateOptions: all, Deflate: &deflate.Params{}},
	} {
		for _, typ := range []conn.MessageType{conn.Text, conn.Binary} {
			for _, size := range []int{0, 100, 5000, 50_000} {
				client := drivenPair(t, l, n, e)
				requireFrugalEcho(t, client, typ, size, "%s, %v, %d bytes", name, typ, size)
			}
		}
	}
}

// requireFrugalEcho has messages answered, one and then several at a time.
func requireFrugalEcho(t *testing.T, client *conn.Conn, typ conn.MessageType, size int, what ...any) {
	t.Helper()
	ctx, message, buf := context.Background(), bytes.Repeat([]byte("x"), size), make([]byte, 0, 2*size+100)
	for _, burst := range []int{1, 4} {
		there := func() {
			for range burst {
				if err := client.Send(typ, message); err != nil {
					panic(err)
				}
			}
			for range burst {
				got, data, err := client.ReadAppend(ctx, buf[:0])
				if err != nil || got != typ || len(data) != size {
					panic(err)
				}
			}
		}
		for range 20 {
			there()
		}
		requireNoAllocations(t, there, what...)
	}
}
