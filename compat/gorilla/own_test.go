package websocket

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/format"
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

// notRun are what gorilla/websocket's own tests declare that does not run here, and why.
var notRun = map[string]string{
	"TestBufioReuse":           "looks for the buffers of net/http in a connection, which holds none here",
	"TestWriteBufferPool":      "looks for the buffer of a connection, which holds none here",
	"TestWriteBufferPoolError": "looks for the buffer of a connection, which holds none here",
	"TestConcurrentWritePanic": "wants two goroutines that write at once to panic; here both messages go out",

	"TestEqualASCIIFold":  "calls a function that is not exported: a comparison without case",
	"TestHostPortNoPort":  "calls a function that is not exported: the address of a URL",
	"TestMaskBytes":       "calls a function that is not exported: masking",
	"TestParseExtensions": "calls a function that is not exported: a parser of headers",
	"TestTruncWriter":     "calls a function that is not exported: a part of compression",

	"BenchmarkBroadcast":            "a benchmark; the module bench has a broadcast",
	"BenchmarkMaskBytes":            "a benchmark of a function that is not exported",
	"BenchmarkWriteNoCompression":   "a benchmark; the module bench compares both packages",
	"BenchmarkWriteWithCompression": "a benchmark; the module bench compares both packages",
}

// helpers are what only those use.
var helpers = []string{
	"bufioReuseTests", "reuseTestResponseWriter", "simpleBufferPool", "errorWriter", "blockingWriter", "equalASCIIFoldTests",
	"hostPortNoPortTests", "maskBytesByByte", "notzero", "parseExtensionTests", "nopCloser",
	"broadcastBench", "broadcastMessage", "broadcastConn", "newBroadcastConn", "newBroadcastBench", "textMessages",
}

// edits are what is said differently in those that run. testdata/own/shim.go has the functions.
var edits = strings.NewReplacer(
	`"github.com/gorilla/websocket"`, `"github.com/seed60239977/websocket/compat/gorilla"`,
	// How compression is switched on without a handshake.
	"wc.newCompressionWriter = compressNoContextTakeover", "compressed(wc, isServer)",
	"rc.newDecompressionReader = decompressNoContextTakeover", "compressed(rc, !isServer)",
	"c.newCompressionWriter = compressNoContextTakeover", "compressed(c, tt.isServer)",
	// An error is compared by what it says: there is no variable with it.
	"err == errUnexpectedEOF", "isUnexpectedEOF(err)",
	"err != errUnexpectedEOF", "!isUnexpectedEOF(err)",
	"want %v\", n, err, errUnexpectedEOF", "want 1006\", n, err",
	"want %v\", err, errUnexpectedEOF", "want 1006\", err",
	// Masks are not of the generator that the test seeds.
	"want := buf.String()", "want := unmasked(&buf)",
	"got := buf.String()", "got := unmasked(&buf)",
	// WriteMessage sends one frame, whose header says at once that it is too long; a writer sends several.
	"wc.WriteMessage(BinaryMessage, message[:readLimit+1])", "inPieces(wc, message[:readLimit+1])",
	// A length that cannot be is told as what it is.
	"if err != nil && err != ErrReadLimit {", "if err != nil && err != ErrReadLimit && !isImpossibleLength(err) {",
	// A second is short on a busy machine.
	"time.Now().Add(time.Second)", "time.Now().Add(time.Minute)",
)

func TestGorillasOwnTestsPass(t *testing.T) {
	list := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/gorilla/websocket")
	dir, err := list.Output()
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "*_test.go"))
	require.NoError(t, err)
	overlay, want := adapt(t, files)

	// Their tests, in the place of those of this package.
	cmd := exec.Command("go", "test", "-count=1", "-vet=off", "-timeout=5m", "-json", "-overlay", overlay, ".")
	out, err := cmd.Output()
	passed := map[string]bool{}
	for line := range bytes.Lines(out) {
		var event struct{ Action, Test, Output string }
		require.NoError(t, json.Unmarshal(line, &event))
		if event.Action == "pass" && event.Test != "" && !strings.Contains(event.Test, "/") {
			passed[event.Test] = true
		}
		if err != nil && strings.HasSuffix(event.Action, "output") {
			t.Log(strings.TrimSuffix(event.Output, "\n"))
		}
	}
	require.NoError(t, err)
	require.Equal(t, want, slices.Sorted(maps.Keys(passed)))
	t.Logf("%d of their tests pass, %d do not run", len(want), len(notRun))
}

