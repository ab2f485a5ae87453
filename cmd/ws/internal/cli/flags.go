package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Flags are the flags of a command. They are defined as with package flag, in sections of the help.
type Flags struct {
	*flag.FlagSet
	program, command string
	sections         []section
	values           map[string][]string
	files            map[string]bool
}

// section is a heading and the flags below it.
type section struct {
	title string
	names []string
}

// flags returns the set for one run.
func (c *Command) flags(p *Program) *Flags {
	f := &Flags{
		FlagSet: flag.NewFlagSet(c.Name, flag.ContinueOnError), program: p.Name, command: c.Name,
		values: map[string][]string{}, files: map[string]bool{},
	}
	f.SetOutput(io.Discard)
	return f
}

// Section has the flags that are defined from now on stand below a heading.
func (f *Flags) Section(title string) {
	f.gather()
	f.sections = append(f.sections, section{title: title})
}

// gather gives the last section the flags that no section has.
func (f *Flags) gather() {
	var fresh []string
	f.VisitAll(func(one *flag.Flag) {
		if !slices.ContainsFunc(f.sections, func(s section) bool { return slices.Contains(s.names, one.Name) }) {
			fresh = append(fresh, one.Name)
		}
	})
	if len(fresh) == 0 {
		return
	}
	if len(f.sections) == 0 {
		f.sections = append(f.sections, section{title: "Flags"})
	}
	last := &f.sections[len(f.sections)-1]
	last.names = append(last.names, fresh...)
}

// Values says what a flag may be, for completion.
func (f *Flags) Values(name string, values ...string) { f.values[name] = values }

// Files says that flags name files, for completion.
func (f *Flags) Files(names ...string) {
	for _, n := range names {
		f.files[n] = true
	}
}

// Strings defines a flag that may be repeated.
func (f *Flags) Strings(list *[]string, name, usage string) {
	f.Func(name, usage, func(s string) error {
		*list = append(*list, s)
		return nil
	})
}

// parse takes flags in front of arguments and behind them, up to "--". It returns the arguments.
func (f *Flags) parse(args []string) (rest []string, err error) {
	for {
		if err := f.FlagSet.Parse(args); err != nil {
			return nil, f.explain(err)
		}
		left := f.Args()
		if at := len(args) - len(left); at > 0 && args[at-1] == "--" {
			return append(rest, left...), nil
		}
		if len(left) == 0 {
			return rest, nil
		}
		rest, args = append(rest, left[0]), left[1:]
	}
}

// explain says what to type instead of a flag that there is not, or that has a wrong value.
func (f *Flags) explain(err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	help := fmt.Sprintf("%s %s -h, which lists the flags", f.program, f.command)
	unknown, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !ok {
		return Usage(help, "%w", err)
	}
	var names []string
	f.VisitAll(func(one *flag.Flag) { names = append(names, one.Name) })
	if near := Nearest(unknown, names); near != "" {
		return Usage("-"+near, "there is no flag -%s", unknown)
	}
	return Usage(help, "there is no flag -%s", unknown)
}

// Nearest returns the one of some names that a mistyped one is closest to, and "" if none is close.
func Nearest(typed string, names []string) string {
	if len(typed) < 2 {
		return ""
	}
	best, least := "", 1+len(typed)/3
	for _, n := range names {
		if d := distance(typed, n); d <= least && (best == "" || d < least) {
			best, least = n, d
		}
		if len(typed) > 2 && strings.HasPrefix(n, typed) {
			return n
		}
	}
	return best
}

// distance is that of Levenshtein, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
