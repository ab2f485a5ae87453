package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// How long functions may be, in lines from "func" to the closing brace. Whoever meets one of these limits takes a function
// apart where a reader would; the mean is what that costs the next one.
const (
	longest = 60
	mean    = 11.0
	p90     = 24 // nine of ten functions are no longer
)

// longFunctions are longer than that, each for a reason.
var longFunctions = map[string]string{
	"deflate/inflate_fast.go:inflater.fast": "a loop whose state stays in registers, which a call in the middle would end",
}

// function is how long one is.
type function struct {
	name  string // file:receiver.name
	lines int
}

// functions returns those of a file, which is named relative to the module.
func functions(fset *token.FileSet, name string, f *ast.File) (all []function) {
	for _, decl := range f.Decls {
		if d, ok := decl.(*ast.FuncDecl); ok {
			lines := fset.Position(d.End()).Line - fset.Position(d.Pos()).Line + 1
			all = append(all, function{name + ":" + qualified(d), lines})
		}
	}
	return all
}

// qualified returns the name of a function, behind the type that it is a method of.
func qualified(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return d.Name.Name
	}
	of := ""
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && of == "" {
			of = id.Name
		}
		return of == ""
	})
	return of + "." + d.Name.Name
}

func TestFunctionsAreShort(t *testing.T) {
	fset, dirs := source(t)
	var all []function
	for _, files := range dirs {
		for _, f := range files {
			name, err := filepath.Rel(root, fset.Position(f.Pos()).Filename)
			require.NoError(t, err)
			all = append(all, functions(fset, filepath.ToSlash(name), f)...)
		}
	}
	slices.SortFunc(all, func(a, b function) int { return b.lines - a.lines })
	sum, long := 0, map[string]string{}
	for _, f := range all {
		sum += f.lines
		if f.lines > longest {
			long[f.name] = longFunctions[f.name]
		}
	}
	require.Equal(t, longFunctions, long, "longer than %d lines", longest)
	require.LessOrEqual(t, float64(sum)/float64(len(all)), mean, "the longest: %v", all[:20])
	require.LessOrEqual(t, all[len(all)/10].lines, p90)
}

func TestTheLengthOfAFunctionIsSeen(t *testing.T) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "x.go", "package x\nfunc A() {\n\n}\nfunc (g *G[T]) B() {}\nfunc (s S) C() {}", 0)
	require.NoError(t, err)
	require.Equal(t, []function{{"x.go:A", 3}, {"x.go:G.B", 1}, {"x.go:S.C", 1}}, functions(fset, "x.go", f))
}

// mapped are the packages whose documentation has a map of their files.
var mapped = []string{"protocol", "conn"}

func TestTheMapOfAPackageIsComplete(t *testing.T) {
	for _, pkg := range mapped {
		doc, err := os.ReadFile(filepath.Join(root, pkg, "doc.go"))
		require.NoError(t, err)
		_, where, found := strings.Cut(string(doc), "// # Where is what?\n")
		require.True(t, found, pkg)
		listed := regexp.MustCompile(`\w+\.go\b`).FindAllString(where, -1)
		files, err := filepath.Glob(filepath.Join(root, pkg, "*.go"))
		require.NoError(t, err)
		var names []string
		for _, f := range files {
			if name := filepath.Base(f); name != "doc.go" && !strings.HasSuffix(name, "_test.go") {
				names = append(names, name)
			}
		}
		require.ElementsMatch(t, names, listed, "the map in %s/doc.go", pkg)
	}
}

// tidied are the packages whose tests stand beside what they test: those of x.go in x_test.go, or, where there are too many for
// one file, in x_topic_test.go.
var tidied = []string{".", "protocol", "conn"}

// besides are test files of these packages that belong to no other file.
var besides = []string{
	"helpers", "example", "export", "portable_on", "portable_off",
	"conversation", // of both halves of package protocol
}

// homeless returns the test files of a directory that stand beside nothing.
func homeless(files []string) (alone []string) {
	for _, file := range files {
		name, isTest := strings.CutSuffix(file, "_test.go")
		if isTest && !slices.Contains(besides, name) && !slices.ContainsFunc(files, func(other string) bool {
			beside, ok := strings.CutSuffix(other, ".go")
			return ok && !strings.HasSuffix(other, "_test.go") && (name == beside || strings.HasPrefix(name, beside+"_"))
		}) {
			alone = append(alone, file)
		}
	}
	return alone
}

func TestTestsStandBesideWhatTheyTest(t *testing.T) {
	for _, dir := range tidied {
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		require.NoError(t, err)
		for i := range files {
			files[i] = filepath.Base(files[i])
		}
		require.NotEmpty(t, files)
		require.Empty(t, homeless(files), dir)
	}
	require.Equal(t, []string{"reads_test.go"},
		homeless([]string{"read.go", "read_test.go", "read_linux_test.go", "reads_test.go", "helpers_test.go"}))
}

// place is a name in a document and the file that has it, both as code: `Conn.Read` (`conn/read.go`).
var place = regexp.MustCompile("`([\\w.]+)`\\s+\\(`([\\w/]+\\.go)`\\)")

func TestWhatTheTourShowsIsThere(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "CONTRIBUTING.md"))
	require.NoError(t, err)
	_, tour, found := strings.Cut(string(text), "\n## A tour of the house\n")
	require.True(t, found)
	tour, _, _ = strings.Cut(tour, "\n## ")
	questions := strings.Split(tour, "\n- **")[1:]
	require.GreaterOrEqual(t, len(questions), 5)
	for _, q := range questions {
		places := place.FindAllStringSubmatch(q, -1)
		require.NotEmpty(t, places, q)
		for _, p := range places {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, p[2]), nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			require.Contains(t, declared(f), p[1], "in %s", p[2])
		}
	}
}

// declared returns what a file declares: functions, methods as Type.Method, types, constants and variables.
func declared(f *ast.File) (names []string) {
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			names = append(names, qualified(d))
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					names = append(names, s.Name.Name)
				case *ast.ValueSpec:
					for _, id := range s.Names {
						names = append(names, id.Name)
					}
				}
			}
		}
	}
	return names
}

func TestWhatAFileDeclaresIsFound(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\nconst A, B = 1, 2\nvar C int\ntype D struct{}\nfunc (*D) E() {}\nfunc F() {}", 0)
	require.NoError(t, err)
	require.Equal(t, []string{"A", "B", "C", "D", "D.E", "F"}, declared(f))
	require.Equal(t, []string{"D.E", "a/b_c.go"}, place.FindStringSubmatch("see `D.E`\n(`a/b_c.go`)")[1:])
}
