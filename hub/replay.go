package hub

import (
	"context"
	"runtime"
	"sync"
	"weak"

	"github.com/seed60239977/websocket/conn"
)

// excerpt is a part of the history of a topic as it goes out.
type excerpt struct {
	at       []Position
	prepared []*conn.Prepared
}

// excerpts encodes history. When many clients come back at once, they want the same, or the end of the same: it keeps the
// last excerpt for as long as somebody has it, and until the garbage is collected.
type excerpts struct {
	mu   sync.Mutex // held while an excerpt is encoded, so that others can have it
	last weak.Pointer[excerpt]
}

// of returns an excerpt that ends with these messages, of which there is one at least.
func (e *excerpts) of(messages []*Message, h *Hub) *excerpt {
	e.mu.Lock()
	defer e.mu.Unlock()
	if x := e.last.Value(); x != nil && x.endsWith(messages) {
		return x
	}
	x := &excerpt{make([]Position, len(messages)), make([]*conn.Prepared, len(messages))}
	for n, m := range messages {
		x.at[n] = m.Position
		if x.prepared[n] = m.encoded; m.encoder != h {
			x.prepared[n] = h.encode(m)
		}
	}
	e.last = weak.Make(x)
	return x
}

// endsWith reports whether these messages are the last ones of x. What lies between two positions of a log is always the same.
func (x *excerpt) endsWith(messages []*Message) bool {
	from := len(x.at) - len(messages)
	return from >= 0 && x.at[from] == messages[0].Position && x.at[len(x.at)-1] == messages[len(messages)-1].Position
}

// replay sends messages of the history, in as few writes as possible, and waits until they are on the wire.
func (h *Hub) replay(ctx context.Context, t *topic, m *member, messages []*Message) (sent int, err error) {
	if len(messages) == 0 {
		return 0, nil
	}
	x := t.excerpts.of(messages, h)
	defer runtime.KeepAlive(x)
	rest := x.prepared[len(x.prepared)-len(messages):]
	for len(rest) > 0 {
		n, size := 1, len(rest[0].Message().Data)
		for n < len(rest) && size+len(rest[n].Message().Data) <= maxAhead {
			size += len(rest[n].Message().Data)
			n++
		}
		if _, err := m.c.WriteBatch(ctx, rest[:n]); err != nil {
			return sent, err
		}
		rest = rest[n:]
		sent += n
	}
	return sent, nil
}
