package browser

import "github.com/seed60239977/websocket/frame"

// inbound is what has come and was not read: messages, in order, to be read as frames.
type inbound struct {
	queue []received
	done  int // bytes of the first one's frame that were read
}

// received is one frame.
type received struct {
	header []byte
	data   Data
}

// message adds a message.
func (in *inbound) message(text bool, data Data) {
	opcode := frame.Binary
	if text {
		opcode = frame.Text
	}
	in.add(opcode, data)
}

// close adds the close frame that the browser has had. It has had none with 1006, nor with the other codes that are never
// sent; 1005 stands for one without a code (§7.4.1).
func (in *inbound) close(code frame.StatusCode, reason string) {
	if body, err := frame.AppendClose(nil, code, reason); err == nil {
		in.add(frame.Close, bytes(body))
	}
}

func (in *inbound) add(opcode frame.Opcode, data Data) {
	h := frame.Header{Fin: true, Opcode: opcode, Length: int64(data.Len())}
	in.queue = append(in.queue, received{h.Append(nil), data})
}

// read moves as many bytes as there are, and fit, to p.
func (in *inbound) read(p []byte) (n int) {
	for len(in.queue) > 0 && n < len(p) {
		first := &in.queue[0]
		size := len(first.header) + first.data.Len()
		for in.done < size && n < len(p) {
			k := first.copy(p[n:], in.done)
			in.done += k
			n += k
		}
		if in.done == size {
			*first = received{}
			in.queue, in.done = in.queue[1:], 0
		}
	}
	if len(in.queue) == 0 {
		in.queue = nil
	}
	return n
}

// copy copies bytes of the frame behind the first n, of its header or of its payload.
func (r *received) copy(p []byte, n int) int {
	if n < len(r.header) {
		return copy(p, r.header[n:])
	}
	return r.data.Copy(p, n-len(r.header))
}

// bytes is Data in Go's own memory.
type bytes []byte

// Len implements [Data].
func (b bytes) Len() int { return len(b) }

// Copy implements [Data].
func (b bytes) Copy(p []byte, n int) int { return copy(p, b[n:]) }
