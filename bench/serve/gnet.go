package serve

import (
	"bytes"
	"io"
	"net"
	"os"
	"unicode/utf8"

	"github.com/gobwas/ws"
	"github.com/panjf2000/gnet/v2"
)

// startGnet answers from gnet's event loop. gnet knows no WebSocket: headers and handshakes are gobwas', and the rest of the
// protocol is below. What one wake-up brought is answered by one write.
func startGnet(s Spec) (net.Addr, error) {
	g := &gnetServer{broadcast: s.Task == Broadcast, members: map[gnet.Conn]struct{}{}, booted: make(chan gnet.Engine, 1)}
	failed := make(chan error, 1)
	go func() {
		failed <- gnet.Run(g, "tcp4://127.0.0.1:0", gnet.WithNumEventLoop(1), gnet.WithTCPNoDelay(gnet.TCPNoDelay),
			gnet.WithLogger(gnetSilence{}))
	}()
	select {
	case err := <-failed:
		return nil, err
	case e := <-g.booted:
		return gnetAddr(e)
	}
}

// gnetAddr returns the address that an engine listens on.
func gnetAddr(e gnet.Engine) (net.Addr, error) {
	fd, err := e.Dup()
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "listener")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	return l.Addr(), nil
}

// gnetSilence keeps gnet from logging to where this process answers its commands.
type gnetSilence struct{}

func (gnetSilence) Debugf(string, ...any) {}
func (gnetSilence) Infof(string, ...any)  {}
func (gnetSilence) Warnf(string, ...any)  {}
func (gnetSilence) Errorf(string, ...any) {}
func (gnetSilence) Fatalf(string, ...any) {}

// gnetServer has one event loop, which calls all of its methods.
type gnetServer struct {
	gnet.BuiltinEventEngine
	broadcast bool
	members   map[gnet.Conn]struct{}
	booted    chan gnet.Engine
	out       bytes.Buffer // the answers of this wake-up
}

// gnetConn is a connection whose handshake is done.
type gnetConn struct {
	op      ws.OpCode // of the message that has begun, or 0
	message []byte    // its fragments so far
}

func (g *gnetServer) OnBoot(e gnet.Engine) gnet.Action {
	g.booted <- e
	return gnet.None
}

func (g *gnetServer) OnClose(c gnet.Conn, _ error) gnet.Action {
	delete(g.members, c)
	return gnet.None
}

func (g *gnetServer) OnTraffic(c gnet.Conn) gnet.Action {
	s, ok := c.Context().(*gnetConn)
	if !ok {
		if s, ok = g.greet(c); s == nil {
			return action(ok)
		}
	}
	g.out.Reset()
	for ok {
		var more bool
		if more, ok = g.frame(c, s); !more {
			break
		}
	}
	if g.out.Len() > 0 {
		if _, err := c.Write(g.out.Bytes()); err != nil {
			ok = false
		}
	}
	return action(ok)
}

func action(ok bool) gnet.Action {
	if ok {
		return gnet.None
	}
	return gnet.Close
}

// greet does the handshake. There is no connection yet if the request is not whole, which is ok.
func (g *gnetServer) greet(c gnet.Conn) (s *gnetConn, ok bool) {
	b, _ := c.Peek(-1)
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		return nil, true
	}
	in := bytes.NewReader(b[:end+4])
	if _, err := (ws.Upgrader{}).Upgrade(struct {
		io.Reader
		io.Writer
	}{in, c}); err != nil {
		return nil, false
	}
	c.Discard(end + 4)
	s = &gnetConn{}
	c.SetContext(s)
	if g.broadcast {
		g.members[c] = struct{}{}
	}
	return s, true
}

// frame takes a frame, if there is a whole one. It is not ok if that was the last one.
func (g *gnetServer) frame(c gnet.Conn, s *gnetConn) (more, ok bool) {
	b, err := c.Peek(min(c.InboundBuffered(), ws.MaxHeaderSize))
	if err != nil || len(b) < ws.MinHeaderSize {
		return false, true
	}
	in := bytes.NewReader(b)
	h, err := ws.ReadHeader(in)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return false, true
	}
	size := len(b) - in.Len()
	state := ws.StateServerSide
	if s.op != 0 {
		state = state.Set(ws.StateFragmented)
	}
	if err != nil || ws.CheckHeader(h, state) != nil || h.Length > 1<<20 {
		return false, false
	}
	if c.InboundBuffered() < size+int(h.Length) {
		return false, true
	}
	b, err = c.Next(size + int(h.Length))
	if err != nil {
		return false, false
	}
	payload := b[size:]
	ws.Cipher(payload, h.Mask, 0)
	return true, g.take(s, h, payload)
}

// take answers a frame.
func (g *gnetServer) take(s *gnetConn, h ws.Header, payload []byte) (ok bool) {
	switch {
	case h.OpCode == ws.OpPing:
		g.answer(ws.OpPong, payload)
		return true
	case h.OpCode == ws.OpClose:
		g.answer(ws.OpClose, payload)
		return false
	case h.OpCode.IsControl():
		return true
	case h.Fin && s.op == 0:
		return g.complete(h.OpCode, payload)
	}
	if s.op == 0 {
		s.op = h.OpCode
	}
	if s.message = append(s.message, payload...); len(s.message) > 1<<20 || !h.Fin {
		return len(s.message) <= 1<<20
	}
	ok = g.complete(s.op, s.message)
	s.op, s.message = 0, nil
	return ok
}

// complete answers a message.
func (g *gnetServer) complete(op ws.OpCode, payload []byte) (ok bool) {
	if op == ws.OpText && !utf8.Valid(payload) {
		return false
	}
	if !g.broadcast {
		g.answer(op, payload)
		return true
	}
	frame, err := ws.CompileFrame(ws.NewFrame(op, true, payload))
	for c := range g.members {
		c.Write(frame)
	}
	return err == nil
}

func (g *gnetServer) answer(op ws.OpCode, payload []byte) {
	ws.WriteHeader(&g.out, ws.Header{Fin: true, OpCode: op, Length: int64(len(payload))})
	g.out.Write(payload)
}
