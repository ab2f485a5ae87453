package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/wstest"
)

const module = "github.com/seed60239977/websocket"

// A room is one line of the house's plan. Patterns are of path.Match, relative to the module; "." is the root package.
type room struct {
	pkg     string   // which packages live here; the first room that matches is theirs
	imports []string // what they may import of this module
	never   []string // what they must not reach, however far away
	outside []string // modules they may import besides the standard library
}

// public are the packages that users may import.
var public = []string{
	".", "mask", "utf8", "frame", "deflate", "handshake", "protocol", "conn", "http2", "hub", "hub/brokertest", "reconnect",
	"observe", "websockettest", "wsjson",
}

// suite are the packages of the conformance suite.
var suite = []string{"autobahn", "autobahn/*", "autobahn/*/*"}

var house = []room{
	{pkg: "mask", imports: []string{"internal/cpu"}, never: []string{"net"}},
	{pkg: "utf8", imports: []string{"internal/cpu"}, never: []string{"net"}},
	{pkg: "frame", never: []string{"net"}},
	{pkg: "deflate", never: []string{"net"}},
	{pkg: "protocol", imports: []string{"frame", "mask", "utf8", "deflate", "internal/buffer", "internal/printable", "internal/random"}, never: []string{"net", "context"}},
	{pkg: "handshake", imports: []string{"deflate", "internal/printable"}, outside: []string{"golang.org/x/net"}},
	{pkg: "conn", imports: []string{"protocol", "frame", "deflate", "internal/buffer", "internal/ctxmutex", "internal/flush", "internal/interrupt", "internal/nonblock", "internal/random"}, never: []string{"net/http"}},
	{pkg: "event", imports: []string{"conn", "frame", "internal/buffer", "internal/netpoll", "internal/nonblock", "internal/wheel"}, never: []string{"net/http"}},
	{pkg: ".", imports: []string{"conn", "event", "frame", "handshake", "deflate", "internal/browser", "internal/h2stream", "internal/interrupt", "internal/observed"}, outside: []string{"golang.org/x/net"}},

	{pkg: "http2", imports: []string{"http2/internal/xconnect", "internal/pipe"}, outside: []string{"golang.org/x/net"}},
	{pkg: "http2/internal/xconnect", never: []string{"net/http", "fmt"}}, // see there
	{pkg: "wsjson", imports: []string{"conn"}, never: []string{"net/http"}},
	{pkg: "hub", imports: []string{"conn"}, never: []string{"net/http"}},
	{pkg: "hub/internal/presence", imports: []string{}, never: []string{"net", "net/http"}},
	{pkg: "hub/internal/catchup", imports: []string{"hub"}, never: []string{"net/http"}},
	{pkg: "hub/brokertest", imports: []string{"conn", "hub"}, never: []string{"net/http", "github.com/stretchr/testify/require"}},
	{pkg: "reconnect", imports: []string{"."}},
	{pkg: "observe", imports: []string{".", "conn"}},
	{pkg: "websockettest", imports: []string{".", "conn", "handshake", "internal/pipe"}, never: []string{"github.com/stretchr/testify/require"}},

	// The conformance suite must not share a bug with what it tests.
	{pkg: "autobahn", imports: suite},
	{pkg: "autobahn/*", imports: suite},
	{pkg: "autobahn/internal/h2", outside: []string{"golang.org/x/net"}},
	{pkg: "autobahn/*/*", imports: suite},

	{pkg: "examples/*", imports: append([]string{"examples/internal/program", "examples/internal/chat"}, public...)},
	{pkg: "examples/browser/client", imports: public},
	{pkg: "examples/internal/chat", imports: append([]string{"examples/internal/program"}, public...)},
	{pkg: "examples/internal/program", imports: []string{".", "http2"}},
	{pkg: "examples/internal/programtest", imports: []string{".", "examples/internal/program", "internal/wstest"}, outside: []string{"github.com/stretchr/testify"}},
	{pkg: "internal/browser", imports: []string{"frame", "mask"}, never: []string{"net/http"}},
	{pkg: "internal/buffer", never: []string{"net"}},
	{pkg: "internal/ctxmutex"},
	{pkg: "internal/flush", never: []string{"net"}},
	{pkg: "internal/printable", never: []string{"net"}},
	{pkg: "internal/random", never: []string{"net"}},
	{pkg: "internal/cpu", never: []string{"net"}},
	{pkg: "internal/interrupt", never: []string{"net/http"}},
	{pkg: "internal/observed", imports: []string{"conn", "handshake"}},
	{pkg: "internal/netpoll", imports: []string{"internal/nonblock"}, never: []string{"net/http"}},
	{pkg: "internal/nonblock", never: []string{"net/http"}},
	{pkg: "internal/wheel", never: []string{"net"}},
	{pkg: "internal/pipe", imports: []string{"internal/nonblock"}},
	{pkg: "internal/h2stream", outside: []string{"golang.org/x/net"}},
	{pkg: "internal/wstest", imports: []string{"frame", "mask", "internal/pipe"}, outside: []string{"github.com/stretchr/testify"}},
	{pkg: "internal/archtest"},
	{pkg: "internal/soak"},
	{pkg: "internal/compattest", imports: []string{"autobahn"}, outside: []string{"github.com/stretchr/testify"}},

	// For module compat/coder alone, which cannot hold it: see there.
	{pkg: "compat/coderapi", imports: []string{"conn", "deflate", "handshake", "protocol", "internal/ctxmutex"}},
}

