package websocket

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// notRun are the tests of coder/websocket that do not run here, and why.
var notRun = map[string]string{
	"TestAutobahn": "needs Docker; conformance_test.go has the same cases",
	"TestWasm":     "needs a browser; this package is not for browsers",

	"TestCloseError":                                   "calls a method that is not exported: the payload of a close frame",
	"TestCompressionDictionaryPreserved":               "makes connections without a handshake, and reads frames with a function that is not exported",
	"TestHeader":                                       "calls functions that are not exported: headers of frames",
	"TestMask":                                         "calls a function that is not exported: masking",
	"TestWriteSingleFrameCompressed":                   "makes connections without a handshake, and reads frames with a function that is not exported",
	"TestWriteThenWriterContextTakeover":               "makes connections without a handshake",
	"Test_authenticateOrigin":                          "calls a function that is not exported: origins; handshake_test.go has such cases",
	"Test_hijackerHTTPResponseControllerCompatibility": "calls a function that is not exported: what TestAccept asks for too",
	"TestMaskASM":                                      "calls a function that is not exported: masking",
	"Test_mask":                                        "calls a function that is not exported: masking",
	"TestWasmDialTimeout":                              "needs a browser; this package is not for browsers",
	"Test_parseClosePayload":                           "calls a function that is not exported: the payload of a close frame",
	"Test_selectDeflate":                               "calls a function that is not exported: a parser of headers",
	"Test_selectSubprotocol":                           "calls a function that is not exported: subprotocols; handshake_test.go has its cases",
	"Test_slidingWindow":                               "calls a function that is not exported: a part of compression",
	"Test_validWireCloseCode":                          "calls a function that is not exported: codes of close frames",
	"Test_verifyClientHandshake":                       "calls a function that is not exported: requests; handshake_test.go has its cases",
	"Test_verifyServerHandshake":                       "calls a function that is not exported: responses",
}

// parts are the files with tests that run, and what else must be left out of them.
var parts = map[string][]string{
	"accept_test.go":  {"_"},
	"close_test.go":   nil,
	"conn_test.go":    {"BenchmarkConn", "cleanEnv"},
	"dial_test.go":    nil,
	"example_test.go": nil,
	"main_test.go":    nil, // fails if a goroutine is left
}

// edits are what is said differently in those. testdata/own/shim.go has what their export_test.go has.
var edits = strings.NewReplacer(
	// A goroutine that has done its work is counted until it has returned.
	"runtime.NumGoroutine() != 1", "leaves()",
	"func goroutineStacks()",
	"func leaves() bool {\n\tfor range 1 << 20 {\n\t\tif runtime.NumGoroutine() == 1 {\n\t\t\treturn false\n\t\t}\n\t\truntime.Gosched()\n\t}\n\treturn true\n}\n\nfunc goroutineStacks()",
	// A tenth of a second, and seconds, are short on a busy machine.
	"time.Millisecond*100)\n\t\tdefer cancel()\n\n\t\terr := c1.Ping(ctx)\n\t\tassert.Success(",
	"time.Minute)\n\t\tdefer cancel()\n\n\t\terr := c1.Ping(ctx)\n\t\tassert.Success(",
	"time.Millisecond*100)\n\t\tdefer cancel()\n\n\t\terr := c1.Ping(ctx)\n\t\tassert.Contains(t, err, \"failed to wait for pong\")\n\n\t\tc1.CloseNow()",
	"time.Second*3)\n\t\tdefer cancel()\n\n\t\terr := c1.Ping(ctx)\n\t\tassert.Contains(t, err, \"failed to wait for pong\")\n\n\t\tc1.CloseNow()",
	"time.Second*5", "time.Minute", "time.Second * 5", "time.Minute", "time.Second*10", "time.Minute", "time.Second*30", "time.Minute*3",
	// The engine has the parameters in another order.
	"CompressionNoContextTakeover.opts().String()", `"permessage-deflate; server_no_context_takeover; client_no_context_takeover"`,
	// What nothing needs any longer.
	"\t\"math\"\n\t\"strings\"\n", "",
	"\t\"net/http/httptest\"\n\t\"os\"\n\t\"os/exec\"\n", "",
	"\t\"strings\"\n\t\"sync\"\n", "\t\"sync\"\n",
)

