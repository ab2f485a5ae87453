package load

import (
	"bytes"
	_ "embed" // the page
	"fmt"
	"html/template"
	"math"
	"strings"
)

//go:embed report.html
var reportPage string

// page is the result as a web page that needs nothing else.
func (r *Result) page() ([]byte, error) {
	t, err := template.New("report").Parse(reportPage)
	if err != nil {
		return nil, err
	}
	rows := []struct {
		Name string
		Percentiles
	}{{"Connect", r.Connect}, {"First byte", r.FirstByte}, {"Round trip", r.RoundTrip}}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]any{
		"R": r, "Rows": rows, "Load": r.Load.describe(),
		"Curve": r.curveChart(), "Times": r.timesChart(), "Throughput": r.throughputChart(),
	})
	return b.Bytes(), err
}

// line is one line of a chart.
type line struct {
	name   string
	points [][2]float64
}

// chart is a diagram of lines.
type chart struct {
	title, x, y string
	lines       []line
	logY        bool
	ticksX      func(most float64) (at []float64, label []string)
}

// Sizes of a chart, in units of its own coordinates.
const (
	chartWidth, chartHeight = 720.0, 300.0
	left, right             = 64.0, 12.0
	top, bottom             = 30.0, 44.0
)

func (r *Result) curveChart() template.HTML {
	var points [][2]float64
	for _, p := range r.Curve {
		points = append(points, [2]float64{nines(p.Percentile), p.Millis})
	}
	if len(points) > 1 { // the last one is 100 %, and nothing is left of it
		points[len(points)-1][0] = points[len(points)-2][0] + 0.2
	}
	return chart{
		title: "Round trips by percentile", x: "percentile", y: "ms", logY: true, lines: []line{{"round trip", points}},
		ticksX: func(most float64) (at []float64, label []string) {
			for i, name := range []string{"0", "90", "99", "99.9", "99.99", "99.999", "99.9999"} {
				if float64(i) <= most {
					at, label = append(at, float64(i)), append(label, name)
				}
			}
			return at, label
		},
	}.svg()
}

// nines is 0 for 0 %, 1 for 90 %, 2 for 99 %.
func nines(percentile float64) float64 { return -math.Log10(max(1e-7, 1-percentile/100)) }

func (r *Result) timesChart() template.HTML {
	lines := []line{{name: "max"}, {name: "p99"}, {name: "p50"}}
	for _, s := range r.Seconds {
		for i, v := range []float64{s.Max, s.P99, s.P50} {
			if s.Came > 0 {
				lines[i].points = append(lines[i].points, [2]float64{float64(s.At), v})
			}
		}
	}
	return chart{title: "Round trips over time", x: "seconds", y: "ms", logY: true, lines: lines, ticksX: even}.svg()
}

func (r *Result) throughputChart() template.HTML {
	lines := []line{{name: "sent"}, {name: "received"}, {name: "errors"}}
	for _, s := range r.Seconds {
		for i, v := range []int{s.Sent, s.Came, s.Errors} {
			lines[i].points = append(lines[i].points, [2]float64{float64(s.At), float64(v)})
		}
	}
	return chart{title: "Messages a second", x: "seconds", y: "messages", lines: lines, ticksX: even}.svg()
}

// even are ticks at round numbers.
func even(most float64) (at []float64, label []string) {
	step := roundStep(most / 6)
	for v := 0.0; v <= most+step/1e6; v += step {
		at, label = append(at, v), append(label, fmt.Sprintf("%g", math.Round(v*1e6)/1e6))
	}
	return at, label
}

// roundStep is 1, 2 or 5 times a power of ten, and no less than least.
func roundStep(least float64) float64 {
	if least <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, f := range []float64{1, 2, 5} {
		if f*power >= least {
			return f * power
		}
	}
	return 10 * power
}

// bounds are the largest x and y, and the smallest y that is not 0.
func (c chart) bounds() (mostX, leastY, mostY float64) {
	leastY = math.Inf(1)
	for _, l := range c.lines {
		for _, p := range l.points {
			mostX, mostY = max(mostX, p[0]), max(mostY, p[1])
			if p[1] > 0 {
				leastY = min(leastY, p[1])
			}
		}
	}
	return max(mostX, 1e-9), leastY, max(mostY, 1e-9)
}

// svg draws the chart.
func (c chart) svg() template.HTML {
	mostX, leastY, mostY := c.bounds()
	if math.IsInf(leastY, 1) {
		return template.HTML("<p>There is nothing to show: " + template.HTMLEscapeString(strings.ToLower(c.title)) + ".</p>")
	}
	x := func(v float64) float64 { return left + v/mostX*(chartWidth-left-right) }
	ticks, labels := even(mostY)
	y := func(v float64) float64 { return chartHeight - bottom - v/mostY*(chartHeight-top-bottom) }
	if c.logY {
		low, high := math.Floor(math.Log10(leastY)), math.Ceil(math.Log10(mostY)+1e-9)
		ticks, labels = nil, nil
		for e := low; e <= high; e++ {
			ticks, labels = append(ticks, math.Pow(10, e)), append(labels, fmt.Sprintf("%g", math.Pow(10, e)))
		}
		y = func(v float64) float64 {
			return chartHeight - bottom - (math.Log10(max(v, math.Pow(10, low)))-low)/(high-low)*(chartHeight-top-bottom)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, chartWidth, chartHeight, template.HTMLEscapeString(c.title))
	for i, v := range ticks {
		fmt.Fprintf(&b, `<path class="grid" d="M%.1f %.1fH%.1f"/><text x="%.1f" y="%.1f" text-anchor="end">%s</text>`,
			left, y(v), chartWidth-right, left-6, y(v)+4, labels[i])
	}
	at, names := c.ticksX(mostX)
	for i, v := range at {
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, x(v), chartHeight-bottom+18, names[i])
	}
	fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, (left+chartWidth-right)/2, chartHeight-6, c.x)
	fmt.Fprintf(&b, `<text x="14" y="%.1f" text-anchor="middle" transform="rotate(-90 14 %.1f)">%s</text>`, chartHeight/2, chartHeight/2, c.y)
	for i, l := range c.lines {
		drawLine(&b, i, l, x, y)
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// drawLine draws one line, and its name.
func drawLine(b *strings.Builder, i int, l line, x, y func(float64) float64) {
	if len(l.points) == 0 {
		return
	}
	fmt.Fprintf(b, `<path class="line l%d" d="`, i)
	for n, p := range l.points {
		verb := "L"
		if n == 0 {
			verb = "M"
		}
		fmt.Fprintf(b, "%s%.1f %.1f", verb, x(p[0]), y(p[1]))
	}
	if len(l.points) == 1 { // a dot
		b.WriteString("h0")
	}
	fmt.Fprintf(b, `"/><path class="line l%d" d="M%.1f %.1fh16"/><text x="%.1f" y="%.1f">%s</text>`,
		i, left+8+float64(i)*100, top-16, left+28+float64(i)*100, top-12, l.name)
}
