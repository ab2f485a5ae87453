package otel_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/handshake"
	"github.com/seed60239977/websocket/observe/otel"
)

// attributes returns those of a span.
func attributes(s sdktrace.ReadOnlySpan) map[attribute.Key]any {
	m := map[attribute.Key]any{}
	for _, a := range s.Attributes() {
		m[a.Key] = a.Value.AsInterface()
	}
	return m
}

// one returns the only span.
func (r *telemetry) one(t *testing.T) sdktrace.ReadOnlySpan {
	t.Helper()
	require.Len(t, r.spans.Ended(), 1)
	return r.spans.Ended()[0]
}

// echo is a server that is observed, and a channel that says when a handshake is over, and when a connection has ended.
func echo(t *testing.T, r *telemetry, o websocket.AcceptOptions) (server *httptest.Server, told chan string) {
	t.Helper()
	told = make(chan string, 10)
	observer := *r.Observer
	observer.Handshake = func(h *conn.Handshake) {
		r.Handshake(h)
		told <- "handshake"
	}
	observer.Ended = func(c *conn.Conn, e *conn.CloseError) {
		r.Ended(c, e)
		told <- "ended"
	}
	o.Config.Observer = &observer
	server = httptest.NewServer(websocket.Handler(func(ctx context.Context, c *websocket.Conn) {
		c.Serve(ctx, func(c *websocket.Conn, m websocket.Message) error { return c.Write(ctx, m.Type, m.Data) })
	}, &o))
	t.Cleanup(server.Close)
	return server, told
}

func TestATraceGoesFromTheClientToTheServer(t *testing.T) {
	there, here := newTelemetry(t, nil), newTelemetry(t, func(o *otel.Options) {
		o.Attributes = []attribute.KeyValue{attribute.String("tenant", "b")}
	})
	server, told := echo(t, there, websocket.AcceptOptions{Subprotocols: []string{"chat"}})
	tracer := sdktrace.NewTracerProvider().Tracer("")
	ctx, parent := tracer.Start(t.Context(), "what the program does")
	c, _, err := websocket.Dial(ctx, server.URL+"/room?token=secret", &websocket.DialOptions{
		Config: websocket.Config{Observer: here.Observer}, Subprotocols: []string{"chat"},
	})
	require.NoError(t, err)
	defer c.CloseNow()
	require.Equal(t, "handshake", <-told)

	client, serving := here.one(t), there.one(t)
	require.Equal(t, parent.SpanContext().SpanID(), client.Parent().SpanID())
	require.Equal(t, client.SpanContext().SpanID(), serving.Parent().SpanID())
	require.Equal(t, parent.SpanContext().TraceID(), serving.SpanContext().TraceID())
	require.Equal(t, trace.SpanKindClient, client.SpanKind())
	require.Equal(t, trace.SpanKindServer, serving.SpanKind())
	require.Equal(t, codes.Unset, client.Status().Code)

	address := server.Listener.Addr().String()
	host, port := c.RemoteAddr().(interface{ String() string }).String(), attributes(client)["server.port"]
	require.Equal(t, address, host)
	own := map[attribute.Key]any{
		"websocket.role": "client", "url.scheme": "ws", "network.protocol.version": "1.1", "http.response.status_code": int64(101),
		"server.address": "127.0.0.1", "server.port": port, "url.path": "/room", "websocket.subprotocol": "chat", "tenant": "b",
	}
	require.Equal(t, own, attributes(client))
	delete(own, "tenant")
	own["websocket.role"] = "server"
	own["network.peer.address"], own["network.peer.port"] = "127.0.0.1", attributes(serving)["network.peer.port"]
	require.Equal(t, own, attributes(serving))
	require.Equal(t, map[string]float64{
		"http.response.status_code=101,network.protocol.version=1.1,tenant=b,url.scheme=ws,websocket.role=client": 1,
	}, counts(here.collect(t)["websocket.handshake.duration"]))
}

