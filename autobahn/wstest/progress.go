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
// be gets a line in either; neighbours of which the same is said share one.
type progress struct {
	out      io.Writer
	terminal bool
	agent    string
	last     time.Time
	dirty    bool // the terminal's line holds something
	same     alike
}

// between is how often plain output tells how far it is.
const between = 10 * time.Second

func newProgress(out io.Writer, agent string) *progress {
	p := &progress{out: out, agent: agent, last: time.Now()}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

// show takes one result; total is how many there will be.
func (p *progress) show(done, total int, r *autobahn.Result) {
	p.note(r)
	switch {
	case p.terminal:
		fmt.Fprintf(p.out, "\r\x1b[K%s: %d of %d, %s", p.agent, done, total, r.Case.ID)
		p.dirty = true
	case time.Since(p.last) > between:
		fmt.Fprintf(p.out, "%s: %d of %d\n", p.agent, done, total)
		p.last = time.Now()
	}
}

// note takes up what is to be said of a result; it is printed when the next
// result has something else.
func (p *progress) note(r *autobahn.Result) {
	said := ""
	if v := r.Verdict(); v != autobahn.OK && v != autobahn.Informational {
		closing := ""
		if r.BehaviorClose != autobahn.OK && r.BehaviorClose != r.Behavior {
			closing = ", close " + string(r.BehaviorClose)
		}
		said = fmt.Sprintf("%s%s: %s", r.Behavior, closing, r.Why)
	}
	if said != p.same.said {
		p.end()
		p.same = alike{said: said, first: r.Case.ID}
	}
	p.same.last = r.Case.ID
	p.same.n++
}

// end prints what is held back, and clears the terminal's line.
func (p *progress) end() {
	if p.dirty {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.dirty = false
	}
	if p.same.said != "" {
		fmt.Fprintln(p.out, p.same)
	}
	p.same = alike{}
}

// alike are neighbouring results of which the same is said; nothing is said of
// those that are as they should be.
type alike struct {
	said        string
	first, last string
	n           int
}

func (a alike) String() string {
	if a.n == 1 {
		return fmt.Sprintf("%-8s %s", a.first, a.said)
	}
	return fmt.Sprintf("%s to %s (%d cases) %s", a.first, a.last, a.n, a.said)
}
