package autobahn

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/seed60239977/websocket/autobahn/internal/pmd"
	"github.com/seed60239977/websocket/autobahn/internal/wire"
)

// faults are the ways in which a reference endpoint can be made to misbehave.
type faults struct {
	noUTF8Check        bool // text is not looked at
	lateUTF8Check      bool // text is looked at when the message is complete
	wrongMask          bool // a server masks, a client does not
	echoPerFrame       bool // every data frame comes back as a message
	closeCode          int  // in place of 1002 and 1007
	dropsSilently      bool // TCP goes down without a close frame
	leavesTCPOpen      bool // a server does not drop TCP after the closing handshake
	noCloseReply       bool // a close frame is not answered
	noPong             bool
	emptyPong          bool // pongs have no payload
	ignoresRSV         bool
	ignoresOpcodes     bool // reserved opcodes are skipped
	echoesOpcodes      bool // frames with reserved opcodes come back as they are
	anyControl         bool // control frames may be fragmented and long
	anyContinuation    bool // fragments may come in any order
	anyCloseBody       bool // close frames are answered whatever they say
	ignoresWindow      bool // back-references go as far as they like
	ignoresTakeover    bool // the history is used although it was given up
	noCompression      bool // permessage-deflate is not agreed on
	alwaysText         bool // every message comes back as text
	corrupts           bool // the last byte of every echo is changed
	anyLength          bool // lengths need not be minimal
	unsolicitedAnswer  bool // the server names an extension that was not offered
	ignoresHeaders     bool // the handshake is not checked
	ignoresParameters  bool // illegal parameters of permessage-deflate pass
	negotiatesServer10 bool // answers server_max_window_bits=10 whatever was offered
}

// reference is an echo endpoint, written to be read rather than to be fast.
type reference struct {
	nc       net.Conn
	src      *bufio.Reader
	isServer bool
	bad      faults
	agreed   *pmd.Params
	inflater *pmd.Inflater
	deflater *pmd.Deflater

	active     bool
	opcode     byte
	compressed bool
	message    []byte
	checked    int // bytes of message known to be UTF-8, up to a character cut short
}

func (p *reference) read() { p.src = bufio.NewReader(p.nc) }

// errFailed is the end of a connection that a reference endpoint failed.
type errFailed struct{ code int }

func (errFailed) Error() string { return "failed" }

var errClosed = errors.New("closed")

func (p *reference) agree(params *pmd.Params) {
	p.agreed = params
	if params == nil {
		return
	}
	in := &pmd.Inflater{Window: params.ClientWindow(), NoTakeover: params.ClientNoTakeover, Strict: true}
	out := &pmd.Deflater{Window: params.ServerWindow(), NoTakeover: params.ServerNoTakeover}
	if !p.isServer {
		in.Window, in.NoTakeover = params.ServerWindow(), params.ServerNoTakeover
		out.Window, out.NoTakeover = params.ClientWindow(), params.ClientNoTakeover
	}
	if p.bad.ignoresWindow {
		out.Window = 1 << 15
	}
	if p.bad.ignoresTakeover {
		out.NoTakeover = false
	}
	p.inflater, p.deflater = in, out
}

// serve echoes until the connection ends, and closes it.
func (p *reference) serve() {
	defer p.nc.Close()
	var err error
	for err == nil {
		err = p.frame()
	}
	var failed errFailed
	if errors.As(err, &failed) {
		if p.bad.closeCode != 0 {
			failed.code = p.bad.closeCode
		}
		if !p.bad.dropsSilently {
			p.write(wire.Close, true, 0, binary.BigEndian.AppendUint16(nil, uint16(failed.code)))
		}
	}
	if err == io.EOF || p.bad.dropsSilently && failed.code != 0 || p.isServer && !p.bad.leavesTCPOpen {
		return
	}
	_, _ = io.Copy(io.Discard, p.src)
}

func (p *reference) write(opcode byte, fin bool, rsv byte, payload []byte) {
	h := wire.Header{Fin: fin, RSV: rsv, Opcode: opcode, Masked: p.isServer == p.bad.wrongMask, Key: wire.RandomKey()}
	_, _ = p.nc.Write(wire.AppendFrame(nil, h, payload))
}

