package otel

import (
	"context"
	"errors"
	"strconv"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/observe"
)

// ScopeName is the name of the meter and of the tracer.
const ScopeName = "github.com/seed60239977/websocket/observe/otel"

// Options configure [New]. The zero value, and nil, use the global providers.
type Options struct {
	// MeterProvider makes the metrics. nil stands for [otel.GetMeterProvider].
	MeterProvider metric.MeterProvider

	// TracerProvider makes the spans. nil stands for [otel.GetTracerProvider].
	TracerProvider trace.TracerProvider

	// Propagator carries the context of traces in the header of requests. nil stands for [otel.GetTextMapPropagator].
	Propagator propagation.TextMapPropagator

	// Public says that a server's peers are strangers: a trace that they bring along is linked to the span, and not its parent.
	Public bool

	// Attributes are added to all metrics and spans, such as the name of a listener.
	Attributes []attribute.KeyValue

	// SlowAfter is the observer's, see there.
	SlowAfter time.Duration
}

// New returns an observer for Config.Observer, of any number of servers and clients. It reports to the providers for as long as
// these exist: make one for a program, or for each set of attributes. The error is that of a provider which does not make an
// instrument.
func New(o *Options) (*conn.Observer, error) {
	if o == nil {
		o = &Options{}
	}
	t := &telemetry{propagator: o.Propagator, public: o.Public, attributes: o.Attributes}
	meters, tracers := o.MeterProvider, o.TracerProvider
	if meters == nil {
		meters = otel.GetMeterProvider()
	}
	if tracers == nil {
		tracers = otel.GetTracerProvider()
	}
	if t.propagator == nil {
		t.propagator = otel.GetTextMapPropagator()
	}
	t.tracer = tracers.Tracer(ScopeName)
	if err := t.makeMetrics(meters.Meter(ScopeName)); err != nil {
		return nil, err
	}
	return observe.Join(t.counters.Observer(), &conn.Observer{
		Dialing: t.dialing, Handshake: t.handshake, RoundTrip: t.roundTrip, Slow: t.slow, SlowAfter: o.SlowAfter, Ended: t.ended,
	}), nil
}

// telemetry is what an observer works with.
type telemetry struct {
	counters   observe.Counters
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	public     bool
	attributes []attribute.KeyValue
	all        metric.MeasurementOption // attributes

	handshakes, pings, slowWrites metric.Float64Histogram
	ends                          metric.Int64Counter
}

// with returns the attributes of all, and these.
func (t *telemetry) with(more ...attribute.KeyValue) []attribute.KeyValue {
	return append(t.attributes[:len(t.attributes):len(t.attributes)], more...)
}

// Boundaries of histograms, in seconds.
var (
	handshakeBounds = []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10} // as HTTP has them
	pingBounds      = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	slowBounds      = []float64{.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300}
)

// makeMetrics makes the instruments.
func (t *telemetry) makeMetrics(m metric.Meter) error {
	t.all = metric.WithAttributeSet(attribute.NewSet(t.attributes...))
	var errs [5]error
	histogram := func(err *error, name, description string, bounds []float64) metric.Float64Histogram {
		h, failed := m.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description), metric.WithExplicitBucketBoundaries(bounds...))
		*err = failed
		return h
	}
	t.handshakes = histogram(&errs[0], "websocket.handshake.duration", "Duration of opening handshakes.", handshakeBounds)
	t.pings = histogram(&errs[1], "websocket.ping.duration", "Time between a ping and its pong.", pingBounds)
	t.slowWrites = histogram(&errs[2], "websocket.slow_write.duration", "Duration of writes for which the network took long.", slowBounds)
	t.ends, errs[3] = m.Int64Counter("websocket.connection.ends", metric.WithUnit("{connection}"),
		metric.WithDescription("Connections that have ended."))
	errs[4] = t.observeCounters(m)
	return errors.Join(errs[:]...)
}

// seconds is a duration as OpenTelemetry has it.
func seconds(d time.Duration) float64 { return d.Seconds() }

func (t *telemetry) roundTrip(_ *conn.Conn, rtt time.Duration) {
	t.pings.Record(context.Background(), seconds(rtt), t.all)
}

func (t *telemetry) slow(_ *conn.Conn, took time.Duration) {
	t.slowWrites.Record(context.Background(), seconds(took), t.all)
}

func (t *telemetry) ended(_ *conn.Conn, e *conn.CloseError) {
	by := "local"
	if e.Remote {
		by = "peer"
	}
	t.ends.Add(context.Background(), 1, metric.WithAttributes(t.with(
		attribute.String("websocket.close.code", codeOf(e.Code)),
		attribute.String("websocket.close.by", by),
		attribute.Bool("websocket.close.clean", e.WasClean),
	)...))
}

// codeOf returns a close code as an attribute. Peers may choose among thousands (§7.4.2), and each value of an attribute takes memory
// for ever: those that are the application's own are told by their range.
func codeOf(code conn.StatusCode) string {
	switch {
	case code >= 4000:
		return "4xxx"
	case code >= 3000:
		return "3xxx"
	}
	return strconv.Itoa(int(code))
}
