package websocket

import (
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// extra are the names that gorilla/websocket does not have; doc.go tells of them.
var extra = []string{"Upgrader.CheckUTF8", "Dialer.CheckUTF8"}

func TestEveryExportedNameIsThereWithItsSignature(t *testing.T) {
	original, compatible := packages(t)
	theirs, ours := exported(original), exported(compatible)
	require.Greater(t, len(theirs), 90)
	for _, name := range extra {
		require.Contains(t, ours, name)
		delete(ours, name)
	}
	require.Equal(t, theirs, ours)
}

// packages returns what the compiler knows of both packages: theirs and ours.
func packages(t *testing.T) (theirs, ours *types.Package) {
	t.Helper()
	const path = "github.com/gorilla/websocket"
	out, err := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", path, ".").Output()
	require.NoError(t, err)
	compiled, own := map[string]string{}, ""
	for line := range strings.Lines(string(out)) {
		name, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		own, compiled[name] = name, file
	}
	read := func(path string) (io.ReadCloser, error) { return os.Open(compiled[path]) }
	imports := importer.ForCompiler(token.NewFileSet(), "gc", read)
	theirs, err = imports.Import(path)
	require.NoError(t, err)
	ours, err = imports.Import(own) // dependencies come first, so ours is the last line
	require.NoError(t, err)
	return theirs, ours
}

// exported returns all that users of a package see, by name. Constants have their values, fields and methods their types.
func exported(pkg *types.Package) map[string]string {
	all := map[string]string{}
	for _, name := range pkg.Scope().Names() {
		if obj := pkg.Scope().Lookup(name); obj.Exported() {
			describe(all, obj)
		}
	}
	return all
}

func describe(all map[string]string, obj types.Object) {
	name := obj.Name()
	all[name] = fmt.Sprintf("%T %s", obj, text(obj.Type()))
	switch obj := obj.(type) {
	case *types.Const:
		all[name] += " = " + obj.Val().String()
	case *types.TypeName:
		all[name] = fmt.Sprintf("type %T", obj.Type().Underlying())
		if s, ok := obj.Type().Underlying().(*types.Struct); ok {
			for f := range s.Fields() {
				if f.Exported() {
					all[name+"."+f.Name()] = "field " + text(f.Type())
				}
			}
		}
		for _, typ := range []types.Type{obj.Type(), types.NewPointer(obj.Type())} {
			methods := types.NewMethodSet(typ)
			for m := range methods.Methods() {
				if m.Obj().Exported() {
					all[text(typ)+"."+m.Obj().Name()] = text(m.Type())
				}
			}
		}
	}
}

// text writes a type in the same way for both packages: without the names of parameters and packages.
func text(t types.Type) string {
	if sig, ok := t.(*types.Signature); ok {
		t = types.NewSignatureType(nil, nil, nil, unnamed(sig.Params()), unnamed(sig.Results()), sig.Variadic())
	}
	s := types.TypeString(t, func(p *types.Package) string { return p.Name() })
	return strings.ReplaceAll(s, "interface{}", "any")
}

func unnamed(vars *types.Tuple) *types.Tuple {
	var all []*types.Var
	for v := range vars.Variables() {
		all = append(all, types.NewParam(token.NoPos, nil, "", v.Type()))
	}
	return types.NewTuple(all...)
}