// header reads a frame header.
func (p *reference) header() (h wire.Header, err error) {
	var b [8]byte
	if _, err = io.ReadFull(p.src, b[:2]); err != nil {
		return h, io.EOF
	}
	h = wire.Header{Fin: b[0]&0x80 != 0, RSV: b[0] >> 4 & 7, Opcode: b[0] & 15, Masked: b[1]&0x80 != 0, Len: int64(b[1] & 0x7F)}
	minimum := int64(0)
	switch h.Len {
	case 126:
		_, err = io.ReadFull(p.src, b[:2])
		h.Len, minimum = int64(binary.BigEndian.Uint16(b[:])), 126
	case 127:
		_, err = io.ReadFull(p.src, b[:8])
		h.Len, minimum = int64(binary.BigEndian.Uint64(b[:])), 65536
	}
	if err == nil && h.Masked {
		_, err = io.ReadFull(p.src, h.Key[:])
	}
	if err != nil {
		return h, io.EOF
	}
	if h.Len < minimum && (!p.bad.anyLength || h.Len < 0) {
		return h, errFailed{1002}
	}
	return h, p.legal(h)
}

func (p *reference) legal(h wire.Header) error {
	control, known := h.Opcode >= 8, h.Opcode <= 2 || h.Opcode >= 8 && h.Opcode <= 10
	rsv := h.RSV
	if p.agreed != nil && !control && h.Opcode != wire.Continuation {
		rsv &= 3
	}
	switch {
	case h.Masked != p.isServer,
		rsv != 0 && !p.bad.ignoresRSV,
		!known && !p.bad.ignoresOpcodes && !p.bad.echoesOpcodes,
		control && known && (!h.Fin || h.Len > 125) && !p.bad.anyControl,
		h.Opcode == wire.Continuation && !p.active && !p.bad.anyContinuation,
		(h.Opcode == wire.Text || h.Opcode == wire.Binary) && p.active && !p.bad.anyContinuation:
		return errFailed{1002}
	}
	return nil
}

func (p *reference) frame() error {
	h, err := p.header()
	if err != nil {
		return err
	}
	if h.Opcode >= 8 || h.Opcode > 2 {
		body := make([]byte, h.Len)
		if _, err := io.ReadFull(p.src, body); err != nil {
			return io.EOF
		}
		if h.Masked {
			wire.XOR(body, h.Key, 0)
		}
		if p.bad.echoesOpcodes && (h.Opcode < 8 || h.Opcode > wire.Pong) {
			p.write(h.Opcode, true, 0, body)
			return nil
		}
		return p.control(h.Opcode, body)
	}
	if h.Opcode != wire.Continuation {
		p.active, p.opcode, p.compressed = true, h.Opcode, h.RSV&4 != 0 && p.agreed != nil
		p.message, p.checked = nil, 0
	}
	if err := p.payload(h); err != nil {
		return err
	}
	if !h.Fin && !p.bad.echoPerFrame {
		return nil
	}
	p.active = !h.Fin
	return p.complete()
}

// payload reads what comes, looking at text as it does.
func (p *reference) payload(h wire.Header) error {
	buf := make([]byte, min(h.Len, 32<<10))
	for at := 0; int64(at) < h.Len; {
		n, err := p.src.Read(buf[:min(int64(len(buf)), h.Len-int64(at))])
		if h.Masked {
			wire.XOR(buf[:n], h.Key, at)
		}
		p.message = append(p.message, buf[:n]...)
		at += n
		if err != nil {
			return io.EOF
		}
		if !p.compressed && !p.bad.lateUTF8Check && !p.text(false) {
			return errFailed{1007}
		}
	}
	return nil
}