// adapt makes ready the files of their tests. It returns the overlay that puts them in the place of those of this package, and
// the names of the tests.
func adapt(t *testing.T, files []string) (overlay string, tests []string) {
	here, err := filepath.Abs(".")
	require.NoError(t, err)
	replace := map[string]string{filepath.Join(here, "own_shim_test.go"): filepath.Join(here, "testdata/own/shim.go")}
	own, err := filepath.Glob(filepath.Join(here, "*_test.go"))
	require.NoError(t, err)
	for _, file := range own {
		replace[file] = "" // not there
	}
	out, left := t.TempDir(), map[string]bool{}
	for _, file := range files {
		text, declared, without := edited(t, file)
		tests = append(tests, declared...)
		for _, name := range without {
			left[name] = true
		}
		to := filepath.Join(out, filepath.Base(file))
		require.NoError(t, os.WriteFile(to, text, 0o600))
		replace[filepath.Join(here, filepath.Base(file))] = to
	}
	for name := range notRun {
		require.Contains(t, left, name, "it is not there to be left out")
	}
	slices.Sort(tests)
	encoded, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	overlay = filepath.Join(out, "overlay.json")
	require.NoError(t, os.WriteFile(overlay, encoded, 0o600))
	return overlay, tests
}

// edited returns one file of theirs as it runs here, the tests in it, and what was left out.
func edited(t *testing.T, path string) (text []byte, tests, without []string) {
	source, err := os.ReadFile(path)
	require.NoError(t, err)
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, edits.Replace(string(source)), parser.SkipObjectResolution)
	require.NoError(t, err)
	file.Decls = slices.DeleteFunc(file.Decls, func(d ast.Decl) bool {
		name := declared(d)
		out := notRun[name] != "" || slices.Contains(helpers, name)
		switch {
		case out:
			without = append(without, name)
		case strings.HasPrefix(name, "Test"):
			tests = append(tests, name)
		}
		return out
	})
	dropImports(file)
	var b bytes.Buffer
	require.NoError(t, format.Node(&b, files, file))
	return b.Bytes(), tests, without
}

// declared returns what a declaration is about: for a method, the type.
func declared(d ast.Decl) string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return d.Name.Name
		}
		typ := d.Recv.List[0].Type
		if star, ok := typ.(*ast.StarExpr); ok {
			typ = star.X
		}
		return typ.(*ast.Ident).Name
	case *ast.GenDecl:
		switch spec := d.Specs[0].(type) {
		case *ast.TypeSpec:
			return spec.Name.Name
		case *ast.ValueSpec:
			return spec.Names[0].Name
		}
	}
	return ""
}

// dropImports drops those that nothing needs any longer.
func dropImports(file *ast.File) {
	used := map[string]bool{"gorilla": true} // whose package has another name
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				used[x.Name] = true
			}
		}
		return true
	})
	for _, d := range file.Decls {
		if imports, ok := d.(*ast.GenDecl); ok && imports.Tok == token.IMPORT {
			imports.Specs = slices.DeleteFunc(imports.Specs, func(s ast.Spec) bool {
				path := strings.Trim(s.(*ast.ImportSpec).Path.Value, `"`)
				return !used[path[strings.LastIndex(path, "/")+1:]]
			})
		}
	}
	file.Decls = slices.DeleteFunc(file.Decls, func(d ast.Decl) bool {
		imports, ok := d.(*ast.GenDecl)
		return ok && len(imports.Specs) == 0
	})
}
