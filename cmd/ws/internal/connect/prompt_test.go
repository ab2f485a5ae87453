//go:build unix

package connect

import (
	"context"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/clitest"
)

func TestThePromptTalks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "some file")
	require.NoError(t, os.WriteFile(file, []byte("\x00\x01"), 0o600))
	x := clitest.NewTerminal(t)
	status := x.Start(t.Context(), Command(), "-history", "off", "-color", "never", clitest.Echoing(t).WS())
	x.Await(`\d\d:\d\d:\d\d\.\d{3} connected to ws://127\.0\.0\.1:\d+\r\n`)
	x.Await(`> `)
	x.Type("hallo\x1b[D\x1b[D\x1b[D\x1b[D\x7fj\r") // three letters to the left of the end one is taken out
	x.Await(`\d\d:\d\d:\d\d\.\d{3} < jallo\r\n`)
	x.Type(`{"a":1}` + "\r")
	x.Await(`< \{"a":1\}\r\n`)
	long := `{"name":"` + strings.Repeat("x", 80) + `","list":[1,true,null]}`
	x.Type(long + "\r")
	x.Await(`< \{\r\n {15}  "name": "x{80}",\r\n {15}  "list": \[\r\n {15}    1,\r\n`)
	x.Type("/ping\r")
	x.Await(`pong after [\d.]+[mµ]?s\r\n`)
	x.Type("/ping abc\r")
	x.Await(`pong "abc"\r\n`)
	x.Type("/bin\t" + file[:len(file)-5] + "\t\r")
	x.Await(`sending 2 bytes of ` + file + `\r\n`)
	x.Await(`< binary, 2 bytes\r\n {15}00000000  00 01 `)
	x.Type("/stats\r")
	x.Await(`connected to 127\.0\.0\.1:\d+ for \d+s`)
	x.Await(`sent 4 messages, \d+ bytes; received 4 messages, \d+ bytes\r\n`)
	x.Await(`the last ping took `)
	x.Type("//x\r")
	x.Await(`< /x\r\n`)
	x.Type("/help\r")
	x.Await(`/close \[CODE \[REASON\]\] +closes the connection`)
	x.Type("/close 3001 tired\r")
	require.Equal(t, 0, <-status)
	x.Await(`3001.* tired`)
}

func TestThePromptEndsWithControlCAndD(t *testing.T) {
	for _, key := range []string{"\x03", "\x04"} {
		x := clitest.NewTerminal(t)
		status := x.Start(t.Context(), Command(), "-history", "off", clitest.Echoing(t).WS())
		x.Await(`connected to `) // the prompt is there before
		x.Type(key)
		require.Equal(t, 0, <-status)
		x.Await(`closed.*1000`)
	}
}

func TestMessagesOnATerminalAreColouredAndTamed(t *testing.T) {
	s := telling(t, `{"k":["\\\"",-1.5e3,false]}`, "\x1b[2Jx\u202e", "[1,"+strings.Repeat("1", 80)+"]")
	x := clitest.NewTerminal(t)
	status := x.Start(t.Context(), Command(), "-history", "off", s.WS())
	x.Await(`\{\x1b\[34m"k"\x1b\[0m:\[\x1b\[32m"\\\\\\""\x1b\[0m,\x1b\[36m-1\.5e3\x1b\[0m,\x1b\[33mfalse\x1b\[0m\]\}\r\n`)
	x.Await("␛\\[2Jx\ufffd\r\n")
	x.Await(`\[\r\n +\x1b\[36m1\x1b`)
	x.Type("\x04")
	require.Equal(t, 0, <-status)

	x = clitest.NewTerminal(t)
	x.Environ["NO_COLOR"] = "1"
	status = x.Start(t.Context(), Command(), "-history", "off", s.WS())
	x.Await(`\{"k":`)
	x.Type("\x04")
	require.Equal(t, 0, <-status)
	require.NotContains(t, x.Screen(), "\x1b[34m")
}

