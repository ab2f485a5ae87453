package conn_test

import (
	"context"
	"io"
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
				require.LessOrEqual(t, testing.AllocsPerRun(200, there), 0.99, "%s, %s, %d bytes", name, kind, size)
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
	for name, f := range map[string]func() error{
		"Send":          func() error { return client.Send(conn.Binary, message) },
		"SendPrepared":  func() error { return server.SendPrepared(prepared) },
		"WritePrepared": func() error { return server.WritePrepared(context.Background(), prepared) },
		"Flush":         func() error { return client.Flush(context.Background()) },
	} {
		allocs := testing.AllocsPerRun(100, func() {
			if err := f(); err != nil {
				panic(err)
			}
		})
		require.LessOrEqual(t, allocs, 1.0, name) // the readers' messages
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
		allocs := testing.AllocsPerRun(20, func() {
			for range 10 {
				if err := send(); err != nil {
					panic(err)
				}
				runtime.Gosched() // to the goroutine that flushes
				if err := server.Flush(context.Background()); err != nil {
					panic(err)
				}
			}
		})
		require.LessOrEqual(t, allocs, 1.0, "%s, ten times", name)
	}
}

// TestAWriteOverTLSAllocatesNothing: a write of a tls.Conn cannot be cut, so a goroutine makes it if the context can end.
func TestAWriteOverTLSAllocatesNothing(t *testing.T) {
	if wstest.Racing {
		t.Skip("with the race detector pools forget at random")
	}
	near, far := tcpPair(t)
	client, server := tlsOver(t, near, far)
	c := conn.Server(server, nil, nil)
	read := inBackground(func() error { _, err := io.Copy(io.Discard, client); return err })
	for name, ctx := range map[string]context.Context{"background": context.Background(), "cancellable": t.Context()} {
		for _, size := range []int{0, 100, 5000} {
			message := make([]byte, size)
			require.LessOrEqual(t, testing.AllocsPerRun(200, func() {
				if err := c.Write(ctx, conn.Binary, message); err != nil {
					panic(err)
				}
			}), 0.99, "%s, %d bytes", name, size)
		}
	}
	require.NoError(t, c.CloseNow())
	<-read
}
