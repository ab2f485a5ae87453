package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/seed60239977/websocket/autobahn"
)

// progress shows how far a run has come: on a terminal in one line that is
// written over, else now and then in a line of its own. What is not as it should
// be gets a line in either.
type progress struct {
	out      io.Writer
	quiet    bool
	terminal bool
	agent    string
	last     time.Time
	dirty    bool // the terminal's line holds something
}

// between is how often plain output tells how far it is.
const between = 10 * time.Second

func newProgress(out io.Writer, quiet bool, agent string) *progress {
	p := &progress{out: out, quiet: quiet, agent: agent, last: time.Now()}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

// show takes one result; total is 0 when it is not known.
func (p *progress) show(done, total int, r *autobahn.Result) {
	if p.quiet {
		return
	}
	if v := r.Verdict(); v != autobahn.OK && v != autobahn.Informational {
		p.end()
		closing := ""
		if r.BehaviorClose != autobahn.OK && r.BehaviorClose != r.Behavior {
			closing = ", close " + string(r.BehaviorClose)
		}
		fmt.Fprintf(p.out, "%-8s %s%s: %s\n", r.Case.ID, r.Behavior, closing, r.Why)
	}
	of := ""
	if total > 0 {
		of = fmt.Sprintf(" of %d", total)
	}
	switch {
	case p.terminal:
		fmt.Fprintf(p.out, "\r\x1b[K%s: %d%s, %s", p.agent, done, of, r.Case.ID)
		p.dirty = true
	case time.Since(p.last) > between:
		fmt.Fprintf(p.out, "%s: %d%s\n", p.agent, done, of)
		p.last = time.Now()
	}
}

// end clears the terminal's line.
func (p *progress) end() {
	if p.dirty {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.dirty = false
	}
}
