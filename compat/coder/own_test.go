package websocket

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/compattest"
)

// notRun are the tests of coder/websocket that do not run here, and why.
var notRun = map[string]string{
	"TestAutobahn": "needs Docker; conformance_test.go has the same cases",
	"TestWasm":     "needs a browser; this package is not for browsers",

	"TestCloseError":                                   "calls a method that is not exported: the payload of a close frame",
	"TestCompressionDictionaryPreserved":               "makes connections without a handshake, and reads frames with a function that is not exported",
	"TestHeader":                                       "calls functions that are not exported: headers of frames",
	"TestMask":                                         "calls a function that is not exported: masking",
	"TestWriteSingleFrameCompressed":                   "makes connections without a handshake, and reads frames with a function that is not exported",
	"TestWriteThenWriterContextTakeover":               "makes connections without a handshake",
	"Test_authenticateOrigin":                          "calls a function that is not exported: origins; handshake_test.go has such cases",
	"Test_hijackerHTTPResponseControllerCompatibility": "calls a function that is not exported: what TestAccept asks for too",
	"TestMaskASM":                                      "calls a function that is not exported: masking",
	"Test_mask":                                        "calls a function that is not exported: masking",
	"TestWasmDialTimeout":                              "needs a browser; this package is not for browsers",
	"Test_parseClosePayload":                           "calls a function that is not exported: the payload of a close frame",
	"Test_selectDeflate":                               "calls a function that is not exported: a parser of headers",
	"Test_selectSubprotocol":                           "calls a function that is not exported: subprotocols; handshake_test.go has its cases",
	"Test_slidingWindow":                               "calls a function that is not exported: a part of compression",
	"Test_validWireCloseCode":                          "calls a function that is not exported: codes of close frames",
	"Test_verifyClientHandshake":                       "calls a function that is not exported: requests; handshake_test.go has its cases",
	"Test_verifyServerHandshake":                       "calls a function that is not exported: responses",
}

// edits are what is said differently in those. testdata/own/shim.go has what their export_test.go has.
var edits = strings.NewReplacer(
	// A goroutine that has done its work is counted until it has returned.
	"runtime.NumGoroutine() != 1", "leaves()",
	"func goroutineStacks()",
	"func leaves() bool {\n\tfor range 1 << 20 {\n\t\tif runtime.NumGoroutine() == 1 {\n\t\t\treturn false\n\t\t}\n\t\truntime.Gosched()\n\t}\n\treturn true\n}\n\nfunc goroutineStacks()",
	// A tenth of a second, and seconds, are short on a busy machine.
	"time.Millisecond*100)\n\t\tdefer cancel()\n\n\t\terr := c1.Ping(ctx)\n\t\tassert.Success(",
	"time.Minute)\n\t\tdefer cancel()\n\n\t\terr := c1.Ping(ctx)\n\t\tassert.Success(",
	"time.Millisecond*100)\n\t\tdefer cancel()\n\n\t\terr := c1.Ping(ctx)\n\t\tassert.Contains(t, err, \"failed to wait for pong\")\n\n\t\tc1.CloseNow()",
	"time.Second*3)\n\t\tdefer cancel()\n\n\t\terr := c1.Ping(ctx)\n\t\tassert.Contains(t, err, \"failed to wait for pong\")\n\n\t\tc1.CloseNow()",
	"time.Second*5", "time.Minute", "time.Second * 5", "time.Minute", "time.Second*10", "time.Minute", "time.Second*30", "time.Minute*3",
	// What net/http has read already of what a fast client sends is in there, and nowhere else.
	"io.Copy(resprw, c)", "io.Copy(resprw, brw)",
	// The engine has the parameters in another order.
	"CompressionNoContextTakeover.opts().String()", `"permessage-deflate; server_no_context_takeover; client_no_context_takeover"`,
)

func TestCodersOwnTestsPass(t *testing.T) {
	suite := &compattest.Suite{
		Library: "github.com/coder/websocket",
		Files:   []string{"accept_test.go", "close_test.go", "conn_test.go", "dial_test.go", "example_test.go", "main_test.go"},
		NotRun:  notRun,
		Helpers: []string{"_", "BenchmarkConn", "cleanEnv"},
		Edits:   edits,
	}
	dir := assemble(t, suite.Dir(t))
	suite.Pass(t, dir, suite.Adapt(t, dir), "-mod=mod")
}

// assemble makes a module of coder/websocket's name that has our packages and what is internal to its tests.
func assemble(t *testing.T, theirs string) string {
	t.Helper()
	here, err := filepath.Abs(".")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "internal"), os.DirFS(filepath.Join(theirs, "internal"))))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "wsjson"), 0o700))
	for to, from := range map[string]string{
		"doc.go": "doc.go", "websocket.go": "websocket.go", "wsjson/wsjson.go": "wsjson/wsjson.go", "go.sum": "go.sum",
		"export_test.go": "testdata/own/shim.go",
	} {
		text, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, to), text, 0o600))
	}
	mod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	text := strings.NewReplacer(
		"module github.com/seed60239977/websocket/compat/coder", "module github.com/coder/websocket",
		"=> ../..", "=> "+filepath.Join(here, "../.."),
		"\tgithub.com/coder/websocket v1.8.15\n", "",
	).Replace(string(mod))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o600))
	return dir
}
