package websocket

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// notAliased are the names of package conn that stand for a handshake that somebody else has done.
var notAliased = []string{"Client", "Server", "Negotiated", "Hijacked",
	"Driven", "DrivenMemory", "Arrived", "ArrivedNothing", "ArrivedBytes", "ArrivedEnd", "Progress", "Drained", "More", "Paused", "Busy", "Over", // for package event
}

// declared returns the exported package-level names of a directory, and how each of them is defined.
func declared(t *testing.T, dir string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	names := map[string]string{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			declaredBy(decl, names)
		}
	}
	return names
}

// declaredBy adds what one declaration declares.
func declaredBy(decl ast.Decl, names map[string]string) {
	if f, ok := decl.(*ast.FuncDecl); ok {
		if f.Recv == nil && f.Name.IsExported() {
			names[f.Name.Name] = "func"
		}
		return
	}
	for _, spec := range decl.(*ast.GenDecl).Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() {
				names[s.Name.Name] = selector(s.Type, s.Assign.IsValid())
			}
		case *ast.ValueSpec:
			for i, name := range s.Names {
				if name.IsExported() {
					names[name.Name] = ""
					if i < len(s.Values) {
						names[name.Name] = selector(s.Values[i], true)
					}
				}
			}
		}
	}
}

// selector returns "package.Name" for an expression that is nothing but that.
func selector(e ast.Expr, alias bool) string {
	if s, ok := e.(*ast.SelectorExpr); ok && alias {
		if pkg, ok := s.X.(*ast.Ident); ok {
			return pkg.Name + "." + s.Sel.Name
		}
	}
	return ""
}

func TestEveryExportedNameOfConnHasAnAlias(t *testing.T) {
	own, theirs := declared(t, "."), declared(t, "conn")
	for _, name := range notAliased {
		require.Contains(t, theirs, name)
		delete(theirs, name)
	}
	require.NotEmpty(t, theirs)
	for name, definition := range theirs {
		want := "conn." + name
		if definition == "func" {
			want = "func"
		}
		require.Equal(t, want, own[name], "alias for conn.%s", name)
	}
}
