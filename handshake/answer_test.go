package handshake

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
)

// answering has something to say about all that a request may ask for.
var answering = NewServer(&ServerOptions{
	Subprotocols: []string{"chat"}, AllowedOrigins: []string{"https://*.example.com"}, Header: http.Header{"X": {"x"}}, Deflate: &deflate.Options{},
})

// requireSameAnswer requires Answer to do what Parse and Accept do, with a parser that may have parsed other requests.
func requireSameAnswer(t *testing.T, p *RequestParser, received []byte) {
	t.Helper()
	var want Response
	r, n, err := parseWhole(string(received))
	if err == nil && r != nil {
		want, err = answering.Accept(r)
	}
	p.Reset()
	own := slices.Clone(received)
	resp, m, answerErr := answering.Answer(p, own)
	require.Equal(t, received, own)
	require.Equal(t, err, answerErr)
	require.Equal(t, n, m)
	for i := range own { // the answer keeps nothing of it
		own[i] = 'x'
	}
	require.Equal(t, want.Agreed, resp.Agreed)
	require.Equal(t, string(want.AppendResponse(nil)), string(resp.AppendResponse(nil)))
}

// requests are wireRequest and what comes of it when a line is left out, repeated, or another one.
func requests() (all []string) {
	lines := strings.SplitAfter(wireRequest, "\r\n")
	for i := range len(lines) - 1 {
		for _, other := range []string{
			"", lines[i] + lines[i], lines[i] + "x: y\r\n", strings.ToLower(lines[i]), strings.Replace(lines[i], "\r\n", "x\r\n", 1),
			strings.Replace(lines[i], ":", ":\t", 1), strings.Replace(lines[i], ":", " :", 1), strings.Replace(lines[i], ":", ":\r\nx:", 1),
		} {
			all = append(all, strings.Join(lines[:i], "")+other+strings.Join(lines[i+1:], ""))
		}
	}
	for _, line := range []string{
		"Content-Length: 0", "Content-Length: 1", "Content-Length: 0\r\nContent-Length: 0", "Transfer-Encoding: chunked", "Connection: close",
		"Sec-WebSocket-Protocol: superchat, chat", "Sec-WebSocket-Protocol: superchat\r\nSec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: ;",
	} {
		all = append(all, strings.Replace(wireRequest, "\r\n", "\r\n"+line+"\r\n", 1))
	}
	for _, target := range []string{
		"/", "//", "/?", "/%41", "/%zz", "/?%zz", "*", "a", "http://a.example/", "http://server.example.com", "http://u@a/", "ws:///", "/é", "/[", "/?a b",
	} {
		all = append(all, strings.Replace(wireRequest, "/chat?room=1", target, 1))
	}
	for _, version := range []string{"HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "HTTP", ""} {
		all = append(all, strings.Replace(wireRequest, "HTTP/1.1", version, 1))
	}
	for _, origin := range []string{"https://a.example.com", "http://server.example.com:80", "http://SERVER.example.com", "null", "http://a..b", "a"} {
		all = append(all, strings.Replace(wireRequest, "Origin: http://server.example.com", "Origin: "+origin, 1))
	}
	return append(all, "\r\n"+wireRequest, "\n"+wireRequest, wireRequest+"\x81\x00", strings.Replace(wireRequest, "GET", "PUT", 1), "", "G", "\x16")
}

func TestAnswerIsParseAndAccept(t *testing.T) {
	var p RequestParser
	for _, request := range requests() {
		requireSameAnswer(t, &RequestParser{}, []byte(request))
		requireSameAnswer(t, &p, []byte(request))
		requireSameAnswer(t, &p, []byte(wireRequest))
	}
	for _, request := range requests() { // one after the other
		requireSameAnswer(t, &p, []byte(request))
	}
}

func TestAnswerToARequestInPieces(t *testing.T) {
	want, _, err := answering.Answer(&RequestParser{}, []byte(wireRequest))
	require.NoError(t, err)
	var p RequestParser
	for cut := range len(wireRequest) {
		p.Reset()
		_, n, err := answering.Answer(&p, []byte(wireRequest[:cut]))
		require.NoError(t, err)
		require.Zero(t, n)
		got, n, err := answering.Answer(&p, []byte(wireRequest+"rest"))
		require.NoError(t, err)
		require.Equal(t, len(wireRequest), n)
		require.Equal(t, want, got)
	}
}

func TestAnswerWithWrongOptions(t *testing.T) {
	s := NewServer(&ServerOptions{AllowedOrigins: []string{"*x"}})
	_, _, err := s.Answer(&RequestParser{}, []byte(wireRequest))
	requireError(t, err, http.StatusInternalServerError)
}

// TestALongValueIsNotRemembered: nor are many. What is remembered is in memory for as long as the parser.
func TestALongValueIsNotRemembered(t *testing.T) {
	var p RequestParser
	long := strings.Replace(wireRequest, "Pragma: no-cache", "Sec-WebSocket-Protocol: "+strings.Repeat("x", maxLast+1), 1)
	many := strings.Replace(wireRequest, "Pragma: no-cache\r\n", strings.Repeat("Sec-WebSocket-Protocol: x\r\n", maxLastValues+1), 1)
	for _, request := range []string{long, many} {
		p.Reset()
		_, _, err := answering.Answer(&p, []byte(request))
		require.NoError(t, err)
	}
	p.last.reset()
	require.Less(t, len(p.last.last[protocolName]), maxLast)
	require.Zero(t, cap(p.last.now[protocolName]))
}

func TestAnswerMakesARequestForHooks(t *testing.T) {
	var asked []string
	s := NewServer(&ServerOptions{
		CheckOrigin: func(r *http.Request) error { asked = append(asked, r.URL.Path, r.Header.Get("Origin")); return nil },
		SelectSubprotocol: func(r *http.Request, _ []string) (string, error) {
			asked = append(asked, r.Header.Get("Pragma"))
			return "", nil
		},
	})
	resp, n, err := s.Answer(&RequestParser{}, []byte(wireRequest))
	require.NoError(t, err)
	require.Equal(t, len(wireRequest), n)
	require.Contains(t, string(resp.AppendResponse(nil)), " 101 ")
	require.Equal(t, []string{"/chat", "http://server.example.com", "no-cache"}, asked)
	_, _, err = s.Answer(&RequestParser{}, []byte("GET /%zz HTTP/1.1\r\n\r\n"))
	requireError(t, err, http.StatusBadRequest)
}

func TestAnswerRemembersWhatClientsSay(t *testing.T) {
	var p RequestParser
	s, head := NewServer(nil), []byte(wireRequest)
	allocs := testing.AllocsPerRun(100, func() {
		p.Reset()
		if _, _, err := s.Answer(&p, head); err != nil {
			t.Error(err)
		}
	})
	require.Zero(t, allocs, "with the same key")
}

func BenchmarkAnswer(b *testing.B) {
	var p RequestParser
	s, head := NewServer(nil), []byte(wireRequest)
	b.ReportAllocs()
	for b.Loop() {
		p.Reset()
		if _, _, err := s.Answer(&p, head); err != nil {
			b.Fatal(err)
		}
	}
}
