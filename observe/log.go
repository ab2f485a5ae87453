package observe

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/seed60239977/websocket/conn"
)

// Log returns an observer that writes to l:
//
//   - handshakes that succeed, and connections that end with a closing handshake, at [slog.LevelInfo]
//   - handshakes that are refused or fail, connections that end otherwise, slow writes and full queues at [slog.LevelWarn]
//
// Full queues are logged at most once a second, with their number. Messages are not logged. Neither are the query of a URL and
// the fields of a request, which may contain secrets; addresses of peers and their reasons for closing are.
//
// For handshakes, a slog.Handler gets the context of the request or of Dial, and for everything else [context.Background].
func Log(l *slog.Logger) *conn.Observer {
	w := &logWriter{l: l}
	return &conn.Observer{Handshake: w.handshake, QueueFull: w.queueFull, Slow: w.slow, Ended: w.ended}
}

type logWriter struct {
	l    *slog.Logger
	full atomic.Int64 // since it was written last
	next atomic.Int64 // when it may be written again, in nanoseconds of Unix
}

func (w *logWriter) handshake(h *conn.Handshake) {
	level, text := slog.LevelInfo, map[bool]string{true: "websocket accepted", false: "websocket opened"}[h.Server]
	if h.Err != nil {
		level, text = slog.LevelWarn, map[bool]string{true: "websocket refused", false: "websocket not opened"}[h.Server]
	}
	attrs := make([]slog.Attr, 0, 9)
	for _, a := range [...]slog.Attr{
		slog.String("remote", h.RemoteAddr), slog.String("scheme", h.Scheme), slog.String("host", h.Host),
		slog.String("path", h.Path), slog.String("proto", h.Proto),
	} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	attrs = append(attrs, slog.Int("status", h.Status), slog.Duration("took", h.Took))
	if h.Conn != nil && h.Conn.Subprotocol() != "" {
		attrs = append(attrs, slog.String("subprotocol", h.Conn.Subprotocol()))
	}
	if h.Err != nil {
		attrs = append(attrs, slog.Any("error", h.Err))
	}
	w.l.LogAttrs(h.Context, level, text, attrs...)
}

func (w *logWriter) ended(c *conn.Conn, e *conn.CloseError) {
	level := slog.LevelInfo
	if !e.WasClean {
		level = slog.LevelWarn
	}
	by := "this side"
	if e.Remote {
		by = "peer"
	}
	attrs := make([]slog.Attr, 0, 6)
	attrs = append(attrs, remote(c), slog.String("by", by), slog.Int("code", int(e.Code)), slog.Bool("clean", e.WasClean))
	if e.Reason != "" {
		attrs = append(attrs, slog.String("reason", e.Reason))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.Any("error", e.Err))
	}
	w.l.LogAttrs(context.Background(), level, "websocket ended", attrs...)
}

func (w *logWriter) slow(c *conn.Conn, took time.Duration) {
	w.l.LogAttrs(context.Background(), slog.LevelWarn, "websocket slow", remote(c), slog.Duration("took", took))
}

func (w *logWriter) queueFull(c *conn.Conn) {
	w.full.Add(1)
	now := time.Now().UnixNano()
	next := w.next.Load()
	if now < next || !w.next.CompareAndSwap(next, now+int64(time.Second)) {
		return
	}
	w.l.LogAttrs(context.Background(), slog.LevelWarn, "websocket queue full", remote(c), slog.Int64("times", w.full.Swap(0)))
}

// remote is the peer's address.
func remote(c *conn.Conn) slog.Attr {
	if a := c.RemoteAddr(); a != nil {
		return slog.String("remote", a.String())
	}
	return slog.String("remote", "")
}
