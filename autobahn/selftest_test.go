package autobahn

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/wstest"
)

// waiting are all cases that are quick, group 14 among them; samples are some of compression, with a thousand messages each.
var (
	waiting = []string{"1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.1.1", "10.*", "14.*"}
	samples = []string{"12.2.1", "13.2.2", "13.3.2"}
)

// requirePassed fails the test for every result that is not as it should be.
func requirePassed(t *testing.T, results []Result) {
	t.Helper()
	for i := range results {
		r := &results[i]
		if r.Verdict() != OK && r.Verdict() != Informational {
			t.Errorf("%s: %s, close %s: %s", r.Case.ID, r.Behavior, r.BehaviorClose, r.Why)
		}
	}
}

func TestAReferenceServerPasses(t *testing.T) {
	r := testReferenceServer(t, faults{}, slices.Concat(waiting, samples)...)
	require.Equal(t, "248 OK, 3 INFORMATIONAL, 0 NON-STRICT, 0 UNIMPLEMENTED, 0 FAILED of 251", Summary(r.Results))
	require.Equal(t, "78 OK, 1 INFORMATIONAL, 0 NON-STRICT, 0 UNIMPLEMENTED, 0 FAILED of 79", Summary(r.Strict))
	requirePassed(t, r.Results)
	requirePassed(t, r.Strict)
}

func TestAReferenceClientPasses(t *testing.T) {
	r := testReferenceClient(t, faults{}, slices.Concat(waiting, samples)...)
	require.Equal(t, "248 OK, 3 INFORMATIONAL, 0 NON-STRICT, 0 UNIMPLEMENTED, 0 FAILED of 251", Summary(r.Results))
	require.Equal(t, "69 OK, 0 INFORMATIONAL, 0 NON-STRICT, 0 UNIMPLEMENTED, 0 FAILED of 69", Summary(r.Strict))
	requirePassed(t, r.Results)
	requirePassed(t, r.Strict)
}

// Groups that fail together.
const (
	badText    = "6.3 6.4 6.6 6.8 6.10 6.11 6.12 6.13 6.14 6.15 6.16 6.17 6.18 6.19 6.20 6.21"
	goodText   = "6.1 6.2 6.5 6.6 6.7 6.9 6.11 6.22 6.23"
	deflate    = "12.2 13.2 13.3"
	noTakeover = "13.2"
	echoed     = "1.1 1.2 7.1 10.1 " + goodText + " " + deflate
	suiteEnds  = "2 5 7.3 7.7 9.1 " + echoed
	// openTo: the parts of group 14 in which a connection stays up, by side.
	openServers = "14.1 14.2 14.3 14.4 14.6"
	openClients = "14.1 14.2 14.3 14.7"
)

// brokenEndpoints are faults, and the groups that catch them: in both directions,
// in servers only, and in clients only.
var brokenEndpoints = []struct {
	name                      string
	bad                       faults
	both, inServer, inClients string
}{
	{"text is not checked for UTF-8", faults{noUTF8Check: true}, badText + " 14.1 14.2", "", ""},
	{"text is checked when the message is complete", faults{lateUTF8Check: true}, "6.4", "", ""},
	{"frames are masked by the server, unmasked by the client", faults{wrongMask: true},
		"3 4.1 4.2 " + badText + " " + noClose(suiteEnds), "7.3 7.5 7.7 7.9 " + openServers, openClients + " 7.3 7.7"},
	{"each frame is echoed as a message", faults{echoPerFrame: true}, "5 6.1 6.2 6.4 7.1 10.1 14.1 14.2", "", ""},
	{"protocol errors are closed with another code", faults{closeCode: 1008}, "2 3 4.1 4.2 5 7.3 7.5 7.9 14.1 14.2 " + badText, "", ""},
	{"protocol errors end TCP without a close frame", faults{dropsSilently: true}, "", "", ""},
	{"TCP is left open after the closing handshake", faults{leavesTCPOpen: true}, "", "3 4.1 4.2 7.5 7.9 " + badText + " " + suiteEnds + " " + openServers, ""},
	{"close frames are not answered", faults{noCloseReply: true}, suiteEnds, openServers, openClients},
	{"pings are not answered", faults{noPong: true}, "2 5 14.1 14.2", "", ""},
	{"pongs lack the payload of the ping", faults{emptyPong: true}, "2 5 14.1 14.2", "", ""},
	{"reserved bits are ignored", faults{ignoresRSV: true}, "3 14.2", "", ""},
	{"reserved opcodes are ignored", faults{ignoresOpcodes: true}, "4.1 4.2", "", ""},
	{"reserved opcodes are echoed", faults{echoesOpcodes: true}, "4.1 4.2", "", ""},
	{"control frames may be long and fragmented", faults{anyControl: true}, "2 5 7.3", "", ""},
	{"fragments may come in any order", faults{anyContinuation: true}, "5", "", ""},
	{"close bodies are not checked", faults{anyCloseBody: true}, "7.5 7.9", "7.3", ""},
	{"the window is ignored", faults{ignoresWindow: true}, "13.3 14.3", "", ""},
	{"the context is taken over although that was given up", faults{ignoresTakeover: true}, noTakeover + " 14.3", "", ""},
	{"permessage-deflate is not agreed on", faults{noCompression: true}, deflate + " 14.2 14.3", "", ""},
	{"every message is echoed as text", faults{alwaysText: true}, "1.2 12.2", "", ""},
	{"echoes have another last byte", faults{corrupts: true}, "3 4.1 4.2 5 " + echoed, openServers, openClients},
	{"lengths need not be minimal", faults{anyLength: true}, "14.1", "", ""},
	{"an extension is named that nobody offered", faults{unsolicitedAnswer: true}, "",
		"1.1 1.2 2 3 4.1 4.2 5 7.1 7.3 7.5 7.7 7.9 7.13 9.1 10.1 14.1 14.4 14.6 " + goodText + " " + badText, ""},
	{"the opening handshake is not checked", faults{ignoresHeaders: true}, "", "14.6", "14.2 14.3 14.5 14.7 " + deflate},
	{"illegal parameters of permessage-deflate pass", faults{ignoresParameters: true}, "", "14.4", ""},
	{"the answer does not keep to the window offered", faults{negotiatesServer10: true}, "", "14.3", ""},
}

