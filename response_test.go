package websocket

import (
	"io"
	"net/http"
	"strings"
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
