package otel_test

import (
	"io"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/observe/otel"
)

// exported is an observer whose metrics Prometheus can scrape, and where.
func exported(t *testing.T) (*telemetry, *httptest.Server) {
	t.Helper()
	registry := client.NewRegistry()
	exporter, err := prometheus.New(prometheus.WithRegisterer(registry))
	require.NoError(t, err)
	r := newTelemetry(t, func(o *otel.Options) { o.MeterProvider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter)) })
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	t.Cleanup(server.Close)
	return r, server
}

// scrape returns what Prometheus would read: values by names with labels, without those of the scope.
func scrape(t *testing.T, server *httptest.Server) map[string]float64 {
	t.Helper()
	resp, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	values := map[string]float64{}
	for line := range strings.Lines(string(body)) {
		name, value, _ := strings.Cut(strings.TrimSpace(regexp.MustCompile(`otel_scope_\w+="[^"]*",?`).ReplaceAllString(line, "")), " ")
		if !strings.HasPrefix(name, "#") {
			values[name], err = strconv.ParseFloat(value, 64)
			require.NoError(t, err, line)
		}
	}
	return values
}

func TestPrometheusScrapesARunningServer(t *testing.T) {
	r, prom := exported(t)
	server, told := echo(t, r, websocket.AcceptOptions{Deflate: &websocket.DeflateOptions{MinSize: -1}})
	c, _, err := websocket.Dial(t.Context(), server.URL, &websocket.DialOptions{Deflate: &websocket.DeflateOptions{MinSize: -1}})
	require.NoError(t, err)
	require.Equal(t, "handshake", <-told)
	message := []byte(strings.Repeat("again and ", 100))
	for range 3 {
		require.NoError(t, c.Write(t.Context(), websocket.Text, message))
		_, _, err := c.Read(t.Context())
		require.NoError(t, err)
	}
	_, _, err = websocket.Dial(t.Context(), server.URL, &websocket.DialOptions{Header: map[string][]string{"Origin": {"https://elsewhere.example"}}})
	require.Error(t, err)
	require.Equal(t, "handshake", <-told)

	got := scrape(t, prom)
	for name, want := range map[string]float64{
		`websocket_connection_count{}`: 1,
		`websocket_messages_total{network_io_direction="receive",websocket_message_type="text"}`:         3,
		`websocket_messages_total{network_io_direction="transmit",websocket_message_type="text"}`:        3,
		`websocket_messages_total{network_io_direction="transmit",websocket_message_type="binary"}`:      0,
		`websocket_message_io_bytes_total{network_io_direction="receive",websocket_message_type="text"}`: 3000,
		`websocket_send_rejected_total{}`:                                              0,
		handshakes + `_count{http_response_status_code="101",` + rest:                  1,
		handshakes + `_count{error_type="403",http_response_status_code="403",` + rest: 1,
	} {
		require.Contains(t, got, name)
		require.Equal(t, want, got[name], name)
	}
	packed := got[`websocket_message_compressed_io_bytes_total{network_io_direction="receive",websocket_message_type="text"}`]
	require.Positive(t, packed)
	require.Less(t, packed, 1000.0)

	require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
	require.Equal(t, "ended", <-told)
	got = scrape(t, prom)
	require.Zero(t, got[`websocket_connection_count{}`])
	require.Equal(t, 1.0, got[`websocket_connection_ends_total{websocket_close_by="peer",websocket_close_clean="true",websocket_close_code="1000"}`])
}

// How the histogram of handshakes is called, and the labels that all of a server's have here.
const (
	handshakes = "websocket_handshake_duration_seconds"
	rest       = `network_protocol_version="1.1",url_scheme="ws",websocket_role="server"}`
)
