package cli_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func completion(t *testing.T, shell string) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, sample().WriteCompletion(&b, shell))
	return b.String()
}

// TestBashCompletes runs the script as bash does when Tab is pressed.
func TestBashCompletes(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil && os.Getenv("CI") != "true" {
		t.Skip("bash is not installed")
	}
	script := completion(t, "bash")
	for typed, want := range map[string]string{
		"it ":               "talk none help",
		"it t":              "talk",
		"it help n":         "none",
		"it talk -":         "-file -loud -tone -word",
		"it talk -l":        "-loud",
		"it talk -tone ":    "low high",
		"it talk -tone h":   "high",
		"it talk -word a":   "",
		"it talk a -file /": "yes",
	} {
		words := strings.Split(typed, " ")
		quoted := "'" + strings.Join(words, "' '") + "'"
		show := `echo "${COMPREPLY[*]}"`
		if want == "yes" {
			show = `((${#COMPREPLY[@]} > 0)) && echo yes`
		}
		out, err := exec.Command("bash", "-c", script+"\nCOMP_WORDS=("+quoted+")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_it\n"+show).CombinedOutput()
		require.NoError(t, err, "%s: %s", typed, out)
		require.Equal(t, want, strings.TrimSpace(string(out)), typed)
	}
}

func TestZshAndFishKnowCommandsFlagsAndValues(t *testing.T) {
	zsh := completion(t, "zsh")
	for _, part := range []string{
		"#compdef it\n", "'talk:talks to somebody'", "'*-tone[the tone of it]:tone:(low high)'", "'*-file[where it is written]:string:_files'",
		"'*-loud[speak up]'", "'*:URL FILE:_default'", "  help)\n    compadd -- talk none help ;;\n",
	} {
		require.Contains(t, zsh, part)
	}
	fish := completion(t, "fish")
	for _, part := range []string{
		"complete -c it -f -n __fish_use_subcommand -a talk -d 'talks to somebody'\n",
		"complete -c it -n '__fish_seen_subcommand_from talk' -o tone -d 'the tone of it' -x -a 'low high'\n",
		"complete -c it -f -n __fish_use_subcommand -a help -d 'says more of a command'\n",
		"complete -c it -f -n '__fish_seen_subcommand_from help' -a 'talk none help'\n",
		"-o file -d 'where it is written' -r -F\n", "-o loud -d 'speak up'\n", "-o word -d 'a word; may be repeated' -x\n",
	} {
		require.Contains(t, fish, part)
	}
	require.ErrorContains(t, sample().WriteCompletion(&strings.Builder{}, "tcsh"), `no completion for "tcsh"`)
}
