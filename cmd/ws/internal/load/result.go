package load

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
)

// Result is what a load has come to. It is what -json writes. Times are in milliseconds.
type Result struct {
	URL         string         `json:"url"` // without a password
	Started     time.Time      `json:"started"`
	Load        Load           `json:"load"`
	Interrupted float64        `json:"interrupted,omitempty"` // if it was: how many seconds of the duration there were until then
	Connections Connections    `json:"connections"`
	Connect     Percentiles    `json:"connect"`
	FirstByte   Percentiles    `json:"firstByte"`
	RoundTrip   Percentiles    `json:"roundTrip"`
	Messages    Messages       `json:"messages"`
	Errors      map[string]int `json:"errors"`
	Seconds     []Second       `json:"seconds"`
	Curve       []Point        `json:"curve"` // of the round trips
}

// Load is what was asked for. Times are in seconds.
type Load struct {
	Connections int     `json:"connections"`
	Rate        float64 `json:"rate"` // messages a second of each connection
	Duration    float64 `json:"duration"`
	Warmup      float64 `json:"warmup"`
	Ramp        float64 `json:"ramp"`
	Size        int     `json:"size,omitempty"`
	Message     string  `json:"message,omitempty"`
	Type        string  `json:"type"`
	OneWay      bool    `json:"oneWay,omitempty"`
}

// Connections counts them.
type Connections struct {
	Asked  int   `json:"asked"`
	Opened int64 `json:"opened"`
}

// Messages counts what was due in the time that was measured.
type Messages struct {
	Sent      int64   `json:"sent"`
	Answered  int64   `json:"answered"`
	Unasked   int64   `json:"unasked"` // messages that answered none
	BytesOut  int64   `json:"bytesOut"`
	BytesIn   int64   `json:"bytesIn"`
	PerSecond float64 `json:"perSecond"` // answers
}

// Percentiles are those of some times, in milliseconds.
type Percentiles struct {
	Count int64   `json:"count"`
	Min   float64 `json:"min"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p999"`
	Max   float64 `json:"max"`
}

// Point says that so many per cent of the round trips took no longer than so many milliseconds.
type Point struct {
	Percentile float64 `json:"percentile"`
	Millis     float64 `json:"ms"`
}

func percentiles(h *hdrhistogram.Histogram) Percentiles {
	if h.TotalCount() == 0 {
		return Percentiles{}
	}
	at := func(q float64) float64 { return milli(h.ValueAtQuantile(q)) }
	return Percentiles{
		Count: h.TotalCount(), Min: milli(h.Min()), Mean: h.Mean() / 1000,
		P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: milli(h.Max()),
	}
}

// curvePoints are the percentiles of the curve: each step has a share of what the one before has left.
func curve(h *hdrhistogram.Histogram) (points []Point) {
	if h.TotalCount() == 0 {
		return nil
	}
	left := 100.0
	for left > 100/float64(h.TotalCount()) && len(points) < 100 {
		points = append(points, Point{100 - left, milli(h.ValueAtQuantile(100 - left))})
		left /= 1.5
	}
	return append(points, Point{100, milli(h.Max())})
}

// result is what there is to say at the end.
func (e *engine) result(address string) *Result {
	s := e.stats
	s.mu.Lock()
	defer s.mu.Unlock()
	typ := "text"
	if e.binary {
		typ = "binary"
	}
	r := &Result{
		URL: address, Started: e.began.UTC().Round(0),
		Load: Load{
			Connections: e.connections, Rate: e.rate, Duration: e.duration.Seconds(), Warmup: e.warmup.Seconds(), Ramp: e.ramp.Seconds(),
			Message: e.message, Type: typ, OneWay: e.oneWay,
		},
		Connections: Connections{Asked: e.connections, Opened: e.opened.Load()},
		Connect:     percentiles(s.connect), FirstByte: percentiles(s.firstByte), RoundTrip: percentiles(s.roundTrip),
		Messages: Messages{Sent: s.messages, Answered: s.answers, Unasked: s.unaskedFor, BytesOut: s.bytesOut, BytesIn: s.bytesIn},
		Errors:   maps.Clone(s.errors), Seconds: slices.Clone(s.series), Curve: curve(s.roundTrip),
	}
	if e.message == "" {
		r.Load.Size = e.size
	}
	due := e.duration
	if e.cut {
		due = max(min(due, e.ended.Sub(e.from)), 1)
		r.Interrupted = due.Seconds()
	}
	if took := s.lastCame.Sub(e.from); took > 0 {
		r.Messages.PerSecond = float64(s.answers) / max(took, due).Seconds()
	}
	return r
}