func TestATraceOfStrangersIsLinked(t *testing.T) {
	there, here := newTelemetry(t, func(o *otel.Options) { o.Public = true }), newTelemetry(t, nil)
	server, told := echo(t, there, websocket.AcceptOptions{})
	c, _, err := websocket.Dial(t.Context(), server.URL, &websocket.DialOptions{Config: websocket.Config{Observer: here.Observer}})
	require.NoError(t, err)
	defer c.CloseNow()
	require.Equal(t, "handshake", <-told)
	serving, client := there.one(t), here.one(t)
	require.False(t, serving.Parent().IsValid())
	require.Len(t, serving.Links(), 1)
	require.Equal(t, client.SpanContext().SpanID(), serving.Links()[0].SpanContext.SpanID())
}

func TestASpanOfMiddlewareIsTheParent(t *testing.T) {
	r := newTelemetry(t, nil)
	ctx, middleware := sdktrace.NewTracerProvider().Tracer("").Start(t.Context(), "GET")
	r.Handshake(&conn.Handshake{Context: ctx, Server: true, Header: http.Header{
		"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
	}})
	require.Equal(t, middleware.SpanContext().SpanID(), r.one(t).Parent().SpanID())
}

func TestAHandshakeThatFailsIsSaidSo(t *testing.T) {
	refusal := func(status int) error { return &handshake.Error{Status: status, Reason: "no"} }
	for name, tt := range map[string]struct {
		h    conn.Handshake
		kind string
		code codes.Code
	}{
		"refused by us":       {conn.Handshake{Server: true, Status: 403, Err: refusal(403)}, "403", codes.Unset},
		"our own fault":       {conn.Handshake{Server: true, Status: 500, Err: refusal(500)}, "500", codes.Error},
		"nobody there":        {conn.Handshake{Server: true, Err: errors.New("gone")}, "_OTHER", codes.Error},
		"refused by them":     {conn.Handshake{Status: 403, Err: refusal(403)}, "403", codes.Error},
		"not even a response": {conn.Handshake{Err: errors.New("gone"), RemoteAddr: "a pipe", Host: "[::1]"}, "_OTHER", codes.Error},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTelemetry(t, nil)
			tt.h.Context = t.Context()
			r.Handshake(&tt.h)
			span := r.one(t)
			require.Equal(t, tt.kind, attributes(span)["error.type"])
			require.Equal(t, tt.code, span.Status().Code)
			for attributes := range counts(r.collect(t)["websocket.handshake.duration"]) {
				require.Contains(t, attributes, "error.type="+tt.kind)
			}
			if tt.h.Host != "" {
				require.Equal(t, "::1", attributes(span)["server.address"])
			}
		})
	}
}

func TestASpanTakesAsLongAsTheHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTelemetry(t, nil)
		start := time.Now()
		<-time.After(time.Second)
		r.Handshake(&conn.Handshake{Context: t.Context(), Server: true, Start: start, Took: 300 * time.Millisecond, Status: 101})
		span := r.one(t)
		require.True(t, start.Equal(span.StartTime()))
		require.Equal(t, 300*time.Millisecond, span.EndTime().Sub(span.StartTime()))
	})
}

func TestADialThatFailsEndsItsSpan(t *testing.T) {
	r := newTelemetry(t, nil)
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, _, err := websocket.Dial(t.Context(), server.URL, &websocket.DialOptions{Config: websocket.Config{Observer: r.Observer}})
	require.Error(t, err)
	require.Len(t, r.spans.Started(), 1)
	span := r.one(t)
	require.Equal(t, codes.Error, span.Status().Code)
	require.Equal(t, int64(404), attributes(span)["http.response.status_code"])
}

func TestWhatPeersSendIsUTF8InSpans(t *testing.T) {
	r := newTelemetry(t, nil)
	r.Handshake(&conn.Handshake{
		Context: t.Context(), Server: true, Start: time.Now(), Status: 500, Host: "h\xffst", Path: "/\xfe", Err: errors.New("bad \xff"),
	})
	s := r.one(t)
	require.Equal(t, "h\ufffdst", attributes(s)["server.address"])
	require.Equal(t, "/\ufffd", attributes(s)["url.path"])
	require.Equal(t, "bad \ufffd", s.Status().Description)
}
