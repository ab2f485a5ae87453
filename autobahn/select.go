package autobahn

import (
	"fmt"
	"path"
	"strings"
)

// Select returns the cases that one of the patterns names and no pattern of
// exclude does, in order. "*" matches any run of characters; a pattern that
// names a group stands for all of it ("9" and "9.*" are the same). The 517 are
// there for the asking; group 14 only when a pattern begins with "14". No
// pattern at all is "*". A pattern that names nothing is an error.
func Select(patterns, exclude []string) ([]Case, error) {
	if len(patterns) == 0 {
		patterns = []string{"*"}
	}
	all := append(Cases(), StrictCases()...)
	for _, list := range [][]string{patterns, exclude} {
		if err := known(all, list); err != nil {
			return nil, err
		}
	}
	var selected []Case
	for _, c := range all {
		if matchesAny(patterns, &c) && !matchesAny(exclude, &c) {
			selected = append(selected, c)
		}
	}
	return selected, nil
}

// Quick returns patterns of the cases that take seconds rather than minutes: all
// that do not keep a processor busy (1 to 7 and 10), a few each of those that do
// (large messages of group 9, compression in 12 and 13), and the strict group 14.
// They are for Options.Cases, for HandlerOptions.Cases and for [Select], and what
// "wstest -quick" runs. The slice is the caller's.
func Quick() []string {
	return []string{
		"1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*",
		"9.1.1", "9.4.5", "9.8.6", "12.1.4", "12.3.5", "12.4.3", "12.5.5", "13.2.2", "13.3.5", "13.5.4", "13.7.3",
		"14.*",
	}
}

// known refuses patterns that match nothing: most likely a slip.
func known(all []Case, patterns []string) error {
	for _, p := range patterns {
		found := false
		for i := range all {
			found = found || matches(p, &all[i])
		}
		if !found {
			return fmt.Errorf("no case is called %q", p)
		}
	}
	return nil
}

func matchesAny(patterns []string, c *Case) bool {
	for _, p := range patterns {
		if matches(p, c) {
			return true
		}
	}
	return false
}

func matches(pattern string, c *Case) bool {
	pattern = strings.TrimSpace(pattern)
	if c.Section != "" && !strings.HasPrefix(pattern, "14") {
		return false
	}
	if ok, err := path.Match(pattern, c.ID); err == nil && ok {
		return true
	}
	return strings.HasPrefix(c.ID, strings.TrimSuffix(pattern, ".*")+".")
}
