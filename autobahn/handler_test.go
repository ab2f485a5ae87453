package autobahn

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/autobahn/internal/pmd"
)

func TestTheHandlerSpeaksTheProtocolOfTestClients(t *testing.T) {
	dir := t.TempDir()
	var seen []string
	h, err := NewHandler(&HandlerOptions{
		Cases: []string{"1.1.1", "1.1.2", "2.*"}, Exclude: []string{"2.5"}, ExcludeFor: map[string][]string{"pick*": {"1.1.2"}}, Dir: dir,
		Progress: func(agent string, r *Result) { seen = append(seen, agent+" "+r.Case.ID+" "+string(r.Behavior)) },
	})
	require.NoError(t, err)
	m := newMemory()
	web := &http.Server{Handler: http.StripPrefix("/suite", h)}
	done := make(chan error)
	go func() { done <- web.Serve(m) }()

	require.Equal(t, "12", ask(t, m, "/suite/getCaseCount"))
	require.JSONEq(t, `{"id":"2.1","description":"a ping without payload is answered"}`, ask(t, m, "/suite/getCaseInfo?case=3"))
	require.JSONEq(t, `{"behavior":""}`, ask(t, m, "/suite/getCaseStatus?case=1&agent=picky"))
	for _, query := range []string{"case=1&agent=picky", "case=2&agent=picky", "casetuple=6.5.1&agent=picky", "case=3"} {
		require.NoError(t, referenceClient(m, "/suite/runCase?"+query, faults{}))
	}
	require.JSONEq(t, `{"behavior":"OK"}`, ask(t, m, "/suite/getCaseStatus?casetuple=6.5.1&agent=picky"))
	require.NoError(t, referenceClient(m, "/suite/updateReports?agent=picky", faults{}))
	index, err := ReadIndex(filepath.Join(dir, "index.json"))
	require.NoError(t, err)
	require.Len(t, index["picky"], 2, "1.1.2 was left out for this agent")
	for _, path := range []string{"/suite/runCase?case=0", "/suite/runCase?case=13", "/suite/runCase?casetuple=99", "/suite/getCaseInfo", "/suite/what"} {
		require.ErrorContains(t, referenceClient(m, path, faults{}), "404", path)
	}
	require.NoError(t, referenceClient(m, "/suite/stopServer", faults{}))
	<-h.Stopped()
	require.NoError(t, referenceClient(m, "/suite/stopServer", faults{}), "twice does no harm")
	require.NoError(t, web.Close())
	require.ErrorIs(t, <-done, http.ErrServerClosed)
	require.Len(t, h.Report("unknown").Results, 1)
	require.ElementsMatch(t, []string{"picky", "unknown"}, h.Agents())
	require.ElementsMatch(t, []string{"picky 1.1.1 OK", "picky 6.5.1 OK", "unknown 2.1 OK"}, seen)
	require.Len(t, h.CasesFor("picky"), 11)
	require.Len(t, h.CasesFor("unknown"), 12)
	for _, o := range []HandlerOptions{{Cases: []string{"99"}}, {Exclude: []string{"99"}}, {ExcludeFor: map[string][]string{"pick*": {"99"}}}} {
		_, err = NewHandler(&o)
		require.ErrorContains(t, err, `no case is called "99"`)
	}
}

func TestReportsThatCannotBeWrittenAreTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	h, err := NewHandler(&HandlerOptions{Dir: filepath.Join(file, "below")})
	require.NoError(t, err)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/updateReports", nil))
	require.Equal(t, http.StatusInternalServerError, w.Code)
}

