package main

import (
	"cmp"
	"slices"

	"github.com/seed60239977/websocket/bench/load"
	"github.com/seed60239977/websocket/bench/serve"
)

// kind is what a scenario measures.
type kind int

const (
	messages kind = iota // CPU time for each message
	handshakes
	idle // memory of each connection
)

// scenario is a row of the tables.
type scenario struct {
	id    string
	title string
	kind  kind
	task  serve.Task
	conns int
	depth int
	// messages are what each connection sends in turn.
	messages    [][]byte
	text        bool
	uncollected bool   // memory as it is, without a collection
	with        string // the scenario that is measured together with this one; "" for none
	tls         bool
	inHandler   bool // the handler serves the connection itself
	compression serve.Compression
}

func scenarios() []scenario {
	one := func(b []byte) [][]byte { return [][]byte{b} }
	const noTakeover, takeover = serve.NoTakeover, serve.Takeover
	list := []scenario{
		{id: "pingpong", title: "ping-pong, 1 connection, 32 B", conns: 1, messages: one(load.Binary(32))},
		{id: "pipeline", title: "64 connections, 16 × 128 B at once", conns: 64, depth: 16, messages: one(load.Binary(128))},
		{id: "text", title: "1000 connections, 512 B text", conns: 1000, messages: one(load.ASCII(512)), text: true},
		{id: "16KiB", title: "16 connections, 16 KiB", conns: 16, messages: one(load.Binary(16 << 10))},
		{id: "1MiB", title: "4 connections, 1 MiB", conns: 4, messages: one(load.Binary(1 << 20))},
		{id: "chinese", title: "64 connections, 4 KiB Chinese text", conns: 64, messages: one(load.Chinese(4 << 10)), text: true},
		{id: "broadcast", title: "broadcast of 512 B to 1000", task: serve.Broadcast, conns: 1000, messages: one(load.Binary(512))},
		{id: "broadcast16", title: "broadcast of 16 × 512 B to 1000", task: serve.Broadcast, conns: 1000, depth: 16, messages: one(load.Binary(512))},
		{id: "deflate1k", title: "16 connections, 1 KiB JSON, deflate", conns: 16, messages: load.JSON(64, 1<<10), text: true, compression: noTakeover},
		{id: "deflate16k", title: "16 connections, 16 KiB JSON, deflate", conns: 16, messages: load.JSON(16, 16<<10), text: true, compression: noTakeover},
		{id: "takeover1k", title: "16 connections, 1 KiB JSON, deflate with takeover", conns: 16, messages: load.JSON(64, 1<<10), text: true, compression: takeover},
		{id: "takeover16k", title: "16 connections, 16 KiB JSON, deflate with takeover", conns: 16, messages: load.JSON(16, 16<<10), text: true, compression: takeover},
		{id: "wss", title: "64 connections, 128 B, TLS", conns: 64, messages: one(load.Binary(128)), tls: true},
		{id: "handshake", title: "handshakes", kind: handshakes},
		{id: "idle", title: "10,000 idle connections", kind: idle, conns: 10000, messages: one(load.ASCII(128)), text: true},
		{id: "idleraw", with: "idle", title: "10,000 idle connections, no collection forced", kind: idle, uncollected: true, conns: 10000, messages: one(load.ASCII(128)), text: true},
		{id: "idle19k", title: "19,000 idle connections", kind: idle, conns: 19000, messages: one(load.ASCII(128)), text: true},
		{id: "idle19kraw", with: "idle19k", title: "19,000 idle connections, no collection forced", kind: idle, uncollected: true, conns: 19000, messages: one(load.ASCII(128)), text: true},
		{id: "deflateidle", title: "1000 idle connections after 16 × 4 KiB JSON, deflate", kind: idle, conns: 1000, depth: 16, messages: load.JSON(16, 4<<10), text: true, compression: noTakeover},
		{id: "takeoveridle", title: "1000 idle connections after 16 × 4 KiB JSON, deflate with takeover", kind: idle, conns: 1000, depth: 16, messages: load.JSON(16, 4<<10), text: true, compression: takeover},
		{id: "takeover12idle", title: "1000 idle connections after 16 × 4 KiB JSON, deflate with takeover, 12 bits", kind: idle, conns: 1000, depth: 16, messages: load.JSON(16, 4<<10), text: true, compression: serve.Takeover12},
		{id: "smallidle", title: "1000 idle connections after 16 × 4 KiB JSON", kind: idle, conns: 1000, depth: 16, messages: load.JSON(16, 4<<10), text: true},
		{id: "wssidle", title: "2,000 idle connections, TLS", kind: idle, conns: 2000, messages: one(load.ASCII(128)), text: true, tls: true},
		{id: "handleridle", title: "10,000 idle connections, served by the handler itself", kind: idle, conns: 10000, messages: one(load.ASCII(128)), text: true, inHandler: true},
		{id: "wsshandleridle", title: "2,000 idle connections, TLS, served by the handler itself", kind: idle, conns: 2000, messages: one(load.ASCII(128)), text: true, tls: true, inHandler: true},
	}
	for i := range list {
		list[i].depth = max(list[i].depth, 1)
		if list[i].task == "" {
			list[i].task = serve.Echo
		}
	}
	return list
}

// measurement is what the samples of a scenario are kept under.
func (s scenario) measurement() string { return cmp.Or(s.with, s.id) }

// cost is the figure of a sample that is compared.
func (s scenario) cost(m sample) float64 {
	switch {
	case s.kind != idle:
		return m.CPU
	case s.uncollected:
		return m.Raw
	case s.depth > 1: // what matters is what the first messages leave behind
		return m.After
	}
	return m.Idle
}

// takenBy reports whether a server takes part.
func (s scenario) takenBy(v serve.Server) bool {
	if s.compression != serve.Plain {
		return slices.Contains(v.Deflate, s.compression)
	}
	if s.inHandler && !v.InHandler {
		return false
	}
	return (s.kind != messages || !v.OnlyHandshake) && !(s.tls && v.NoTLS)
}

// shortened makes a scenario that shows that it works and measures nothing.
func (s scenario) shortened() scenario {
	s.conns = min(s.conns, 20)
	return s
}

// offer is what the load generator offers in its handshakes.
func (s scenario) offer() string {
	switch s.compression {
	case serve.NoTakeover:
		return "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	case serve.Takeover:
		return "permessage-deflate"
	case serve.Takeover12:
		return "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"
	}
	return ""
}
