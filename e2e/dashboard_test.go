package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "embed"

	"github.com/stretchr/testify/require"
)

//go:embed dashboard.html
var dashboardPage []byte

// A grafana is what the test needs to know of docs/grafana.json.
type grafana struct {
	Templating struct {
		List []struct {
			Name  string
			Query json.RawMessage
		}
	}
	Panels []struct {
		ID      int
		Title   string
		Targets []struct{ Expr, RefID string }
	}
}

// readDashboard returns docs/grafana.json, as it is and as far as the test understands it.
func readDashboard(t *testing.T) (file []byte, d grafana) {
	t.Helper()
	file, err := os.ReadFile("../docs/grafana.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(file, &d))
	return file, d
}

// A prometheus is a Prometheus that scrapes something.
type prometheus struct {
	t   *testing.T
	url string
}

// startPrometheus runs one that scrapes these addresses as the job "chat".
func startPrometheus(t *testing.T, addresses ...string) *prometheus {
	t.Helper()
	program, addr := findProgram(t, "prometheus"), fmt.Sprintf("127.0.0.1:%d", freePort(t))
	config := configFile(t, "prometheus.yml", `
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs: [{job_name: chat, static_configs: [{targets: ["%s"]}]}]
`, strings.Join(addresses, `", "`))
	p := start(t, program, "--config.file="+config, "--storage.tsdb.path="+t.TempDir(), "--web.listen-address="+addr, "--log.level=warn")
	awaitListener(t, p, addr)
	return &prometheus{t, "http://" + addr + "/api/v1/"}
}

// get asks the API for something, and reports whether there was an answer.
func (p *prometheus) get(path string, query url.Values, data any) bool {
	p.t.Helper()
	resp, err := http.Get(p.url + path + "?" + query.Encode())
	require.NoError(p.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(p.t, err)
	if resp.StatusCode == http.StatusServiceUnavailable { // it is still starting
		return false
	}
	require.Equal(p.t, http.StatusOK, resp.StatusCode, "%s: %s", query, body)
	var answer struct{ Data json.RawMessage }
	require.NoError(p.t, json.Unmarshal(body, &answer))
	require.NoError(p.t, json.Unmarshal(answer.Data, data))
	return true
}

// A series is a line of a chart.
type series struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"`  // of a query: a time in seconds, and a number as a text
	Values [][2]any          `json:"values"` // of a query for a range
}

// numbers returns the values of a series over a range.
func (s *series) numbers(t *testing.T) (all []float64) {
	t.Helper()
	for _, point := range s.Values {
		v, err := strconv.ParseFloat(point[1].(string), 64)
		require.NoError(t, err)
		all = append(all, v)
	}
	return all
}

// positive reports whether some of the series have a finite number above zero.
func positive(t *testing.T, all []series) bool {
	t.Helper()
	return slices.ContainsFunc(all, func(s series) bool {
		return slices.ContainsFunc(s.numbers(t), func(v float64) bool { return v > 0 && !math.IsInf(v, 0) })
	})
}

// becomes waits until a query has a value.
func (p *prometheus) becomes(query string, want int) {
	p.t.Helper()
	var answer struct{ Result []series }
	for late := time.After(patience); ; {
		if p.get("query", url.Values{"query": {query}}, &answer) && len(answer.Result) == 1 &&
			answer.Result[0].Value[1] == strconv.Itoa(want) {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-late:
			require.FailNow(p.t, query, "not %d, but %v", want, answer.Result)
		}
	}
}

// A period is what a dashboard shows, in seconds since 1970.
type period struct {
	from, to, step float64
	rate           string // $__rate_interval
}

// evaluate returns what the expression of a panel gives, with the value of the dashboard's variable.
func (p *prometheus) evaluate(expr, job string, over period) (all []series) {
	p.t.Helper()
	expr = strings.NewReplacer("$job", job, "$__rate_interval", over.rate).Replace(expr)
	require.NotContains(p.t, expr, "$")
	var answer struct{ Result []series }
	require.True(p.t, p.get("query_range", url.Values{"query": {expr}, "start": {fmt.Sprintf("%.3f", over.from)},
		"end": {fmt.Sprintf("%.3f", over.to)}, "step": {fmt.Sprint(over.step)}}, &answer))
	return answer.Result
}

// jobs returns the values that the dashboard offers for $job.
func (p *prometheus) jobs(d grafana) (jobs []string) {
	p.t.Helper()
	for _, v := range d.Templating.List {
		if v.Name != "job" {
			continue
		}
		var query struct{ Query string }
		require.NoError(p.t, json.Unmarshal(v.Query, &query))
		f := regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`).FindStringSubmatch(query.Query)
		require.NotNil(p.t, f, query.Query)
		require.True(p.t, p.get("label/"+f[2]+"/values", url.Values{"match[]": {f[1]}}, &jobs))
	}
	return jobs
}

func TestTheDashboardShowsWhatPrometheusScrapes(t *testing.T) {
	findChromium(t)
	file, dashboard := readDashboard(t)
	one, two := newObservedSite(t), newObservedSite(t)
	prom := startPrometheus(t, one.addr, two.addr)
	over := haveTraffic(t, prom, one, two)
	require.Equal(t, []string{"chat"}, prom.jobs(dashboard))
	results, last := map[string]any{"from": over.from, "to": over.to, "step": over.step}, map[string]map[string]float64{}
	for _, panel := range dashboard.Panels {
		last[panel.Title] = map[string]float64{}
		for _, target := range panel.Targets {
			all := prom.evaluate(target.Expr, "chat", over)
			require.True(t, positive(t, all), "%s: %s", panel.Title, target.Expr)
			require.False(t, positive(t, prom.evaluate(target.Expr, "mail", over)), "another job: %s: %s", panel.Title, target.Expr)
			results[fmt.Sprint(panel.ID, target.RefID)] = all
			for _, s := range all {
				numbers := s.numbers(t)
				last[panel.Title][s.Metric["instance"]] = numbers[len(numbers)-1]
			}
		}
	}
	open, refused, rejected := len(one.open)+len(two.open), one.refused+two.refused, one.rejected+two.rejected
	require.Equal(t, map[string]float64{one.addr: float64(len(one.open)), two.addr: float64(len(two.open))}, last["Open connections by instance"])
	require.Equal(t, map[string]float64{"": float64(refused)}, last["Handshakes refused"])
	saved := last["Saved by compression"][""]
	require.Greater(t, saved, 0.2)
	require.Less(t, saved, 1.0)

	page := browse(t, serveDashboard(t, file, results))
	becomes(t, page, "drawn")
	require.JSONEq(t, fmt.Sprintf(`["%d", "%d", "%.3g %%", "%d"]`, open, refused, 100*saved, rejected),
		evaluate(t, page, "[...document.querySelectorAll('.value')].map(e => e.textContent)"))
	requireLines(t, page, "Ends", "1000 peer", "1001 local", "1006 peer", "1009 local", "1013 local", "3xxx peer", "4xxx peer")
	requireLines(t, page, "Handshakes", "server 101", "server 403", "server 426")
	requireLines(t, page, "Messages", "receive binary", "receive text", "transmit binary", "transmit text")
	requireLines(t, page, "Slow peers", "refused messages", "slow writes")
	screenshotOf(t, page, "dashboard", 1200, 900)
}

// haveTraffic has things happen on both sites until Prometheus knows all of it, and returns when that was.
func haveTraffic(t *testing.T, prom *prometheus, one, two *observedSite) (p period) {
	t.Helper()
	prom.becomes("count(websocket_connection_count == 0)", 2) // counters are there before they count
	start, rounds := time.Now(), 8
	p = period{step: 1, rate: "1m"} // all of it, however many scrapes a busy machine has missed
	if *updateScreenshots {         // with something on the picture
		rounds, p.rate = 80, "10s"
	}
	for round := range rounds {
		one.goOn(round)
		two.goOn(round + 17)
		one.awaitScrape()
		two.awaitScrape()
	}
	prom.becomes("sum(websocket_connection_count)", len(one.open)+len(two.open))
	prom.becomes("sum(websocket_connection_ends_total)", one.ends+two.ends)
	prom.becomes(`sum(websocket_handshake_duration_seconds_count{error_type!=""})`, one.refused+two.refused)
	prom.becomes("sum(websocket_send_rejected_total)", one.rejected+two.rejected)
	end := time.Now()
	p.to = float64(end.UnixMilli()) / 1000
	p.from = p.to - math.Floor(end.Sub(start).Seconds()) // the last step is at the end
	return p
}

// requireLines requires a chart of the page to have these legends, and a line for each.
func requireLines(t *testing.T, page context.Context, title string, legends ...string) {
	t.Helper()
	var panel struct {
		Legends []string
		Lines   int
	}
	require.NoError(t, json.Unmarshal([]byte(evaluate(t, page, fmt.Sprintf(`(panel => ({
		legends: [...panel.querySelectorAll('li')].map(e => e.textContent),
		lines: [...panel.querySelectorAll('path')].filter(e => e.getTotalLength() > 10).length,
	}))([...document.querySelectorAll('section')].find(e => e.querySelector('h2').textContent === %q))`, title))), &panel))
	require.Equal(t, legends, panel.Legends)
	require.Len(t, legends, panel.Lines)
}

// serveDashboard serves a page that draws the panels of a dashboard, with what Prometheus has answered for each.
func serveDashboard(t *testing.T, dashboard []byte, results map[string]any) string {
	t.Helper()
	data, err := json.Marshal(map[string]any{"dashboard": json.RawMessage(dashboard), "results": results})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(dashboardPage) })
	mux.HandleFunc("/data", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}
