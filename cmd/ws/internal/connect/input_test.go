package connect

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzCallOf makes calls of lines. What is one is JSON that has the method of the line, and nothing of the parameters gets out of
// its place.
func FuzzCallOf(f *testing.F) {
	for _, line := range []string{"m", " add 1, \"two\" ", `named {"a":1}`, "m [1],[2]", `m 1],"id":[2`, `"q`, "m \xff", "", "m {"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		call, err := callOf([]byte(line), 7)
		if err != nil {
			require.Nil(t, call)
			return
		}
		var fields map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(call, &fields))
		require.Len(t, fields, 4)
		require.Equal(t, `"2.0"`, string(fields["jsonrpc"]))
		require.Equal(t, "7", string(fields["id"]))
		var method string
		require.NoError(t, json.Unmarshal(fields["method"], &method))
		want, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		require.Equal(t, want, method)
		require.Contains(t, "[{", string(fields["params"][0]))
	})
}
