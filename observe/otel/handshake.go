package otel

import (
	"context"
	"net"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed60239977/websocket/conn"
)

// spanName is the name of all spans.
const spanName = "websocket handshake"

// own finds the span of a client in the context of its handshake, whatever other observers put there.
type own struct{ *telemetry }

// dialing starts the span of a client, and sends it along.
func (t *telemetry) dialing(h *conn.Handshake) {
	ctx, span := t.tracer.Start(h.Context, spanName, trace.WithTimestamp(h.Start), trace.WithSpanKind(trace.SpanKindClient))
	t.propagator.Inject(ctx, propagation.HeaderCarrier(h.Header))
	h.Context = context.WithValue(ctx, own{t}, span)
}

// handshake records how a handshake went, and ends its span.
func (t *telemetry) handshake(h *conn.Handshake) {
	outcome := t.outcome(h)
	span, _ := h.Context.Value(own{t}).(trace.Span)
	if span == nil {
		span = t.startLate(h)
	}
	span.SetAttributes(outcome...)
	span.SetAttributes(places(h)...)
	if failed := h.Err != nil && !(h.Server && h.Status >= 400 && h.Status < 500); failed { // a client's mistake is no error of a server
		span.SetStatus(codes.Error, valid(h.Err.Error()))
	}
	span.End(trace.WithTimestamp(h.Start.Add(h.Took)))
	t.handshakes.Record(trace.ContextWithSpan(h.Context, span), seconds(h.Took), metric.WithAttributes(outcome...))
}

// startLate starts the span of a handshake that is over.
func (t *telemetry) startLate(h *conn.Handshake) trace.Span {
	ctx, options := h.Context, []trace.SpanStartOption{trace.WithTimestamp(h.Start), trace.WithSpanKind(trace.SpanKindClient)}
	if h.Server {
		options[1] = trace.WithSpanKind(trace.SpanKindServer)
		ctx, options = t.extract(h, options)
	}
	_, span := t.tracer.Start(ctx, spanName, options...)
	return span
}

// extract looks for the span that a server's is a child of: that of middleware, or what the client has sent.
func (t *telemetry) extract(h *conn.Handshake, options []trace.SpanStartOption) (context.Context, []trace.SpanStartOption) {
	if trace.SpanContextFromContext(h.Context).IsValid() {
		return h.Context, options
	}
	ctx := t.propagator.Extract(h.Context, propagation.HeaderCarrier(h.Header))
	if remote := trace.SpanContextFromContext(ctx); t.public && remote.IsValid() {
		return h.Context, append(options, trace.WithLinks(trace.Link{SpanContext: remote}))
	}
	return ctx, options
}

// outcome returns what metrics and spans say of a handshake: of each attribute there are few values, whatever peers do.
func (t *telemetry) outcome(h *conn.Handshake) []attribute.KeyValue {
	role := "client"
	if h.Server {
		role = "server"
	}
	a := t.with(attribute.String("websocket.role", role))
	if h.Scheme != "" {
		a = append(a, attribute.String("url.scheme", h.Scheme))
	}
	if version, ok := strings.CutPrefix(h.Proto, "HTTP/"); ok {
		a = append(a, attribute.String("network.protocol.version", strings.TrimSuffix(version, ".0")))
	}
	if h.Status != 0 {
		a = append(a, attribute.Int("http.response.status_code", h.Status))
	}
	if h.Err != nil {
		kind := "_OTHER"
		if h.Status != 0 {
			kind = strconv.Itoa(h.Status)
		}
		a = append(a, attribute.String("error.type", kind))
	}
	return a
}

// valid returns UTF-8: what a peer has sent may be anything else, and exporters drop a whole batch of spans because of it.
func valid(text string) string { return strings.ToValidUTF8(text, "\ufffd") }

// places returns what only spans say: who has talked to whom about what.
func places(h *conn.Handshake) (a []attribute.KeyValue) {
	if h.Host != "" {
		host, port, err := net.SplitHostPort(h.Host)
		if err != nil {
			host = h.Host
		}
		a = append(a, attribute.String("server.address", valid(strings.Trim(host, "[]"))))
		if n, err := strconv.Atoi(port); err == nil {
			a = append(a, attribute.Int("server.port", n))
		}
		a = append(a, attribute.String("url.path", valid(h.Path)))
	}
	if host, port, err := net.SplitHostPort(h.RemoteAddr); err == nil {
		a = append(a, attribute.String("network.peer.address", host))
		if n, err := strconv.Atoi(port); err == nil {
			a = append(a, attribute.Int("network.peer.port", n))
		}
	}
	if h.Conn != nil && h.Conn.Subprotocol() != "" {
		a = append(a, attribute.String("websocket.subprotocol", h.Conn.Subprotocol()))
	}
	return a
}
