// Command exports lists what a package exports in a form in which two packages can be compared, for the tests of those that
// have the API of another library. Each line has a name, a tab, and what it stands for.
//
//	go run -C tools/exports . -dir ../../compat/gorilla github.com/gorilla/websocket
//
// It is a module of its own because go/types takes longer to compile than most of the library.
package main

import (
	"flag"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

func main() {
	dir := flag.String("dir", ".", "a `directory` of the module that says which version of the package is meant")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: exports [-dir directory] package")
		os.Exit(2)
	}
	all, err := exported(*dir, flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, "exports:", err)
		os.Exit(1)
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Printf("%s\t%s\n", name, all[name])
	}
}

// exported returns all that users of a package see, by name: constants have their values, fields and methods their types.
// It has the package compiled, as the module of a directory sees it. Types are written with the names of their packages, not
// with the paths.
func exported(dir, path string) (map[string]string, error) {
	list := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", path)
	list.Dir, list.Stderr = dir, os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	compiled := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		path, compiled[name] = name, file // dependencies come first
	}
	read := func(path string) (io.ReadCloser, error) { return os.Open(compiled[path]) }
	pkg, err := importer.ForCompiler(token.NewFileSet(), "gc", read).Import(path)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, name := range pkg.Scope().Names() {
		if obj := pkg.Scope().Lookup(name); obj.Exported() {
			describe(all, obj)
		}
	}
	return all, nil
}

func describe(all map[string]string, obj types.Object) {
	name := obj.Name()
	switch obj := obj.(type) {
	case *types.Const:
		all[name] = "const " + text(obj.Type()) + " = " + obj.Val().ExactString()
	case *types.TypeName:
		describeType(all, name, types.Unalias(obj.Type()))
	default:
		all[name] = fmt.Sprintf("%T %s", obj, text(obj.Type()))
	}
}

func describeType(all map[string]string, name string, typ types.Type) {
	switch under := typ.Underlying().(type) {
	case *types.Struct:
		all[name] = "type struct"
		for f := range under.Fields() {
			if f.Exported() {
				all[name+"."+f.Name()] = "field " + text(f.Type())
			}
		}
	default:
		all[name] = "type " + text(under)
	}
	for _, typ := range []types.Type{typ, types.NewPointer(typ)} {
		for m := range types.NewMethodSet(typ).Methods() {
			if m.Obj().Exported() {
				all[text(typ)+"."+m.Obj().Name()] = text(m.Type())
			}
		}
	}
}

// text writes a type without the paths of packages and the names of parameters.
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
