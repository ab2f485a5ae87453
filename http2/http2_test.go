package http2_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/http2"
)

func TestServersOfAProgramThatImportsThisOfferExtendedCONNECT(t *testing.T) {
	require.True(t, http2.Enabled())
	require.True(t, http2.Enabled())
}

func TestTheEnvironmentIsAsBefore(t *testing.T) {
	for _, godebug := range []string{"", "http2debug=0", "http2xconnect=0"} {
		t.Run(godebug, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestChild$", "-test.v")
			cmd.Env = append(os.Environ(), "WEBSOCKET_TEST_CHILD=1", "GODEBUG="+godebug)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, string(out))
			require.Contains(t, string(out), "GODEBUG is <"+godebug+">, enabled: true")
		})
	}
}

// TestChild says what the process that it runs in sees.
func TestChild(t *testing.T) {
	if os.Getenv("WEBSOCKET_TEST_CHILD") == "" {
		require.NotContains(t, os.Getenv("GODEBUG"), "http2xconnect")
		return
	}
	t.Logf("GODEBUG is <%s>, enabled: %t", os.Getenv("GODEBUG"), http2.Enabled())
}

// If this package were initialized after net/http, it would come too late.
func TestThePackageThatDoesItComesFirst(t *testing.T) {
	const path = "github.com/seed60239977/websocket/http2/internal/xconnect"
	require.Less(t, path, "net/http")
	out, err := exec.Command("go", "list", "-f", "{{join .Imports \" \"}}", path).Output()
	require.NoError(t, err)
	require.Equal(t, "os", strings.TrimSpace(string(out)))
}
