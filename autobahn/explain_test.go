package autobahn

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryCaseIsExplainedInSentences(t *testing.T) {
	used := map[Explanation]bool{}
	for _, c := range slices.Concat(Cases(), StrictCases()) {
		e := c.Explain()
		used[e] = true
		for _, sentence := range []string{e.Broken, e.Browser} {
			require.True(t, strings.HasSuffix(sentence, "."), "%s: %q", c.ID, sentence)
			require.NotContains(t, sentence, "RSV")
		}
	}
	require.Len(t, used, len(explanations), "no explanation is left over")
	require.NotEmpty(t, (&Case{ID: "other"}).Explain().Broken)
	valid, wrong := find(t, "6.2.1"), find(t, "6.3.1")
	require.NotEqual(t, valid.Explain(), wrong.Explain())
}

func find(t *testing.T, id string) Case {
	cases, err := Select([]string{id}, nil)
	require.NoError(t, err)
	return cases[0]
}

func TestPlainSaysWhatIsBrokenAndHowABrowserWouldNotice(t *testing.T) {
	sent := map[string]int{"text": 1}
	for _, x := range []struct {
		name string
		r    Result
		says []string
	}{
		{"fine", Result{Behavior: OK, BehaviorClose: OK}, nil},
		{"informational", Result{Behavior: Informational, BehaviorClose: Informational}, nil},
		{"no compression", Result{Behavior: Unimplemented, BehaviorClose: OK}, []string{"no compression", "Nothing is broken"}},
		{"late", Result{Behavior: NonStrict, BehaviorClose: OK}, []string{"later than it could be"}},
		{"no pong", Result{Behavior: Failed, BehaviorClose: OK, FramesOut: sent}, []string{"Pings are not handled", "2.1: a ping without payload"}},
		{"no handshake", Result{Behavior: Failed, BehaviorClose: Failed, Why: "refused"}, []string{"refused.", "cannot connect"}},
		{"another code", Result{Behavior: OK, BehaviorClose: WrongCode, RemoteCode: 1002, FramesOut: sent}, []string{"1002 instead of 1000", "wrong code"}},
		{"TCP stays open", Result{Behavior: OK, BehaviorClose: FailedByClient, FramesOut: sent}, []string{"stays open", "late"}},
		{"no close frame", Result{Behavior: OK, BehaviorClose: Unclean, FramesOut: sent}, []string{"not answered in time", "wasClean false"}},
		{"the suite had to close", Result{Behavior: OK, BehaviorClose: Failed, ClosedBySuite: true, FramesOut: sent}, []string{"should have ended"}},
		{"dropped", Result{Behavior: OK, BehaviorClose: Failed, FramesOut: sent}, []string{"before its time", "code 1006"}},
	} {
		x.r.Case = find(t, "2.1")
		plain := x.r.Plain()
		require.Equal(t, x.says == nil, plain == "", x.name)
		require.NotContains(t, plain, "\n")
		for _, s := range x.says {
			require.Contains(t, plain, s, x.name)
		}
	}
}

func TestEveryFailureOfABrokenServerIsToldInPlainWords(t *testing.T) {
	r := testReferenceServer(t, faults{ignoresHeaders: true}, "14.6.*")
	for i := range r.Strict {
		if x := &r.Strict[i]; x.Verdict() == Failed {
			require.Contains(t, x.Plain(), "A rule is broken", x.Case.ID)
		}
	}
	r = testReferenceServer(t, faults{noUTF8Check: true}, "6.*")
	for i := range r.Results {
		x := &r.Results[i]
		require.Equal(t, x.Verdict() == OK, x.Plain() == "", x.Case.ID)
		if x.Verdict() == Failed {
			require.Contains(t, x.Plain(), "Text that is not UTF-8 is not refused.", x.Case.ID)
		}
	}
}

func TestQuickIsAllThatWaitsAndSomeOfWhatWorks(t *testing.T) {
	cases, err := Select(Quick(), nil)
	require.NoError(t, err)
	groups := map[string]int{}
	for _, c := range cases {
		first, _, _ := strings.Cut(c.ID, ".")
		groups[first]++
	}
	all, err := Select([]string{"*", "14.*"}, []string{"9", "12", "13"})
	require.NoError(t, err)
	require.Len(t, cases, len(all)+groups["9"]+groups["12"]+groups["13"])
	require.Equal(t, []int{3, 4, 4}, []int{groups["9"], groups["12"], groups["13"]})
	Quick()[0] = "changed"
	require.NotEqual(t, "changed", Quick()[0])
}
