package serve

import (
	"io"
	"sync"
)

// buffers are lent to servers for one message each. That is what the libraries' documentations advise, so that
// connections that wait hold none.
var buffers = sync.Pool{New: func() any { return new(make([]byte, 0, 4096)) }}

// readAll is io.ReadAll into a buffer that is reused.
func readAll(buf []byte, r io.Reader) ([]byte, error) {
	buf = buf[:0]
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}
