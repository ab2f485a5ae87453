package websocket

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// through returns options for a proxy whose end of the connection a script has in its hands.
func through(scheme string, script func(nc *wstest.End)) *DialOptions {
	return &DialOptions{
		Proxy: http.ProxyURL(&url.URL{Scheme: scheme, Host: "proxy.example", User: url.UserPassword("me", "secret")}),
		NetDial: func(context.Context, string, string) (net.Conn, error) {
			near, far := wstest.Pipe(0)
			go script(far)
			return near, nil
		},
	}
}

// skipped reads n bytes and says whether they came.
func skipped(nc net.Conn, n int64) bool {
	_, err := io.CopyN(io.Discard, nc, n)
	return err == nil
}

// What the client of a SOCKS5 proxy sends before each answer: the methods that it knows, its credentials, and what it
// wants to be connected to.
const (
	socksMethods     = 1 + 1 + 2
	socksCredentials = 1 + 1 + len("me") + 1 + len("secret")
	socksRequest     = 4 + 1 + len("example.com") + 2
)

// answering is a script that reads a request and gives an answer, for as many times as there are answers, then sends no more.
func answering(scheme string, answers []string, gone chan<- struct{}) func(nc *wstest.End) {
	return func(nc *wstest.End) {
		defer close(gone)
		for i, answer := range answers {
			if scheme == "http" {
				if _, err := http.ReadRequest(bufio.NewReader(nc)); err != nil {
					return
				}
			} else if !skipped(nc, int64([]int{socksMethods, socksCredentials, socksRequest}[i])) {
				return
			}
			io.WriteString(nc, answer)
		}
		nc.CloseWrite()
		io.Copy(io.Discard, nc)
	}
}

func TestDialRefusesAProxyThatAnswersWrong(t *testing.T) {
	ok := "HTTP/1.1 200 OK\r\n"
	for name, c := range map[string]struct {
		scheme  string
		answers []string
		status  int
	}{
		"HTTP nothing":               {"http", nil, 0},
		"HTTP half a response":       {"http", []string{ok + "X: "}, 0},
		"HTTP not HTTP":              {"http", []string{"SSH-2.0-OpenSSH_9.2\r\n"}, 0},
		"HTTP SOCKS":                 {"http", []string{"\x05\x00"}, 0},
		"HTTP endless fields":        {"http", []string{ok + strings.Repeat("X: y\r\n", 20_000) + "\r\n"}, 0},
		"HTTP an endless line":       {"http", []string{ok + "X: " + strings.Repeat("y", 1<<20) + "\r\n\r\n"}, 0},
		"HTTP an endless status":     {"http", []string{"HTTP/1.1 200 " + strings.Repeat("y", 1<<20)}, 0},
		"HTTP endless information":   {"http", []string{strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 1000) + ok + "\r\n"}, 0},
		"HTTP a carriage return":     {"http", []string{ok + "X: a\rb\r\n\r\n"}, 0},
		"HTTP a NUL":                 {"http", []string{ok + "X: \x00\r\n\r\n"}, 0},
		"HTTP another protocol":      {"http", []string{"HTTP/1.1 101 Switching Protocols\r\n\r\n"}, 101},
		"HTTP a redirect":            {"http", []string{"HTTP/1.1 302 Found\r\nLocation: ws://elsewhere.example\r\n\r\n"}, 302},
		"HTTP forbidden":             {"http", []string{"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!"}, 403},
		"HTTP bad gateway":           {"http", []string{"HTTP/1.0 502 No\r\n\r\n" + strings.Repeat("x", 1<<20)}, 502},
		"SOCKS nothing":              {"socks5", nil, 0},
		"SOCKS HTTP":                 {"socks5", []string{"HTTP/1.1 400 Bad Request\r\n\r\n"}, 0},
		"SOCKS no method":            {"socks5", []string{"\x05\xff"}, 0},
		"SOCKS an unknown method":    {"socks5", []string{"\x05\x07"}, 0},
		"SOCKS wrong password":       {"socks5", []string{"\x05\x02", "\x01\x01"}, 0},
		"SOCKS refused":              {"socks5", []string{"\x05\x02", "\x01\x00", "\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00"}, 0},
		"SOCKS half an answer":       {"socks5", []string{"\x05\x02", "\x01\x00", "\x05\x00\x00\x01\x00\x00"}, 0},
		"SOCKS an unknown address":   {"socks5", []string{"\x05\x02", "\x01\x00", "\x05\x00\x00\x09\x00\x00\x00\x00\x00\x00"}, 0},
		"SOCKS a nameless answer":    {"socks5", []string{"\x05\x02", "\x01\x00", "\x05\x00\x00\x03\xff"}, 0},
		"SOCKS another version":      {"socks5", []string{"\x04\x00"}, 0},
		"SOCKS another sub-protocol": {"socks5", []string{"\x05\x02", "\x05\x00"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gone := make(chan struct{})
				o := through(c.scheme, answering(c.scheme, c.answers, gone))
				o.MaxRedirects = 3 // of which a proxy's are none
				ws, resp, err := Dial(t.Context(), "ws://example.com", o)
				require.Nil(t, ws)
				require.Nil(t, resp)
				requireRefused(t, err, c.status)
				require.NotContains(t, err.Error(), "secret")
				<-gone // the connection is closed
			})
		})
	}
}

