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
	codeless                   []string // the suite closed and got no code back
	all                        map[string]*autobahn.Result
}

// examine runs the cases, or all that do not keep a processor busy.
func examine(t *testing.T, server http.Handler, cases ...string) (f findings) {
	s := httptest.NewServer(server)
	defer s.Close()
	r, err := autobahn.TestServer(t.Context(), "ws"+strings.TrimPrefix(s.URL, "http"), &autobahn.Options{
		Cases: cases, Exclude: []string{"9.*", "12.*", "13.*"}, Parallel: 32, // they wait more than they work
	})
	require.NoError(t, err)
	f.all = map[string]*autobahn.Result{}
	t.Logf("%s in %v", autobahn.Summary(r.Results), r.Took.Round(time.Millisecond))
	for i := range r.Results {
		x := &r.Results[i]
		f.all[x.Case.ID] = x
		if x.ClosedBySuite && x.RemoteCode == autobahn.NoCode {
			f.codeless = append(f.codeless, x.Case.ID)
		}
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
	// Text that goes wrong before its end is a second violation at its end, which drops TCP before the close frame is
	// answered; the original suite knows no code in the same 67 cases.
	require.Equal(t, 67, groups(f.codeless)["6"])
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
	for _, id := range []string{"6.2.3", "6.2.4"} { // one byte of text in each echo, and thus many violations
		require.Equal(t, autobahn.Failed, f.all[id].Behavior, id)
		require.Equal(t, autobahn.Unclean, f.all[id].BehaviorClose, id)
		require.Equal(t, autobahn.NoCode, f.all[id].RemoteCode, id)
	}
	requireReservedOpcodesFail(t, f)
}

// A frame with a reserved opcode comes back as it is, which is a violation, and behind it a pong, which counts all the same.
func TestAnXNetEchoThatKeepsOpcodesFailsBehindItsViolation(t *testing.T) {
	f := examine(t, xnetFrameServer(), "4.*")
	for _, id := range []string{"4.1.3", "4.2.4"} {
		require.Contains(t, f.all[id].Violation, "reserved opcode")
		require.Equal(t, []string{`text "Hello, world!"`, `pong ""`}, f.all[id].Received)
	}
	requireReservedOpcodesFail(t, f)
}

// requireReservedOpcodesFail: the ping behind a reserved opcode is answered.
func requireReservedOpcodesFail(t *testing.T, f findings) {
	for _, id := range []string{"4.1.3", "4.1.4", "4.1.5", "4.2.3", "4.2.4", "4.2.5"} {
		require.Equal(t, autobahn.Failed, f.all[id].Behavior, id)
		require.Equal(t, autobahn.Failed, f.all[id].BehaviorClose, id)
	}
}

func TestGWSChecksUTF8WhenAMessageIsComplete(t *testing.T) {
	f := examine(t, gwsServer())
	require.Empty(t, f.failed)
	require.Empty(t, f.closing)
	require.Equal(t, []string{"6.4.1", "6.4.2", "6.4.3", "6.4.4"}, f.nonStrict)
}
