package peers

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/autobahn"
)

// findings are cases by the verdict on the behaviour, and those whose connection ended wrongly, in order.
type findings struct {
	failed, nonStrict, closing []string
}

// examine runs the cases that do not keep a processor busy.
func examine(t *testing.T, server http.Handler) (f findings) {
	s := httptest.NewServer(server)
	defer s.Close()
	r, err := autobahn.TestServer(t.Context(), "ws"+strings.TrimPrefix(s.URL, "http"), &autobahn.Options{
		Exclude: []string{"9.*", "12.*", "13.*"}, Parallel: 32, // they wait more than they work
	})
	require.NoError(t, err)
	t.Logf("%s in %v", autobahn.Summary(r.Results), r.Took.Round(time.Millisecond))
	for i := range r.Results {
		x := &r.Results[i]
		switch x.Behavior {
		case autobahn.Failed:
			f.failed = append(f.failed, x.Case.ID)
		case autobahn.NonStrict:
			f.nonStrict = append(f.nonStrict, x.Case.ID)
		}
		if x.BehaviorClose != autobahn.OK && x.BehaviorClose != autobahn.Informational {
			f.closing = append(f.closing, x.Case.ID)
		}
	}
	return f
}

// groups counts cases by the first number.
func groups(ids []string) map[string]int {
	n := map[string]int{}
	for _, id := range ids {
		group, _, _ := strings.Cut(id, ".")
		n[group]++
	}
	return n
}

func TestGorillaLeavesUTF8ToItsCaller(t *testing.T) {
	f := examine(t, gorillaServer())
	require.Equal(t, map[string]int{"6": 75}, groups(f.failed))
	require.Empty(t, f.nonStrict)
	require.Subset(t, f.failed, f.closing, "connections end well elsewhere")
}

func TestCoderDoesNotCheckUTF8(t *testing.T) {
	f := examine(t, coderServer())
	require.Equal(t, map[string]int{"6": 75, "7": 1}, groups(f.failed))
	require.Contains(t, f.failed, "7.5.1", "a reason that is not UTF-8")
	require.Empty(t, f.nonStrict)
	require.Subset(t, f.failed, f.closing)
}

// The package echoes frames rather than messages and text only, checks neither
// UTF-8 nor most of the rules of framing, and answers no close frame.
func TestTheXNetPackageFailsInAboutHundredAndThirty(t *testing.T) {
	f := examine(t, xnetServer())
	require.InDelta(t, 130, len(f.failed), 6)
	n := groups(f.failed)
	require.Equal(t, 20, n["5"], "fragments")
	require.GreaterOrEqual(t, n["6"], 70, "text that is not UTF-8")
	require.GreaterOrEqual(t, n["1"], 8, "binary messages")
	require.Greater(t, len(f.closing), 200)
}

func TestGWSChecksUTF8WhenAMessageIsComplete(t *testing.T) {
	f := examine(t, gwsServer())
	require.Empty(t, f.failed)
	require.Empty(t, f.closing)
	require.Equal(t, []string{"6.4.1", "6.4.2", "6.4.3", "6.4.4"}, f.nonStrict)
}
