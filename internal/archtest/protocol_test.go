package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// clock is what package time has that asks for the time or waits for it.
var clock = []string{"Now", "Since", "Until", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Sleep"}

// waits returns everything in a file that waits, or needs somebody to wait for it: goroutines, channels, locks, clocks. An atomic
// is none of these: it is how a driver may change a limit while bytes are taken.
func waits(fset *token.FileSet, f *ast.File) (found []string) {
	add := func(n ast.Node, what string) {
		found = append(found, fmt.Sprintf("%s: %s", fset.Position(n.Pos()), what))
	}
	for _, imp := range f.Imports {
		switch path := strings.Trim(imp.Path.Value, `"`); path {
		case "net", "context", "os", "syscall":
			add(imp, path)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			add(n, "a goroutine")
		case *ast.ChanType, *ast.SelectStmt, *ast.SendStmt:
			add(n, "a channel")
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				add(n, "a channel")
			}
		case *ast.SelectorExpr:
			of, ok := n.X.(*ast.Ident)
			if ok && (of.Name == "sync" && n.Sel.Name != "Pool" || of.Name == "time" && slices.Contains(clock, n.Sel.Name)) {
				add(n, of.Name+"."+n.Sel.Name)
			}
		}
		return true
	})
	return found
}

func TestTheProtocolDoesNotWait(t *testing.T) {
	fset := token.NewFileSet()
	files, err := filepath.Glob(filepath.Join(root, "protocol", "*.go"))
	require.NoError(t, err)
	checked := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		require.Empty(t, waits(fset, f))
		checked++
	}
	require.Greater(t, checked, 5)
}

func TestWhatWaitsIsFound(t *testing.T) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "x.go", `package x
		import (
			"context"
			"sync"
			"time"
		)
		var pool sync.Pool
		var mu sync.Mutex
		var at time.Time
		func f(done chan int) {
			go f(nil)
			select {}
			done <- 1
			<-done
			at = time.Now()
		}
	`, parser.SkipObjectResolution)
	require.NoError(t, err)
	require.Len(t, waits(fset, f), 8)
}