func TestCodersOwnTestsPass(t *testing.T) {
	list, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/coder/websocket").Output()
	require.NoError(t, err)
	dir := assemble(t, strings.TrimSpace(string(list)))
	want, left := []string{}, map[string]bool{}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(list)), "*_test.go"))
	require.NoError(t, err)
	for _, path := range files {
		text, tests, without := edited(t, path, parts[filepath.Base(path)])
		for _, name := range without {
			left[name] = true
		}
		if _, runs := parts[filepath.Base(path)]; runs {
			want = append(want, tests...)
			require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(path)), text, 0o600))
		} else {
			require.Empty(t, tests, "nothing says why %s does not run", path)
		}
	}
	for name := range notRun {
		require.True(t, left[name], "%s is not there to be left out", name)
	}
	slices.Sort(want)
	require.Equal(t, want, run(t, dir))
	t.Logf("%d of their tests pass, %d do not run", len(want), len(notRun))
}

// assemble makes a module of coder/websocket's name that has our packages and what is internal to its tests.
func assemble(t *testing.T, theirs string) string {
	t.Helper()
	here, err := filepath.Abs(".")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "internal"), os.DirFS(filepath.Join(theirs, "internal"))))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "wsjson"), 0o700))
	for to, from := range map[string]string{
		"doc.go": "doc.go", "websocket.go": "websocket.go", "wsjson/wsjson.go": "wsjson/wsjson.go", "go.sum": "go.sum",
		"export_test.go": "testdata/own/shim.go",
	} {
		text, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, to), text, 0o600))
	}
	mod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	text := strings.NewReplacer(
		"module github.com/seed60239977/websocket/compat/coder", "module github.com/coder/websocket",
		"=> ../..", "=> "+filepath.Join(here, "../.."),
		"\tgithub.com/coder/websocket v1.8.15\n", "",
	).Replace(string(mod))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o600))
	return dir
}

// edited returns one file of theirs as it runs here, the tests in it, and what was left out.
func edited(t *testing.T, path string, not []string) (text []byte, tests, without []string) {
	t.Helper()
	source, err := os.ReadFile(path)
	require.NoError(t, err)
	source = []byte(edits.Replace(string(source)))
	file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.SkipObjectResolution)
	require.NoError(t, err)
	from := 0
	for _, d := range file.Decls {
		name := declared(d)
		if notRun[name] == "" && !slices.Contains(not, name) {
			if strings.HasPrefix(name, "Test") && name != "TestMain" {
				tests = append(tests, name)
			}
			continue
		}
		without = append(without, name)
		text = append(text, source[from:d.Pos()-file.FileStart]...)
		from = int(d.End() - file.FileStart)
	}
	return append(text, source[from:]...), tests, without
}

// declared returns what a declaration is about, or "".
func declared(d ast.Decl) string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return d.Name.Name
		}
	case *ast.GenDecl:
		if spec, ok := d.Specs[0].(*ast.ValueSpec); ok {
			return spec.Names[0].Name
		}
	}
	return ""
}

// run runs the tests in a directory and returns those that pass.
func run(t *testing.T, dir string) []string {
	t.Helper()
	cmd := exec.Command("go", "test", "-count=1", "-vet=off", "-timeout=5m", "-json", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	passed := map[string]bool{}
	var said strings.Builder
	for line := range bytes.Lines(out) {
		var event struct{ Action, Test, Output string }
		require.NoError(t, json.Unmarshal(line, &event))
		if event.Action == "pass" && event.Test != "" && !strings.Contains(event.Test, "/") {
			passed[event.Test] = true
		}
		if strings.HasSuffix(event.Action, "output") {
			fmt.Fprint(&said, event.Output)
		}
	}
	require.NoError(t, err, "%s%s", said.String(), stderr.String())
	return slices.Sorted(maps.Keys(passed))
}
