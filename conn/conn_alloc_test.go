package conn_test

import (
	"context"
	"io"
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/wstest"
)

// server answers every message until the connection ends.
var servers = map[string]func(ctx context.Context, c *conn.Conn){
	"Serve": func(ctx context.Context, c *conn.Conn) {
		c.Serve(ctx, func(c *conn.Conn, m conn.Message) error { return c.Write(ctx, m.Type, m.Data) })
	},
	"Messages": func(ctx context.Context, c *conn.Conn) {
		for m, err := range c.Messages(ctx) {
			if err != nil || c.Write(ctx, m.Type, m.Data) != nil {
				return
			}
		}
	},
	"ReadAppend": func(ctx context.Context, c *conn.Conn) {
		var buf []byte
		for {
			typ, data, err := c.ReadAppend(ctx, buf[:0])
			if err != nil || c.Write(ctx, typ, data) != nil {
				return
			}
			buf = data
		}
	},
}

// requireFrugal requires f to make at most so many allocations, on average, in one of several series of calls: where the
// scheduler makes somebody wait for somebody, that takes memory.
func requireFrugal(t *testing.T, most float64, f func(), what ...any) {
	t.Helper()
	allocs := math.Inf(1)
	for tries := 0; allocs > most && tries < 20; tries++ {
		allocs = min(allocs, testing.AllocsPerRun(50, f))
	}
	require.LessOrEqual(t, allocs, most, what...)
}

// TestAMessageThereAndBackAllocatesNothing counts what both ends allocate, over TCP.
func TestAMessageThereAndBackAllocatesNothing(t *testing.T) {
	if wstest.Racing {
		t.Skip("with the race detector pools forget at random")
	}
	cancellable, cancel := context.WithCancel(t.Context())
	defer cancel()
	for kind, ctx := range map[string]context.Context{"background": context.Background(), "cancellable": cancellable} {
		for name, serve := range servers {
			for _, size := range []int{0, 100, 5000, 100_000} {
				near, far := tcpPair(t)
				client, server := conn.Client(near, nil, nil), conn.Server(far, nil, nil)
				go serve(ctx, server)
				message, buf := make([]byte, size), make([]byte, 0, 2*size+100)
				there := func() {
					if err := client.Write(ctx, conn.Binary, message); err != nil {
						panic(err)
					}
					if _, data, err := client.ReadAppend(ctx, buf[:0]); err != nil || len(data) != size {
						panic(err)
					}
				}
				for range 20 {
					there()
				}
				requireFrugal(t, 0, there, "%s, %s, %d bytes", name, kind, size)
				client.CloseNow()
				server.CloseNow()
			}
		}
	}
}

func TestSendingAndPingingIsFrugal(t *testing.T) {
	if wstest.Racing {
		t.Skip("with the race detector pools forget at random")
	}
	near, far := tcpPair(t)
	client, server := conn.Client(near, nil, nil), conn.Server(far, nil, nil)
	defer client.CloseNow()
	defer server.CloseNow()
	reading(client)
	reading(server)
	message, prepared := make([]byte, 100), conn.Prepare(conn.Binary, make([]byte, 100))
	batch := []*conn.Prepared{prepared}
	for name, f := range map[string]func() error{
		"Send":          func() error { return client.Send(conn.Binary, message) },
		"SendPrepared":  func() error { return server.SendPrepared(prepared) },
		"WritePrepared": func() error { return server.WritePrepared(context.Background(), prepared) },
		"WriteBatch": func() error {
			_, err := server.WriteBatch(context.Background(), batch)
			return err
		},
		"Flush": func() error { return client.Flush(context.Background()) },
	} {
		requireFrugal(t, 1, func() { // the readers' messages
			if err := f(); err != nil {
				panic(err)
			}
		}, name)
	}
}

// TestSendAllocatesNothing counts one Send at a time, each with a goroutine of its own that flushes.
func TestSendAllocatesNothing(t *testing.T) {
	if wstest.Racing {
		t.Skip("with the race detector pools forget at random")
	}
	near, far := tcpPair(t)
	defer far.Close()
	server := conn.Server(near, nil, nil)
	defer server.CloseNow()
	go io.Copy(io.Discard, struct{ io.Reader }{far})
	message, prepared := make([]byte, 100), conn.Prepare(conn.Binary, make([]byte, 100))
	for name, send := range map[string]func() error{
		"Send":         func() error { return server.Send(conn.Binary, message) },
		"SendPrepared": func() error { return server.SendPrepared(prepared) },
	} {
		requireFrugal(t, 1, func() {
			for range 10 {
				if err := send(); err != nil {
					panic(err)
				}
				for server.BufferedAmount() > 0 { // to wait for it in Flush would take memory
					runtime.Gosched()
				}
			}
		}, "%s, ten times", name)
	}
}

// TestAWriteOverTLSAllocatesNothing: a write of a tls.Conn cannot be cut, so a goroutine makes it if the context can end.
func TestAWriteOverTLSAllocatesNothing(t *testing.T) {
	if wstest.Racing {
		t.Skip("with the race detector pools forget at random")
	}
	near, far := tcpPair(t)
	client, server := wstest.TLSOver(t, near, far)
	c := conn.Server(server, nil, nil)
	read := inBackground(func() error { _, err := io.Copy(io.Discard, client); return err })
	for name, ctx := range map[string]context.Context{"background": context.Background(), "cancellable": t.Context()} {
		for _, size := range []int{0, 100, 5000} {
			message := make([]byte, size)
			requireFrugal(t, 0, func() {
				if err := c.Write(ctx, conn.Binary, message); err != nil {
					panic(err)
				}
			}, "%s, %d bytes", name, size)
		}
	}
	require.NoError(t, c.CloseNow())
	<-read
}