// text reports whether the message can still be UTF-8, or at its end whether it
// is.
func (p *reference) text(end bool) bool {
	if p.opcode != wire.Text || p.bad.noUTF8Check {
		return true
	}
	for p.checked < len(p.message) {
		rest := p.message[p.checked:]
		r, n := utf8.DecodeRune(rest)
		if r == utf8.RuneError && n == 1 {
			return !end && !utf8.FullRune(rest)
		}
		p.checked += n
	}
	return true
}

func (p *reference) complete() error {
	message := p.message
	if p.compressed {
		var err error
		if message, err = p.inflater.Message(message, 1<<26); err != nil {
			return errFailed{1007}
		}
		message = bytes.Clone(message) // which may be changed
		p.message, p.checked = message, 0
	}
	if !p.text(true) {
		return errFailed{1007}
	}
	if p.bad.corrupts && len(message) > 0 {
		message[len(message)-1] ^= 1
	}
	if p.bad.alwaysText {
		p.opcode = wire.Text
	}
	p.message = nil
	if p.agreed == nil {
		p.write(p.opcode, true, 0, message)
		return nil
	}
	p.write(p.opcode, true, 4, p.deflater.Message(message))
	return nil
}

func (p *reference) control(opcode byte, body []byte) error {
	switch opcode {
	case wire.Ping:
		if p.bad.emptyPong {
			body = nil
		}
		if !p.bad.noPong {
			p.write(wire.Pong, true, 0, body)
		}
	case wire.Close:
		return p.closed(body)
	}
	return nil
}

func (p *reference) closed(body []byte) error {
	legal := len(body) == 0 || len(body) >= 2 && validCode(int(binary.BigEndian.Uint16(body))) && utf8.Valid(body[2:])
	if !legal && !p.bad.anyCloseBody {
		return errFailed{1002}
	}
	if !p.bad.noCloseReply {
		p.write(wire.Close, true, 0, body[:min(2, len(body))])
	}
	return errClosed
}

// serveReference answers one connection as a server.
func serveReference(nc net.Conn, bad faults) {
	src := bufio.NewReader(nc)
	r, err := http.ReadRequest(src)
	if err != nil {
		_ = nc.Close()
		return
	}
	if !bad.ignoresHeaders && !legalRequest(r) {
		_, _ = io.WriteString(nc, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		_ = nc.Close()
		return
	}
	p := &reference{nc: nc, src: src, isServer: true, bad: bad}
	l := lines{first: "HTTP/1.1 101 Switching Protocols", fields: [][2]string{
		{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", accept(r.Header.Get("Sec-WebSocket-Key"))}}}
	p.agree(referenceAnswer(r.Header, bad))
	if p.agreed != nil {
		l.add("Sec-WebSocket-Extensions", p.agreed.String())
	}
	if _, err := io.WriteString(nc, l.String()); err != nil {
		_ = nc.Close()
		return
	}
	p.serve()
}

func legalRequest(r *http.Request) bool {
	keys := r.Header.Values("Sec-Websocket-Key")
	return r.Host != "" && r.Method == http.MethodGet && r.ProtoAtLeast(1, 1) && hasToken(r.Header, "Connection", "upgrade") &&
		hasToken(r.Header, "Upgrade", "websocket") && len(keys) == 1 && validKey(keys[0]) &&
		strings.Join(r.Header.Values("Sec-Websocket-Version"), ",") == "13"
}

// referenceAnswer takes the first offer that it can.
func referenceAnswer(h http.Header, bad faults) *pmd.Params {
	if bad.noCompression {
		return nil
	}
	for _, element := range elements(h, "Sec-WebSocket-Extensions") {
		offer, err := pmd.Parse(element, false)
		if err != nil && !(bad.ignoresParameters && !errors.Is(err, pmd.ErrOther)) {
			continue
		}
		answer := pmd.Params{ServerNoTakeover: offer.ServerNoTakeover, ClientNoTakeover: offer.ClientNoTakeover,
			ServerBits: offer.ServerBits, ClientBits: offer.ClientBits}
		if bad.negotiatesServer10 {
			answer.ServerBits = 10
		}
		return &answer
	}
	if bad.unsolicitedAnswer {
		return &pmd.Params{}
	}
	return nil
}
