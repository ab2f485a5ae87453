package otel_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
)

// TestTheDashboardShowsMetricsThatThereAre compares docs/grafana.json with what Prometheus gets: each metric that it asks for, and
// each label.
func TestTheDashboardShowsMetricsThatThereAre(t *testing.T) {
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	file, err := os.ReadFile("../../docs/grafana.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(file, &dashboard))

	r, prom := exported(t)
	r.happen(t)
	r.Handshake(&conn.Handshake{Context: t.Context(), Server: true, Status: 403, Err: errInstrument, Scheme: "ws", Proto: "HTTP/1.1"})
	metrics, labels := map[string]bool{}, map[string]bool{"job": true, "instance": true, "le": true}
	for name := range scrape(t, prom) {
		name, rest, _ := strings.Cut(name, "{")
		metrics[name] = true
		for _, label := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(rest, -1) {
			labels[label[1]] = true
		}
	}
	shown := map[string]bool{}
	for _, p := range dashboard.Panels {
		require.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			for _, name := range regexp.MustCompile(`\b(websocket_\w+)\{`).FindAllStringSubmatch(target.Expr, -1) {
				require.True(t, metrics[name[1]], "%s: %s", p.Title, name[1])
				shown[regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(name[1], "")] = true
			}
			used := regexp.MustCompile(`(\w+)!?=~?"`).FindAllStringSubmatch(target.Expr, -1)
			for _, by := range regexp.MustCompile(`by \(([^)]*)\)`).FindAllStringSubmatch(target.Expr, -1) {
				for name := range strings.SplitSeq(by[1], ", ") {
					used = append(used, []string{"", name})
				}
			}
			for _, label := range used {
				require.True(t, labels[label[1]], "%s: %s", p.Title, label[1])
			}
		}
	}
	require.Len(t, shown, instruments, "every metric is on it")
}
