package main

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"path/filepath"
)

// mutant is one small change of one file: the bytes from start to end become text.
type mutant struct {
	file       string
	start, end int
	text       string
	line, col  int
	what       string
}

// others has, for each operator, those that take its place, one a mutant.
var others = map[token.Token][]token.Token{
	token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR},
	token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL}, token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL}, token.REM: {token.MUL},
	token.AND: {token.OR}, token.OR: {token.AND}, token.XOR: {token.AND}, token.SHL: {token.SHR}, token.SHR: {token.SHL},
	token.INC: {token.DEC}, token.DEC: {token.INC}, token.BREAK: {token.CONTINUE}, token.CONTINUE: {token.BREAK},
	token.NOT: {token.ILLEGAL}, // which stands for nothing
}

// mutantsOf returns all mutants of the files of a directory that are compiled on this system, tests left out, in the order of
// the files.
func mutantsOf(dir string) ([]mutant, error) {
	p, err := build.ImportDir(dir, 0)
	if err != nil {
		return nil, err
	}
	var all []mutant
	for _, name := range p.GoFiles {
		s := source{fset: token.NewFileSet(), path: filepath.Join(dir, name)}
		f, err := parser.ParseFile(s.fset, s.path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				ast.Inspect(fn.Body, s.visit)
			}
		}
		all = append(all, s.found...)
	}
	return all, nil
}

// source collects the mutants of a file.
type source struct {
	fset  *token.FileSet
	path  string
	found []mutant
}

// add adds a mutant in which what is between two positions becomes text.
func (s *source) add(from, to token.Pos, text, what string) {
	at := s.fset.Position(from)
	s.found = append(s.found, mutant{s.path, at.Offset, s.fset.Position(to).Offset, text, at.Line, at.Column, what})
}

// swap adds the mutants of an operator.
func (s *source) swap(pos token.Pos, op token.Token) {
	for _, o := range others[op] {
		text := o.String()
		if o == token.ILLEGAL {
			text = ""
		}
		s.add(pos, pos+token.Pos(len(op.String())), text, op.String()+" becomes "+text)
	}
}

// visit adds the mutants of a node, and asks for those of what is in it.
func (s *source) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		s.swap(n.OpPos, n.Op)
	case *ast.UnaryExpr:
		s.swap(n.OpPos, n.Op)
	case *ast.IncDecStmt:
		s.swap(n.TokPos, n.Tok)
	case *ast.BranchStmt:
		if n.Label == nil {
			s.swap(n.TokPos, n.Tok)
		}
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE && !isBlank(n.Lhs) {
			s.add(n.Pos(), n.End(), "", "assignment left out")
		}
	case *ast.ExprStmt:
		if call, ok := n.X.(*ast.CallExpr); ok && !isPanic(call) {
			s.add(n.Pos(), n.End(), "", "call left out")
		}
	}
	return true
}

// isBlank reports whether nothing is assigned to.
func isBlank(left []ast.Expr) bool {
	for _, e := range left {
		if id, ok := e.(*ast.Ident); !ok || id.Name != "_" {
			return false
		}
	}
	return true
}

// isPanic reports whether call is one of panic: those are for mistakes in the program.
func isPanic(call *ast.CallExpr) bool {
	id, ok := call.Fun.(*ast.Ident)
	return ok && id.Name == "panic"
}
