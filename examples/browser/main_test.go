package main

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/examples/internal/programtest"
)

// compiled stands for a client: compiling the real one takes a while, and tests of it take a browser.
func compiled() *client {
	wasm := []byte(strings.Repeat("\x00asm", 1000))
	return &client{wasm: wasm, zipped: zip(wasm), support: []byte("globalThis.Go = class {}")}
}

func TestMain(m *testing.M) { programtest.Main(m, func() { server(compiled()).Main() }) }

func TestItKeepsWhatEveryExamplePromises(t *testing.T) {
	programtest.CheckCommandLine(t, server(compiled()))
	programtest.CheckShutdown(t, "/ws")
}

// get requests a path, as a client that takes these content codings.
func get(t *testing.T, url, codings string) (http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	req.Header.Set("Accept-Encoding", codings) // of net/http's own, which it would undo
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.Header, string(body)
}

func TestThePageGetsAllThatItRuns(t *testing.T) {
	c := compiled()
	r := programtest.Start(t, server(c), "127.0.0.1:0")
	r.Dial()

	header, body := get(t, "http://"+r.Addr+"/", "")
	require.Equal(t, string(page), body)
	require.Contains(t, header.Get("Content-Security-Policy"), "default-src 'none'")
	require.NotRegexp(t, `https?://|@import`, body, "it needs nothing from elsewhere")

	header, body = get(t, "http://"+r.Addr+"/wasm_exec.js", "")
	require.Equal(t, string(c.support), body)
	require.Contains(t, header.Get("Content-Type"), "javascript")

	for coding, want := range map[string][]byte{"": c.wasm, "gzip, br": c.zipped} {
		header, body = get(t, "http://"+r.Addr+"/client.wasm", coding)
		require.Equal(t, "application/wasm", header.Get("Content-Type"))
		require.Equal(t, string(want), body)
		require.Equal(t, coding != "", header.Get("Content-Encoding") == "gzip")
	}
	require.Less(t, len(c.zipped), len(c.wasm)/10)
}

func TestWhatCannotBeCompiledIsSaid(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		require.Empty(t, os.Getenv("CI"), "the go command is not in PATH")
		t.Skip("the go command is not in PATH")
	}
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile(filepath.Join(".", "go.mod"), []byte("module elsewhere\n"), 0o600))
	_, err := compile()
	require.ErrorContains(t, err, "compiling the page's program")
}
