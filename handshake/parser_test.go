package handshake

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// wireRequest is what Chromium sends.
const wireRequest = "GET /chat?room=1 HTTP/1.1\r\n" +
	"Host: server.example.com\r\n" +
	"Connection: Upgrade\r\n" +
	"Pragma: no-cache\r\n" +
	"Cache-Control: no-cache\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" +
	"Upgrade: websocket\r\n" +
	"Origin: http://server.example.com\r\n" +
	"Sec-WebSocket-Version: 13\r\n" +
	"Accept-Encoding: gzip, deflate, br\r\n" +
	"Accept-Language: en-US,en;q=0.9\r\n" +
	"Sec-WebSocket-Key: " + testKey + "\r\n" +
	"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"

func parseWhole(head string) (*http.Request, int, error) {
	return new(RequestParser).Parse(context.Background(), []byte(head))
}

// parseSlowly hands head over in pieces of one byte each.
func parseSlowly(head string) (r *http.Request, n int, err error) {
	var p RequestParser
	all := []byte(head)
	for i := 0; i <= len(all) && r == nil && err == nil; i++ {
		r, n, err = p.Parse(context.Background(), all[:i])
	}
	return r, n, err
}

func TestParserReadsWhatABrowserSends(t *testing.T) {
	r, n, err := parseWhole(wireRequest + "the first frames")
	require.NoError(t, err)
	require.Equal(t, len(wireRequest), n)
	require.Equal(t, "GET", r.Method)
	require.Equal(t, "/chat", r.URL.Path)
	require.Equal(t, "room=1", r.URL.RawQuery)
	require.Equal(t, "/chat?room=1", r.RequestURI)
	require.Equal(t, "server.example.com", r.Host)
	require.True(t, r.ProtoAtLeast(1, 1))
	require.Equal(t, http.NoBody, r.Body)
	require.Zero(t, r.ContentLength)
	require.Equal(t, testKey, r.Header.Get("Sec-WebSocket-Key"))
	require.NotContains(t, r.Header, "Host")
	_, err = new(ServerOptions).Accept(r)
	require.NoError(t, err)
}

func TestParserAgreesWithNetHTTP(t *testing.T) {
	for _, head := range []string{
		wireRequest,
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"OPTIONS /a%20b?c HTTP/1.0\r\nhost: a:80\r\nx-y:\t z \t\r\nX-Y: 2\r\nX-y:\r\n\r\n",
		"GET http://b:81/c HTTP/1.1\r\nHost: a\r\nA: é\xff\r\n\r\n",
		"GET // HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 0\r\n\r\n",
	} {
		got, _, err := parseWhole(head)
		require.NoError(t, err)
		requireSameAsNetHTTP(t, head, got)
	}
}

// requireSameAsNetHTTP holds a request against what the standard library reads.
func requireSameAsNetHTTP(t *testing.T, head string, got *http.Request) {
	t.Helper()
	want, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
	require.NoError(t, err)
	if _, sent := got.Header["Cache-Control"]; !sent {
		want.Header.Del("Cache-Control") // which net/http adds to a Pragma
	}
	require.Equal(t, want.Method, got.Method)
	require.Equal(t, want.URL, got.URL)
	require.Equal(t, want.RequestURI, got.RequestURI)
	require.Equal(t, want.Proto, got.Proto)
	require.Equal(t, want.ProtoMajor, got.ProtoMajor)
	require.Equal(t, want.ProtoMinor, got.ProtoMinor)
	require.Equal(t, want.Host, got.Host)
	require.Equal(t, want.Header, got.Header)
	require.Equal(t, want.ContentLength, got.ContentLength)
}

func TestParserGivesTheRequestItsContext(t *testing.T) {
	r, _, err := new(RequestParser).Parse(t.Context(), []byte(wireRequest))
	require.NoError(t, err)
	require.Equal(t, t.Context(), r.Context())
}

func TestParserWantsMoreUntilTheEmptyLine(t *testing.T) {
	for i := range len(wireRequest) {
		r, n, err := parseWhole(wireRequest[:i])
		require.NoError(t, err)
		require.Nil(t, r)
		require.Zero(t, n)
	}
}

