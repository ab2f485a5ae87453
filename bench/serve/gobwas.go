package serve

import (
	"bufio"
	"io"
	"net"
	"unicode/utf8"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
	"github.com/gobwas/ws/wsutil"
)

// gobwasConn is the loop that the library leaves to its users: reads are buffered, a reply is one write. Text is checked
// by unicode/utf8, which is several times faster than the check of wsutil.
type gobwasConn struct {
	nc     net.Conn
	state  wsflate.MessageState
	reader wsutil.Reader
	all    *room[*gobwasConn]
}

// startGobwas does the handshakes without net/http ("zero-copy upgrade").
func startGobwas(s Spec) (net.Addr, error) {
	var all *room[*gobwasConn]
	if s.Task == Broadcast {
		all = newRoom[*gobwasConn]()
	}
	return serveConns(s, func(nc net.Conn) {
		var u ws.Upgrader
		if s.Compression != Plain {
			e := wsflate.Extension{Parameters: wsflate.DefaultParameters}
			u.Negotiate = e.Negotiate
		}
		if _, err := u.Upgrade(nc); err != nil {
			nc.Close()
			return
		}
		go newGobwasConn(nc, s, all).serve()
	})
}

func newGobwasConn(nc net.Conn, s Spec, all *room[*gobwasConn]) *gobwasConn {
	c := &gobwasConn{nc: nc, all: all}
	state := ws.StateServerSide
	if s.Compression != Plain {
		state = state.Set(ws.StateExtended)
		c.reader.Extensions = []wsutil.RecvExtension{&c.state}
	}
	c.reader.Source = bufio.NewReader(nc)
	c.reader.State = state
	c.reader.OnIntermediate = wsutil.ControlFrameHandler(nc, ws.StateServerSide)
	return c
}

func (c *gobwasConn) serve() {
	defer c.nc.Close()
	if c.all != nil {
		c.all.enter(c)
		defer c.all.leave(c)
	}
	for c.message() == nil {
	}
}

func (c *gobwasConn) message() error {
	h, err := c.reader.NextFrame()
	if err != nil {
		return err
	}
	if h.OpCode.IsControl() {
		return c.reader.OnIntermediate(h, &c.reader)
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	var src io.Reader = &c.reader
	if c.state.IsCompressed() {
		in := gobwasInflaters.Get().(*wsflate.Reader)
		in.Reset(src)
		defer gobwasInflaters.Put(in)
		src = in
	}
	if *buf, err = readAll(*buf, src); err != nil {
		return err
	}
	if h.OpCode == ws.OpText && !utf8.Valid(*buf) {
		return errNotUTF8
	}
	return c.answer(h.OpCode, *buf)
}

func (c *gobwasConn) answer(op ws.OpCode, payload []byte) error {
	switch {
	case c.all != nil:
		frame, err := ws.CompileFrame(ws.NewFrame(op, true, payload))
		c.all.each(func(c *gobwasConn) { c.nc.Write(frame) })
		return err
	case c.reader.State.Extended():
		return c.compress(op, payload)
	case len(payload) > 1<<15: // more than the writers that wsutil pools
		return writeFrame(c.nc, ws.NewFrame(op, true, payload))
	}
	w := wsutil.GetWriter(c.nc, ws.StateServerSide, op, len(payload)+ws.MaxHeaderSize)
	defer wsutil.PutWriter(w)
	if _, err := w.Write(payload); err != nil {
		return err
	}
	return w.Flush()
}
