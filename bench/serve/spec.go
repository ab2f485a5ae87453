package serve

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Task is what a server does with messages.
type Task string

// The tasks.
const (
	Echo      Task = "echo"      // each message goes back to where it came from
	Broadcast Task = "broadcast" // each message goes to all connections
)

// Compression says what a server agrees to.
type Compression string

// What is agreed to, if the client offers it. A server without permessage-deflate does not take part.
const (
	Plain      Compression = ""
	NoTakeover Compression = "no takeover" // each message is compressed on its own
	Takeover   Compression = "takeover"    // messages refer to earlier ones, in both directions
	Takeover12 Compression = "takeover 12" // the same, in windows of 4 KiB
)

// Spec says which server to run, and for what.
type Spec struct {
	Server      string
	Task        Task
	TLS         bool
	Compression Compression
	Conns       int  // how many connections there will be
	InHandler   bool // the handler of the request serves the connection itself, and does not return until that is over
}

// run serves a connection where the Spec says.
func (s Spec) run(serve func()) {
	if s.InHandler {
		serve()
	} else {
		go serve()
	}
}

// Kind tells the servers apart in tables.
type Kind int

// The kinds.
const (
	Ours  Kind = iota
	API        // another library's API on this one's engine
	Peer       // another library
	Floor      // plain TCP: what the network itself costs
)

// Server is one of the programs that are compared.
type Server struct {
	Name   string
	Module string // "" if it needs none
	Kind   Kind
	// OnlyHandshake is for a server that differs from another one in how connections are accepted.
	OnlyHandshake bool
	NoTLS         bool
	InHandler     bool          // it can do what Spec.InHandler says
	Deflate       []Compression // what it can do beyond Plain
	// Start listens, and serves until the process ends.
	Start func(Spec) (net.Addr, error)
}

// Servers returns all of them, in the order of the tables.
func Servers() []Server {
	const own = "github.com/seed60239977/websocket"
	both := []Compression{NoTakeover, Takeover}
	all := append(both, Takeover12)
	return []Server{
		{Name: "Serve", Module: own, Kind: Ours, Deflate: all, Start: startServe},
		{Name: "Messages", Module: own, Kind: Ours, InHandler: true, Deflate: all, Start: startMessages},
		{Name: "AcceptConn", Module: own, Kind: Ours, OnlyHandshake: true, Start: startAcceptConn},
		{Name: "event", Module: own, Kind: Ours, Deflate: all, Start: startEvent},
		{Name: "gorilla API", Module: own + "/compat/gorilla", Kind: API, InHandler: true, Deflate: both[:1], Start: startGorillaAPI},
		{Name: "coder API", Module: own + "/compat/coder", Kind: API, InHandler: true, Deflate: both, Start: startCoderAPI},
		{Name: "gorilla", Module: "github.com/gorilla/websocket", Kind: Peer, InHandler: true, Deflate: both[:1], Start: startGorilla},
		{Name: "coder", Module: "github.com/coder/websocket", Kind: Peer, InHandler: true, Deflate: both, Start: startCoder},
		{Name: "gobwas", Module: "github.com/gobwas/ws", Kind: Peer, Deflate: both[:1], Start: startGobwas},
		{Name: "gws", Module: "github.com/lxzan/gws", Kind: Peer, Deflate: all, Start: startGWS},
		{Name: "nbio", Module: "github.com/lesismal/nbio", Kind: Peer, Deflate: both[:1], Start: startNBIO},
		{Name: "gnet", Module: "github.com/panjf2000/gnet/v2", Kind: Peer, NoTLS: true, Start: startGnet},
		{Name: "x/net", Module: "golang.org/x/net", Kind: Peer, Start: startXNet},
		{Name: "TCP", Kind: Floor, Start: startTCP},
		{Name: "epoll", Kind: Floor, NoTLS: true, Start: startEpoll},
	}
}

// Find returns the server with a name.
func Find(name string) (Server, error) {
	for _, s := range Servers() {
		if s.Name == name {
			return s, nil
		}
	}
	return Server{}, fmt.Errorf("there is no server %q", name)
}

// listen listens on a free port of the loopback, with TLS if that is asked for.
func listen(s Spec) (net.Listener, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil || !s.TLS {
		return l, err
	}
	cert, err := certificate()
	if err != nil {
		return nil, err
	}
	return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}}), nil
}

// serveHTTP runs net/http's server.
func serveHTTP(s Spec, h http.Handler) (net.Addr, error) {
	l, err := listen(s)
	if err != nil {
		return nil, err
	}
	go (&http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}).Serve(l)
	return l.Addr(), nil
}

// serveConns calls serve for each connection, on a goroutine of its own.
func serveConns(s Spec, serve func(net.Conn)) (net.Addr, error) {
	l, err := listen(s)
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return l.Addr(), nil
}

// room is the connections that a broadcast goes to.
type room[C comparable] struct {
	mu      sync.Mutex
	members map[C]struct{}
}

func newRoom[C comparable]() *room[C] { return &room[C]{members: map[C]struct{}{}} }

func (r *room[C]) enter(c C) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members[c] = struct{}{}
}

func (r *room[C]) leave(c C) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.members, c)
}

// each calls f for all, under the lock: broadcasts do not overtake each other, and no two write to a connection at once.
func (r *room[C]) each(f func(C)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.members {
		f(c)
	}
}
