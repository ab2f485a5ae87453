// Package frameworks_test holds docs/frameworks.md to the programs beside it.
package frameworks_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheCodeOfTheGuideIsThatOfThePrograms(t *testing.T) {
	guide, err := os.ReadFile("../../docs/frameworks.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(string(guide), -1)
	require.Len(t, blocks, 8)
	var source strings.Builder
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		source.WriteString(flush(string(text)))
		return err
	})
	require.NoError(t, err)
	for _, block := range blocks {
		require.Contains(t, source.String(), flush(block[1]))
	}
}

// flush returns text without what its lines are indented by.
func flush(text string) string { return regexp.MustCompile(`(?m)^\t+`).ReplaceAllString(text, "") }