// direct is everything that the main module may require directly.
var direct = []string{"github.com/stretchr/testify", "golang.org/x/net"}

// platforms are those whose build constraints select different files.
var platforms = []string{"linux/amd64", "linux/386", "windows/amd64", "darwin/arm64", "js/wasm"}

// A listed package is what `go list -json` says of one.
type listed struct {
	ImportPath    string
	Imports, Deps []string
}

// goTool runs the go command in the module's root and returns what it prints.
func goTool(t *testing.T, platform string, args ...string) string {
	t.Helper()
	bin, err := exec.LookPath("go")
	if err != nil {
		require.Empty(t, os.Getenv("CI"), "the go command is not in PATH")
		t.Skip("the go command is not in PATH")
	}
	cmd := exec.CommandContext(t.Context(), bin, args...)
	cmd.Dir = root
	goos, goarch, _ := strings.Cut(platform, "/")
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "go %s: %s", strings.Join(args, " "), stderr.String())
	return string(out)
}

// list returns the packages of the module as one platform sees them.
func list(t *testing.T, platform string) []listed {
	t.Helper()
	out := goTool(t, platform, "list", "-e", "-json=ImportPath,Imports,Deps", "./...")
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(out)); ; {
		var p listed
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, p)
	}
}

// relative returns an import path relative to the module, and whether it is of the module.
func relative(importPath string) (string, bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

func matches(pkg string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, pkg)
		return ok && err == nil
	})
}

// standard reports whether an import path is of the standard library, whose first element never has a dot.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

// violations returns every breach of the plan by one package.
func violations(p listed) []string {
	name, _ := relative(p.ImportPath)
	i := slices.IndexFunc(house, func(r room) bool { return matches(name, []string{r.pkg}) })
	if i < 0 {
		return []string{name + " has no room in the house: give it a line that says what it may import"}
	}
	r := house[i]
	var bad []string
	for _, imp := range p.Imports {
		if own, ok := relative(imp); ok {
			if !matches(own, r.imports) {
				bad = append(bad, name+" must not import "+own)
			}
		} else if !standard(imp) && !within(imp, r.outside) {
			bad = append(bad, name+" must not import "+imp)
		}
	}
	for _, dep := range p.Deps {
		if slices.Contains(r.never, dep) {
			bad = append(bad, name+" must not reach "+dep)
		}
	}
	return bad
}

// within reports whether an import path belongs to one of some modules.
func within(importPath string, modules []string) bool {
	return slices.ContainsFunc(modules, func(m string) bool {
		return importPath == m || strings.HasPrefix(importPath, m+"/")
	})
}

func TestEveryPackageImportsOnlyWhatItsRoomAllows(t *testing.T) {
	for _, platform := range platforms[:wstest.Rounds(len(platforms))] {
		t.Run(strings.ReplaceAll(platform, "/", "_"), func(t *testing.T) {
			packages := list(t, platform)
			require.NotEmpty(t, packages)
			var bad []string
			for _, p := range packages {
				bad = append(bad, violations(p)...)
			}
			require.Empty(t, bad)
		})
	}
}

func TestThePlanNoticesEveryKindOfBreach(t *testing.T) {
	for _, c := range []struct {
		breach string
		pkg    listed
	}{
		{"mask must not import frame", listed{ImportPath: module + "/mask", Imports: []string{module + "/frame"}}},
		{"conn must not import .", listed{ImportPath: module + "/conn", Imports: []string{module}}},
		{"conn must not reach net/http", listed{ImportPath: module + "/conn", Deps: []string{"net", "net/http"}}},
		{"utf8 must not reach net", listed{ImportPath: module + "/utf8", Deps: []string{"net"}}},
		{"frame must not import example.com/x", listed{ImportPath: module + "/frame", Imports: []string{"example.com/x"}}},
		{"autobahn/wstest must not import .", listed{ImportPath: module + "/autobahn/wstest", Imports: []string{module}}},
		{"examples/echo must not import internal/wstest",
			listed{ImportPath: module + "/examples/echo", Imports: []string{module + "/internal/wstest"}}},
		{"cellar has no room in the house: give it a line that says what it may import",
			listed{ImportPath: module + "/cellar"}},
	} {
		require.Equal(t, []string{c.breach}, violations(c.pkg))
	}
	require.Empty(t, violations(listed{
		ImportPath: module + "/handshake",
		Imports:    []string{"net/url", "golang.org/x/net/http/httpguts", module + "/deflate"},
	}))
}

func TestTheMainModuleRequiresOnlyTwoModulesDirectly(t *testing.T) {
	var mod struct {
		Module  struct{ Path string }
		Require []struct {
			Path     string
			Indirect bool
		}
		Replace []struct{ New struct{ Path string } }
	}
	require.NoError(t, json.Unmarshal([]byte(goTool(t, platforms[0], "mod", "edit", "-json")), &mod))
	require.Equal(t, module, mod.Module.Path)
	require.Empty(t, mod.Replace, "a replaced requirement is not what users get")
	for _, r := range mod.Require {
		require.True(t, r.Indirect || slices.Contains(direct, r.Path), "go.mod requires %s directly", r.Path)
	}
}
