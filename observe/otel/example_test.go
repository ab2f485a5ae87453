package otel_test

import (
	"context"
	"log"
	"net/http"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/observe/otel"
)

// A server whose metrics Prometheus scrapes from a listener of its own.
func Example() {
	exporter, err := prometheus.New(prometheus.WithRegisterer(client.DefaultRegisterer))
	if err != nil {
		log.Fatal(err)
	}
	observer, err := otel.New(&otel.Options{
		MeterProvider: metric.NewMeterProvider(metric.WithReader(exporter)),
		Propagator:    propagation.TraceContext{},
		Public:        true, // whoever connects does not decide what is traced
	})
	if err != nil {
		log.Fatal(err)
	}
	public, internal := http.NewServeMux(), http.NewServeMux()
	public.Handle("/chat", websocket.Handler(func(ctx context.Context, c *websocket.Conn) {
		c.Serve(ctx, func(c *websocket.Conn, m websocket.Message) error { return c.Write(ctx, m.Type, m.Data) })
	}, &websocket.AcceptOptions{Config: websocket.Config{Observer: observer}}))
	internal.Handle("/metrics", promhttp.Handler())

	for address, mux := range map[string]http.Handler{"127.0.0.1:6060": internal, ":8080": public} {
		server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
		go func() { log.Fatal(server.ListenAndServe()) }()
	}
}
