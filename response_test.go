package websocket

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

func TestDialTakesA101WhateverItSaysAboutABody(t *testing.T) {
	for name, lines := range map[string][]string{
		"a length":                 {"Content-Length: 5"},
		"two lengths":              {"content-length: 5", "Content-Length: 6"},
		"no length at all":         {"Content-Length: many"},
		"chunks":                   {"Transfer-Encoding: chunked"},
		"identity":                 {"Transfer-Encoding: identity"},
		"several encodings":        {"transfer-encoding: gzip, chunked", "Transfer-Encoding: identity"},
		"an encoding over lines":   {"Transfer-Encoding: gzip,", "\tchunked", " , identity", "X: y"},
		"an encoding and a length": {"Transfer-Encoding: chunked", "Content-Length: 5"},
		"a trailer":                {"Trailer: Content-Length"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, resp, err := Dial(t.Context(), "ws://example.com", &DialOptions{NetDial: pretend(t, func(nc *wstest.End, r *http.Request) {
					hint := "HTTP/1.1 103 Early Hints\r\n" + strings.Join(append(lines, ""), "\r\n") + "\r\n"
					io.WriteString(nc, hint+answer(r, append(lines, "X-Last: 1")...)+text(frame.Server, "early"))
				})})
				require.NoError(t, err)
				defer c.CloseNow()
				require.Equal(t, "1", resp.Header.Get("X-Last"))
				require.Equal(t, http.NoBody, resp.Body)
				_, data, err := c.Read(t.Context())
				require.NoError(t, err)
				require.Equal(t, "early", string(data))
			})
		})
	}
}

func TestDialFollowsARedirectWhoseBodyNeverEnds(t *testing.T) {
	for name, body := range map[string]string{
		"without a length": "\r\nover ",
		"with a length":    "Content-Length: 1000000\r\n\r\nover ",
		"in chunks":        "Transfer-Encoding: chunked\r\n\r\n5\r\nover ",
		"that has no byte": "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				gone := make(chan struct{})
				o := &DialOptions{MaxRedirects: 1, NetDial: pretend(t, func(nc *wstest.End, r *http.Request) {
					if r.URL.Path == "/next" {
						io.WriteString(nc, answer(r))
						return
					}
					io.WriteString(nc, "HTTP/1.1 302 Found\r\nLocation: /next\r\n"+body)
					io.Copy(io.Discard, nc)
					close(gone)
				})}
				c, _, err := Dial(t.Context(), "ws://example.com", o)
				require.NoError(t, err)
				c.CloseNow()
				require.Zero(t, time.Since(start))
				<-gone
			})
		})
	}
}

func TestDialDoesNotWaitForMoreOfWhatIsNoHTTP(t *testing.T) {
	for line, want := range map[string]string{
		"SSH-2.0-OpenSSH_9.6\r\n": `malformed HTTP response "SSH-2.0-OpenSSH_9.6"`,
		"220 smtp ready\r\n":      `malformed HTTP`,
		"\r\n":                    `malformed HTTP response ""`,
	} {
		t.Run(line, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				_, _, err := Dial(t.Context(), "ws://example.com", &DialOptions{NetDial: pretend(t, func(nc *wstest.End, _ *http.Request) {
					io.WriteString(nc, line)
					io.Copy(io.Discard, nc)
				})})
				var failed *HandshakeError
				require.ErrorAs(t, err, &failed)
				require.ErrorContains(t, err, want)
				require.Zero(t, time.Since(start))
			})
		})
	}
}

// reset is a net.Conn that cannot be read from.
type reset struct{ net.Conn }

func (reset) Read([]byte) (int, error) { return 0, syscall.ECONNRESET }

func TestDialTellsWhyThereIsNoResponse(t *testing.T) {
	near, far := net.Pipe()
	go io.Copy(io.Discard, far)
	_, _, err := Dial(t.Context(), "ws://example.com", &DialOptions{NetDial: func(context.Context, string, string) (net.Conn, error) {
		return reset{near}, nil
	}})
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

// withoutLines is a head without the fields of a body and what is folded below them, by another way than withoutBodyFields.
func withoutLines(head string) string {
	var kept []string
	for _, line := range strings.SplitAfter(strings.NewReplacer("\n ", "\x00", "\n\t", "\x01").Replace(head), "\n") {
		name := strings.ToLower(line)
		if !strings.HasPrefix(name, "content-length:") && !strings.HasPrefix(name, "transfer-encoding:") {
			kept = append(kept, line)
		}
	}
	return strings.NewReplacer("\x00", "\n ", "\x01", "\n\t").Replace(strings.Join(kept, ""))
}

// FuzzResponse: what responseReader reads is what net/http reads, but that it lets no field give a body to what has none,
// and leaves what follows that on the connection.
func FuzzResponse(f *testing.F) {
	f.Add("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\n\x81\x05early", false)
	f.Add("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity,\r\n chunked\r\n\r\ntunnel", true)
	f.Add("HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", false)
	f.Add("HTTP/1.0 302 Found\nLocation: /\n\nbody", false)
	f.Fuzz(func(t *testing.T, s string, connect bool) {
		if strings.ContainsAny(s, "\x00\x01") {
			return // which withoutLines needs
		}
		sent := &http.Request{Method: http.MethodGet}
		if connect {
			sent.Method = http.MethodConnect
		}
		rr := newResponseReader(strings.NewReader(s))
		rr.limited.N = maxResponseHeader
		got, err := rr.one(sent)
		if err != nil {
			return
		}
		bodiless := got.StatusCode < 200 || connect && got.StatusCode < 300
		whole := s
		if bodiless {
			whole = withoutLines(s)
		}
		br := bufio.NewReader(strings.NewReader(whole))
		want, err := http.ReadResponse(br, sent)
		require.NoError(t, err)
		require.Equal(t, want.Status, got.Status)
		require.Equal(t, want.Header, got.Header)
		if !bodiless {
			wantBody, wantErr := io.ReadAll(want.Body)
			gotBody, gotErr := io.ReadAll(got.Body)
			require.Equal(t, wantErr == nil, gotErr == nil)
			require.True(t, bytes.Equal(wantBody, gotBody))
			return
		}
		wantRest, err := io.ReadAll(br)
		require.NoError(t, err)
		gotRest, err := io.ReadAll(rr.br)
		require.NoError(t, err)
		if !strings.Contains(string(gotRest), ":") { // else withoutLines may have taken some of it
			require.Equal(t, string(wantRest), string(gotRest))
		}
		require.True(t, strings.HasSuffix(s, string(gotRest)))
	})
}
