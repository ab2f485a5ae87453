// Package compattest is for the tests of the modules that have the API of another library: it runs that library's own tests on
// them, which are nowhere copied, and the conformance suite.
package compattest

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

	"github.com/seed60239977/websocket/autobahn"
)

// Exported returns all that users of a package see, by name, in a form in which two packages can be compared. The module in the
// current directory, which stands next to others below the root's, says which version of the package is meant.
func Exported(t testing.TB, path string) map[string]string {
	t.Helper()
	here, err := filepath.Abs(".")
	require.NoError(t, err)
	cmd := exec.Command("go", "run", "-C", "../../tools/exports", ".", "-dir", here, path)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	all := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, what, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		all[name] = what
	}
	return all
}

// Suite is how the tests of a library are made ready.
type Suite struct {
	Library string            // its import path; the module in the current directory requires it
	Files   []string          // that have tests which run; nil stands for all
	NotRun  map[string]string // tests that do not run, and why; in files that do not run they must be listed as well
	Helpers []string          // what else is declared that only those need
	Edits   *strings.Replacer // what is said differently in those that run
}

// Dir returns where the source of the library is.
func (s *Suite) Dir(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", s.Library).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// Adapt writes the files that run to the directory to, and returns the names of the tests in them.
func (s *Suite) Adapt(t testing.TB, to string) (tests []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.Dir(t), "*_test.go"))
	require.NoError(t, err)
	left := map[string]bool{}
	for _, path := range files {
		name := filepath.Base(path)
		text, has, without := s.adapted(t, path)
		for _, name := range without {
			left[name] = true
		}
		if s.Files != nil && !slices.Contains(s.Files, name) {
			require.Empty(t, has, "nothing says why %s does not run", name)
			continue
		}
		tests = append(tests, has...)
		require.NoError(t, os.WriteFile(filepath.Join(to, name), text, 0o600))
	}
	for name := range s.NotRun {
		require.Contains(t, left, name, "it is not there to be left out")
	}
	slices.Sort(tests)
	return tests
}

// adapted returns one file as it runs, the tests in it, and what was left out.
func (s *Suite) adapted(t testing.TB, path string) (text []byte, tests, without []string) {
	t.Helper()
	source, err := os.ReadFile(path)
	require.NoError(t, err)
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, s.Edits.Replace(string(source)), parser.SkipObjectResolution)
	require.NoError(t, err)
	file.Decls = slices.DeleteFunc(file.Decls, func(d ast.Decl) bool {
		name := declared(d)
		out := s.NotRun[name] != "" || slices.Contains(s.Helpers, name)
		switch {
		case out:
			without = append(without, name)
		case strings.HasPrefix(name, "Test") && name != "TestMain":
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

// dropImports drops those of the standard library that nothing needs any longer.
func dropImports(file *ast.File) {
	used := map[string]bool{}
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
				return !strings.Contains(path, ".") && !used[path[strings.LastIndex(path, "/")+1:]]
			})
		}
	}
	file.Decls = slices.DeleteFunc(file.Decls, func(d ast.Decl) bool {
		imports, ok := d.(*ast.GenDecl)
		return ok && len(imports.Specs) == 0
	})
}

// Pass runs the tests of the package in a directory, and requires that these pass, and no others do. Flags are those of go test.
func (s *Suite) Pass(t testing.TB, dir string, tests []string, flags ...string) {
	t.Helper()
	args := append([]string{"test", "-count=1", "-vet=off", "-timeout=5m", "-json"}, flags...)
	cmd := exec.Command("go", append(args, ".")...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off")
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
			said.WriteString(event.Output)
		}
	}
	require.NoError(t, err, "%s%s", said.String(), stderr.String())
	require.Equal(t, tests, slices.Sorted(maps.Keys(passed)))
	t.Logf("%d of their tests pass, %d do not run", len(tests), len(s.NotRun))
}

// Conformance runs the cases of the conformance suite against the echo server at a URL: all of them, or only the quick ones.
func Conformance(t *testing.T, url string, all bool) {
	t.Helper()
	o := &autobahn.Options{}
	if !all {
		o.Cases = autobahn.Quick()
	}
	report, err := autobahn.TestServer(t.Context(), url, o)
	require.NoError(t, err)
	for _, r := range report.Results {
		for try := 0; try < 3 && !passed(r); try++ { // on a busy machine a second is now and then too short: alone it does
			once, err := autobahn.TestServer(t.Context(), url, &autobahn.Options{Cases: []string{r.Case.ID}})
			require.NoError(t, err)
			r = once.Results[0]
		}
		require.True(t, passed(r), r.Plain())
	}
	t.Log(autobahn.Summary(report.Results))
}

func passed(r autobahn.Result) bool {
	return r.Verdict() == autobahn.OK || r.Verdict() == autobahn.Informational
}
