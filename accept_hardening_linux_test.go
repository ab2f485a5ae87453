package websocket

import (
	"bytes"
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/wstest"
)

// inChild is set where a test runs itself, to run out of file descriptors alone.
const inChild = "WEBSOCKET_TEST_WITHOUT_DESCRIPTORS"

// awaited is a log that tells once something is in it.
type awaited struct {
	mu   sync.Mutex
	b    bytes.Buffer
	want string
	seen chan struct{}
	once sync.Once
}

func (l *awaited) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Write(p)
	if strings.Contains(l.b.String(), l.want) {
		l.once.Do(func() { close(l.seen) })
	}
	return len(p), nil
}

// TestAServerRecoversWhenItHadNoDescriptorsLeft: net/http logs it and backs off, and serves again when there are some;
// Dial returns a typed error. The limit is of a process, so that the test has one of its own.
func TestAServerRecoversWhenItHadNoDescriptorsLeft(t *testing.T) {
	if os.Getenv(inChild) == "" {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1")
		child.Env = append(os.Environ(), inChild+"=1")
		out, err := child.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "PASS")
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	logged := &awaited{want: "too many open files; retrying in", seen: make(chan struct{})}
	server := &http.Server{Handler: Handler(echo, nil), ReadHeaderTimeout: wstest.Patience, ErrorLog: log.New(logged, "", 0)}
	go server.Serve(listener)
	defer server.Close()
	url := "ws://" + listener.Addr().String()
	before, _, err := Dial(t.Context(), url, nil)
	require.NoError(t, err)
	defer before.CloseNow()

	reserve, err := os.Open(os.DevNull)
	require.NoError(t, err)
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	limit.Cur = 64
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	var conns []*Conn
	backingOff, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		<-logged.seen
		cancel()
	}()
	for exhausted := false; !exhausted; {
		require.Less(t, len(conns), 100)
		c, _, err := Dial(backingOff, url, &DialOptions{HandshakeTimeout: wstest.Patience})
		if err == nil {
			conns = append(conns, c)
			continue
		}
		require.ErrorAs(t, err, new(*HandshakeError))
		exhausted = errors.Is(err, syscall.EMFILE)
		if !exhausted { // the server had none left for it
			require.ErrorIs(t, err, context.Canceled)
			break
		}
	}
	require.NotEmpty(t, conns)
	requireEcho(t, before) // those who are there are not affected

	one, err := net.Dial("tcp", listener.Addr().String()) // until the server has none left either
	for ; err == nil; one, err = net.Dial("tcp", listener.Addr().String()) {
		defer one.Close()
	}
	require.ErrorIs(t, err, syscall.EMFILE)
	_, _, err = Dial(t.Context(), url, nil)
	require.ErrorAs(t, err, new(*HandshakeError))
	require.ErrorIs(t, err, syscall.EMFILE)
	reserve.Close() // gives this one more connection, for which the server has nothing
	if one, err := net.Dial("tcp", listener.Addr().String()); err == nil {
		defer one.Close()
	}
	<-logged.seen

	for _, c := range conns {
		c.CloseNow()
	}
	require.Eventually(t, func() bool {
		c, _, err := Dial(t.Context(), url, nil)
		if err != nil {
			return false
		}
		defer c.CloseNow()
		requireEcho(t, c)
		return true
	}, wstest.Patience, 10*time.Millisecond)
}

// TestDialReportsThatThereIsNoLocalAddress: this is what the system says when a client is out of ephemeral ports.
func TestDialReportsThatThereIsNoLocalAddress(t *testing.T) {
	server := newServer(t, Handler(echo, nil))
	elsewhere := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}} // for documentation: nobody's own
	_, resp, err := Dial(t.Context(), server.URL, &DialOptions{NetDial: elsewhere.DialContext})
	requireRefused(t, err, 0)
	require.ErrorIs(t, err, syscall.EADDRNOTAVAIL)
	require.Nil(t, resp)

	c, _, err := Dial(t.Context(), server.URL, nil)
	require.NoError(t, err)
	defer c.CloseNow()
	requireEcho(t, c)
}
