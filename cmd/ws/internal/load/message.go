package load

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
)

// messages makes the messages of connections. It may be used by any number of goroutines.
type messages struct {
	parts []string // literal text and, at odd places, the names of what stands between
}

// newMessages reads the template, or makes a message of the size.
func newMessages(o *options) (*messages, error) {
	if o.message == "" {
		const letters = "abcdefghijklmnopqrstuvwxyz012345"
		return &messages{parts: []string{strings.Repeat(letters, o.size/len(letters)+1)[:o.size]}}, nil
	}
	m := &messages{}
	rest := o.message
	for {
		literal, after, found := strings.Cut(rest, "{{")
		m.parts = append(m.parts, literal)
		if !found {
			return m, nil
		}
		name, behind, closed := strings.Cut(after, "}}")
		switch name = strings.TrimSpace(name); {
		case !closed:
			return nil, cli.Usage("}} behind the name", "{{ is not closed in -message")
		case name != "conn" && name != "seq" && name != "time" && name != "rand":
			return nil, cli.Usage("{{conn}}, {{seq}}, {{time}} or {{rand}}", "-message knows no {{%s}}", name)
		}
		m.parts = append(m.parts, name)
		rest = behind
	}
}

// append appends the message with this number, from 0, of a connection.
func (m *messages) append(b *bytes.Buffer, conn, seq int) {
	for i, p := range m.parts {
		if i%2 == 0 {
			b.WriteString(p)
			continue
		}
		switch p {
		case "conn":
			b.WriteString(strconv.Itoa(conn))
		case "seq":
			b.WriteString(strconv.Itoa(seq))
		case "time":
			b.WriteString(strconv.FormatInt(time.Now().UnixMilli(), 10))
		case "rand":
			b.WriteString(strconv.Itoa(int(rand.Uint32())))
		}
	}
}