// noClose leaves out the groups in which nothing comes back but a close frame.
func noClose(groups string) string {
	return strings.Replace(groups, " 7.3 7.7 ", " ", 1)
}

func TestBrokenEndpointsAreCaughtByTheGroupsThatShould(t *testing.T) {
	for i, b := range brokenEndpoints {
		bothWays := wstest.All() || b.inServer != b.inClients // else one, which is quicker
		cases := waiting
		if groups := groupsIn(b.both, b.inServer, b.inClients); wstest.All() || strings.Contains(groups, "12.") || strings.Contains(groups, "13.") {
			cases = slices.Concat(waiting, samples)
		}
		if bothWays || i%2 == 0 {
			t.Run(b.name+"/server", func(t *testing.T) {
				t.Parallel()
				r := testReferenceServer(t, b.bad, cases...)
				require.Equal(t, groupsIn(b.both, b.inServer), caughtBy(r))
			})
		}
		if bothWays || i%2 == 1 {
			t.Run(b.name+"/client", func(t *testing.T) {
				t.Parallel()
				r := testReferenceClient(t, b.bad, cases...)
				require.Equal(t, groupsIn(b.both, b.inClients), caughtBy(r))
			})
		}
	}
}

// reached is what a case comes to: both verdicts and the close code of the endpoint.
type reached struct {
	behavior, closing Verdict
	code              int
}

// The closing handshake that a violation begins is not the end of judging: pongs still count, messages do not, and a
// second violation drops TCP.
func TestWhatComesAfterAViolationIsJudged(t *testing.T) {
	for _, x := range []struct {
		name string
		bad  faults
		want map[string]reached
	}{
		{"a reserved opcode is skipped and the ping behind it answered", faults{ignoresOpcodes: true}, map[string]reached{
			"4.1.1": {OK, Failed, 1001}, "4.1.3": {Failed, Failed, 1001}, "4.1.4": {Failed, Failed, 1001}, "4.1.5": {Failed, Failed, 1001},
			"4.2.3": {Failed, Failed, 1001}, "4.2.4": {Failed, Failed, 1001}, "4.2.5": {Failed, Failed, 1001},
		}},
		{"a reserved opcode is echoed and the ping behind it answered", faults{echoesOpcodes: true}, map[string]reached{
			"4.1.1": {OK, Failed, 1002}, "4.1.3": {Failed, Failed, 1002}, "4.1.4": {Failed, Failed, 1002}, "4.1.5": {Failed, Failed, 1002},
			"4.2.3": {Failed, Failed, 1002}, "4.2.4": {Failed, Failed, 1002}, "4.2.5": {Failed, Failed, 1002},
		}},
		{"each part of a text comes back as a text", faults{echoPerFrame: true, noUTF8Check: true}, map[string]reached{
			"6.2.2": {Failed, OK, NoCode}, "6.2.3": {Failed, Unclean, NoCode}, "6.2.4": {Failed, Unclean, NoCode},
		}},
		{"text comes back that is not UTF-8", faults{noUTF8Check: true}, map[string]reached{
			"6.3.1": {Failed, Failed, NoCode}, "6.6.3": {Failed, Failed, 1007}, "6.12.1": {Failed, Failed, NoCode},
		}},
	} {
		ids := slices.Sorted(maps.Keys(x.want))
		for side, r := range map[string]*Report{
			"server": testReferenceServer(t, x.bad, ids...), "client": testReferenceClient(t, x.bad, ids...),
		} {
			came := map[string]reached{}
			for _, r := range r.Results {
				came[r.Case.ID] = reached{r.Behavior, r.BehaviorClose, r.RemoteCode}
			}
			require.Equal(t, x.want, came, "%s: %s", side, x.name)
		}
	}
}

func groupsIn(lists ...string) string {
	groups := strings.Fields(strings.Join(lists, " "))
	slices.Sort(groups)
	return strings.Join(slices.Compact(groups), " ")
}

func caughtBy(r *Report) string {
	var groups []string
	for _, x := range slices.Concat(r.Results, r.Strict) {
		if v := x.Verdict(); v != OK && v != Informational {
			groups = append(groups, x.Case.Group())
		}
	}
	return groupsIn(strings.Join(groups, " "))
}
