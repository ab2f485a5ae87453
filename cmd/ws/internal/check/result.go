package check

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/seed60239977/websocket/autobahn"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
)

// progress is a line on a terminal that says how far it is.
type progress struct {
	out      io.Writer
	terminal bool
}

func (p *progress) show(done, total int, r *autobahn.Result) {
	if p.terminal {
		fmt.Fprintf(p.out, "\r\x1b[K%d of %d, %s", done, total, r.Case.ID)
	}
}

func (p *progress) end() {
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

// result is what -json prints.
type result struct {
	URL     string         `json:"url"`
	Passed  bool           `json:"passed"`
	Seconds float64        `json:"seconds"`
	Counts  map[string]int `json:"counts"`           // verdicts of the 517
	Strict  map[string]int `json:"strict,omitempty"` // verdicts of group 14
	Cases   []caseResult   `json:"cases"`
}

// caseResult is one case of it.
type caseResult struct {
	ID      string `json:"id"`
	Shows   string `json:"shows"`
	Verdict string `json:"verdict"`
	Close   string `json:"close"`           // the verdict on how the connection ended
	Why     string `json:"why,omitempty"`   // in the terms of the RFC
	Plain   string `json:"plain,omitempty"` // what is broken, and how a browser would notice
}

func summarize(address string, r *autobahn.Report, strict bool) result {
	s := result{URL: address, Passed: r.Passed(strict), Seconds: r.Took.Seconds(), Counts: names(autobahn.Count(r.Results)), Strict: names(autobahn.Count(r.Strict))}
	for _, one := range slices.Concat(r.Results, r.Strict) {
		s.Cases = append(s.Cases, caseResult{
			ID: one.Case.ID, Shows: one.Case.Shows, Verdict: string(one.Verdict()), Close: string(one.BehaviorClose), Why: one.Why, Plain: one.Plain(),
		})
	}
	return s
}

func names(counts map[autobahn.Verdict]int) map[string]int {
	all := map[string]int{}
	for v, n := range counts {
		all[string(v)] = n
	}
	return all
}

// finding is something that is broken, and the cases that show it.
type finding struct {
	says  string
	cases []string
	why   []string
}

// findings gathers the cases of some verdicts of which the same is to be said.
func findings(results []autobahn.Result, of ...autobahn.Verdict) (all []finding) {
	for _, r := range results {
		if !slices.Contains(of, r.Verdict()) {
			continue
		}
		says := strings.Replace(r.Plain(), fmt.Sprintf(" (%s: %s)", r.Case.ID, r.Case.Shows), "", 1)
		i := slices.IndexFunc(all, func(f finding) bool { return f.says == says })
		if i < 0 {
			i = len(all)
			all = append(all, finding{says: says})
		}
		all[i].cases = append(all[i].cases, r.Case.ID)
		all[i].why = append(all[i].why, r.Case.ID+": "+r.Why)
	}
	return all
}

// text is the verdict in plain words.
func text(address string, r *autobahn.Report, verbose, strict bool) string {
	var b strings.Builder
	all := slices.Concat(r.Results, r.Strict)
	broken := findings(all, autobahn.Failed)
	loose := findings(all, autobahn.NonStrict)
	counts := autobahn.Count(all)
	switch {
	case len(broken) == 0 && (len(loose) == 0 || !strict):
		fmt.Fprintf(&b, "%s keeps to the protocol: nothing failed in %s (%v).\n", address, number(len(all)), r.Took.Round(time.Millisecond))
	default:
		failed := counts[autobahn.Failed]
		if strict {
			failed += counts[autobahn.NonStrict]
		}
		fmt.Fprintf(&b, "%s does not keep to the protocol: %d of %s failed (%v).\n", address, failed, number(len(all)), r.Took.Round(time.Millisecond))
	}
	list(&b, "What is broken:", broken, verbose)
	list(&b, "What is less strict than it may be:", loose, verbose)
	if n := counts[autobahn.Unimplemented]; n > 0 {
		fmt.Fprintf(&b, "\nIt does not compress as %s would have it (permessage-deflate, RFC 7692). That is no fault.\n", number(n))
	}
	return b.String()
}

// number says how many cases there are.
func number(n int) string {
	if n == 1 {
		return "1 case"
	}
	return fmt.Sprintf("%d cases", n)
}

// list prints findings below a heading.
func list(w io.Writer, heading string, all []finding, verbose bool) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", heading)
	for _, f := range all {
		fmt.Fprintf(w, "\n- %s\n  (%s)\n", cli.Visible(f.says), ids(f.cases))
		if verbose {
			for _, line := range f.why {
				fmt.Fprintf(w, "    %s\n", cli.Visible(line))
			}
		}
	}
}

// ids names some cases.
func ids(cases []string) string {
	const most = 8
	word := "case "
	if len(cases) > 1 {
		word = "cases "
	}
	if len(cases) > most {
		return fmt.Sprintf("%s%s and %d more", word, strings.Join(cases[:most], ", "), len(cases)-most)
	}
	return word + strings.Join(cases, ", ")
}
