package websockettest

import (
	"bufio"
	"net"
	"net/http"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/handshake"
)

// connect makes the client's end on nc. It does the handshake itself, since Dial has the browser do that: so that what is written
// for browsers can be tested where it runs.
func (o *Options) connect(nc net.Conn) (*websocket.Conn, error) {
	var d websocket.DialOptions
	if o.Dial != nil {
		d = *o.Dial
	}
	u, err := handshake.ParseURL(URL)
	if err != nil {
		return nil, err
	}
	req, err := (&handshake.ClientOptions{
		Subprotocols: d.Subprotocols, Header: d.Header, Host: d.Host, Deflate: d.Deflate, Lenient: d.Lenient,
	}).NewRequest(u)
	if err != nil {
		return nil, err
	}
	if _, err := nc.Write(req.AppendRequest(nil)); err != nil {
		return nil, err
	}
	br := bufio.NewReader(nc)
	resp, err := http.ReadResponse(br, &http.Request{Method: http.MethodGet})
	if err != nil {
		return nil, err
	}
	agreed, err := req.Verify(resp)
	if err != nil {
		return nil, err
	}
	n := &conn.Negotiated{Subprotocol: agreed.Subprotocol, Deflate: agreed.Deflate, DeflateOptions: d.Deflate}
	if waits := br.Buffered(); waits > 0 {
		b, _ := br.Peek(waits)
		n.Buffered = append([]byte(nil), b...)
	}
	return conn.Client(nc, n, &d.Config), nil
}