func (r *Result) errors() (n int) {
	for _, count := range r.Errors {
		n += count
	}
	return n
}

func (r *Result) json() []byte {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic("load: a result that is no JSON: " + err.Error()) // it has numbers and strings alone
	}
	return append(cli.JSON(b), '\n')
}

// text is the result for people.
func (r *Result) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d of %d connections, %s\n\n", r.URL, r.Connections.Opened, r.Connections.Asked, r.Load.describe())
	fmt.Fprintf(&b, "%-12s%10s%10s%10s%10s%10s%10s\n", "ms", "min", "p50", "p90", "p99", "p99.9", "max")
	for _, row := range []struct {
		name string
		p    Percentiles
	}{{"connect", r.Connect}, {"first byte", r.FirstByte}, {"round trip", r.RoundTrip}} {
		if row.p.Count == 0 {
			fmt.Fprintf(&b, "%-12s%10s\n", row.name, "none")
			continue
		}
		fmt.Fprintf(&b, "%-12s%10.3f%10.3f%10.3f%10.3f%10.3f%10.3f\n", row.name, row.p.Min, row.p.P50, row.p.P90, row.p.P99, row.p.P999, row.p.Max)
	}
	if r.Interrupted > 0 {
		fmt.Fprintf(&b, "\ninterrupted after %.1f s of that\n", r.Interrupted)
	}
	m := r.Messages
	fmt.Fprintf(&b, "\n%d messages sent, %d answered, %.1f a second; %d bytes out, %d in\n", m.Sent, m.Answered, m.PerSecond, m.BytesOut, m.BytesIn)
	switch {
	case m.Unasked > 0 && r.Load.OneWay:
		fmt.Fprintf(&b, "%d messages came\n", m.Unasked)
	case m.Unasked > 0:
		fmt.Fprintf(&b, "%d messages came that answered none: the server sends more than one for each, and round trips may be wrong (-one-way)\n", m.Unasked)
	}
	if len(r.Errors) == 0 {
		b.WriteString("no errors\n")
	}
	for _, k := range slices.Sorted(maps.Keys(r.Errors)) {
		fmt.Fprintf(&b, "%d errors: %s\n", r.Errors[k], cli.Line(k))
	}
	return b.String()
}

// describe says what was asked for.
func (l Load) describe() string {
	what := fmt.Sprintf("%d bytes", l.Size)
	if l.Message != "" {
		what = "messages of a template"
	}
	rate := "each sends when it has its answer"
	if l.Rate > 0 {
		rate = fmt.Sprintf("%g messages a second each", l.Rate)
	}
	return fmt.Sprintf("%s (%s), %s, for %g s", rate, l.Type, what, l.Duration)
}

// progress is the line that is shown meanwhile.
func (e *engine) progress(since time.Duration) string {
	s := e.stats
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(time.Now())
	errors := 0
	for _, n := range s.errors {
		errors += n
	}
	line := fmt.Sprintf("%v of %v, %d connections", since.Round(time.Second), (e.ramp + e.warmup + e.duration).Round(time.Second), e.open.Load())
	if n := len(s.series); n > 0 {
		last := s.series[n-1]
		line += fmt.Sprintf(", %d sent and %d received a second, p50 %.3f ms, p99 %.3f ms", last.Sent, last.Came, last.P50, last.P99)
	}
	return line + fmt.Sprintf(", %d errors", errors)
}
