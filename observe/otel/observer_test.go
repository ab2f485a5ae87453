package otel_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/observe/otel"
)

// telemetry is an observer with the real SDK, and what it has reported.
type telemetry struct {
	*conn.Observer
	spans  *tracetest.SpanRecorder
	reader *sdkmetric.ManualReader
}

// newTelemetry makes one. change may set more of the options.
func newTelemetry(t *testing.T, change func(*otel.Options)) *telemetry {
	t.Helper()
	r := &telemetry{spans: tracetest.NewSpanRecorder(), reader: sdkmetric.NewManualReader()}
	o := &otel.Options{
		MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.reader)),
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(r.spans)),
		Propagator:     propagation.TraceContext{},
	}
	if change != nil {
		change(o)
	}
	var err error
	r.Observer, err = otel.New(o)
	require.NoError(t, err)
	return r
}

// collect returns all metrics by their names.
func (r *telemetry) collect(t *testing.T) map[string]metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, r.reader.Collect(context.Background(), &all))
	require.Len(t, all.ScopeMetrics, 1)
	require.Equal(t, otel.ScopeName, all.ScopeMetrics[0].Scope.Name)
	metrics := map[string]metricdata.Metrics{}
	for _, m := range all.ScopeMetrics[0].Metrics {
		require.NotEmpty(t, m.Description, m.Name)
		require.NotEmpty(t, m.Unit, m.Name)
		metrics[m.Name] = m
	}
	return metrics
}

// sums returns the values of a counter by their attributes.
func sums(m metricdata.Metrics) map[string]int64 {
	values := map[string]int64{}
	for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
		values[p.Attributes.Encoded(attribute.DefaultEncoder())] = p.Value
	}
	return values
}

// durations returns how many there are in a histogram, and their sum, by their attributes.
func durations(m metricdata.Metrics) map[string][2]float64 {
	values := map[string][2]float64{}
	for _, p := range m.Data.(metricdata.Histogram[float64]).DataPoints {
		values[p.Attributes.Encoded(attribute.DefaultEncoder())] = [2]float64{float64(p.Count), p.Sum}
	}
	return values
}

func TestMetricsCountWhatHappens(t *testing.T) {
	r := newTelemetry(t, func(o *otel.Options) { o.Attributes = []attribute.KeyValue{attribute.String("listener", "a")} })
	c := new(conn.Conn)
	for range 3 {
		r.Opened(c)
	}
	for range 2 {
		r.Received(c, conn.MessageSize{Type: conn.Text, Bytes: 100, Packed: 30})
	}
	r.Sent(c, conn.MessageSize{Type: conn.Binary, Bytes: 10, Packed: 10})
	r.RoundTrip(c, 20*time.Millisecond)
	r.QueueFull(c)
	r.Slow(c, 2*time.Second)
	r.Ended(c, &conn.CloseError{Code: conn.StatusGoingAway, Remote: true, WasClean: true})
	r.Ended(c, &conn.CloseError{Code: 4711})

	m := r.collect(t)
	require.Equal(t, map[string]int64{"listener=a": 1}, sums(m["websocket.connection.count"]))
	require.False(t, m["websocket.connection.count"].Data.(metricdata.Sum[int64]).IsMonotonic)
	require.True(t, m["websocket.messages"].Data.(metricdata.Sum[int64]).IsMonotonic)
	by := func(rt, rb, tt, tb int64) map[string]int64 {
		return map[string]int64{
			"listener=a,network.io.direction=receive,websocket.message.type=text":    rt,
			"listener=a,network.io.direction=receive,websocket.message.type=binary":  rb,
			"listener=a,network.io.direction=transmit,websocket.message.type=text":   tt,
			"listener=a,network.io.direction=transmit,websocket.message.type=binary": tb,
		}
	}
	require.Equal(t, by(2, 0, 0, 1), sums(m["websocket.messages"]))
	require.Equal(t, by(200, 0, 0, 10), sums(m["websocket.message.io"]))
	require.Equal(t, by(60, 0, 0, 10), sums(m["websocket.message.compressed_io"]))
	require.Equal(t, map[string]int64{"listener=a": 1}, sums(m["websocket.send.rejected"]))
	require.Equal(t, map[string]int64{
		"listener=a,websocket.close.by=peer,websocket.close.clean=true,websocket.close.code=1001":   1,
		"listener=a,websocket.close.by=local,websocket.close.clean=false,websocket.close.code=4xxx": 1,
	}, sums(m["websocket.connection.ends"]))
	require.Equal(t, map[string][2]float64{"listener=a": {1, 0.02}}, durations(m["websocket.ping.duration"]))
	require.Equal(t, map[string][2]float64{"listener=a": {1, 2}}, durations(m["websocket.slow_write.duration"]))
}

