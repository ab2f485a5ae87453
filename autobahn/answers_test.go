package autobahn

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/autobahn/internal/pmd"
)

// serveWith is the reference server with more fields in its answer.
func serveWith(t *testing.T, agreed *pmd.Params, more func(*http.Request, *lines)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var group sync.WaitGroup
	serve := func(nc net.Conn) {
		src := bufio.NewReader(nc)
		r, err := http.ReadRequest(src)
		if err != nil || !legalRequest(r) {
			_ = nc.Close()
			return
		}
		p := &reference{nc: nc, src: src, isServer: true}
		l := lines{first: "HTTP/1.1 101 Switching Protocols", fields: [][2]string{
			{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", accept(r.Header.Get("Sec-WebSocket-Key"))}}}
		p.agree(agreed)
		more(r, &l)
		if _, err := io.WriteString(nc, l.String()); err != nil {
			_ = nc.Close()
			return
		}
		p.serve()
	}
	group.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() { serve(nc) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		group.Wait()
	})
	return "ws://" + l.Addr().String()
}

func subprotocolCase(t *testing.T) string {
	for _, c := range StrictCases() {
		if strings.HasPrefix(c.Shows, "the subprotocol, if any") {
			return c.ID
		}
	}
	require.Fail(t, "no such case")
	return ""
}

func TestAServerMayChooseASubprotocol(t *testing.T) {
	base := serveWith(t, nil, func(r *http.Request, l *lines) {
		if asked := r.Header.Get("Sec-Websocket-Protocol"); asked != "" {
			first, _, _ := strings.Cut(asked, ",")
			l.add("Sec-WebSocket-Protocol", first)
		}
	})
	r, err := TestServer(t.Context(), base, &Options{Cases: []string{subprotocolCase(t)}})
	require.NoError(t, err)
	requirePassed(t, r.Strict)
}

func TestAServerMayNotChooseAllSubprotocols(t *testing.T) {
	for _, chosen := range []string{"first.invalid, second.invalid", "third.invalid"} {
		base := serveWith(t, nil, func(r *http.Request, l *lines) {
			if r.Header.Get("Sec-Websocket-Protocol") != "" {
				l.add("Sec-WebSocket-Protocol", chosen)
			}
		})
		r, err := TestServer(t.Context(), base, &Options{Cases: []string{subprotocolCase(t)}})
		require.NoError(t, err)
		require.Equal(t, Failed, r.Strict[0].Verdict(), r.Strict[0].Why)
	}
}

func TestAServerMayNotAgreeToAnExtensionThatWasNotOffered(t *testing.T) {
	base := serveWith(t, &pmd.Params{}, func(_ *http.Request, l *lines) { l.add("Sec-WebSocket-Extensions", "permessage-deflate") })
	r, err := TestServer(t.Context(), base, &Options{Cases: []string{"14.6.*"}})
	require.NoError(t, err)
	for _, one := range r.Strict {
		if one.Case.Opening.Refused {
			continue
		}
		require.Equal(t, Failed, one.Verdict(), "%s %s", one.Case.ID, one.Case.Shows)
	}
}

func TestAServerMustKeepToAQuotedWindow(t *testing.T) {
	base := serveWith(t, &pmd.Params{}, func(r *http.Request, l *lines) {
		if strings.Contains(r.Header.Get("Sec-Websocket-Extensions"), "server_max_window_bits") {
			l.add("Sec-WebSocket-Extensions", "permessage-deflate") // the server's window is 2^15
		}
	})
	var id string
	for _, c := range StrictCases() {
		if c.Shows == "a quoted parameter value" {
			id = c.ID
		}
	}
	r, err := TestServer(t.Context(), base, &Options{Cases: []string{id}})
	require.NoError(t, err)
	require.Equal(t, Failed, r.Strict[0].Verdict(), id)
}

// A client that answers a close frame with one that is not allowed is wrong; a server that does is Failed.
func TestAClientMustNotAnswerWithACloseFrameThatIsNotAllowed(t *testing.T) {
	h, err := NewHandler(&HandlerOptions{Cases: []string{"14.*"}})
	require.NoError(t, err)
	server := httptest.NewServer(h)
	defer server.Close()
	for name, frame := range map[string]string{
		"one byte":         "\x88\x81\x00\x00\x00\x00\x03",
		"not UTF-8":        "\x88\x83\x00\x00\x00\x00\x03\xe8\xff",
		"1005 in the body": "\x88\x82\x00\x00\x00\x00\x03\xed",
	} {
		nc, err := net.Dial("tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		_, err = io.WriteString(nc, "GET /runCase?casetuple=14.7.15&agent="+url.QueryEscape(name)+" HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
		require.NoError(t, err)
		src := bufio.NewReader(nc)
		_, err = http.ReadResponse(src, nil)
		require.NoError(t, err)
		head := make([]byte, 2)
		_, err = io.ReadFull(src, head)
		require.NoError(t, err)
		body := make([]byte, head[1])
		_, err = io.ReadFull(src, body)
		require.NoError(t, err)
		_, err = io.WriteString(nc, string([]byte{head[0], 0x80 | head[1], 0, 0, 0, 0})+string(body))
		require.NoError(t, err)
		_, err = io.ReadFull(src, make([]byte, 4)) // its close frame
		require.NoError(t, err)
		_, err = io.WriteString(nc, frame)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, src)
		require.NoError(t, err)
		require.NoError(t, nc.Close())
		r := h.Report(name).Strict[0]
		require.Equal(t, Failed, r.Verdict(), "%s: %s", name, r.Violation)
	}
}
