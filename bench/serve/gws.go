package serve

import (
	"net"
	"net/http"

	"github.com/lxzan/gws"
)

type gwsHandler struct {
	gws.BuiltinEventHandler
	all *room[*gws.Conn] // nil: echo
}

func (h *gwsHandler) OnOpen(c *gws.Conn) {
	if h.all != nil {
		h.all.enter(c)
	}
}

func (h *gwsHandler) OnClose(c *gws.Conn, _ error) {
	if h.all != nil {
		h.all.leave(c)
	}
}

func (h *gwsHandler) OnPing(c *gws.Conn, payload []byte) { c.WritePong(payload) }

func (h *gwsHandler) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	if h.all == nil {
		c.WriteMessage(m.Opcode, m.Bytes())
		return
	}
	b := gws.NewBroadcaster(m.Opcode, append([]byte(nil), m.Bytes()...)) // it keeps the payload
	defer b.Close()
	h.all.each(func(c *gws.Conn) { b.Broadcast(c) })
}

// startGWS does not turn on parallel handling, which would cost a goroutine for each message and their order.
func startGWS(s Spec) (net.Addr, error) {
	h := &gwsHandler{}
	if s.Task == Broadcast {
		h.all = newRoom[*gws.Conn]()
	}
	takeover := s.Compression == Takeover || s.Compression == Takeover12
	deflate := gws.PermessageDeflate{
		Enabled:               s.Compression != Plain,
		ServerContextTakeover: takeover,
		ClientContextTakeover: takeover,
	}
	if s.Compression == Takeover12 {
		deflate.ServerMaxWindowBits, deflate.ClientMaxWindowBits = 12, 12
	}
	u := gws.NewUpgrader(h, &gws.ServerOption{CheckUtf8Enabled: true, PermessageDeflate: deflate})
	return serveHTTP(s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := u.Upgrade(w, r)
		if err != nil {
			return
		}
		go c.ReadLoop()
	}))
}
