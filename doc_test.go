package websocket

import (
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// packageDoc returns the documentation of this package.
func packageDoc(t *testing.T) string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	require.NoError(t, err)
	return file.Doc.Text()
}

func TestTheDocumentationListsEveryMethodOfConn(t *testing.T) {
	var methods, listed []string
	for m := range reflect.TypeFor[*Conn]().Methods() {
		methods = append(methods, m.Name)
	}
	for _, m := range regexp.MustCompile(`(?m)^ *- \[conn\.Conn\.(\w+)\]: .`).FindAllStringSubmatch(packageDoc(t), -1) {
		listed = append(listed, m[1])
	}
	require.ElementsMatch(t, methods, listed)
}

func TestTheDocumentationListsEveryOption(t *testing.T) {
	_, doc, found := strings.Cut(packageDoc(t), "# Which options are there?")
	require.True(t, found)
	for heading, options := range map[string]reflect.Type{
		"[Config]":         reflect.TypeFor[Config](),
		"[AcceptOptions]":  reflect.TypeFor[AcceptOptions](),
		"[DialOptions]":    reflect.TypeFor[DialOptions](),
		"[DeflateOptions]": reflect.TypeFor[DeflateOptions](),
	} {
		var fields, listed []string
		for f := range options.Fields() {
			if f.IsExported() {
				fields = append(fields, f.Name)
			}
		}
		_, part, found := strings.Cut(doc, heading)
		require.True(t, found, heading)
		_, part, _ = strings.Cut(part, "\n\n")
		part, _, _ = strings.Cut(part, "\n\n")
		for _, line := range regexp.MustCompile(`(?m)^ *- ([\w, ]+): .`).FindAllStringSubmatch(part, -1) {
			listed = append(listed, strings.Split(line[1], ", ")...)
		}
		require.ElementsMatch(t, fields, listed, heading)
	}
}

// TestTheGuidesShowCodeThatIsThere, and so is built and tested, but for how far it is indented.
func TestTheGuidesShowCodeThatIsThere(t *testing.T) {
	plain := func(code []byte) string { return regexp.MustCompile(`(?m)^[\t ]+`).ReplaceAllString(string(code), "") }
	for guide, from := range map[string]string{
		"docs/authentication.md": "examples/auth/site.go",
		"docs/testing.md":        "websockettest/example_test.go",
	} {
		text, err := os.ReadFile(guide)
		require.NoError(t, err)
		source, err := os.ReadFile(from)
		require.NoError(t, err)
		blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllSubmatch(text, -1)
		require.NotEmpty(t, blocks)
		for _, b := range blocks {
			require.Contains(t, plain(source), plain(b[1]), guide)
		}
	}
}
