package peers

import (
	"context"
	"io"
	"net/http"

	"github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
	"github.com/lxzan/gws"
	xnet "golang.org/x/net/websocket"
)

// maxMessage is the longest message of the cases that are run, in bytes.
const maxMessage = 1 << 20

// gorillaServer echoes with the defaults, and leaves it at what the library checks: UTF-8 is the caller's business.
func gorillaServer() http.Handler {
	var upgrader gorilla.Upgrader
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			kind, data, err := c.ReadMessage()
			if err != nil || c.WriteMessage(kind, data) != nil {
				return
			}
		}
	})
}

// coderServer echoes message by message; the library does not check UTF-8.
func coderServer() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(maxMessage)
		for {
			kind, data, err := c.Read(context.Background())
			if err != nil || c.Write(context.Background(), kind, data) != nil {
				return
			}
		}
	})
}

// xnetServer is the echo server of the package's documentation.
func xnetServer() http.Handler {
	return xnet.Server{Handler: func(c *xnet.Conn) { _, _ = io.Copy(c, c) }}
}

// xnetFrameServer sends every frame back with the opcode that it came with.
func xnetFrameServer() http.Handler {
	type frame struct {
		data   []byte
		opcode byte
	}
	codec := xnet.Codec{
		Marshal: func(v any) ([]byte, byte, error) { return v.(*frame).data, v.(*frame).opcode, nil },
		Unmarshal: func(data []byte, opcode byte, v any) error {
			*v.(*frame) = frame{data, opcode}
			return nil
		},
	}
	return xnet.Server{Handler: func(c *xnet.Conn) {
		for f := new(frame); codec.Receive(c, f) == nil && codec.Send(c, f) == nil; {
		}
	}}
}

// gwsServer echoes with the UTF-8 check, which is an option, turned on.
func gwsServer() http.Handler {
	upgrader := gws.NewUpgrader(gwsEcho{}, &gws.ServerOption{CheckUtf8Enabled: true, ReadMaxPayloadSize: maxMessage})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := upgrader.Upgrade(w, r); err == nil {
			c.ReadLoop()
		}
	})
}

type gwsEcho struct{ gws.BuiltinEventHandler }

func (gwsEcho) OnPing(c *gws.Conn, payload []byte) { _ = c.WritePong(payload) }

func (gwsEcho) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	_ = c.WriteMessage(m.Opcode, m.Bytes())
}