func TestPeersCannotMakeMoreAndMoreMetrics(t *testing.T) {
	r := newTelemetry(t, nil)
	for code := range conn.StatusCode(2000) {
		r.Ended(nil, &conn.CloseError{Code: 3000 + code, Remote: true})
	}
	for _, path := range []string{"/a", "/b", "/c"} {
		r.Handshake(&conn.Handshake{Context: t.Context(), Server: true, Host: path + ".example", Path: path, RemoteAddr: "192.0.2.1" + path, Status: 101})
	}
	m := r.collect(t)
	require.Len(t, sums(m["websocket.connection.ends"]), 2)
	require.Len(t, durations(m["websocket.handshake.duration"]), 1)
}

func TestAnObserverIsSlowAfterAsLongAsIsAsked(t *testing.T) {
	require.Equal(t, 100*time.Millisecond, newTelemetry(t, func(o *otel.Options) { o.SlowAfter = 100 * time.Millisecond }).SlowAfter)
	require.Equal(t, conn.DefaultSlowAfter, newTelemetry(t, nil).SlowAfter)
}

func TestWithoutOptionsTheGlobalProvidersAreUsed(t *testing.T) {
	o, err := otel.New(nil)
	require.NoError(t, err)
	o.Handshake(&conn.Handshake{Context: t.Context()})
	o.Ended(nil, &conn.CloseError{})
}

// failing is a provider that makes no instrument of a name.
type failing struct {
	noop.MeterProvider
	name string
}

func (f failing) Meter(string, ...metric.MeterOption) metric.Meter { return failingMeter{name: f.name} }

type failingMeter struct {
	noop.Meter
	name string
}

var errInstrument = errors.New("no such instrument")

func (m failingMeter) err(name string) error {
	if name == m.name {
		return errInstrument
	}
	return nil
}

func (m failingMeter) Int64Counter(name string, _ ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return noop.Int64Counter{}, m.err(name)
}

func (m failingMeter) Float64Histogram(name string, _ ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	return noop.Float64Histogram{}, m.err(name)
}

func (m failingMeter) Int64ObservableCounter(name string, _ ...metric.Int64ObservableCounterOption) (metric.Int64ObservableCounter, error) {
	return noop.Int64ObservableCounter{}, m.err(name)
}

func (m failingMeter) Int64ObservableUpDownCounter(name string, _ ...metric.Int64ObservableUpDownCounterOption) (metric.Int64ObservableUpDownCounter, error) {
	return noop.Int64ObservableUpDownCounter{}, m.err(name)
}

func TestNewFailsWhereAnInstrumentIsNotMade(t *testing.T) {
	r := newTelemetry(t, nil)
	r.happen(t)
	names := r.collect(t)
	require.Len(t, names, instruments)
	for name := range names {
		_, err := otel.New(&otel.Options{MeterProvider: failing{name: name}})
		require.ErrorIs(t, err, errInstrument, name)
	}
	_, err := otel.New(&otel.Options{MeterProvider: failing{}})
	require.NoError(t, err)
}

// instruments is how many metrics there are.
const instruments = 9

// happen makes each metric have a value.
func (r *telemetry) happen(t *testing.T) {
	t.Helper()
	r.Handshake(&conn.Handshake{Context: t.Context()})
	r.RoundTrip(nil, time.Second)
	r.Slow(nil, time.Second)
	r.Ended(nil, &conn.CloseError{})
}

// counts returns how many there are in a histogram, by their attributes.
func counts(m metricdata.Metrics) map[string]float64 {
	values := map[string]float64{}
	for attributes, d := range durations(m) {
		values[attributes] = d[0]
	}
	return values
}