func TestDialSaysWhereASOCKSProxyBreaksOff(t *testing.T) {
	for want, answers := range map[string][]string{
		"failed to read greeting: ":             {"\x05"},
		"failed to read authentication reply: ": {"\x05\x02"},
		"failed to read connect reply: ":        {"\x05\x02", "\x01\x00", "\x05\x00"},
	} {
		t.Run(want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gone := make(chan struct{})
				_, _, err := Dial(t.Context(), "ws://example.com", through("socks5", answering("socks5", answers, gone)))
				require.ErrorContains(t, requireRefused(t, err, 0), want)
				<-gone
			})
		})
	}
}

func TestDialLosesNothingThatComesWithAProxysAnswer(t *testing.T) {
	hint := "HTTP/1.1 103 Early Hints\r\nX: " + strings.Repeat("y", 5000) + "\r\n\r\n" // from the server, in two parts
	for name, c := range map[string]struct {
		scheme  string
		answers []string
	}{
		"HTTP":             {"http", []string{"HTTP/1.1 200 Connection established\r\n\r\n"}},
		"HTTP 204":         {"http", []string{"HTTP/1.1 204 No Content\r\n\r\n"}},
		"HTTP 1.0":         {"http", []string{"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n"}},
		"HTTP information": {"http", []string{"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"}},
		"HTTP a length":    {"http", []string{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"}},
		"HTTP identity":    {"http", []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n"}},
		"HTTP chunks":      {"http", []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"}},
		"SOCKS":            {"socks5", []string{"\x05\x02", "\x01\x00", "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"}},
		"SOCKS by name":    {"socks5", []string{"\x05\x02", "\x01\x00", "\x05\x00\x00\x03\x03abc\x00\x00"}},
		"SOCKS trusting":   {"socks5", []string{"\x05\x00", "", "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := through(c.scheme, func(nc *wstest.End) {
					steps := []int64{socksMethods, int64(socksCredentials), int64(socksRequest)}
					for i, answer := range c.answers {
						if c.scheme == "http" {
							readHead(t, nc)
						} else if answer != "" {
							require.True(t, skipped(nc, steps[i]))
						}
						if i == len(c.answers)-1 {
							answer += hint[:100]
						}
						io.WriteString(nc, answer)
					}
					r, err := http.ReadRequest(bufio.NewReader(nc))
					require.NoError(t, err)
					io.WriteString(nc, hint[100:]+answer(r)+text(frame.Server, "early"))
				})
				ws, _, err := Dial(t.Context(), "ws://example.com", o)
				require.NoError(t, err)
				defer ws.CloseNow()
				_, data, err := ws.Read(t.Context())
				require.NoError(t, err)
				require.Equal(t, "early", string(data))
			})
		})
	}
}

func TestDialDoesNotWaitLongForAProxy(t *testing.T) {
	for name, c := range map[string]struct {
		scheme  string
		answers []string
	}{
		"HTTP":                  {"http", nil},
		"HTTP half an answer":   {"http", []string{"HTTP/1.1 200 OK\r\nX"}},
		"HTTP information":      {"http", []string{"HTTP/1.1 102 Processing\r\n\r\n"}},
		"HTTP over TLS":         {"https", nil},
		"HTTP then silence":     {"http", []string{"HTTP/1.1 200 OK\r\n\r\n"}},
		"SOCKS":                 {"socks5", nil},
		"SOCKS a name check":    {"socks5", []string{"\x05\x02"}},
		"SOCKS a connection":    {"socks5", []string{"\x05\x02", "\x01\x00"}},
		"SOCKS half an answer":  {"socks5", []string{"\x05\x02", "\x01\x00", "\x05\x00\x00\x01"}},
		"SOCKS then silence":    {"socks5", []string{"\x05\x02", "\x01\x00", "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"}},
		"SOCKS a hesitant peer": {"socks5", []string{"\x05"}},
	} {
		for _, serverScheme := range []string{"ws", "wss"} {
			t.Run(name+" to "+serverScheme, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					gone := make(chan struct{})
					o := through(c.scheme, func(nc *wstest.End) {
						defer close(gone)
						for _, answer := range c.answers {
							io.WriteString(nc, answer)
						}
						io.Copy(io.Discard, nc)
					})
					start := time.Now()
					_, resp, err := Dial(t.Context(), serverScheme+"://example.com", o)
					requireRefused(t, err, 0)
					require.Nil(t, resp)
					require.ErrorIs(t, err, context.DeadlineExceeded)
					require.Equal(t, DefaultHandshakeTimeout, time.Since(start))

					<-gone
				})
			})
		}
	}
}

func TestDialThroughAProxyEndsWithItsContext(t *testing.T) {
	for _, scheme := range []string{"http", "https", "socks5"} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			gone := make(chan struct{})
			o := through(scheme, func(nc *wstest.End) {
				defer close(gone)
				skipped(nc, 1)
				cancel()
				io.Copy(io.Discard, nc)
			})
			_, _, err := Dial(ctx, "wss://example.com", o)
			requireRefused(t, err, 0)
			require.ErrorIs(t, err, context.Canceled)
			<-gone
		})
	}
}
