package autobahn

import (
	"encoding/json"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReportsHoldWhatScriptsReadAndPagesForReaders(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "reports", "servers")
	good := testReferenceServer(t, faults{}, "1.1.*", "6.4.1", "7.9.1", "14.1.1")
	good.Agent = "Good & <b>new</b>"
	bad := testReferenceServer(t, faults{noUTF8Check: true, leavesTCPOpen: true}, "1.1.1", "6.4.1", "9.7.1")
	bad.Agent = "bad"
	require.NoError(t, bad.Write(dir))
	require.NoError(t, good.Write(dir))
	require.NoError(t, good.Write(dir), "a second run takes the place of the first")

	index, err := ReadIndex(filepath.Join(dir, "index.json"))
	require.NoError(t, err)
	require.Len(t, index, 2)
	require.Len(t, index[good.Agent], 10)
	require.NotContains(t, index[good.Agent], "14.1.1", "group 14 stands apart")
	require.Equal(t, Failed, index["bad"]["6.4.1"].Behavior)
	require.Equal(t, OK, index["bad"]["1.1.1"].Behavior)
	require.Equal(t, Unclean, index["bad"]["1.1.1"].BehaviorClose)
	require.Equal(t, 1000, *index["bad"]["1.1.1"].RemoteCloseCode)
	require.Equal(t, "good____b_new__b__case_6_4_1.json", index[good.Agent]["6.4.1"].ReportFile)
	strict, err := ReadIndex(filepath.Join(dir, "strict.json"))
	require.NoError(t, err)
	require.Len(t, strict[good.Agent], 1)

	b, err := os.ReadFile(filepath.Join(dir, "bad_case_6_4_1.json"))
	require.NoError(t, err)
	var one map[string]any
	require.NoError(t, json.Unmarshal(b, &one))
	require.Equal(t, "6.4.1", one["id"])
	require.Equal(t, "FAILED", one["behavior"])
	require.NotEmpty(t, one["wirelog"])
	require.Contains(t, one["httpRequest"], "Sec-WebSocket-Key: ")
	require.Contains(t, one["httpResponse"], "101 Switching Protocols")

	page := read(t, dir, "index.html")
	require.Contains(t, page, "Good &amp; &lt;b&gt;new&lt;/b&gt;")
	require.NotContains(t, page, "<b>new")
	require.Contains(t, page, `class="failed" href="bad_case_6_4_1.html"`)
	require.Contains(t, page, "prefers-color-scheme")
	require.NotContains(t, page, "http://", "the page stands by itself")
	page = read(t, dir, "bad_case_6_4_1.html")
	require.Contains(t, page, "waited 1s: B")
	require.Contains(t, page, kosme)
}

func read(t *testing.T, dir, name string) string {
	b, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return string(b)
}

func TestReadIndexTellsWhatIsWrong(t *testing.T) {
	_, err := ReadIndex(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	file := filepath.Join(t.TempDir(), "index.json")
	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	_, err = ReadIndex(file)
	require.ErrorContains(t, err, "index.json")
	require.Error(t, (&Report{Agent: "x"}).Write(filepath.Dir(file)))
}

func TestSummariesCountTheWorseVerdict(t *testing.T) {
	r := &Report{Results: []Result{
		{Behavior: OK, BehaviorClose: OK}, {Behavior: OK, BehaviorClose: WrongCode}, {Behavior: Informational, BehaviorClose: Informational},
		{Behavior: NonStrict, BehaviorClose: OK}, {Behavior: Unimplemented, BehaviorClose: OK},
	}}
	require.Equal(t, "1 OK, 1 INFORMATIONAL, 1 NON-STRICT, 1 UNIMPLEMENTED, 1 FAILED (0 in behavior, 1 in the close alone) of 5", Summary(r.Results))
	require.Equal(t, "0 OK, 0 INFORMATIONAL, 0 NON-STRICT, 0 UNIMPLEMENTED, 3 FAILED (2 in behavior, 1 in the close alone) of 3", Summary([]Result{
		{Behavior: Failed, BehaviorClose: WrongCode}, {Behavior: NonStrict, BehaviorClose: Unclean}, {Behavior: Failed, BehaviorClose: OK},
	}))
	require.False(t, r.Passed(false))
	r.Results = append(r.Results[:1], r.Results[2:]...)
	require.True(t, r.Passed(false))
	require.False(t, r.Passed(true))
	r.Results = r.Results[:2]
	require.True(t, r.Passed(true))
	r.Strict = []Result{{Behavior: Failed, BehaviorClose: OK}}
	require.True(t, r.Passed(false))
	require.False(t, r.Passed(true))
}

func TestLogsShowPayloadsReadably(t *testing.T) {
	require.Equal(t, `"Hi ö"`, readable([]byte("Hi ö")))
	require.Equal(t, "00ff", readable([]byte("\x00\xff")))
	require.True(t, strings.HasSuffix(readable(make([]byte, 500)), "00 … (500 bytes)"))
	require.Equal(t, `1007 "bad"`, (&LogEntry{Opcode: "close"}).shown([]byte("\x03\xefbad")))
	require.Equal(t, "1000", (&LogEntry{Opcode: "close"}).shown([]byte("\x03\xe8")))
}

func TestLongLogsAreCutAndCounted(t *testing.T) {
	var l wireLog
	l.begin()
	for range logEntries + 5 {
		l.note("x")
	}
	require.Len(t, l.entries, logEntries)
	require.Equal(t, 5, l.left)
}

func TestTestServerTellsOfServersThatAreNotThere(t *testing.T) {
	web := httptest.NewServer(nil)
	url := "ws" + strings.TrimPrefix(web.URL, "http")
	web.Close()
	_, err := TestServer(t.Context(), url, &Options{Cases: []string{"1.*"}, Progress: func(int, int, *Result) {
		t.Error("the error alone tells")
	}})
	var dial *DialError
	require.ErrorAs(t, err, &dial)
	require.Error(t, dial.Unwrap())
	for _, bad := range []string{"http://127.0.0.1", "ws://", "::"} {
		_, err := TestServer(t.Context(), bad, nil)
		require.Error(t, err, bad)
	}
	_, err = TestServer(t.Context(), "ws://127.0.0.1:1", &Options{Cases: []string{"nothing"}})
	require.Error(t, err)
	_, err = TestServer(t.Context(), "ws://127.0.0.1:1", &Options{Cases: []string{"1.1.1"}, Exclude: []string{"1"}})
	require.ErrorContains(t, err, "no case is selected")
}
