package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

const upgradeRequest = "GET /chat HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://127.0.0.1\r\nUser-Agent: bench\r\n\r\n"

// inMemory is a connection on which a request has arrived.
type inMemory struct {
	in  bytes.Reader
	out bytes.Buffer
}

func (c *inMemory) reset() {
	c.in.Reset([]byte(upgradeRequest))
	c.out.Reset()
}
func (c *inMemory) Read(p []byte) (int, error)       { return c.in.Read(p) }
func (c *inMemory) Write(p []byte) (int, error)      { return c.out.Write(p) }
func (c *inMemory) Close() error                     { return nil }
func (c *inMemory) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *inMemory) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *inMemory) SetDeadline(time.Time) error      { return nil }
func (c *inMemory) SetReadDeadline(time.Time) error  { return nil }
func (c *inMemory) SetWriteDeadline(time.Time) error { return nil }

// upgraders accept a handshake on a bare connection, without net/http.
var upgraders = map[string]func(*inMemory) error{
	"AcceptConn": func(c *inMemory) error {
		_, _, err := websocket.AcceptConn(context.Background(), c, nil)
		return err
	},
	"gobwas": func(c *inMemory) error {
		_, err := ws.Upgrade(struct {
			io.Reader
			io.Writer
		}{c, c})
		return err
	},
}

func TestUpgradersAnswerTheRequest(t *testing.T) {
	for name, upgrade := range upgraders {
		var c inMemory
		c.reset()
		require.NoError(t, upgrade(&c), name)
		require.Contains(t, c.out.String(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", name)
	}
}

// BenchmarkHandshake is the cost of a handshake without that of the network.
func BenchmarkHandshake(b *testing.B) {
	for name, upgrade := range upgraders {
		b.Run(name, func(b *testing.B) {
			var c inMemory
			b.ReportAllocs()
			for b.Loop() {
				c.reset()
				if err := upgrade(&c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
