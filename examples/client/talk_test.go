package main

import (
	"bytes"
	"context"
	"io"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

func TestTheExitStatusTellsTheCloseCode(t *testing.T) {
	for code, status := range map[websocket.StatusCode]int{
		1000: 0, 1001: 101, 1002: 102, 1003: 103, 1005: 105, 1007: 107, 1008: 108, 1009: 109, 1010: 110, 1011: 111,
		1012: 112, 1013: 113, 1014: 114, 3000: 3, 3999: 3, 4000: 4, 4999: 4,
	} {
		s := serving(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
			reason := "see\x1b[2J"
			if code == websocket.StatusNoStatus {
				reason = ""
			}
			c.Write(ctx, websocket.Text, []byte("last words"))
			c.Close(code, reason)
		})
		stdin, hold := io.Pipe() // which never ends
		got := runWith(t.Context(), stdin, s.URL)
		hold.Close()
		require.Equal(t, "last words\n", got.stdout)
		if status == 0 {
			require.Equal(t, outcome{stdout: "last words\n", stderr: "client: connected\n"}, got)
			continue
		}
		requireComplaint(t, got, status, "closed by the peer")
		require.NotContains(t, got.stderr, "\x1b")
	}
}

func TestAServerThatBreaksOffOrBreaksTheRulesIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		sends  string
		args   []string
		status int
	}{
		"gone without a word": {"", nil, 106},
		"a reserved bit":      {"\xf1\x00", nil, 102},
		"text not in UTF-8":   {"\x81\x01\xff", nil, 107},
		"too long":            {"\x81\x05hello", []string{"-max-message", "4"}, 109},
		"too many fragments":  {"\x01\x01a" + strings.Repeat("\x00\x01a", 20_000), nil, 108},
	} {
		s := serving(t, (*httptest.Server).Start, nil, func(ctx context.Context, conn *websocket.Conn) {
			nc := conn.NetConn()
			io.WriteString(nc, c.sends)
			if half, ok := nc.(interface{ CloseWrite() error }); ok {
				half.CloseWrite()
			}
			io.Copy(io.Discard, nc)
			conn.CloseNow()
		})
		stdin, hold := io.Pipe()
		got := runWith(t.Context(), stdin, append(c.args, s.URL)...)
		hold.Close()
		requireComplaint(t, got, c.status, "websocket")
		require.Empty(t, got.stdout, name)
	}
}

// listening is a server that reads, answers nothing, and tells how each connection ended.
func listening(t *testing.T) (*server, chan *websocket.CloseError) {
	t.Helper()
	ends := make(chan *websocket.CloseError, 1)
	return serving(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
		c.Write(ctx, websocket.Text, []byte("welcome"))
		for _, err := range c.Messages(ctx) {
			if err != nil {
				ends <- err.(*websocket.CloseError)
			}
		}
	}), ends
}

func TestTheEndOfTheInputCloses(t *testing.T) {
	s, ends := listening(t)
	got := runWith(t.Context(), strings.NewReader("one\ntwo\n"), s.URL)
	require.Equal(t, outcome{stdout: "welcome\n", stderr: "client: connected\n"}, got)
	end := <-ends
	require.Equal(t, websocket.StatusNormalClosure, end.Code)
	require.True(t, end.WasClean)
}

// printing is a standard output that calls a function at each write.
type printing func(line string)

func (p printing) Write(b []byte) (int, error) {
	p(string(b))
	return len(b), nil
}

func TestAnInterruptSaysGoodbye(t *testing.T) {
	for _, args := range [][]string{nil, {"-stay"}} {
		s, ends := listening(t)
		ctx, cancel := context.WithCancel(t.Context())
		var stdin io.Reader
		stdin, hold := io.Pipe()
		if args != nil {
			stdin = strings.NewReader("the end of this is not the end\n")
		}
		var stderr bytes.Buffer
		status := run(ctx, append(args, s.URL), stdin, printing(func(string) { cancel() }), &stderr)
		require.Zero(t, status, stderr.String())
		end := <-ends
		require.Equal(t, websocket.StatusGoingAway, end.Code)
		require.True(t, end.WasClean)
		hold.Close()
	}
}

func TestAnOutputThatFailsEndsTheConversation(t *testing.T) {
	s, ends := listening(t)
	stdin, hold := io.Pipe()
	defer hold.Close()
	var stderr bytes.Buffer
	status := run(t.Context(), []string{s.URL}, stdin, failingWriter{}, &stderr)
	requireComplaint(t, outcome{status: status, stderr: stderr.String()}, statusFailed, "the reader has left")
	require.Equal(t, websocket.StatusGoingAway, (<-ends).Code)
}

func TestALineThatIsTooLongEndsTheConversation(t *testing.T) {
	s, ends := listening(t)
	got := runWith(t.Context(), strings.NewReader("short\n"+strings.Repeat("x", 101)), "-max-message", "100", s.URL)
	requireComplaint(t, got, statusFailed, "token too long")
	require.Equal(t, websocket.StatusGoingAway, (<-ends).Code)
}

func TestALineThatIsJustNotTooLongIsSent(t *testing.T) {
	line := strings.Repeat("x", 100)
	got := runWith(t.Context(), strings.NewReader(line+"\r\n"+line+"\n"), "-max-message", "100", echoing(t).URL)
	require.Equal(t, outcome{stdout: line + "\n" + line + "\n", stderr: "client: connected\n"}, got)
}

func TestAServerThatDoesNotAnswerPingsIsGone(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	s := serving(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
		<-over // and nobody reads
		c.CloseNow()
	})
	stdin, hold := io.Pipe()
	defer hold.Close()
	requireComplaint(t, runWith(t.Context(), stdin, "-ping", "20ms", s.URL), 106, websocket.ErrPeerTimeout.Error())
}

func TestNothingThatAServerSendsDrivesATerminal(t *testing.T) {
	require.Equal(t, "a\n\tb ␀␛[31m␡\ufffd 你好 🚀", visible("a\n\tb \x00\x1b[31m\x7f\u009b 你好 🚀"))
	require.False(t, isTerminal(&bytes.Buffer{}))

	file, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	require.False(t, isTerminal(file))
	require.NoError(t, file.Close())
	require.False(t, isTerminal(file))

	device, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // a character device as terminals are
	require.NoError(t, err)
	defer device.Close()
	require.True(t, isTerminal(device))
	var stderr bytes.Buffer
	require.Zero(t, run(t.Context(), []string{echoing(t).URL}, strings.NewReader("x"), device, &stderr))
}

func TestBinaryMessagesAreSummedUp(t *testing.T) {
	require.Equal(t, "binary, 0 bytes", summary(nil))
	require.Equal(t, "binary, 3 bytes: 00 1b ff", summary([]byte{0, 0x1b, 0xff}))
	require.Equal(t, "binary, 32 bytes: "+strings.TrimSpace(strings.Repeat("20 ", 32)), summary(bytes.Repeat([]byte(" "), 32)))
	require.Equal(t, "binary, 33 bytes: "+strings.Repeat("20 ", 32)+"…", summary(bytes.Repeat([]byte(" "), 33)))
}
