package otel

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/seed60239977/websocket/observe"
)

// collected are the instruments that are read from the counters when metrics are collected.
type collected struct {
	open                   metric.Int64ObservableUpDownCounter
	messages, io, packedIO metric.Int64ObservableCounter
	rejected               metric.Int64ObservableCounter
}

// observeCounters has the counters read when metrics are collected.
func (t *telemetry) observeCounters(m metric.Meter) error {
	var c collected
	counter := func(err *error, name, unit, description string) metric.Int64ObservableCounter {
		i, failed := m.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
		if failed != nil {
			*err = failed
		}
		return i
	}
	var err error
	c.messages = counter(&err, "websocket.messages", "{message}", "Messages that were received, or accepted for sending.")
	c.io = counter(&err, "websocket.message.io", "By", "Bytes of messages, as the application has them.")
	c.packedIO = counter(&err, "websocket.message.compressed_io", "By", "Bytes of messages as they travel, after compression.")
	c.rejected = counter(&err, "websocket.send.rejected", "{message}", "Messages, pings and pongs that were refused because too much waited.")
	if err != nil {
		return err
	}
	c.open, err = m.Int64ObservableUpDownCounter("websocket.connection.count", metric.WithUnit("{connection}"),
		metric.WithDescription("Connections that are open."))
	if err != nil {
		return err
	}
	var by [4]metric.MeasurementOption
	for i := range by {
		by[i] = metric.WithAttributeSet(attribute.NewSet(t.with(
			attribute.String("network.io.direction", [...]string{"receive", "transmit"}[i/2]),
			attribute.String("websocket.message.type", [...]string{"text", "binary"}[i%2]),
		)...))
	}
	_, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s := t.counters.Stats()
		o.ObserveInt64(c.open, s.Open, t.all)
		o.ObserveInt64(c.rejected, int64(s.QueueFull), t.all)
		for i, amount := range []observe.Amount{s.Received.Text, s.Received.Binary, s.Sent.Text, s.Sent.Binary} {
			o.ObserveInt64(c.messages, int64(amount.Messages), by[i])
			o.ObserveInt64(c.io, int64(amount.Bytes), by[i])
			o.ObserveInt64(c.packedIO, int64(amount.Packed), by[i])
		}
		return nil
	}, c.open, c.rejected, c.messages, c.io, c.packedIO)
	return err
}
