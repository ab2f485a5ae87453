package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// strayRequires names the calls of package require on goroutines that a test has started, in literals behind the word go or
// passed to a method Go. They would end that goroutine and not the test (testing.T.FailNow).
func strayRequires(fset *token.FileSet, file *ast.File) (bad []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			bad = append(bad, requires(fset, n.Call)...)
			return false
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Go" {
				bad = append(bad, requires(fset, n)...)
				return false
			}
		}
		return true
	})
	return bad
}

// requires names all calls of package require in n.
func requires(fset *token.FileSet, n ast.Node) (found []string) {
	ast.Inspect(n, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if pkg, ok := s.X.(*ast.Ident); ok && pkg.Name == "require" {
				found = append(found, fset.Position(n.Pos()).String()+": require."+s.Sel.Name)
			}
		}
		return true
	})
	return found
}

func TestRequireIsCalledOnTheGoroutineOfTheTest(t *testing.T) {
	var bad []string
	seen := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		seen += len(requires(fset, file))
		bad = append(bad, strayRequires(fset, file)...)
		return nil
	})
	require.NoError(t, err)
	require.Positive(t, seen, "there are tests")
	require.Empty(t, bad, "use assert, or hand the error over")
}

func TestARequireOnAGoroutineOfItsOwnIsNoticed(t *testing.T) {
	for source, want := range map[string]int{
		"go func() { require.NoError(t, f()) }()":                              1,
		"go func() { if x { require.NoError(t, f()); require.True(t, y) } }()": 2,
		"wg.Go(func() { require.NoError(t, f()) })":                            1,
		"g.Go(func() error { require.NoError(t, f()); return nil })":           1,
		"go f(func() { require.NoError(t, f()) })":                             1,
		"go func() { assert.NoError(t, f()) }()":                               0,
		"require.NoError(t, f())":                                              0,
		"t.Run(``, func(t *testing.T) { require.NoError(t, f()) })":            0,
		"go f()": 0,
	} {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, "x.go", "package x\nfunc _() {\n"+source+"\n}", 0)
		require.NoError(t, err)
		require.Len(t, strayRequires(fset, file), want, source)
	}
}