func TestRequestsThatAreNoOpeningHandshakeAreRefusedAndFailTheCase(t *testing.T) {
	legal := func() *http.Request {
		r := httptest.NewRequest(http.MethodGet, "/runCase?case=1&agent=x", nil)
		r.Header = http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Key": {"MDEyMzQ1Njc4OWFiY2RlZg=="}, "Sec-Websocket-Version": {"13"}}
		return r
	}
	require.NoError(t, checkRequest(legal()))
	for name, change := range map[string]func(*http.Request){
		"method":     func(r *http.Request) { r.Method = http.MethodPost },
		"upgrade":    func(r *http.Request) { r.Header.Del("Upgrade") },
		"connection": func(r *http.Request) { r.Header.Set("Connection", "close") },
		"key":        func(r *http.Request) { r.Header.Set("Sec-WebSocket-Key", "short") },
		"two keys":   func(r *http.Request) { r.Header.Add("Sec-WebSocket-Key", "MDEyMzQ1Njc4OWFiY2RlZg==") },
		"version":    func(r *http.Request) { r.Header.Set("Sec-WebSocket-Version", "8") },
		"an offer":   func(r *http.Request) { r.Header.Set("Sec-WebSocket-Extensions", pmd.Name+"; nonsense") },
	} {
		h, err := NewHandler(nil)
		require.NoError(t, err)
		r, w := legal(), httptest.NewRecorder()
		change(r)
		h.ServeHTTP(w, r)
		require.Equal(t, http.StatusBadRequest, w.Code, name)
		report := h.Report("x")
		require.Len(t, report.Results, 1, name)
		require.Equal(t, Failed, report.Results[0].Behavior, name)
		require.NotEmpty(t, report.Results[0].Request, name)
	}
}

func TestAnswersFollowTheCase(t *testing.T) {
	cases := map[string]*Case{}
	for _, c := range Cases() {
		cases[c.ID] = &c
	}
	const bare = pmd.Name + "; client_max_window_bits"
	for _, x := range []struct{ id, offer, want string }{
		{"1.1.1", bare, ""},
		{"12.1.1", "", ""},
		{"12.1.1", "x-unknown", ""},
		{"12.1.1", bare, pmd.Name},
		{"12.1.1", pmd.Name + "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10",
			pmd.Name + "; server_no_context_takeover; server_max_window_bits=10"},
		{"13.1.1", "x-unknown, " + pmd.Name, pmd.Name},
		{"13.2.1", pmd.Name, pmd.Name + "; client_no_context_takeover"},
		{"13.3.1", pmd.Name, ""},
		{"13.3.1", pmd.Name + ", " + bare, pmd.Name + "; client_max_window_bits=9"},
		{"13.3.1", pmd.Name + "; client_max_window_bits=8", pmd.Name + "; client_max_window_bits=8"},
		{"13.5.1", bare, pmd.Name + "; client_no_context_takeover; client_max_window_bits=9"},
		{"13.6.1", bare, pmd.Name + "; client_no_context_takeover; client_max_window_bits=15"},
		{"13.7.1", bare, pmd.Name + "; client_no_context_takeover; client_max_window_bits=9"},
		{"13.7.1", pmd.Name, pmd.Name + "; client_no_context_takeover"},
	} {
		p, err := answer(http.Header{"Sec-Websocket-Extensions": {x.offer}}, cases[x.id])
		require.NoError(t, err)
		got := ""
		if p != nil {
			got = p.String()
		}
		require.Equal(t, x.want, got, "%s to %q", x.id, x.offer)
	}
}

func TestServersAreReachedByTLS(t *testing.T) {
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nc, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		l := acceptance(r.Header.Get("Sec-WebSocket-Key"), nil)
		_, _ = nc.Write([]byte(l.String()))
		p := &reference{nc: nc, isServer: true}
		p.read()
		p.serve()
	}))
	web.Config.ErrorLog = log.New(io.Discard, "", 0)
	web.StartTLS()
	defer web.Close()
	url := "wss" + strings.TrimPrefix(web.URL, "https")
	o := &Options{Cases: []string{"1.1.*", "3.*"}, TLS: &tls.Config{RootCAs: web.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}}
	r, err := TestServer(t.Context(), url, o)
	require.NoError(t, err)
	requirePassed(t, r.Results)
	o.TLS = nil
	_, err = TestServer(t.Context(), url, o)
	var dial *DialError
	require.ErrorAs(t, err, &dial, "a certificate that nobody knows")
}

func TestACancelledRunEndsWithTheResultsSoFar(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := &Options{Cases: []string{"1.*", "5.*"}, Parallel: 1,
		Progress: func(done, total int, _ *Result) {
			require.Equal(t, 36, total)
			if done == 5 {
				cancel()
			}
		},
		Dial: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go serveReference(far, faults{})
			return near, nil
		}}
	r, err := TestServer(ctx, "ws://reference", o)
	require.ErrorIs(t, err, context.Canceled)
	require.GreaterOrEqual(t, len(r.Results), 5)
	require.Less(t, len(r.Results), 36)
}
