package observe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/wstest"
	"github.com/seed60239977/websocket/observe"
)

// logged is a log that is looked at line by line.
type logged struct{ bytes.Buffer }

func (l *logged) observer() *conn.Observer {
	return observe.Log(slog.New(slog.NewJSONHandler(l, nil)))
}

// next returns the next line, without its time.
func (l *logged) next(t *testing.T) map[string]any {
	t.Helper()
	line, err := l.ReadBytes('\n')
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(line, &fields))
	delete(fields, "time")
	return fields
}

func TestTheLogTellsOfHandshakes(t *testing.T) {
	var l logged
	o := l.observer()
	o.Handshake(refused(403))
	require.NotContains(t, l.String(), "secret")
	require.Equal(t, map[string]any{
		"level": "WARN", "msg": "websocket refused", "remote": "192.0.2.1:1234", "scheme": "wss", "host": "server.example",
		"path": "/chat", "proto": "HTTP/1.1", "status": 403.0, "took": 3e6,
		"error": "websocket: handshake: no (403 Forbidden): the cause",
	}, l.next(t))

	near, far := wstest.Pipe(0)
	defer far.Close()
	c := conn.Server(near, &conn.Negotiated{Subprotocol: "chat.v2"}, nil)
	defer c.CloseNow()
	o.Handshake(&conn.Handshake{Context: t.Context(), Server: true, Status: 101, Conn: c})
	require.Equal(t, map[string]any{
		"level": "INFO", "msg": "websocket accepted", "status": 101.0, "took": 0.0, "subprotocol": "chat.v2",
	}, l.next(t))
	o.Handshake(&conn.Handshake{Context: t.Context(), Status: 101, Path: "/"})
	require.Equal(t, map[string]any{"level": "INFO", "msg": "websocket opened", "path": "/", "status": 101.0, "took": 0.0}, l.next(t))
	o.Handshake(&conn.Handshake{Context: t.Context(), Err: errors.New("nobody there")})
	require.Equal(t, map[string]any{
		"level": "WARN", "msg": "websocket not opened", "status": 0.0, "took": 0.0, "error": "nobody there",
	}, l.next(t))
}

func TestTheLogGetsTheContextOfTheRequest(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "request 7")
	var got []any
	l := slog.New(handler(func(ctx context.Context, r slog.Record) { got = append(got, ctx.Value(key{})) }))
	observe.Log(l).Handshake(&conn.Handshake{Context: ctx})
	require.Equal(t, []any{"request 7"}, got)
}

// handler is a slog.Handler for tests.
type handler func(context.Context, slog.Record)

func (h handler) Enabled(context.Context, slog.Level) bool { return true }
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	h(ctx, r)
	return nil
}
func (h handler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h handler) WithGroup(string) slog.Handler      { return h }

func TestTheLogTellsHowConnectionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var here, there logged
		client, server := pair(here.observer(), there.observer(), nil)
		require.NoError(t, client.SendClose(4000, "the\nend"))
		receive(t, server, 0)
		client.Close(conn.StatusNormalClosure, "")
		address := server.RemoteAddr().String()
		require.Equal(t, map[string]any{
			"level": "INFO", "msg": "websocket ended", "remote": address, "by": "peer", "code": 4000.0, "clean": true, "reason": "the\nend",
		}, there.next(t))
		require.Equal(t, "this side", here.next(t)["by"])

		client, server = pair(here.observer(), there.observer(), nil)
		client.CloseNow()
		receive(t, server, 0)
		require.Equal(t, map[string]any{
			"level": "WARN", "msg": "websocket ended", "remote": address, "by": "this side", "code": 1006.0, "clean": false,
			"error": conn.ErrClosedNow.Error(),
		}, here.next(t))
		require.Equal(t, "peer", there.next(t)["by"])
	})
}

func TestTheLogTellsOfSlowPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l logged
		near, far := wstest.Pipe(64)
		c := conn.Server(near, nil, &conn.Config{Observer: l.observer(), SendQueue: 100})
		address := c.RemoteAddr().String()
		require.NoError(t, c.Send(conn.Binary, make([]byte, 1000)))
		full := func(times int) {
			t.Helper()
			for range 10 {
				require.ErrorIs(t, c.Send(conn.Binary, make([]byte, 1000)), conn.ErrQueueFull)
			}
			require.Equal(t, map[string]any{
				"level": "WARN", "msg": "websocket queue full", "remote": address, "times": float64(times),
			}, l.next(t))
			require.Zero(t, l.Len(), "once a second at most")
		}
		full(1)
		time.Sleep(time.Second)
		full(10)
		time.Sleep(time.Second)
		full(10)
		c.CloseNow()
		far.Close()
		messages := []any{l.next(t)["msg"], l.next(t)["msg"]}
		require.ElementsMatch(t, []any{"websocket slow", "websocket ended"}, messages)
	})
}

func TestTheLogTakesAConnectionWithoutAnAddress(t *testing.T) {
	var l logged
	c := conn.Server(&endless{}, nil, &conn.Config{Observer: l.observer()})
	c.CloseNow()
	require.Equal(t, "", l.next(t)["remote"])
}
