package serve

import (
	"bytes"
	"compress/flate"
	"io"
	"net"
	"sync"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
)

// The library leaves pooling to its users, too.
var (
	gobwasInflaters = sync.Pool{New: func() any {
		return wsflate.NewReader(nil, func(r io.Reader) wsflate.Decompressor { return flateReader{flate.NewReader(r)} })
	}}
	gobwasDeflaters = sync.Pool{New: func() any {
		d := &gobwasDeflater{}
		d.w = wsflate.NewWriter(&d.out, func(w io.Writer) wsflate.Compressor {
			f, _ := flate.NewWriter(w, flate.BestSpeed) // the level is valid
			return f
		})
		return d
	}}
)

type gobwasDeflater struct {
	out bytes.Buffer
	w   *wsflate.Writer
}

// flateReader has the Reset that wsflate looks for.
type flateReader struct{ io.ReadCloser }

func (r flateReader) Reset(src io.Reader) { r.ReadCloser.(flate.Resetter).Reset(src, nil) }

// compress sends a message compressed.
func (c *gobwasConn) compress(op ws.OpCode, payload []byte) error {
	d := gobwasDeflaters.Get().(*gobwasDeflater)
	defer gobwasDeflaters.Put(d)
	d.out.Reset()
	d.w.Reset(&d.out)
	if _, err := d.w.Write(payload); err != nil {
		return err
	}
	if err := d.w.Flush(); err != nil {
		return err
	}
	f := ws.NewFrame(op, true, d.out.Bytes())
	f.Header.Rsv = ws.Rsv(true, false, false)
	return writeFrame(c.nc, f)
}

// writeFrame sends header and payload by one system call.
func writeFrame(nc net.Conn, f ws.Frame) error {
	var h bytes.Buffer
	if err := ws.WriteHeader(&h, f.Header); err != nil {
		return err
	}
	both := net.Buffers{h.Bytes(), f.Payload}
	_, err := both.WriteTo(nc)
	return err
}
