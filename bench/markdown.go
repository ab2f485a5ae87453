package main

import (
	"fmt"
	"math"
	"strings"
)

// line is a scenario's result for the terminal.
func (r *results) line(sc scenario) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-50s", sc.title)
	for _, v := range r.servers {
		if m, ok := r.median(sc, v.Name); ok {
			fmt.Fprintf(&b, "  %s %s", v.Name, figure(sc.cost(m)))
		}
	}
	return b.String()
}

// markdown is the whole of results.md.
func (r *results) markdown(c config) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Measured\n\n%s. %s.\n", r.machine.Date, r.machine)
	fmt.Fprintf(&b, "%s of %s. `go run -C bench . -rounds %d` makes this page; `go doc ./bench` tells how.\n\n", c.taken(), c.limits.time, c.rounds)
	b.WriteString("| server | version |\n|---|---|\n")
	for _, v := range r.servers {
		if v.Module != "" {
			fmt.Fprintf(&b, "| %s | `%s` %s |\n", v.Name, v.Module, r.machine.version(v))
		}
	}
	b.WriteString("\n`Serve` and `Messages` are this library's callback mode and its range loop. " +
		"`event` is its event loop. " +
		"`gorilla API` and `coder API` are the servers of gorilla and coder on `compat/gorilla` and `compat/coder`. " +
		"gnet is an event loop that knows no WebSocket: its server is an echo of this benchmark's own on it, with gobwas' handshake. " +
		"TCP and epoll are echoes without any protocol, from goroutines and from one thread: the floors.\n")
	r.overview(&b, "CPU time of the server, µs for each message or handshake", func(k kind) bool { return k != idle })
	r.overview(&b, "Memory, KiB for each connection", func(k kind) bool { return k == idle })
	b.WriteString("\n## Details\n")
	for _, sc := range r.scenarios {
		r.detail(&b, sc)
	}
	return b.String()
}

// taken says what figures are.
func (c config) taken() string {
	if c.rounds == 1 {
		return "A single round"
	}
	return fmt.Sprintf("Medians of %d rounds", c.rounds)
}

// overview writes the table with one line for each scenario of some kinds.
func (r *results) overview(b *strings.Builder, title string, is func(kind) bool) {
	fmt.Fprintf(b, "\n## %s\n\n| |", title)
	for _, v := range r.servers {
		fmt.Fprintf(b, " %s |", v.Name)
	}
	b.WriteString(" Serve ÷ best peer | Messages ÷ best peer | TCP ÷ best peer |\n|---|")
	b.WriteString(strings.Repeat("---:|", len(r.servers)+3) + "\n")
	for _, sc := range r.scenarios {
		if !is(sc.kind) {
			continue
		}
		best, _ := r.best(sc)
		fmt.Fprintf(b, "| %s |", sc.title)
		for _, v := range r.servers {
			m, ok := r.median(sc, v.Name)
			switch {
			case !ok:
				b.WriteString(" |")
			case v.Name == best:
				fmt.Fprintf(b, " **%s** |", figure(sc.cost(m)))
			default:
				fmt.Fprintf(b, " %s |", figure(sc.cost(m)))
			}
		}
		fmt.Fprintf(b, " %s | %s | %s |\n", figure(r.ratio(sc, "Serve")), figure(r.ratio(sc, "Messages")), figure(r.ratio(sc, "TCP")))
	}
}

// column is one of a scenario's own table.
type column struct {
	title string
	of    func(sample) float64
}

func columns(k kind, compressed bool) []column {
	if k == idle {
		return []column{
			{"KiB idle", func(s sample) float64 { return s.Idle }},
			{"KiB after messages", func(s sample) float64 { return s.After }},
			{"of that heap", func(s sample) float64 { return s.Heap }},
			{"of that stacks", func(s sample) float64 { return s.Stack }},
		}
	}
	c := []column{
		{"CPU µs", func(s sample) float64 { return s.CPU }},
		{"a second", func(s sample) float64 { return s.Rate }},
		{"p50 µs", func(s sample) float64 { return s.P50 }},
		{"p99 µs", func(s sample) float64 { return s.P99 }},
		{"allocations", func(s sample) float64 { return s.Allocs }},
		{"allocated B", func(s sample) float64 { return s.Bytes }},
	}
	if compressed {
		c = append(c, column{"size on the wire", func(s sample) float64 { return s.Wire }})
	}
	return c
}

func (r *results) detail(b *strings.Builder, sc scenario) {
	cols := columns(sc.kind, sc.compression != "")
	fmt.Fprintf(b, "\n### %s\n\n| server |", sc.title)
	for _, c := range cols {
		fmt.Fprintf(b, " %s |", c.title)
	}
	b.WriteString(" ÷ best peer | spread |\n|---|" + strings.Repeat("---:|", len(cols)+2) + "\n")
	for _, v := range r.servers {
		m, ok := r.median(sc, v.Name)
		if !ok {
			continue
		}
		fmt.Fprintf(b, "| %s |", v.Name)
		for _, c := range cols {
			fmt.Fprintf(b, " %s |", figure(c.of(m)))
		}
		fmt.Fprintf(b, " %s | %.0f %% |\n", figure(r.ratio(sc, v.Name)), 100*r.spread(sc, v.Name))
	}
}

// figure writes a number with three digits that mean something.
func figure(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return ""
	case a < 0.005:
		return "0"
	case a < 10:
		return fmt.Sprintf("%.2f", v)
	case a < 100:
		return fmt.Sprintf("%.1f", v)
	}
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
