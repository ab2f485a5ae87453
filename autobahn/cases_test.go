package autobahn

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThereAre517CasesInTheGroupsThatAreKnown(t *testing.T) {
	want := map[string]int{"1.1": 8, "1.2": 8, "2": 11, "3": 7, "4.1": 5, "4.2": 5, "5": 20,
		"6.1": 3, "6.2": 4, "6.3": 2, "6.4": 4, "6.5": 5, "6.6": 11, "6.7": 4, "6.8": 2, "6.9": 4, "6.10": 3, "6.11": 5,
		"6.12": 8, "6.13": 5, "6.14": 10, "6.15": 1, "6.16": 3, "6.17": 5, "6.18": 5, "6.19": 5, "6.20": 7, "6.21": 8, "6.22": 34, "6.23": 7,
		"7.1": 6, "7.3": 6, "7.5": 1, "7.7": 13, "7.9": 9, "7.13": 2,
		"9.1": 6, "9.2": 6, "9.3": 9, "9.4": 9, "9.5": 6, "9.6": 6, "9.7": 6, "9.8": 6, "10.1": 1,
		"12.1": 18, "12.2": 18, "12.3": 18, "12.4": 18, "12.5": 18,
		"13.1": 18, "13.2": 18, "13.3": 18, "13.4": 18, "13.5": 18, "13.6": 18, "13.7": 18}
	got := map[string]int{}
	ids := map[string]bool{}
	for _, c := range Cases() {
		got[c.Group()]++
		require.False(t, ids[c.ID], "%s twice", c.ID)
		ids[c.ID] = true
		require.NotEmpty(t, c.Shows, c.ID)
		require.NotEmpty(t, c.Close.Codes, c.ID)
		require.Empty(t, c.Section, c.ID)
	}
	require.Equal(t, want, got)
	require.Len(t, ids, 517)
}

func TestEveryStrictCaseNamesItsSection(t *testing.T) {
	for _, c := range StrictCases() {
		require.True(t, strings.HasPrefix(c.ID, "14."), c.ID)
		require.Regexp(t, `^RFC (6455|7692) §`, c.Section, c.ID)
		require.NotEmpty(t, c.Shows, c.ID)
	}
}

func TestTextCasesAreWhatUTF8SaysOfThem(t *testing.T) {
	// One case in each kind of trouble, spelled out.
	want := map[string]string{
		"6.6.11": "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", "6.12.7": "\x80\xbf\x80\xbf\x80\xbf",
		"6.14.10": "\xfd\xbf\xbf\xbf\xbf", "6.15.1": "\xc0\xe0\x80\xf0\x80\x80\xf8\x80\x80\x80\xfc\x80\x80\x80\x80\xdf\xef\xbf\xf7\xbf\xbf\xfb\xbf\xbf\xbf\xfd\xbf\xbf\xbf\xbf",
		"6.21.8": "\xed\xaf\xbf\xed\xbf\xbf", "6.22.34": "\xf4\x8f\xbf\xbf", "6.23.1": "\xef\xbf\xb9", "6.13.5": "\xfc ",
	}
	for _, c := range Cases() {
		if text, ok := want[c.ID]; ok {
			require.Equal(t, text, string(c.Steps[0].Payload.Bytes()), c.ID)
			delete(want, c.ID)
		}
	}
	require.Empty(t, want)
}

func TestPayloadsAreAUnitRepeatedAndCut(t *testing.T) {
	p := repeat("abc", 7)
	require.Equal(t, "abcabca", string(p.Bytes()))
	require.True(t, p.equal([]byte("abcabca")))
	for _, other := range []string{"", "abcabc", "abcabcb", "abdabca", "abcabcab"} {
		require.False(t, p.equal([]byte(other)), other)
	}
	require.True(t, Payload{}.equal(nil))
	require.Nil(t, Payload{}.Bytes())
}

func TestSelectTakesPatterns(t *testing.T) {
	for _, c := range []struct {
		patterns, exclude string
		want              int
	}{
		{"", "", 517}, {"*", "", 517}, {"1.*", "", 16}, {"1", "", 16}, {"6.4.*", "", 4}, {"6.4.1", "", 1},
		{"*", "9.* 12.* 13.*", 247}, {"1.1.1 1.1.1 2.*", "2.10", 11}, {"14.*", "", len(StrictCases())},
		{"* 14.*", "", 517 + len(StrictCases())}, {"14.1.*", "", 22}, {"1.*", "2.*", 16}, {"6.2*", "", 4 + 7 + 8 + 34 + 7},
	} {
		got, err := Select(strings.Fields(c.patterns), strings.Fields(c.exclude))
		require.NoError(t, err)
		require.Len(t, got, c.want, "%q without %q", c.patterns, c.exclude)
	}
	for _, lists := range [][2][]string{{{"1.*", "15.*"}, nil}, {{"1.*"}, {"2.*", "15.*"}}} {
		_, err := Select(lists[0], lists[1])
		require.ErrorContains(t, err, `no case is called "15.*"`)
	}
}
