// Command compare holds two index.json files against each other, case by case:
//
//	compare [-agent NAME] THEIRS OURS
//
// Agents are matched by name; when each file has one alone, those. It prints
// every case whose verdicts or remote close codes differ, or that only one of the
// files has, and exits with 1 when there are any.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/seed60239977/websocket/autobahn"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// Exit statuses.
const (
	same   = 0
	differ = 1
	unable = 2
)

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.SetOutput(stderr)
	agent := flags.String("agent", "", "compare this agent alone")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: compare [-agent NAME] THEIRS OURS")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return unable
	}
	if flags.NArg() != 2 {
		flags.Usage()
		return unable
	}
	n, err := compareFiles(stdout, flags.Arg(0), flags.Arg(1), *agent)
	if err != nil {
		fmt.Fprintln(stderr, "compare:", err)
		return unable
	}
	if n > 0 {
		return differ
	}
	return same
}

func compareFiles(out io.Writer, first, second, agent string) (differences int, err error) {
	theirs, err := autobahn.ReadIndex(first)
	if err != nil {
		return 0, err
	}
	ours, err := autobahn.ReadIndex(second)
	if err != nil {
		return 0, err
	}
	pairs, err := match(theirs, ours, agent)
	if err != nil {
		return 0, err
	}
	for _, p := range pairs {
		compared, n := compare(out, p, theirs[p.theirs], ours[p.ours])
		fmt.Fprintf(out, "%s: %d of %d cases differ\n", p.ours, n, compared)
		differences += n
	}
	return differences, nil
}

// pair are the names of one agent in both files.
type pair struct{ theirs, ours string }

func match(theirs, ours autobahn.Index, agent string) (pairs []pair, err error) {
	if agent == "" && len(theirs) == 1 && len(ours) == 1 {
		return []pair{{only(theirs), only(ours)}}, nil
	}
	for name := range ours {
		if _, ok := theirs[name]; ok && (agent == "" || agent == name) {
			pairs = append(pairs, pair{name, name})
		}
	}
	if len(pairs) == 0 {
		return nil, errors.New("the files have no agent in common")
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Compare(a.ours, b.ours) })
	return pairs, nil
}

func only(index autobahn.Index) string {
	for name := range index {
		return name
	}
	return ""
}

// compare goes through the cases in the suite's order and returns how many
// there were in either, and how many of those differ.
func compare(out io.Writer, p pair, theirs, ours map[string]autobahn.IndexEntry) (compared, differences int) {
	for _, c := range autobahn.Cases() {
		a, inTheirs := theirs[c.ID]
		b, inOurs := ours[c.ID]
		if !inTheirs && !inOurs {
			continue
		}
		compared++
		if inTheirs == inOurs && a.Behavior == b.Behavior && a.BehaviorClose == b.BehaviorClose && code(a) == code(b) {
			continue
		}
		differences++
		fmt.Fprintf(out, "%s %s: theirs %s, ours %s\n", p.ours, c.ID, verdicts(a, inTheirs), verdicts(b, inOurs))
	}
	return compared, differences
}

func verdicts(e autobahn.IndexEntry, run bool) string {
	if !run {
		return "not run"
	}
	return fmt.Sprintf("%s, close %s %s", e.Behavior, e.BehaviorClose, code(e))
}

// code is the remote close code as text.
func code(e autobahn.IndexEntry) string {
	if e.RemoteCloseCode == nil {
		return "without code"
	}
	return strconv.Itoa(*e.RemoteCloseCode)
}
