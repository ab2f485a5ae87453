package handshake

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
)

const (
	testKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	testAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// goodRequest is the request of §1.2 without its origin and its subprotocols.
func goodRequest() *http.Request {
	return &http.Request{
		Method: "GET", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Host: "server.example.com",
		Header: http.Header{
			"Upgrade":               {"websocket"},
			"Connection":            {"Upgrade"},
			"Sec-Websocket-Key":     {testKey},
			"Sec-Websocket-Version": {"13"},
		},
	}
}

// requireError asks for a refusal with the given status, and for everything that all refusals have in common.
func requireError(t *testing.T, err error, status int) *Error {
	t.Helper()
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, status, e.Status, "%v", err)
	require.NotEmpty(t, e.Reason)
	require.NotContains(t, e.Reason, "\n")
	require.Contains(t, err.Error(), e.Reason)
	return e
}

func TestServerAnswersTheExampleOfTheRFC(t *testing.T) {
	r := goodRequest()
	r.Header.Set("Origin", "http://example.com")
	r.Header.Set("Sec-WebSocket-Protocol", "chat, superchat")
	o := &ServerOptions{Subprotocols: []string{"chat"}, AllowedOrigins: []string{"example.com"}}
	resp, err := o.Accept(r)
	require.NoError(t, err)
	require.Equal(t, Agreed{Subprotocol: "chat"}, resp.Agreed)
	require.Equal(t, "HTTP/1.1 101 Switching Protocols\r\n"+
		"Upgrade: websocket\r\n"+
		"Connection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: "+testAccept+"\r\n"+
		"Sec-WebSocket-Protocol: chat\r\n\r\n", string(resp.AppendResponse(nil)))
}

func TestServerWithoutOptionsAccepts(t *testing.T) {
	resp, err := (*ServerOptions)(nil).Accept(goodRequest())
	require.NoError(t, err)
	require.Contains(t, string(resp.AppendResponse(nil)), testAccept)
}

func TestServerMakesNoGarbageOfAPlainRequest(t *testing.T) {
	r, o, buf := goodRequest(), new(ServerOptions), make([]byte, 0, 512)
	r.Header["Origin"] = []string{"http://server.example.com"}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		resp, err := o.Accept(r)
		if err != nil {
			t.Error(err)
		}
		buf = resp.AppendResponse(buf[:0])
	}))
}

