package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCompareTellsWhichCasesDiffer(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		return file
	}
	const ok, coded = `{"behavior":"OK","behaviorClose":"OK","remoteCloseCode":null}`, `{"behavior":"OK","behaviorClose":"OK","remoteCloseCode":1000}`
	const wrong, failed = `{"behavior":"OK","behaviorClose":"WRONG CODE"}`, `{"behavior":"FAILED","behaviorClose":"OK"}`
	a := write("a.json", `{"x":{"1.1.1":`+ok+`,"1.1.2":`+ok+`,"2.1":`+ok+`,"6.4.1":`+ok+`},"y":{"1.1.1":`+ok+`}}`)
	b := write("b.json", `{"x":{"1.1.1":`+ok+`,"1.1.2":`+wrong+`,"2.1":`+failed+`,"3.1":`+ok+`},"y":{"1.1.1":`+ok+`}}`)
	one := write("one.json", `{"renamed":{"1.1.1":`+ok+`}}`)
	other := write("other.json", `{"z":{"1.1.1":`+ok+`}}`)
	code := write("code.json", `{"z":{"1.1.1":`+coded+`}}`)
	for _, x := range []struct {
		args   []string
		status int
		out    string
	}{
		{[]string{a, a}, same, "x: 0 of 4 cases differ\ny: 0 of 1 cases differ\n"},
		{[]string{a, b}, differ, "x 1.1.2: theirs OK, close OK without code, ours OK, close WRONG CODE without code\n" +
			"x 2.1: theirs OK, close OK without code, ours FAILED, close OK without code\n" +
			"x 3.1: theirs not run, ours OK, close OK without code\n" +
			"x 6.4.1: theirs OK, close OK without code, ours not run\nx: 4 of 5 cases differ\ny: 0 of 1 cases differ\n"},
		{[]string{one, code}, differ, "z 1.1.1: theirs OK, close OK without code, ours OK, close OK 1000\nz: 1 of 1 cases differ\n"},
		{[]string{code, code}, same, "z: 0 of 1 cases differ\n"},
		{[]string{"-agent", "y", a, b}, same, "y: 0 of 1 cases differ\n"},
		{[]string{one, other}, same, "z: 0 of 1 cases differ\n"},
		{[]string{a, one}, unable, ""},
		{[]string{a}, unable, ""},
		{[]string{"-what"}, unable, ""},
		{[]string{a, filepath.Join(dir, "none.json")}, unable, ""},
		{[]string{filepath.Join(dir, "none.json"), a}, unable, ""},
	} {
		var out, errs bytes.Buffer
		require.Equal(t, x.status, run(x.args, &out, &errs), x.args)
		require.Equal(t, x.out, out.String())
		if x.status == unable {
			require.NotEmpty(t, errs.String())
		}
	}
}
