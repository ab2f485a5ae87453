package main

import (
	"bytes"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/examples/internal/program"
	"github.com/seed60239977/websocket/examples/internal/programtest"
)

func TestMain(m *testing.M) { programtest.Main(m, main) }

func TestItKeepsWhatEveryExamplePromises(t *testing.T) {
	programtest.CheckCommandLine(t, server())
	backend := httptest.NewServer(echo(t, nil))
	defer backend.Close()
	programtest.CheckShutdown(t, "/", "-to", "ws"+backend.URL[len("http"):])
}

func TestTheBackendIsAURLWithoutAPath(t *testing.T) {
	for _, to := range []string{"", "127.0.0.1:9001", "http://127.0.0.1:9001", "ws://", "ws://127.0.0.1/x", "ws://127.0.0.1?x"} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, program.StatusUsage, server().Run(t.Context(), []string{"-to", to}, &stdout, &stderr), to)
		require.Contains(t, stderr.String(), "ws://127.0.0.1:9001")
	}
}