func TestServerHoldsTheRequestAgainstTheRFC(t *testing.T) {
	set := func(name string, values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header[name] = values }
	}
	del := func(name string) func(*http.Request) {
		return func(r *http.Request) { delete(r.Header, name) }
	}
	for name, c := range map[string]struct {
		change func(*http.Request)
		status int // 0: accepted
	}{
		"as it is": {func(*http.Request) {}, 0},
		"HEAD":     {func(r *http.Request) { r.Method = "HEAD" }, 405},
		"POST":     {func(r *http.Request) { r.Method = "POST" }, 405},
		"get":      {func(r *http.Request) { r.Method = "get" }, 405},
		"HTTP/1.0": {func(r *http.Request) { r.ProtoMinor = 0 }, 400},
		"HTTP/0.9": {func(r *http.Request) { r.ProtoMajor, r.ProtoMinor = 0, 9 }, 400},
		"HTTP/1.2": {func(r *http.Request) { r.ProtoMinor = 2 }, 0},
		"HTTP/2":   {func(r *http.Request) { r.ProtoMajor, r.ProtoMinor = 2, 0 }, 501},
		"extended CONNECT": {func(r *http.Request) {
			r.ProtoMajor, r.ProtoMinor, r.Method = 2, 0, "CONNECT"
			r.Header[":protocol"] = []string{"websocket"}
		}, 501},
		"no host":                 {func(r *http.Request) { r.Host = "" }, 400},
		"an impossible host":      {func(r *http.Request) { r.Host = "a b" }, 400},
		"a body":                  {func(r *http.Request) { r.ContentLength = 1 }, 400},
		"a body of unknown size":  {func(r *http.Request) { r.ContentLength = -1 }, 400},
		"a chunked body":          {func(r *http.Request) { r.TransferEncoding = []string{"chunked"} }, 400},
		"no Connection":           {del("Connection"), 426},
		"Connection: keep-alive":  {set("Connection", "keep-alive"), 426},
		"Connection: notupgrade":  {set("Connection", "notupgrade"), 426},
		"Connection: upgraded":    {set("Connection", "upgraded, not upgrade"), 426},
		"Connection of Firefox":   {set("Connection", "keep-alive, Upgrade"), 0},
		"Connection in two lines": {set("Connection", "keep-alive", "UPGRADE"), 0},
		"Connection with tabs":    {set("Connection", "a,\tupgrade\t,b"), 0},
		"no Upgrade":              {del("Upgrade"), 426},
		"Upgrade: h2c":            {set("Upgrade", "h2c"), 426},
		"Upgrade: websockets":     {set("Upgrade", "websockets"), 426},
		"Upgrade: WebSocket":      {set("Upgrade", "WebSocket"), 0},
		"Upgrade to one of many":  {set("Upgrade", "h2c, websocket"), 0},
		"no version":              {del("Sec-Websocket-Version"), 426},
		"version 8":               {set("Sec-Websocket-Version", "8"), 426},
		"version 013":             {set("Sec-Websocket-Version", "013"), 426},
		"version 13 of two":       {set("Sec-Websocket-Version", "13, 8"), 426},
		"version 13 twice":        {set("Sec-Websocket-Version", "13", "13"), 426},
		"no key":                  {del("Sec-Websocket-Key"), 400},
		"an empty key":            {set("Sec-Websocket-Key", ""), 400},
		"a key of 15 octets":      {set("Sec-Websocket-Key", "AQIDBAUGBwgJCgsMDQ4P"), 400},
		"two keys":                {set("Sec-Websocket-Key", testKey, testKey), 400},
		"two keys in one line":    {set("Sec-Websocket-Key", testKey+", "+testKey), 400},
		"a key and a NUL":         {set("Sec-Websocket-Key", testKey+"\x00"), 400},
		"a key in white space":    {set("Sec-Websocket-Key", " "+testKey+"\t"), 0},
		"bad extensions":          {set("Sec-Websocket-Extensions", "a;;b"), 400},
		"unknown extensions":      {set("Sec-Websocket-Extensions", "foo", "bar; baz=2"), 0},
		"CRLF in extensions":      {set("Sec-Websocket-Extensions", "foo\r\nX: y"), 400},
		"endless extensions":      {set("Sec-Websocket-Extensions", strings.Repeat("a,", 32<<10)), 431},
		"bad subprotocols":        {set("Sec-Websocket-Protocol", "a b"), 400},
		"CRLF in subprotocols":    {set("Sec-Websocket-Protocol", "a", "b\r\nX: y"), 400},
		"NUL in subprotocols":     {set("Sec-Websocket-Protocol", "a\x00"), 400},
		"endless subprotocols":    {set("Sec-Websocket-Protocol", strings.Repeat("a", 5<<10), strings.Repeat("b", 5<<10)), 431},
		"empty subprotocols":      {set("Sec-Websocket-Protocol", "", ",,"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := goodRequest()
			c.change(r)
			_, err := (&ServerOptions{Subprotocols: []string{"a"}}).Accept(r)
			if c.status == 0 {
				require.NoError(t, err)
				return
			}
			e := requireError(t, err, c.status)
			switch c.status {
			case 405:
				require.Equal(t, "GET", e.Header.Get("Allow"))
			case 426:
				require.Equal(t, "13", e.Header.Get("Sec-WebSocket-Version"))
				require.Equal(t, "websocket", e.Header.Get("Upgrade"))
			}
		})
	}
}

func TestServerPrefersItsOwnOrderOfSubprotocols(t *testing.T) {
	for _, c := range []struct {
		speaks  []string
		offered []string
		want    string
	}{
		{nil, nil, ""},
		{nil, []string{"a"}, ""},
		{[]string{"a"}, nil, ""},
		{[]string{"a", "b"}, []string{"b, a"}, "a"},
		{[]string{"a", "b"}, []string{"b"}, "b"},
		{[]string{"a", "b"}, []string{"c", "b ,d"}, "b"},
		{[]string{"a", "b"}, []string{"A, B"}, ""}, // names are compared as they are
		{[]string{"a"}, []string{"aa, ,a"}, "a"},
	} {
		r := goodRequest()
		if c.offered != nil {
			r.Header["Sec-Websocket-Protocol"] = c.offered
		}
		resp, err := (&ServerOptions{Subprotocols: c.speaks}).Accept(r)
		require.NoError(t, err)
		require.Equal(t, c.want, resp.Subprotocol)
		require.Equal(t, c.want != "", strings.Contains(string(resp.AppendResponse(nil)), "Sec-WebSocket-Protocol: "+c.want+"\r\n"))
	}
}

