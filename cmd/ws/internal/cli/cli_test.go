package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
)

// sample is a program with a command that says how it was called, or fails.
func sample() *cli.Program {
	talk := &cli.Command{
		Name: "talk", Args: "URL FILE", Min: 1, Max: 2, Short: "talks to somebody", Long: "It has 'much' to say.\n\n  kept as it is\n\nMore.",
		Examples: []cli.Example{{Does: "talk", Line: "it talk a"}},
		Setup: func(f *cli.Flags) cli.Action {
			f.Section("Voice")
			loud := f.Bool("loud", false, "speak up")
			tone := f.String("tone", "low", "the `tone` of it")
			f.Values("tone", "low", "high")
			f.Section("Paper")
			var words []string
			f.Strings(&words, "word", "a `word`; may be repeated")
			file := f.String("file", "", "where it is written")
			f.Files("file")
			return func(_ context.Context, env *cli.Env, args []string) error {
				if *tone == "wrong" {
					return &cli.Error{Err: errors.New("bad\x1b tone"), Try: "a good one"}
				}
				if *tone == "quiet" {
					return cli.Quiet(7)
				}
				if *tone == "plain" {
					return errors.New("plain")
				}
				_, err := env.Stdout.Write([]byte(strings.Join(append(args, words...), ",") + *file))
				if *loud {
					env.Stdout.Write([]byte("!"))
				}
				return err
			}
		},
	}
	none := &cli.Command{Name: "none", Short: "does nothing", Setup: func(*cli.Flags) cli.Action {
		return func(context.Context, *cli.Env, []string) error { return nil }
	}}
	return &cli.Program{
		Name: "it", Short: "is a sample", Long: "A sample.", Commands: []*cli.Command{talk, none},
		Statuses: []cli.Status{{Code: "0", Means: "good"}}, Environment: []cli.Status{{Code: "X", Means: "a variable"}},
	}
}

func run(args ...string) (status int, stdout, stderr string) {
	var out, err strings.Builder
	env := &cli.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &err, Getenv: func(string) string { return "" }}
	status = sample().Run(context.Background(), args, env)
	return status, out.String(), err.String()
}

func TestFlagsMayStandAnywhere(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"talk", "a"}, "a"},
		{[]string{"talk", "-loud", "a", "-word", "x", "b", "-word", "y", "-file", "f"}, "a,b,x,yf!"},
		{[]string{"talk", "a", "--", "-loud"}, "a,-loud"},
		{[]string{"talk", "-", "-loud"}, "-!"},
	} {
		status, stdout, stderr := run(c.args...)
		require.Equal(t, 0, status, stderr)
		require.Equal(t, c.want, stdout)
		require.Empty(t, stderr)
	}
}

func TestMistakesAreExplained(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		stderr string
	}{
		{[]string{"tlak"}, 2, "it: no command is called \"tlak\"\n  try: it talk\n"},
		{[]string{"xyz"}, 2, "it: no command is called \"xyz\"\n  try: it help, which lists the commands\n"},
		{[]string{"ws://a"}, 2, "it: \"ws://a\" is a URL, not a command\n  try: it connect ws://a\n"},
		{[]string{"help", "tal"}, 2, "it: no command is called \"tal\"\n  try: it talk\n"},
		{[]string{"talk"}, 2, "it talk: URL is missing\n  try: it talk a\n"},
		{[]string{"talk", "a", "b", "c"}, 2, "it talk: unexpected argument \"c\" after URL FILE\n  try: quotes around what has spaces in it\n"},
		{[]string{"none", "a"}, 2, "it none: unexpected argument \"a\"\n  try: it none -h\n"},
		{[]string{"talk", "-laud", "a"}, 2, "it talk: there is no flag -laud\n  try: -loud\n"},
		{[]string{"talk", "-q", "a"}, 2, "it talk: there is no flag -q\n  try: it talk -h, which lists the flags\n"},
		{[]string{"talk", "-tone"}, 2, "it talk: flag needs an argument: -tone\n  try: it talk -h, which lists the flags\n"},
		{[]string{"talk", "-tone", "wrong", "a"}, 1, "it talk: bad␛ tone\n  try: a good one\n"},
		{[]string{"talk", "-tone", "plain", "a"}, 1, "it talk: plain\n"},
		{[]string{"talk", "-tone", "quiet", "a"}, 7, ""},
	} {
		status, stdout, stderr := run(c.args...)
		require.Equal(t, c.status, status, c.args)
		require.Equal(t, c.stderr, stderr)
		require.Empty(t, stdout)
	}
}

