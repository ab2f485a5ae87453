//go:build !race && !websocket_portable

package websocket

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// TestAConnectionThatHasAnsweredWaitsOnASmallStack: a goroutine begins with 2 KiB of stack, and what it has needed once it
// keeps while it waits. With a million connections one function more that is called from deep down is 2 GiB.
func TestAConnectionThatHasAnsweredWaitsOnASmallStack(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // each processor keeps stacks of its own for goroutines to come
	serve := func(ctx context.Context, c *Conn) {
		c.Serve(ctx, func(c *Conn, m Message) error { return c.Write(ctx, m.Type, m.Data) })
	}
	parts := func(ctx context.Context, c *Conn) {
		var answer bytes.Buffer
		for {
			typ, r, err := c.Reader(ctx)
			if err != nil {
				return
			}
			answer.Reset()
			if _, err := answer.ReadFrom(r); err != nil {
				return
			}
			c.Write(ctx, typ, answer.Bytes())
		}
	}
	var texts []wstest.Frame
	for n := range 16 { // they become blocks of all kinds
		text := strings.Repeat("世界", 50) + strings.Repeat(fmt.Sprintf(`{"id":%d,"name":"somebody"}`, n), n*n)
		texts = append(texts, wstest.Whole(frame.Text, text))
	}
	for _, c := range []struct {
		name     string
		handle   func(context.Context, *Conn)
		compress bool
	}{
		{"Serve", serve, false},
		{"Messages", echo, false},
		{"Reader", parts, false},
		{"Serve, compressed", serve, true},
		{"Messages, compressed", echo, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var o AcceptOptions
			var offer []string
			if c.compress {
				o.Deflate, offer = &DeflateOptions{}, []string{"Sec-WebSocket-Extensions: permessage-deflate"}
			}
			server := httptest.NewUnstartedServer(Handler(c.handle, &o))
			server.Config.ConnContext = func(ctx context.Context, nc net.Conn) context.Context {
				wstest.Roomy(nc)
				return ctx
			}
			server.Start()
			defer server.Close()
			peers := make([]*echoPeer, 200)
			for i := range peers {
				peers[i] = newEchoPeer(t, server, c.compress, offer...)
			}
			before := wstest.StackInUse()
			for range 2 {
				for _, p := range peers { // one by one: who finds a pool empty needs more
					p.exchange(t, texts...)
					p.exchange(t, wstest.Whole(frame.Ping, "still there?"))
					p.exchangeCut(t, texts[:6]...)
				}
			}
			require.Less(t, (wstest.StackInUse()-before)/len(peers), 1024, "bytes of stack more for each connection")
		})
	}
}

// TestAHandlerThatServesItsConnectionKeepsTheStackOfItsRequest: what a request needs anyway is enough for the handshake, and for
// waiting. Each is measured in a process of its own, where no goroutine that was before has left a stack.
func TestAHandlerThatServesItsConnectionKeepsTheStackOfItsRequest(t *testing.T) {
	handlers := map[string]http.HandlerFunc{
		"hijacks": func(w http.ResponseWriter, r *http.Request) {
			nc, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return // and the client reads no response
			}
			defer nc.Close()
			io.WriteString(nc, upgraded)
			io.Copy(io.Discard, nc)
		},
		"accepts": func(w http.ResponseWriter, r *http.Request) {
			if c, err := Accept(w, r, nil); err == nil {
				defer c.CloseNow()
				echo(context.Background(), c)
			}
		},
	}
	const name = "WEBSOCKET_TEST_HANDLER"
	if h := handlers[os.Getenv(name)]; h != nil {
		fmt.Printf("<%d>", stackOfConnections(t, h))
		return
	}
	each := map[string]int{}
	for handler := range handlers {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		again.Env = append(os.Environ(), name+"="+handler)
		out, err := again.Output()
		require.NoError(t, err, "%s", out)
		_, printed, _ := strings.Cut(string(out), "<")
		printed, _, _ = strings.Cut(printed, ">")
		each[handler], err = strconv.Atoi(printed)
		require.NoError(t, err)
	}
	require.Less(t, each["accepts"], each["hijacks"]+1024, "bytes of stack for each connection")
}

// stackOfConnections returns how many bytes of stack a server has for each connection that waits for the client.
func stackOfConnections(t *testing.T, handle http.HandlerFunc) int {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // as above
	server := httptest.NewServer(handle)
	defer server.Close()
	const conns = 200
	before := wstest.StackInUse()
	for range conns {
		newEchoPeer(t, server, false, "Origin: http://server.example") // as browsers send it
	}
	return (wstest.StackInUse() - before) / conns
}

// echoPeer is the client of an echo server.
type echoPeer struct {
	*wstest.Peer
	pack   *deflate.Compressor // nil without compression
	unpack *deflate.Decompressor
}

func newEchoPeer(t *testing.T, server *httptest.Server, compress bool, offer ...string) *echoPeer {
	nc := rawConn(t, server)
	wstest.Roomy(nc)
	_, err := io.WriteString(nc, upgradeRequest(offer...))
	require.NoError(t, err)
	readHead(t, nc)
	p := &echoPeer{Peer: wstest.NewPeer(t, nc, frame.Client)}
	if compress {
		var defaults deflate.Params
		p.pack, p.unpack = defaults.Compressor(false, nil), defaults.Decompressor(false)
	}
	return p
}

// exchange sends frames, one by one, and requires the answers to be alike.
func (p *echoPeer) exchange(t *testing.T, frames ...wstest.Frame) {
	for _, f := range frames {
		p.Send(p.packed(f))
		p.expect(t, f)
	}
}

// exchangeCut sends messages at once, but for the end of the last one, which follows when all others are answered.
func (p *echoPeer) exchangeCut(t *testing.T, texts ...wstest.Frame) {
	var all []byte
	for _, f := range texts {
		all = append(all, p.Encode(p.packed(f))...)
	}
	cut, last := len(all)-10, len(texts)-1
	p.SendRaw(all[:cut])
	for _, f := range texts[:last] {
		p.expect(t, f)
	}
	p.SendRaw(all[cut:])
	p.expect(t, texts[last])
}

// packed returns f as it goes out.
func (p *echoPeer) packed(f wstest.Frame) wstest.Frame {
	if p.pack != nil && f.Opcode != frame.Ping {
		f.RSV, f.Payload = frame.RSV1, p.pack.Append(nil, f.Payload)
	}
	return f
}

// expect requires the answer to f.
func (p *echoPeer) expect(t *testing.T, f wstest.Frame) {
	if f.Opcode == frame.Ping {
		f.Opcode = frame.Pong
	}
	if p.pack == nil || f.Opcode == frame.Pong {
		p.Expect(f)
		return
	}
	answer := p.Receive()
	require.Equal(t, frame.RSV1, answer.RSV)
	text := make([]byte, len(f.Payload)+1)
	n, _, err := p.unpack.Decompress(text, answer.Payload)
	require.NoError(t, err)
	more, done, err := p.unpack.Finish(text[n:])
	require.NoError(t, err)
	require.True(t, done)
	require.Equal(t, string(f.Payload), string(text[:n+more]))
}
