package serve

import (
	"net"
	"net/http"

	"github.com/lesismal/llib/std/crypto/tls"
	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"
	"github.com/lesismal/nbio/nbhttp/websocket"
)

// manyForNBIO is from how many connections nbio's poller serves them. Below, its documentation advises a goroutine each.
const manyForNBIO = 5000

func startNBIO(s Spec) (net.Addr, error) {
	logging.SetLevel(logging.LevelNone)
	u := nbioUpgrader(s)
	config := nbhttp.Config{
		Network:                 "tcp4",
		IOMod:                   nbhttp.IOModBlocking,
		ReleaseWebsocketPayload: true,
		MaxLoad:                 1 << 20,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			u.Upgrade(w, r, nil)
		}),
	}
	if s.Conns >= manyForNBIO {
		config.IOMod = nbhttp.IOModNonBlocking
	}
	if s.TLS {
		cert, err := nbioCertificate()
		if err != nil {
			return nil, err
		}
		config.AddrsTLS = []string{"127.0.0.1:0"}
		config.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
	} else {
		config.Addrs = []string{"127.0.0.1:0"}
	}
	var addr net.Addr
	config.Listen = func(network, at string) (net.Listener, error) {
		l, err := net.Listen(network, at)
		if err == nil {
			addr = l.Addr()
		}
		return l, err
	}
	e := nbhttp.NewEngine(config)
	u.Engine = e
	err := e.Start() // which listens
	return addr, err
}

func nbioUpgrader(s Spec) *websocket.Upgrader {
	u := websocket.NewUpgrader()
	u.BlockingModAsyncWrite = false // a goroutine for writing is of no use to a server that answers
	u.KeepaliveTime = 0
	u.EnableCompression(s.Compression != Plain)
	if s.Task == Echo {
		u.OnMessage(func(c *websocket.Conn, typ websocket.MessageType, b []byte) { c.WriteMessage(typ, b) })
		return u
	}
	all := newRoom[*websocket.Conn]() // it has no prepared messages
	u.OnOpen(all.enter)
	u.OnClose(func(c *websocket.Conn, _ error) { all.leave(c) })
	u.OnMessage(func(_ *websocket.Conn, typ websocket.MessageType, b []byte) {
		all.each(func(c *websocket.Conn) { c.WriteMessage(typ, b) })
	})
	return u
}

// nbioCertificate is a certificate for the copy of crypto/tls that nbio uses.
func nbioCertificate() (tls.Certificate, error) {
	der, key, err := selfSigned()
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
