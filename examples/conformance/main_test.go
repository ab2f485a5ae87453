package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/autobahn"
)

// suiteServer has a few cases of every kind, and writes reports into dir.
func suiteServer(t *testing.T, dir string) (suite *autobahn.Handler, url string) {
	suite, err := autobahn.NewHandler(&autobahn.HandlerOptions{
		Cases: []string{"1.1.*", "2.5", "3.4", "5.15", "6.3.1", "7.3.*", "9.1.1", "12.1.3", "14.7.*"}, Dir: dir,
	})
	require.NoError(t, err)
	server := httptest.NewServer(suite)
	t.Cleanup(server.Close)
	return suite, "ws" + strings.TrimPrefix(server.URL, "http")
}

func TestTheClientPassesTheSuite(t *testing.T) {
	for _, c := range []struct {
		flag, summary string
	}{
		{"-compress", "20 OK, 0 INFORMATIONAL, 0 NON-STRICT, 0 UNIMPLEMENTED, 0 FAILED of 20"},
		{"-compress=false", "19 OK, 0 INFORMATIONAL, 0 NON-STRICT, 1 UNIMPLEMENTED, 0 FAILED of 20"},
	} {
		t.Run(c.flag, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			suite, url := suiteServer(t, dir)
			var stdout, stderr bytes.Buffer
			require.Zero(t, run(t.Context(), []string{"-url", url + "/", "-agent", "mine", c.flag}, &stdout, &stderr), stderr.String())
			require.Equal(t, "mine: took part in 36 cases\n", stdout.String())
			report := suite.Report("mine")
			require.Equal(t, c.summary, autobahn.Summary(report.Results))
			require.Equal(t, len(report.Strict), autobahn.Count(report.Strict)[autobahn.OK])
			index, err := autobahn.ReadIndex(filepath.Join(dir, "index.json"))
			require.NoError(t, err)
			require.Len(t, index["mine"], 20)
		})
	}
}

func TestWhatIsWrongIsToldInOneLine(t *testing.T) {
	_, url := suiteServer(t, "")
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"-what"}, statusUsage, "-what"},
		{[]string{"extra"}, statusUsage, `unexpected argument "extra"`},
		{[]string{"-url", "ftp://x"}, statusFailed, "ftp"},
		{[]string{"-url", url + "/runCase?x="}, statusFailed, "404"},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, c.status, run(t.Context(), c.args, &stdout, &stderr), c.args)
		require.Empty(t, stdout.String())
		require.Contains(t, stderr.String(), c.says)
		require.Equal(t, 1, strings.Count(stderr.String(), "\n"))
	}
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"-h"}, &stdout, &stderr))
	require.Contains(t, stdout.String(), "-compress")
}

func TestASuiteThatDiesInBetweenIsAnError(t *testing.T) {
	for _, c := range []struct {
		last, says string
	}{
		{"3", "conformance: case 4 of 6: the suite cannot be reached any more: "},
		{"6", "conformance: "},
	} {
		suite, err := autobahn.NewHandler(&autobahn.HandlerOptions{Cases: []string{"1.1.1", "1.1.2", "1.1.3", "1.1.4", "1.1.5", "1.1.6"}})
		require.NoError(t, err)
		var server *httptest.Server
		server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("case") == c.last {
				_ = server.Listener.Close()
			}
			suite.ServeHTTP(w, r)
		}))
		var stdout, stderr bytes.Buffer
		require.Equal(t, statusFailed, run(t.Context(), []string{"-url", "ws" + strings.TrimPrefix(server.URL, "http")}, &stdout, &stderr))
		require.Empty(t, stdout.String())
		require.True(t, strings.HasPrefix(stderr.String(), c.says), stderr.String())
		require.Equal(t, 1, strings.Count(stderr.String(), "\n"))
		server.Close()
	}
}
