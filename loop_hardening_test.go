package websocket

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// What a hostile client sends to a Loop that serves a port of its own, without net/http.

// dialLoop connects to what serveLoop has returned.
func dialLoop(t *testing.T, url string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", strings.TrimPrefix(url, "ws://"))
	require.NoError(t, err)
	t.Cleanup(func() { nc.Close() })
	return nc
}

func TestAFloodOfHeadersTakesLittleOfALoop(t *testing.T) {
	url, _ := serveLoop(t, startLoop(t), listenLocal(t), echoEvents, nil)
	for name, flood := range floods() {
		t.Run(name, func(t *testing.T) {
			request := []byte(strings.TrimSuffix(upgradeRequest(), "\r\n") + flood + "\r\n")
			nc := dialLoop(t, url)
			heard := ""
			require.Less(t, wstest.Allocated(func() { heard = sendAndHear(nc, request) }), uint64(1<<20))
			require.NotContains(t, heard, " 101 ")
			if heard != "" { // else a reset was faster
				require.Contains(t, heard, "HTTP/1.1 431 ")
			}
		})
	}
}

func TestRequestsThatAreReadInTwoWaysAreRefusedByALoop(t *testing.T) {
	url, _ := serveLoop(t, startLoop(t), listenLocal(t), echoEvents, nil)
	for name, request := range ambiguous() {
		t.Run(name, func(t *testing.T) {
			heard := sendAndHear(dialLoop(t, url), []byte(request))
			require.Regexp(t, `^HTTP/1\.1 [45]\d\d `, heard)
			require.NotContains(t, heard, "HTTP/1.1 101")
		})
	}
}

func TestALoopReadsNoOtherRequestBehindARefusal(t *testing.T) {
	opened := make(chan struct{}, 1)
	e := echoEvents
	e.Open = func(context.Context, *Conn) { opened <- struct{}{} }
	url, _ := serveLoop(t, startLoop(t), listenLocal(t), e, nil)
	refused := strings.Replace(upgradeRequest(), "Version: 13", "Version: 7", 1)
	heard := sendAndHear(dialLoop(t, url), []byte(refused+upgradeRequest()))
	require.Equal(t, 1, strings.Count(heard, "HTTP/1.1 "), "%s", heard)
	require.Contains(t, heard, "HTTP/1.1 426 ")
	require.Contains(t, heard, "\r\nConnection: close\r\n")
	require.Empty(t, opened)
}

// TestThousandsOfFramesMayComeToALoopWithTheHandshake: all of them are answered, in order, behind the response.
func TestThousandsOfFramesMayComeToALoopWithTheHandshake(t *testing.T) {
	const frames = 2000
	session := upgradeRequest()
	for i := range frames {
		session += text(frame.Client, fmt.Sprint(i))
	}
	for name, serve := range map[string]func(t *testing.T, l *Loop) string{
		"Serve": func(t *testing.T, l *Loop) string {
			url, _ := serveLoop(t, l, listenLocal(t), echoEvents, nil)
			return url
		},
		"Handler": func(t *testing.T, l *Loop) string {
			return strings.Replace(newServer(t, l.Handler(echoEvents, nil)).URL, "http", "ws", 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			nc := dialLoop(t, serve(t, startLoop(t)))
			sent := make(chan error, 1)
			go func() { _, err := io.WriteString(nc, session); sent <- err }()
			peer := wstest.NewPeer(t, afterResponse(t, nc), frame.Client)
			for i := range frames {
				require.Equal(t, fmt.Sprint(i), string(peer.Receive().Payload))
			}
			require.NoError(t, <-sent)
		})
	}
}

// afterResponse reads a response that is a 101, and returns what comes behind it.
func afterResponse(t *testing.T, nc net.Conn) net.Conn {
	t.Helper()
	response := ""
	for one := make([]byte, 1); !strings.HasSuffix(response, "\r\n\r\n"); response += string(one) {
		_, err := io.ReadFull(nc, one)
		require.NoError(t, err)
	}
	require.Contains(t, response, "HTTP/1.1 101 ")
	return nc
}

func TestAWholeSessionMayArriveAtALoopByteByByte(t *testing.T) {
	for name, compress := range map[string]*DeflateOptions{"plain": nil, "compressed": {MinSize: -1}} {
		t.Run(name, func(t *testing.T) {
			closed := make(chan error, 1)
			e := echoEvents
			e.Close = func(_ *Conn, err error) { closed <- err }
			url, _ := serveLoop(t, startLoop(t), listenLocal(t), e, &AcceptOptions{Deflate: compress})
			c, _, err := Dial(t.Context(), url, &DialOptions{Deflate: compress,
				NetDial: func(ctx context.Context, network, address string) (net.Conn, error) {
					nc, err := new(net.Dialer).DialContext(ctx, network, address)
					return oneByOne{nc}, err
				}})
			require.NoError(t, err)
			defer c.CloseNow()
			requireEcho(t, c)
			require.NoError(t, c.Write(t.Context(), Text, []byte(strings.Repeat("a part", 10))))
			_, data, err := c.Read(t.Context())
			require.NoError(t, err)
			require.Equal(t, strings.Repeat("a part", 10), string(data))
			require.NoError(t, c.Close(StatusNormalClosure, "bye"))
			require.Equal(t, StatusNormalClosure, CloseStatus(<-closed))
		})
	}
}

// TestNobodyKeepsALoopFromServingOthers: while a hundred clients have connected and say nothing, or not all of it.
func TestNobodyKeepsALoopFromServingOthers(t *testing.T) {
	url, _ := serveLoop(t, startLoop(t), listenLocal(t), echoEvents, &AcceptOptions{HandshakeTimeout: -1})
	for i := range 100 {
		nc := dialLoop(t, url)
		_, err := io.WriteString(nc, upgradeRequest()[:i])
		require.NoError(t, err)
	}
	c, resp, err := Dial(t.Context(), url, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	defer c.CloseNow()
	requireEcho(t, c)
}
