package websocket

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/compattest"
)

// notRun are what gorilla/websocket's own tests declare that does not run here, and why.
var notRun = map[string]string{
	"TestBufioReuse":           "looks for the buffers of net/http in a connection, which holds none here",
	"TestWriteBufferPool":      "looks for the buffer of a connection, which holds none here",
	"TestWriteBufferPoolError": "looks for the buffer of a connection, which holds none here",
	"TestConcurrentWritePanic": "wants two goroutines that write at once to panic; here both messages go out",

	"TestEqualASCIIFold":  "calls a function that is not exported: a comparison without case",
	"TestHostPortNoPort":  "calls a function that is not exported: the address of a URL",
	"TestMaskBytes":       "calls a function that is not exported: masking",
	"TestParseExtensions": "calls a function that is not exported: a parser of headers",
	"TestTruncWriter":     "calls a function that is not exported: a part of compression",

	"BenchmarkBroadcast":            "a benchmark; the module bench has a broadcast",
	"BenchmarkMaskBytes":            "a benchmark of a function that is not exported",
	"BenchmarkWriteNoCompression":   "a benchmark; the module bench compares both packages",
	"BenchmarkWriteWithCompression": "a benchmark; the module bench compares both packages",
}

// helpers are what only those use.
var helpers = []string{
	"bufioReuseTests", "reuseTestResponseWriter", "simpleBufferPool", "errorWriter", "blockingWriter", "equalASCIIFoldTests",
	"hostPortNoPortTests", "maskBytesByByte", "notzero", "parseExtensionTests", "nopCloser",
	"broadcastBench", "broadcastMessage", "broadcastConn", "newBroadcastConn", "newBroadcastBench", "textMessages",
}

// edits are what is said differently in those that run. testdata/own/shim.go has the functions.
var edits = strings.NewReplacer(
	`"github.com/gorilla/websocket"`, `"github.com/seed60239977/websocket/compat/gorilla"`,
	// How compression is switched on without a handshake.
	"wc.newCompressionWriter = compressNoContextTakeover", "compressed(wc, isServer)",
	"rc.newDecompressionReader = decompressNoContextTakeover", "compressed(rc, !isServer)",
	"c.newCompressionWriter = compressNoContextTakeover", "compressed(c, tt.isServer)",
	// An error is compared by what it says: there is no variable with it.
	"err == errUnexpectedEOF", "isUnexpectedEOF(err)",
	"err != errUnexpectedEOF", "!isUnexpectedEOF(err)",
	"want %v\", n, err, errUnexpectedEOF", "want 1006\", n, err",
	"want %v\", err, errUnexpectedEOF", "want 1006\", err",
	// Masks are not of the generator that the test seeds.
	"want := buf.String()", "want := unmasked(&buf)",
	"got := buf.String()", "got := unmasked(&buf)",
	// WriteMessage sends one frame, whose header says at once that it is too long; a writer sends several.
	"wc.WriteMessage(BinaryMessage, message[:readLimit+1])", "inPieces(wc, message[:readLimit+1])",
	// A length that cannot be is told as what it is.
	"if err != nil && err != ErrReadLimit {", "if err != nil && err != ErrReadLimit && !isImpossibleLength(err) {",
	// A second is short on a busy machine.
	"time.Now().Add(time.Second)", "time.Now().Add(time.Minute)",
)

func TestGorillasOwnTestsPass(t *testing.T) {
	suite := &compattest.Suite{Library: "github.com/gorilla/websocket", NotRun: notRun, Helpers: helpers, Edits: edits}
	dir := t.TempDir()
	tests := suite.Adapt(t, dir)
	suite.Pass(t, ".", tests, "-overlay", overlay(t, dir))
}

// overlay returns the name of a file that has the go command put the files in a directory in the place of the tests of this
// package.
func overlay(t *testing.T, dir string) string {
	here, err := filepath.Abs(".")
	require.NoError(t, err)
	replace := map[string]string{}
	own, err := filepath.Glob(filepath.Join(here, "*_test.go"))
	require.NoError(t, err)
	for _, file := range own {
		replace[file] = "" // not there
	}
	theirs, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	require.NoError(t, err)
	for _, file := range theirs {
		replace[filepath.Join(here, filepath.Base(file))] = file
	}
	replace[filepath.Join(here, "own_shim_test.go")] = filepath.Join(here, "testdata/own/shim.go")
	encoded, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	to := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(to, encoded, 0o600))
	return to
}
