package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

// root is the module's root directory, seen from this package.
const root = "../.."

// source parses every non-test Go file of the module, nested modules excluded, and groups them by directory.
func source(t *testing.T) (*token.FileSet, map[string][]*ast.File) {
	t.Helper()
	fset, dirs := token.NewFileSet(), map[string][]*ast.File{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return enter(path, d.Name())
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err == nil {
			dirs[filepath.Dir(path)] = append(dirs[filepath.Dir(path)], f)
		}
		return err
	})
	require.NoError(t, err)
	require.NotEmpty(t, dirs)
	return fset, dirs
}

// enter says whether a directory holds packages of the module.
func enter(path, name string) error {
	if path == root {
		return nil
	}
	if name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "node_modules" {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func TestEveryPackageHasADocComment(t *testing.T) {
	_, dirs := source(t)
	var bare []string
	for dir, files := range dirs {
		if !slices.ContainsFunc(files, func(f *ast.File) bool { return f.Doc != nil }) {
			bare = append(bare, dir)
		}
	}
	require.Empty(t, bare)
}

func TestEveryIdentifierThatUsersSeeHasADocComment(t *testing.T) {
	fset, dirs := source(t)
	var bare []string
	for dir, files := range dirs {
		if strings.Contains(filepath.ToSlash(dir), "/internal/") {
			continue // no reader of the documentation gets to see it
		}
		rel, err := filepath.Rel(root, dir)
		require.NoError(t, err)
		members := slices.Contains(public, filepath.ToSlash(rel))
		for _, f := range files {
			for _, id := range undocumented(f, members) {
				bare = append(bare, fmt.Sprintf("%s: %s", fset.Position(id.Pos()), id.Name))
			}
		}
	}
	require.Empty(t, bare)
}

func TestTheDocCheckNoticesEveryKindOfIdentifier(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", `package x
		type T struct {
			F int
			G int // said
		}
		type I interface { M() }
		func Fn() {}
		func (t *T) Do() {}
		func (g *Generic[E]) Do2() {}
		func (h hidden) Close() {}
		var V int
		const C = 1
		// Said for the group.
		const (
			A = iota
			B
		)
		// Generic is said, and so are X and Y.
		type Generic[E any] struct { X, Y, Z E }
		type hidden struct { X int }
	`, parser.ParseComments)
	require.NoError(t, err)
	var names []string
	for _, id := range undocumented(f, true) {
		names = append(names, id.Name)
	}
	require.Equal(t, []string{"T", "F", "I", "M", "Fn", "Do", "Do2", "V", "C", "Z"}, names)
}

// undocumented returns the exported identifiers of a file that no comment belongs to. One comment is enough for a group
// of constants or variables. Fields and methods of interfaces count if members is set, and may be spoken of in the
// comment of their type.
func undocumented(f *ast.File, members bool) []*ast.Ident {
	var found gaps
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if receiverExported(d) {
				found.add([]*ast.Ident{d.Name}, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.ValueSpec:
					found.add(s.Names, d.Doc, s.Doc, s.Comment)
				case *ast.TypeSpec:
					found.addType(d, s, members)
				}
			}
		}
	}
	return found
}

// gaps are exported identifiers without a comment.
type gaps []*ast.Ident

// add keeps the exported ones of some identifiers, unless there is a comment.
func (g *gaps) add(ids []*ast.Ident, comments ...*ast.CommentGroup) {
	if slices.ContainsFunc(comments, func(c *ast.CommentGroup) bool { return c != nil }) {
		return
	}
	for _, id := range ids {
		if id.IsExported() {
			*g = append(*g, id)
		}
	}
}

// addType looks at a type and, if members is set, at its fields or methods.
func (g *gaps) addType(d *ast.GenDecl, s *ast.TypeSpec, members bool) {
	doc := d.Doc
	if d.Lparen.IsValid() {
		doc = nil // the comment of a group of types says nothing of one of them
	}
	g.add([]*ast.Ident{s.Name}, doc, s.Doc, s.Comment)
	if !members || !s.Name.IsExported() {
		return
	}
	for _, field := range membersOf(s.Type) {
		g.add(unnamed(field.Names, doc, s.Doc), field.Doc, field.Comment)
	}
}

// unnamed returns the members that the comments of their type do not speak of by name.
func unnamed(ids []*ast.Ident, comments ...*ast.CommentGroup) []*ast.Ident {
	said := map[string]bool{}
	for _, c := range comments {
		for _, word := range strings.FieldsFunc(c.Text(), notInWord) {
			said[word] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id *ast.Ident) bool { return said[id.Name] })
}

func notInWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// receiverExported reports whether a function is part of a package's API: no method, or one of an exported type.
func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

// membersOf returns the fields of a struct or the methods of an interface.
func membersOf(t ast.Expr) []*ast.Field {
	switch x := t.(type) {
	case *ast.StructType:
		return x.Fields.List
	case *ast.InterfaceType:
		return x.Methods.List
	}
	return nil
}