func TestACallThatIsNoneMayBeTypedAgain(t *testing.T) {
	x := clitest.NewTerminal(t)
	status := x.Start(t.Context(), Command(), "-history", "off", "-color", "never", "-jsonrpc", clitest.Echoing(t).WS())
	x.Await(`> `)
	x.Type("add one\r")
	x.Await(`the parameters of add are not JSON`)
	x.Type("add 1\r")
	x.Await(`"id":1,"method":"add","params":\[1\]`)
	x.Type("\x04")
	require.Equal(t, 0, <-status)
}

func TestCompletionKeepsLettersWhole(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"xä", "xö"} { // which have their first byte in common
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	typed := "/text " + filepath.Join(dir, "x")
	line, pos, ok := complete(typed, len(typed), '\t')
	require.True(t, ok)
	require.Equal(t, typed, line)
	require.Equal(t, len(typed), pos)
}

func TestTheHistoryIsKept(t *testing.T) {
	s := clitest.Echoing(t)
	state := t.TempDir()
	for i, typed := range []string{"first\rsecond\r second\r\r", "\x1b[A\x1b[A\r"} {
		x := clitest.NewTerminal(t)
		x.Environ["XDG_STATE_HOME"] = state
		status := x.Start(t.Context(), Command(), s.WS())
		x.Await(`> `)
		x.Type(typed)
		if i == 0 {
			x.Await(`<\x1b?[^\n]*  second\r\n`)
		} else {
			x.Await(`<\x1b?[^\n]* first\r\n`)
		}
		x.Type("\x04")
		require.Equal(t, 0, <-status)
	}
	kept, err := os.ReadFile(filepath.Join(state, "ws", "history"))
	require.NoError(t, err)
	require.Equal(t, "first\nsecond\nfirst\n", string(kept))
}

func TestALongHistoryIsCut(t *testing.T) {
	file := filepath.Join(t.TempDir(), "h")
	require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("line\n", 2*kept+1)), 0o600))
	h, err := openHistory(file, nil)
	require.NoError(t, err)
	h.Add("new")
	h.close()
	require.Equal(t, kept, h.Len())
	require.Equal(t, "new", h.At(0))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("line\n", kept)+"new\n", string(text))
	_, err = openHistory(filepath.Join(file, "x"), nil)
	require.Error(t, err, "a file that was asked for has to be there")
}

func TestTheTerminalIsGivenBackWhenTheServerCloses(t *testing.T) {
	goOn := make(chan struct{})
	s := clitest.Serve(t, (*httptest.Server).Start, nil, func(_ context.Context, c *websocket.Conn) {
		<-goOn
		c.Close(4000, "over")
	})
	x := clitest.NewTerminal(t)
	status := x.Start(t.Context(), Command(), "-history", "off", s.WS())
	x.Await(`> `)
	x.Resize(24, 60)
	close(goOn)
	require.Equal(t, 4, <-status)
	x.Await(`\r\x1b\[K`)
	x.Await(`ws connect: .*4000.*over\r\n`) // with carriage returns: the terminal makes them again
}

func TestARecordedTalkOnATerminalHasNoPromptIfMessagesAreGiven(t *testing.T) {
	x := clitest.NewTerminal(t)
	status := x.Start(t.Context(), Command(), "-color", "never", "-x", "a", clitest.Echoing(t).WS())
	require.Equal(t, 0, <-status)
	x.Await(`ws: |connected`)
	x.Await(`< a\r\n`)
	require.NotContains(t, x.Screen(), "> ")
}

func TestControlCEndsWaitingForAConnection(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // the kernel takes the connection, and nobody answers
	require.NoError(t, err)
	defer silent.Close()
	x := clitest.NewTerminal(t)
	status := x.Start(t.Context(), Command(), "-history", "off", "-timeout", "1h", silent.Addr().String())
	x.Await(`> `)
	x.Type("\x03")
	require.Equal(t, 1, <-status)

	gone := httptest.NewServer(nil)
	gone.Close()
	x = clitest.NewTerminal(t)
	status = x.Start(t.Context(), Command(), "-history", "off", "-reconnect", gone.URL)
	x.Await(`refused.*; connecting again in `)
	x.Type("\x03")
	require.Equal(t, 0, <-status)
}
