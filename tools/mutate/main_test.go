package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// module writes a module, and makes it the one whose mutants are tried.
func module(t *testing.T, code, test string) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":    "module example.com/m\n\ngo 1.26.0\n",
		"m.go":      "package m\n" + code,
		"m_test.go": "package m\n\nimport \"testing\"\n" + test,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	t.Setenv("GOWORK", "off")
	before := *root
	*root = dir
	t.Cleanup(func() { *root = before })
}

// findMax has an operator with two mutants, of which one is the same for all numbers.
const findMax = `
func findMax(a, b int) int {
	if a > b {
		return a
	}
	return b
}
`

func TestMutantsThatNoTestNoticesAreNamed(t *testing.T) {
	module(t, findMax, `
func TestMax(t *testing.T) {
	if findMax(1, 2) != 2 || findMax(2, 1) != 2 {
		t.Fail()
	}
}
`)
	var out strings.Builder
	require.NoError(t, run(&out, []string{"."}))
	require.Equal(t, "m.go:4:7: > becomes >=\n.: 2 mutants of about 2, seed 1: 1 killed, 1 lived\n", out.String())
}

func TestTestsThatFailAnywayTellNothing(t *testing.T) {
	module(t, findMax, "func TestFails(t *testing.T) { t.Fatal(\"as ever\") }\n")
	require.ErrorContains(t, run(new(strings.Builder), []string{"."}), "as ever")
}

func TestMutantsThatDoNotCompileDoNotCount(t *testing.T) {
	module(t, `
func add() string {
	s := ""
	s = "a" + "b"
	return s
}
`, `
func TestAdd(t *testing.T) {
	if add() != "ab" {
		t.Fail()
	}
}
`)
	var out strings.Builder
	require.NoError(t, run(&out, []string{"."}))
	require.Equal(t, ".: 1 mutants of about 2, seed 1: 1 killed, 0 lived\n", out.String(), "strings have no minus")
}