func TestParserKeepsNothingOfTheBuffer(t *testing.T) {
	head := []byte(wireRequest)
	r, _, err := new(RequestParser).Parse(t.Context(), head)
	require.NoError(t, err)
	clear(head)
	require.Equal(t, testKey, r.Header.Get("Sec-WebSocket-Key"))
	require.Equal(t, "/chat", r.URL.Path)
}

func TestParserIsReadyAgainAfterReset(t *testing.T) {
	var p RequestParser
	_, _, err := p.Parse(t.Context(), []byte("GET / HTTP/1.1\r\nX: y\r\n Z"))
	require.NoError(t, err)
	p.Reset()
	r, n, err := p.Parse(t.Context(), []byte(wireRequest))
	require.NoError(t, err)
	require.Equal(t, len(wireRequest), n)
	require.NotContains(t, r.Header, "X")
}

func TestParserRefusesWhatSmugglersSend(t *testing.T) {
	const first = "GET / HTTP/1.1\r\n"
	for name, c := range map[string]struct {
		head   string
		status int
	}{
		"a TLS client":                     {"\x16\x03\x01", 400},
		"one empty line in front":          {"\r\n" + wireRequest, 0},
		"two empty lines in front":         {"\r\n\r\n" + wireRequest, 400},
		"a bare LF in front":               {"\n" + wireRequest, 400},
		"a bare CR in front":               {"\r" + wireRequest, 400},
		"a TLS client behind a line":       {"\r\n\x16\x03\x01", 400},
		"white space in front":             {" GET / HTTP/1.1\r\n", 400},
		"no target":                        {"GET HTTP/1.1\r\n", 400},
		"an empty target":                  {"GET  HTTP/1.1\r\n", 400},
		"no version":                       {"GET /\r\n", 400},
		"a bad method":                     {"G(T / HTTP/1.1\r\n", 400},
		"a bad version":                    {"GET / HTTP/1.10\r\n", 400},
		"a version in lower case":          {"GET / http/1.1\r\n", 400},
		"two spaces":                       {"GET /  HTTP/1.1\r\n", 400},
		"a space in the target":            {"GET /a b HTTP/1.1\r\n", 400},
		"a tab in the target":              {"GET /a\tb HTTP/1.1\r\n", 400},
		"a NUL in the target":              {"GET /\x00 HTTP/1.1\r\n", 400},
		"a fragment":                       {"GET /#a HTTP/1.1\r\n", 400},
		"HTTP/2":                           {"PRI * HTTP/2.0\r\n", 505},
		"a bare LF":                        {"GET / HTTP/1.1\n", 400},
		"a bare LF in the header":          {first + "Host: a\nX: y\r\n\r\n", 400},
		"a bare LF at the end":             {first + "Host: a\r\n\n", 400},
		"a bare CR in a value":             {first + "X: a\rb\r\n", 400},
		"a bare CR in front of CRLF":       {first + "X: a\r\r\n", 400},
		"a NUL in a value":                 {first + "X: a\x00\r\n", 400},
		"an escape in a value":             {first + "X: a\x1b\r\n", 400},
		"a DEL in a value":                 {first + "X: a\x7f\r\n", 400},
		"a folded field":                   {first + "X: a\r\n b\r\n", 400},
		"a field folded with a tab":        {first + "X: a\r\n\tb\r\n", 400},
		"a folded first field":             {first + " X: a\r\n", 400},
		"a space in front of the colon":    {first + "Host : a\r\n", 400},
		"a name that is not a token":       {first + "X(: a\r\n", 400},
		"a NUL in a name":                  {first + "X\x00: a\r\n", 400},
		"no name":                          {first + ": a\r\n", 400},
		"no colon":                         {first + "Host\r\n", 400},
		"no host":                          {first + "\r\n", 400},
		"two hosts":                        {first + "Host: a\r\nHost: b\r\n\r\n", 400},
		"the same host twice":              {first + "Host: a\r\nhost: a\r\n\r\n", 400},
		"an invalid host":                  {first + "Host: a/b\r\n\r\n", 400},
		"two hosts and a target with one":  {"GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
		"a length":                         {first + "Host: a\r\nContent-Length: 1\r\n\r\nx", 400},
		"two lengths":                      {first + "Host: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", 400},
		"a negative length":                {first + "Host: a\r\nContent-Length: -0\r\n\r\n", 400},
		"a chunked body":                   {first + "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		"a body of unknown encoding":       {first + "Host: a\r\nTransfer-Encoding: \r\n\r\n", 400},
		"a target for proxies":             {"GET example.com:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a target with a user":             {"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a target without a host":          {"GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a target with a broken escape":    {"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"an asterisk":                      {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"an endless first line":            {"GET /" + strings.Repeat("a", MaxRequest), 431},
		"an endless value":                 {first + "X: " + strings.Repeat("a", MaxRequest), 431},
		"endless fields":                   {first + strings.Repeat("X: y\r\n", MaxRequest), 431},
		"a request of one byte too many":   {requestOf(MaxRequest + 1), 431},
		"a request that ends right behind": {requestOf(MaxRequest) + "X", 0},
		"a request of just the right size": {requestOf(MaxRequest), 0},
		"a request without a length":       {first + "Host: a\r\nContent-Length: 0\r\n\r\n", 0},
		"a value with a tab and UTF-8":     {first + "Host: a\r\nX: a\té\r\n\r\n", 0},
		"a target with a host":             {"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			for _, parse := range []func(string) (*http.Request, int, error){parseWhole, parseSlowly} {
				r, n, err := parse(c.head)
				if c.status == 0 {
					require.NoError(t, err)
					require.NotNil(t, r)
					require.LessOrEqual(t, n, MaxRequest)
					continue
				}
				require.Nil(t, r)
				requireError(t, err, c.status)
			}
		})
	}
}

// requestOf is a request of n bytes.
func requestOf(n int) string {
	const before, after = "GET / HTTP/1.1\r\nHost: a\r\nX: ", "\r\n\r\n"
	return before + strings.Repeat("a", n-len(before)-len(after)) + after
}

func TestParserMakesAHandfulOfAllocations(t *testing.T) {
	var p RequestParser
	ctx, head := t.Context(), []byte(wireRequest)
	allocs := testing.AllocsPerRun(100, func() {
		p.Reset()
		if _, _, err := p.Parse(ctx, head); err != nil {
			t.Error(err)
		}
	})
	require.LessOrEqual(t, allocs, 9.0)
}

func TestParserSkipsOneEmptyLineInFrontOfARequest(t *testing.T) {
	head := "\r\n" + wireRequest
	for _, parse := range []func(string) (*http.Request, int, error){parseWhole, parseSlowly} {
		r, n, err := parse(head)
		require.NoError(t, err)
		require.Equal(t, len(head), n)
		requireSameAsNetHTTP(t, wireRequest, r)
	}
}

func TestParserSaysThatANameContainsASpace(t *testing.T) {
	for _, line := range []string{"Host : a", "Sec-WebSocket Key: a", "X\t: y"} {
		_, _, err := parseWhole("GET / HTTP/1.1\r\n" + line + "\r\n")
		e := requireError(t, err, http.StatusBadRequest)
		require.Contains(t, e.Reason, "contains a space")
		require.Contains(t, e.Reason, line[:4][:strings.IndexAny(line[:4]+" ", " \t")])
	}
}

func FuzzRequestParser(f *testing.F) {
	f.Add([]byte(wireRequest + "rest"))
	f.Add([]byte("GET http://a/b HTTP/1.1\r\nHost: a\r\nX: y\r\nx:\tz \r\n\r\n"))
	f.Add([]byte("GET / HTTP/1.1\r\n X: y\r\n"))
	f.Add([]byte("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	f.Fuzz(func(t *testing.T, head []byte) {
		whole, n, err := parseWhole(string(head))
		slow, m, slowErr := parseSlowly(string(head))
		require.Equal(t, n, m)
		require.Equal(t, err, slowErr)
		require.Equal(t, whole, slow)
		requireSameAnswer(t, &RequestParser{}, head)
		if whole == nil {
			return
		}
		require.True(t, bytes.HasSuffix(head[:n], []byte("\r\n\r\n")))
		requireSameAsNetHTTP(t, strings.TrimPrefix(string(head[:n]), "\r\n"), whole)
	})
}

func BenchmarkRequestParser(b *testing.B) {
	var p RequestParser
	head := []byte(wireRequest)
	b.ReportAllocs()
	b.SetBytes(int64(len(head)))
	for b.Loop() {
		p.Reset()
		if _, _, err := p.Parse(context.Background(), head); err != nil {
			b.Fatal(err)
		}
	}
}