func TestServerHookChoosesTheSubprotocolByRequest(t *testing.T) {
	r := goodRequest()
	r.Header["Sec-Websocket-Protocol"] = []string{"a, b", "c"}
	choose := func(name string, err error) (Response, error) {
		return (&ServerOptions{SelectSubprotocol: func(got *http.Request, offered []string) (string, error) {
			require.Same(t, r, got)
			require.Equal(t, []string{"a", "b", "c"}, offered)
			return name, err
		}}).Accept(r)
	}
	resp, err := choose("c", nil)
	require.NoError(t, err)
	require.Equal(t, "c", resp.Subprotocol)

	resp, err = choose("", nil)
	require.NoError(t, err)
	require.Empty(t, resp.Subprotocol)

	_, err = choose("d", nil)
	requireError(t, err, 500)

	cause := errors.New("secret")
	_, err = choose("", cause)
	require.NotContains(t, requireError(t, err, 400).Reason, "secret")
	require.ErrorIs(t, err, cause)

	_, err = choose("", &Error{Status: 401, Reason: "who are you?"})
	requireError(t, err, 401)
	for _, none := range []int{0, 101, 200, 600} { // not the status of a refusal
		_, err = choose("", &Error{Status: none, Reason: "who are you?"})
		require.Equal(t, "who are you?", requireError(t, err, 400).Reason)
	}
}

func TestServerHookAnswersExtensions(t *testing.T) {
	r := goodRequest()
	r.Header["Sec-Websocket-Extensions"] = []string{"foo; bar=1, foo", "baz"}
	var answer []Extension
	var refusal error
	o := &ServerOptions{Extensions: func(offers []Extension) ([]Extension, error) {
		require.Equal(t, []Extension{{"foo", []Param{param("bar", "1")}}, {Name: "foo"}, {Name: "baz"}}, offers)
		return answer, refusal
	}}
	resp, err := o.Accept(r)
	require.NoError(t, err)
	require.NotContains(t, string(resp.AppendResponse(nil)), "Extensions")

	answer = []Extension{{"foo", []Param{param("bar", "2"), {Name: "qux"}}}, {Name: "baz"}}
	resp, err = o.Accept(r)
	require.NoError(t, err)
	require.Equal(t, answer, resp.Extensions)
	require.Contains(t, string(resp.AppendResponse(nil)), "\r\nSec-WebSocket-Extensions: foo; bar=2; qux, baz\r\n")

	for _, wrong := range []Extension{{Name: "other"}, {Name: "foo", Params: []Param{{Name: "a b"}}},
		{Name: "foo", Params: []Param{param("a", "")}}, {Name: "foo", Params: []Param{param("a", "b\r\n")}}} {
		answer = []Extension{wrong}
		_, err = o.Accept(r)
		requireError(t, err, 500)
	}
	refusal = errors.New("no")
	_, err = o.Accept(r)
	requireError(t, err, 400)
}

func TestServerAgreesToTheFirstAcceptableOfferOfDeflate(t *testing.T) {
	for _, c := range []struct {
		options deflate.Options
		offered []string
		want    string // "" for none
	}{
		{deflate.Options{}, nil, ""},
		{deflate.Options{}, []string{"foo"}, ""},
		{deflate.Options{}, []string{"permessage-deflate; client_max_window_bits"}, "permessage-deflate"},
		{deflate.Options{}, []string{"foo", `permessage-deflate; server_max_window_bits="10"`}, "permessage-deflate; server_max_window_bits=10"},
		{deflate.Options{}, []string{"permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=9"},
			"permessage-deflate; server_max_window_bits=9"},
		{deflate.Options{}, []string{"permessage-deflate; unknown", "permessage-deflate; server_no_context_takeover"},
			"permessage-deflate; server_no_context_takeover"},
		{deflate.Options{}, []string{"permessage-deflate; unknown"}, ""},
		{deflate.Options{}, []string{"Permessage-Deflate"}, ""},
	} {
		r := goodRequest()
		if c.offered != nil {
			r.Header["Sec-Websocket-Extensions"] = c.offered
		}
		resp, err := (&ServerOptions{Deflate: &c.options}).Accept(r)
		require.NoError(t, err)
		require.Equal(t, c.want, string(AppendExtensions(nil, resp.Extensions)))
		require.Equal(t, c.want != "", resp.Deflate != nil)

		resp, err = new(ServerOptions).Accept(r)
		require.NoError(t, err)
		require.Nil(t, resp.Deflate, "off by default")
		require.Empty(t, resp.Extensions)
	}
}

