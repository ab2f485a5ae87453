package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// untimed names the HTTP servers of a file without a limit to the time that a request's header may take: struct literals
// of http.Server, and the functions of net/http that have no place for one.
func untimed(fset *token.FileSet, file *ast.File) (bad []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			if isOfHTTP(n.Type, "Server") && !sets(n, "ReadHeaderTimeout") {
				bad = append(bad, fset.Position(n.Pos()).String()+": http.Server without ReadHeaderTimeout")
			}
		case *ast.CallExpr:
			if isOfHTTP(n.Fun, "ListenAndServe", "ListenAndServeTLS", "Serve", "ServeTLS") {
				bad = append(bad, fset.Position(n.Pos()).String()+": net/http's own server has no timeouts")
			}
		}
		return true
	})
	return bad
}

// isOfHTTP reports whether an expression is one of these names of net/http.
func isOfHTTP(e ast.Expr, names ...string) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := s.X.(*ast.Ident)
	if !ok || pkg.Name != "http" {
		return false
	}
	for _, name := range names {
		if s.Sel.Name == name {
			return true
		}
	}
	return false
}

// sets reports whether a literal gives a value to a field.
func sets(lit *ast.CompositeLit, field string) bool {
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok && key.Name == field {
				return true
			}
		}
	}
	return false
}

// TestEveryProgramLimitsTheTimeOfARequestsHeader is about the programs of this repository, which readers start from.
func TestEveryProgramLimitsTheTimeOfARequestsHeader(t *testing.T) {
	seen := 0
	for _, dir := range []string{"examples", "autobahn", "bench"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			require.Empty(t, untimed(fset, file))
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			seen += strings.Count(string(text), "ReadHeaderTimeout:")
			return nil
		})
		require.NoError(t, err)
	}
	require.Positive(t, seen, "there are servers")
}

func TestAServerWithoutATimeoutIsNoticed(t *testing.T) {
	for source, want := range map[string]int{
		"&http.Server{}":                         1,
		"http.Server{Addr: a}":                   1,
		"http.ListenAndServe(a, nil)":            1,
		"http.Serve(l, nil)":                     1,
		"&http.Server{ReadHeaderTimeout: 1}":     0,
		"other.Server{}":                         0,
		"http.NewServeMux()":                     0,
		"server.Serve(l)":                        0,
		"server(0).Serve(l)":                     0,
		"[]int{1}":                               0,
		"http.Server{Addr: a, ErrorLog: logger}": 1,
	} {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, "x.go", "package x\nvar _ = "+source, 0)
		require.NoError(t, err)
		require.Len(t, untimed(fset, file), want, source)
	}
}

// TestEveryExampleLimitsTheTimeOfARequestsHeader is about what readers copy: examples in tests, and the README.
func TestEveryExampleLimitsTheTimeOfARequestsHeader(t *testing.T) {
	for _, name := range []string{"example_test.go", "registry_test.go"} {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, filepath.Join(root, name), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		require.Empty(t, untimed(fset, file))
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	require.NotContains(t, string(readme), "http.ListenAndServe(", "which has no timeouts")
}
