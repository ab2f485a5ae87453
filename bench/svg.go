package main

import (
	"fmt"
	"html"
	"math"
	"strings"

	"github.com/seed60239977/websocket/bench/serve"
)

// charted are the scenarios of the chart, and what is written above their panels.
var charted = []struct{ id, title, unit string }{
	{"pipeline", "64 connections, 16 messages at once", "CPU, µs a message"},
	{"text", "1000 connections, 512 B text", "CPU, µs a message"},
	{"broadcast16", "16 broadcasts to 1000 connections", "CPU, µs a delivery"},
	{"chinese", "4 KiB of Chinese text", "CPU, µs a message"},
	{"deflate1k", "1 KiB of JSON, compressed", "CPU, µs a message"},
	{"16KiB", "16 KiB messages", "CPU, µs a message"},
	{"handshake", "Handshakes", "CPU, µs each"},
	{"idle", "10,000 idle connections", "memory, KiB each"},
}

// Measures of the chart, in pixels.
const (
	chartWidth  = 880
	margin      = 24
	panelWidth  = (chartWidth - 3*margin) / 2
	panelHead   = 44
	nameWidth   = 92
	valueWidth  = 52
	barHeight   = 13
	barStep     = 19
	headHeight  = 92
	panelBottom = 22
)

const style = `<style>
text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,Helvetica,Arial,sans-serif;fill:#59636e}
.page{fill:#ffffff}.title{font-size:18px;font-weight:600;fill:#1f2328}.head{font-size:13px;font-weight:600;fill:#1f2328}
.own text,.own{fill:#0b6e4f;font-weight:600}.bar{fill:#c8d1da}.own .bar{fill:#12936a}.floor .bar{fill:none;stroke:#afb8c1;stroke-dasharray:3 2}
.value{font-variant-numeric:tabular-nums}.axis{stroke:#d1d9e0}
@media (prefers-color-scheme:dark){
text{fill:#9198a1}.page{fill:#0d1117}.title,.head{fill:#f0f6fc}
.own text,.own{fill:#4ade9f}.bar{fill:#3d444d}.own .bar{fill:#2ea672}.floor .bar{stroke:#656c76}.axis{stroke:#3d444d}}
</style>`

// svg is the chart for the README: a panel for each of some scenarios, bars of cost, so that shorter is better.
func (r *results) svg() string {
	var panels strings.Builder
	x, y, rowHeight, n := margin, headHeight, 0, 0
	for _, c := range charted {
		for _, sc := range r.scenarios {
			if sc.id != c.id {
				continue
			}
			h := r.panel(&panels, sc, c.title, c.unit, x, y)
			rowHeight = max(rowHeight, h)
			if n++; n%2 == 1 {
				x = 2*margin + panelWidth
			} else {
				x, y, rowHeight = margin, y+rowHeight, 0
			}
		}
	}
	height := y + rowHeight + 8
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-labelledby="t">`, chartWidth, height, chartWidth, height)
	b.WriteString("\n<title id=\"t\">CPU time and memory of WebSocket servers in Go: shorter bars are better</title>\n" + style + "\n")
	fmt.Fprintf(&b, `<rect class="page" width="%d" height="%d" rx="8"/>`+"\n", chartWidth, height)
	fmt.Fprintf(&b, `<text class="title" x="%d" y="34">Shorter is better</text>`+"\n", margin)
	fmt.Fprintf(&b, `<text x="%d" y="53"><tspan class="own">Green</tspan> is this library; TCP is an echo without any protocol.</text>`+"\n", margin)
	fmt.Fprintf(&b, `<text x="%d" y="70">%s</text>`+"\n", margin, html.EscapeString(r.machine.Date+" · "+r.machine.String()))
	b.WriteString(panels.String() + "</svg>\n")
	return b.String()
}

// panel draws a scenario and returns its height.
func (r *results) panel(b *strings.Builder, sc scenario, title, unit string, x, y int) int {
	widest := 0.0
	var servers []serve.Server
	for _, v := range r.servers {
		if v.Kind == serve.API { // for those who use that API already: it is in the tables
			continue
		}
		servers = append(servers, v)
		m, _ := r.median(sc, v.Name)
		widest = max(widest, sc.cost(m))
	}
	fmt.Fprintf(b, `<g transform="translate(%d %d)"><text class="head" y="14">%s</text><text y="30">%s</text>`+"\n", x, y, html.EscapeString(title), unit)
	at := panelHead
	for _, v := range servers {
		m, ok := r.median(sc, v.Name)
		if !ok {
			continue
		}
		cost := sc.cost(m)
		long := int(math.Round(cost / widest * (panelWidth - nameWidth - valueWidth)))
		class := map[serve.Kind]string{serve.Ours: "own", serve.Peer: "peer", serve.Floor: "floor"}[v.Kind]
		fmt.Fprintf(b, `<g class="%s"><text x="%d" y="%d" text-anchor="end">%s</text>`, class, nameWidth-8, at+11, html.EscapeString(v.Name))
		fmt.Fprintf(b, `<rect class="bar" x="%d" y="%d" width="%d" height="%d" rx="2"/>`, nameWidth, at, max(long, 1), barHeight)
		fmt.Fprintf(b, `<text class="value" x="%d" y="%d">%s</text></g>`+"\n", nameWidth+long+6, at+11, figure(cost))
		at += barStep
	}
	fmt.Fprintf(b, `<path class="axis" d="M%d %dV%d"/></g>`+"\n", nameWidth, panelHead-4, at)
	return at + panelBottom
}
