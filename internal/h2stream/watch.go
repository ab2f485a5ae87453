package h2stream

import (
	"bytes"
	"errors"
	"io"
	"net"

	"golang.org/x/net/http2"
)

// Settings is what the first frame of a server says.
type Settings struct {
	Valid   bool // it is SETTINGS, as it has to be
	Connect bool // which allow an extended CONNECT (RFC 8441 §3)
}

// maxFirstFrame is how long a frame may be before anybody has allowed more (RFC 9113 §4.2).
const maxFirstFrame = 16 << 10

// parseSettings looks at the first bytes that a server has sent, and reports whether they are a whole frame or cannot
// become one.
func parseSettings(b []byte) (s Settings, known bool) {
	framer := http2.NewFramer(nil, bytes.NewReader(b))
	framer.SetMaxReadFrameSize(maxFirstFrame)
	frame, err := framer.ReadFrame()
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return Settings{}, false
	}
	settings, ok := frame.(*http2.SettingsFrame)
	if err != nil || !ok || settings.IsAck() {
		return Settings{}, true
	}
	s.Valid = true
	settings.ForeachSetting(func(setting http2.Setting) error {
		if setting.ID == http2.SettingEnableConnectProtocol {
			s.Connect = setting.Val == 1 // the last one counts
		}
		return nil
	})
	return s, true
}

// Watched is the client's connection of HTTP/2, whose server's SETTINGS are looked at as they are read: HTTP libraries
// do not tell them.
type Watched struct {
	net.Conn
	seen     chan struct{}
	settings Settings
	head     []byte // what was read of the first frame; nil once that is known
}

// Watch returns nc watched.
func Watch(nc net.Conn) *Watched {
	return &Watched{Conn: nc, seen: make(chan struct{}), head: make([]byte, 0, 64)}
}

// Seen returns a channel that is closed when Settings are known, or never will be.
func (w *Watched) Seen() <-chan struct{} { return w.seen }

// Settings returns what the server has said. It may be called once Seen is closed.
func (w *Watched) Settings() Settings { return w.settings }

// Read implements net.Conn, for one goroutine at a time.
func (w *Watched) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if w.head != nil {
		w.head = append(w.head, p[:n]...)
		settings, known := parseSettings(w.head)
		if known || err != nil {
			w.head, w.settings = nil, settings
			close(w.seen)
		}
	}
	return n, err
}
