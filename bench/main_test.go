package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/bench/process"
	"github.com/seed60239977/websocket/bench/serve"
)

// The servers are processes of the test's own program.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == process.Flag {
		exitOn(serve.Main(os.Args[2], os.Stdin, os.Stdout))
		return
	}
	os.Exit(m.Run())
}

func TestEveryServerGoesThroughEveryScenario(t *testing.T) {
	for _, sc := range scenarios() {
		sc = sc.shortened()
		for _, v := range serve.Servers() {
			if !sc.takenBy(v) {
				continue
			}
			t.Run(sc.id+"/"+v.Name, func(t *testing.T) {
				s, err := measure(sc, v, limits{time: 5 * time.Millisecond})
				require.NoError(t, err)
				if sc.kind == idle {
					require.NotZero(t, s.After)
					return
				}
				require.Positive(t, s.CPU)
				require.Positive(t, s.Rate)
				require.Positive(t, s.P50)
				require.GreaterOrEqual(t, s.P99, s.P50)
			})
		}
	}
}

func TestShortModeMeasuresWhatIsChosenAndWritesNothing(t *testing.T) {
	dir := t.TempDir()
	var log strings.Builder
	require.NoError(t, run([]string{"-short", "-only", "pingpong", "-servers", "Serve,gws", "-out", dir}, &log))
	require.Contains(t, log.String(), "Serve")
	require.Contains(t, log.String(), "gws")
	require.NotContains(t, log.String(), "gorilla")
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, files)
}

func TestARunWritesTableAndChart(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, run([]string{"-rounds", "2", "-time", "5ms", "-warm", "0", "-only", "^text$", "-servers", "Serve,gws,TCP", "-out", dir}, io.Discard))
	md, err := os.ReadFile(filepath.Join(dir, "results.md"))
	require.NoError(t, err)
	require.Contains(t, string(md), "| 1000 connections, 512 B text |")
	require.Contains(t, string(md), "github.com/lxzan/gws")
	svg, err := os.ReadFile(filepath.Join(dir, "results.svg"))
	require.NoError(t, err)
	require.NoError(t, xml.Unmarshal(svg, new(struct{})))
	require.Contains(t, string(svg), "1000 connections, 512 B text")
}

func TestWrongNamesAreErrors(t *testing.T) {
	require.ErrorContains(t, run([]string{"-servers", "nobody"}, io.Discard), "nobody")
	require.Error(t, run([]string{"-only", "("}, io.Discard))
	_, err := process.Start(serve.Spec{Server: "nobody"})
	require.ErrorContains(t, err, "nobody")
}

func TestRatiosAreToTheBestPeer(t *testing.T) {
	sc := scenario{id: "x"}
	servers := []serve.Server{{Name: "Serve"}, {Name: "a", Kind: serve.Peer}, {Name: "b", Kind: serve.Peer}, {Name: "TCP", Kind: serve.Floor}}
	r := newResults([]scenario{sc}, servers)
	for i, v := range servers {
		for _, noise := range []float64{0, -0.5, 9} { // the median is the first one
			r.add(sc, v, sample{CPU: []float64{2, 8, 4, 1}[i] + noise})
		}
	}
	best, cost := r.best(sc)
	require.Equal(t, "b", best)
	require.Equal(t, 4.0, cost)
	require.Equal(t, 0.5, r.ratio(sc, "Serve"))
	require.Equal(t, 9.5/4, r.spread(sc, "b"))
}

func TestFiguresHaveThreeDigits(t *testing.T) {
	for v, want := range map[float64]string{0.001: "0", 0.0567: "0.06", 1.234: "1.23", 12.34: "12.3", 123.4: "123", 1234567: "1,234,567"} {
		require.Equal(t, want, figure(v))
	}
}

// BenchmarkDeflate compares whole servers that echo compressed messages, each in a process of its own. Its own time means
// nothing: what counts is reported beside it.
func BenchmarkDeflate(b *testing.B) {
	for _, sc := range scenarios() {
		if sc.compression == serve.Plain {
			continue
		}
		for _, v := range serve.Servers() {
			if sc.takenBy(v) {
				b.Run(fmt.Sprintf("%s/%s", sc.id, v.Name), func(b *testing.B) { benchServer(b, sc, v) })
			}
		}
	}
}

func benchServer(b *testing.B, sc scenario, v serve.Server) {
	r := newResults([]scenario{sc}, []serve.Server{v})
	for b.Loop() {
		s, err := measure(sc, v, limits{warm: 100 * time.Millisecond, time: 300 * time.Millisecond})
		require.NoError(b, err)
		r.add(sc, v, s)
	}
	m, _ := r.median(sc, v.Name)
	b.ReportMetric(0, "ns/op")
	if sc.kind == idle {
		b.ReportMetric(m.After, "KiB/conn")
		return
	}
	b.ReportMetric(m.CPU*1000, "cpu-ns/msg")
	b.ReportMetric(m.Allocs, "allocs/msg")
	b.ReportMetric(m.Wire, "ratio")
}