func TestServerHookGetsWhatDeflateLeaves(t *testing.T) {
	r := goodRequest()
	r.Header["Sec-Websocket-Extensions"] = []string{"foo, permessage-deflate", "bar"}
	o := &ServerOptions{Deflate: &deflate.Options{}, Extensions: func(offers []Extension) ([]Extension, error) {
		require.Equal(t, []Extension{{Name: "foo"}, {Name: "bar"}}, offers)
		return offers[1:], nil
	}}
	resp, err := o.Accept(r)
	require.NoError(t, err)
	require.Equal(t, "permessage-deflate, bar", string(AppendExtensions(nil, resp.Extensions)))
	require.NotNil(t, resp.Deflate)
}

func TestServerSendsTheCallersHeader(t *testing.T) {
	o := &ServerOptions{Header: http.Header{"Set-Cookie": {"a=1", "b=2"}, "Server": {"x"}}}
	resp, err := o.Accept(goodRequest())
	require.NoError(t, err)
	require.Contains(t, string(resp.AppendResponse(nil)), "\r\nServer: x\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n")
}

func TestServerRefusesOptionsThatCannotBeMeant(t *testing.T) {
	for name, o := range map[string]*ServerOptions{
		"a subprotocol with a space":   {Subprotocols: []string{"a b"}},
		"an empty subprotocol":         {Subprotocols: []string{""}},
		"a subprotocol with CRLF":      {Subprotocols: []string{"a\r\nX: y"}},
		"an impossible window":         {Deflate: &deflate.Options{Incoming: deflate.Direction{WindowBits: 16}}},
		"a subprotocol listed twice":   {Subprotocols: []string{"a", "b", "a"}},
		"a header value with CRLF":     {Header: http.Header{"X": {"a\r\nY: z"}}},
		"a header value with NUL":      {Header: http.Header{"X": {"a\x00"}}},
		"a header name with CRLF":      {Header: http.Header{"X\r\nY": {"a"}}},
		"an empty header name":         {Header: http.Header{"": {"a"}}},
		"Upgrade in the header":        {Header: http.Header{"upgrade": {"websocket"}}},
		"Connection in the header":     {Header: http.Header{"Connection": {"close"}}},
		"a body in the header":         {Header: http.Header{"Content-Length": {"1"}}},
		"a chunked body in the header": {Header: http.Header{"Transfer-Encoding": {"chunked"}}},
		"an accept in the header":      {Header: http.Header{"Sec-WebSocket-Accept": {"x"}}},
		"an extension in the header":   {Header: http.Header{"Sec-WebSocket-Extensions": {"x"}}},
	} {
		t.Run(name, func(t *testing.T) {
			requireError(t, o.Validate(), 500)
			_, err := o.Accept(goodRequest())
			require.Error(t, requireError(t, err, 500).Err)
		})
	}
}

func TestErrorIsAnHTTPResponse(t *testing.T) {
	e := &Error{Status: 426, Reason: "no", Header: http.Header{
		"Upgrade": {"websocket"}, "Sec-WebSocket-Version": {"13"}, "X": {"a\r\nY: z", "b"}, "Content-Length": {"99"}}}
	head := string(e.AppendResponse(nil))
	require.Contains(t, head, "\r\nSec-WebSocket-Version: 13\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(head)), nil)
	require.NoError(t, err)
	require.Equal(t, "426 Upgrade Required", resp.Status)
	require.True(t, resp.Close)
	require.Equal(t, "websocket", resp.Header.Get("Upgrade"))
	require.Equal(t, []string{"b"}, resp.Header["X"])
	require.Empty(t, resp.Header["Y"])
	require.EqualValues(t, 3, resp.ContentLength)
	body := new(bytes.Buffer)
	_, err = body.ReadFrom(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "no\n", body.String())

	require.Contains(t, string((&Error{Status: 101}).AppendResponse(nil)), "HTTP/1.1 500 ")
}

func TestErrorSaysWhatItKnows(t *testing.T) {
	require.EqualError(t, &Error{Reason: "no"}, "websocket: handshake: no")
	cause := errors.New("why")
	err := &Error{Status: 403, Reason: "no", Err: cause}
	require.EqualError(t, err, "websocket: handshake: no (403 Forbidden): why")
	require.ErrorIs(t, err, cause)
}

func BenchmarkServer(b *testing.B) {
	r, o, buf := goodRequest(), new(ServerOptions), make([]byte, 0, 512)
	r.Header["Origin"] = []string{"http://server.example.com"}
	b.ReportAllocs()
	for b.Loop() {
		resp, err := o.Accept(r)
		if err != nil {
			b.Fatal(err)
		}
		buf = resp.AppendResponse(buf[:0])
	}
}