func TestHelpIsOfTheProgramAndOfEachCommand(t *testing.T) {
	whole := "it is a sample\n\nusage: it COMMAND [flags] [arguments]\n\n" +
		"  talk        talks to somebody\n  none        does nothing\n\n" +
		"it COMMAND -h, or it help COMMAND, has the flags of a command, and examples.\n\n" +
		"Exit status\n  0                       good\n\nEnvironment\n  X                       a variable\n"
	for _, args := range [][]string{{"help"}, {"-h"}, {"--help"}} {
		status, stdout, stderr := run(args...)
		require.Equal(t, 0, status)
		require.Equal(t, whole, stdout)
		require.Empty(t, stderr)
	}
	status, stdout, stderr := run()
	require.Equal(t, cli.StatusUsage, status)
	require.Equal(t, whole, stderr)
	require.Empty(t, stdout)

	one := "it talk talks to somebody\n\nusage: it talk [flags] URL FILE\n\nIt has 'much' to say.\n\n  kept as it is\n\nMore.\n\n" +
		"Voice\n  -loud                   speak up\n  -tone tone              the tone of it (default low)\n\n" +
		"Paper\n  -file string            where it is written\n  -word word              a word; may be repeated\n\n" +
		"Examples\n  # talk\n  it talk a\n\n" +
		"Exit status\n  0                       good\n\nEnvironment\n  X                       a variable\n"
	for _, args := range [][]string{{"talk", "-h"}, {"help", "talk"}} {
		status, stdout, stderr = run(args...)
		require.Equal(t, 0, status)
		require.Equal(t, one, stdout)
		require.Empty(t, stderr)
	}
}

func TestTheManualHasWhatTheHelpHas(t *testing.T) {
	var b strings.Builder
	sample().WriteMan(&b)
	man := b.String()
	for _, part := range []string{
		".TH IT 1\n", "it \\- a sample\n", ".SH IT TALK\n.B it talk [flags] URL FILE\n", `It has \(aqmuch\(aq to say.`,
		".nf\n  kept as it is\n.fi\n", ".SS Voice\n", ".TP\n\\fB\\-tone\\fR \\fItone\\fR\nthe tone of it (default low)\n",
		".TP\ntalk\n.nf\n\\fBit talk a\\fR\n.fi\n", ".SH EXIT STATUS\n.TP\n.B 0\ngood\n", ".SH ENVIRONMENT\n.TP\n.B X\n",
	} {
		require.Contains(t, man, part)
	}
}

func TestNearestKnowsTypingMistakes(t *testing.T) {
	names := []string{"connect", "listen", "load"}
	for typed, want := range map[string]string{"conect": "connect", "lsiten": "listen", "con": "connect", "laod": "load", "zzz": "", "x": "", "": ""} {
		require.Equal(t, want, cli.Nearest(typed, names), typed)
	}
}

func TestCloseStatusIsTheTable(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("x"), 1},
		{&websocket.CloseError{Code: 1000, Remote: true, WasClean: true}, 0},
		{&websocket.CloseError{Code: 1001, WasClean: true}, 0},
		{&websocket.CloseError{Code: 1001, WasClean: true, Remote: true}, 101},
		{&websocket.CloseError{Code: 1015}, 115},
		{&websocket.CloseError{Code: 2999, Remote: true}, 106},
		{&websocket.CloseError{Code: 3500, Remote: true}, 3},
		{&websocket.CloseError{Code: 4999, Remote: true}, 4},
	} {
		require.Equal(t, c.want, cli.CloseStatus(c.err), c.err)
	}
	require.NoError(t, cli.Closed(&websocket.CloseError{Code: 1000}))
	require.Error(t, cli.Closed(&websocket.CloseError{Code: 1011, Remote: true}))
}

func TestVisibleTamesControlCharacters(t *testing.T) {
	require.Equal(t, "a\tb\n␛[2J␡\ufffd\ufffd\ufffd\ufffdü你", cli.Visible("a\tb\n\x1b[2J\x7f\u0085\u202e\u2066\u2028ü你"))
	require.Equal(t, "\ufffd2J", cli.Visible("\x9b2J"), "what is no UTF-8 may be a control sequence of eight bits")
	require.Equal(t, "a␊ws: b␍", cli.Line("a\nws: b\r"))
}

func TestJSONStaysTheSameForPrograms(t *testing.T) {
	const hostile = "\u009b2J\x7f\u202ex\u2066\u2028ü\x1b\n"
	b, err := json.MarshalIndent(map[string]string{"k": hostile}, "", "  ")
	require.NoError(t, err)
	got := cli.JSON(b)
	require.Equal(t, "{\n  \"k\": \"\\u009b2J\\u007f\\u202ex\\u2066\\u2028ü\\u001b\\n\"\n}", string(got))
	var back map[string]string
	require.NoError(t, json.Unmarshal(got, &back))
	require.Equal(t, hostile, back["k"])
}

func TestWhatAPeerSaysStaysOnItsLine(t *testing.T) {
	c := &cli.Command{Name: "x", Setup: func(*cli.Flags) cli.Action {
		return func(context.Context, *cli.Env, []string) error {
			return &cli.Error{Err: errors.New("closed: bye\nws: all is well\x1b[8m"), Try: "this\x1b[0m\n\u202ethat"}
		}
	}}
	var stderr strings.Builder
	p := &cli.Program{Name: "ws", Commands: []*cli.Command{c}}
	require.Equal(t, 1, p.Run(t.Context(), []string{"x"}, &cli.Env{Stderr: &stderr}))
	require.Equal(t, "ws x: closed: bye; ws: all is well␛[8m\n  try: this␛[0m␊\ufffdthat\n", stderr.String())
}
