package handshake

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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
	h := http.Header{"Date": {"now"}}
	resp.SetHeader(h)
	require.Equal(t, http.Header{
		"Date": {"now"}, "Upgrade": {"websocket"}, "Connection": {"Upgrade"},
		"Sec-Websocket-Accept": {testAccept}, "Sec-Websocket-Protocol": {"chat"},
	}, h)
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
		"a key of 15 bytes":       {set("Sec-Websocket-Key", "AQIDBAUGBwgJCgsMDQ4P"), 400},
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

func TestServerSendsTheCallersHeader(t *testing.T) {
	o := &ServerOptions{Header: http.Header{"Set-Cookie": {"a=1", "b=2"}, "Server": {"x"}}}
	resp, err := o.Accept(goodRequest())
	require.NoError(t, err)
	require.Contains(t, string(resp.AppendResponse(nil)), "\r\nServer: x\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n")
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

func testRequest(t *testing.T, o *ClientOptions, raw string) *Request {
	t.Helper()
	u, err := ParseURL(raw)
	require.NoError(t, err)
	r, err := o.NewRequest(u)
	require.NoError(t, err)
	return r
}

func TestClientAsksAsTheRFCDoes(t *testing.T) {
	r := testRequest(t, &ClientOptions{
		Subprotocols: []string{"chat", "superchat"},
		Header:       http.Header{"Origin": {"http://example.com"}, "Cookie": {"a=1"}},
		Extensions:   []Extension{{"foo", []Param{param("bar", "1"), {Name: "baz"}}}, {Name: "foo"}},
	}, "ws://server.example.com/chat")
	r.key = testKey
	require.Equal(t, "GET /chat HTTP/1.1\r\n"+
		"Host: server.example.com\r\n"+
		"Upgrade: websocket\r\n"+
		"Connection: Upgrade\r\n"+
		"Sec-WebSocket-Key: "+testKey+"\r\n"+
		"Sec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Protocol: chat, superchat\r\n"+
		"Sec-WebSocket-Extensions: foo; bar=1; baz, foo\r\n"+
		"Cookie: a=1\r\n"+
		"Origin: http://example.com\r\n"+
		"User-Agent: Go-websocket-client\r\n\r\n", string(r.AppendRequest(nil)))
}

func TestClientSaysWhatItIs(t *testing.T) {
	for name, c := range map[string]struct {
		header http.Header
		want   []string
	}{
		"nothing said":         {nil, []string{DefaultUserAgent}},
		"something else said":  {http.Header{"X": {"y"}}, []string{DefaultUserAgent}},
		"its own":              {http.Header{"User-Agent": {"mine/1"}}, []string{"mine/1"}},
		"its own, lower case":  {http.Header{"user-agent": {"mine/1"}}, []string{"mine/1"}},
		"an empty one":         {http.Header{"User-Agent": {""}}, nil},
		"none":                 {http.Header{"User-Agent": nil}, nil},
		"an empty one, in low": {http.Header{"user-agent": {""}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			before := c.header.Clone()
			r := testRequest(t, &ClientOptions{Header: c.header}, "ws://example.com")
			got, _, err := parseWhole(string(r.AppendRequest(nil)))
			require.NoError(t, err)
			require.Equal(t, c.want, got.Header["User-Agent"])
			require.Equal(t, before, c.header)
		})
	}
}

func TestARequestIsDescribedAsItIsSent(t *testing.T) {
	for u, o := range map[string]*ClientOptions{
		"ws://example.com":         nil,
		"ws://u:p@example.com/p?q": {Subprotocols: []string{"a", "b"}, Header: http.Header{"X-Y": {"1", "2"}, "Origin": {"http://a"}}},
		"wss://[::1]:99/":          {Host: "virtual.example:1", Extensions: []Extension{{Name: "foo"}}, Header: http.Header{"User-Agent": nil}},
	} {
		t.Run(u, func(t *testing.T) {
			r := testRequest(t, o, u)
			at := &url.URL{Path: "/any"}
			described := r.HTTPRequest(at)
			require.Same(t, at, described.URL)
			sent, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(r.AppendRequest(nil))))
			require.NoError(t, err)
			delete(described.Header, "User-Agent") // which without values is none
			delete(sent.Header, "User-Agent")
			require.Equal(t, sent.Header, described.Header)
			require.Equal(t, sent.Host, described.Host)
			require.Equal(t, sent.Method, described.Method)
			require.Equal(t, sent.Proto, described.Proto)
			require.True(t, described.ProtoAtLeast(1, 1))
			described.Header.Add("X-Y", "changed")
			require.NotContains(t, string(r.AppendRequest(nil)), "changed")
		})
	}
}

func TestClientSendsAnotherHostIfAsked(t *testing.T) {
	r := testRequest(t, &ClientOptions{Host: "virtual.example:1"}, "ws://127.0.0.1/")
	require.Contains(t, string(r.AppendRequest(nil)), "\r\nHost: virtual.example:1\r\n")
}

func TestClientKeysDiffer(t *testing.T) {
	require.NotEqual(t, testRequest(t, nil, "ws://a/").key, testRequest(t, nil, "ws://a/").key)
}

func TestClientRefusesAURLThatParseURLDidNotMake(t *testing.T) {
	for _, u := range []*url.URL{
		{Scheme: "ws", Host: "a\r\nX: y", Path: "/"},
		{Scheme: "ws", Host: "a", Path: "/", RawQuery: "a b\r\nX: y"},
		{Scheme: "ws", Host: "a", Opaque: "/ HTTP/1.1\r\nX: y"},
	} {
		_, err := new(ClientOptions).NewRequest(u)
		requireError(t, err, 0)
	}
}

// goodResponse is the response that the request of the RFC gets.
func goodResponse() *http.Response {
	return &http.Response{
		StatusCode: 101, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Upgrade":              {"websocket"},
			"Connection":           {"Upgrade"},
			"Sec-Websocket-Accept": {testAccept},
		},
	}
}

func TestClientHoldsTheResponseAgainstTheRFC(t *testing.T) {
	set := func(name string, values ...string) func(*http.Response) {
		return func(r *http.Response) { r.Header[name] = values }
	}
	del := func(name string) func(*http.Response) {
		return func(r *http.Response) { delete(r.Header, name) }
	}
	for name, c := range map[string]struct {
		change func(*http.Response)
		reason string // "" if it is fine
	}{
		"as it is":                   {func(*http.Response) {}, ""},
		"200":                        {func(r *http.Response) { r.StatusCode = 200 }, "switch"},
		"302":                        {func(r *http.Response) { r.StatusCode = 302 }, "switch"},
		"403":                        {func(r *http.Response) { r.StatusCode = 403 }, "switch"},
		"100":                        {func(r *http.Response) { r.StatusCode = 100 }, "switch"},
		"no Upgrade":                 {del("Upgrade"), "upgrade"},
		"Upgrade: h2c":               {set("Upgrade", "h2c"), "upgrade"},
		"Upgrade to two":             {set("Upgrade", "h2c, websocket"), "upgrade"},
		"two Upgrades":               {set("Upgrade", "websocket", "websocket"), "upgrade"},
		"Upgrade: WEBSOCKET":         {set("Upgrade", "WEBSOCKET"), ""},
		"Upgrade in Kelvin":          {set("Upgrade", "websoc\u212aet"), "upgrade"},
		"Connection in long s":       {set("Connection", "\u017fomething, Upgrade\u017f"), "Connection"},
		"no Connection":              {del("Connection"), "Connection"},
		"Connection: close":          {set("Connection", "close"), "Connection"},
		"Connection: notupgrade":     {set("Connection", "notupgrade"), "Connection"},
		"Connection list":            {set("Connection", "keep-alive, upgrade"), ""},
		"no accept":                  {del("Sec-Websocket-Accept"), "Accept"},
		"the key for accept":         {set("Sec-Websocket-Accept", testKey), "Accept"},
		"accept in lower case":       {set("Sec-Websocket-Accept", strings.ToLower(testAccept)), "Accept"},
		"accept twice":               {set("Sec-Websocket-Accept", testAccept, testAccept), "Accept"},
		"accept with NUL":            {set("Sec-Websocket-Accept", testAccept+"\x00"), "control"},
		"accept in white space":      {set("Sec-Websocket-Accept", " "+testAccept+" "), ""},
		"a subprotocol":              {set("Sec-Websocket-Protocol", "b"), ""},
		"an unoffered subprotocol":   {set("Sec-Websocket-Protocol", "c"), "subprotocol"},
		"a subprotocol in caps":      {set("Sec-Websocket-Protocol", "B"), "subprotocol"},
		"two subprotocols":           {set("Sec-Websocket-Protocol", "a, b"), "subprotocol"},
		"two subprotocol fields":     {set("Sec-Websocket-Protocol", "a", "b"), "subprotocol"},
		"an empty subprotocol":       {set("Sec-Websocket-Protocol", ""), "subprotocol"},
		"an extension":               {set("Sec-Websocket-Extensions", "foo; bar"), ""},
		"two extensions":             {set("Sec-Websocket-Extensions", "foo", "qux"), ""},
		"an unoffered extension":     {set("Sec-Websocket-Extensions", "foo, other"), "extension"},
		"an extension twice":         {set("Sec-Websocket-Extensions", "foo, foo; bar"), "twice"},
		"malformed extensions":       {set("Sec-Websocket-Extensions", "foo;"), "malformed"},
		"endless extensions":         {set("Sec-Websocket-Extensions", strings.Repeat("foo,", 4<<10)), "longer"},
		"an extension not confirmed": {set("Sec-Websocket-Extensions", "foo; wrong"), "acceptable"},
		"CRLF in a value":            {set("X", "a\r\nb"), "control"},
		"NUL in a value":             {set("X", "a\x00"), "control"},
		"a length":                   {set("Content-Length", "5"), ""}, // a 1xx has no body all the same
		"a chunked body":             {func(r *http.Response) { r.TransferEncoding = []string{"chunked"} }, ""},
		"a transfer encoding":        {set("Transfer-Encoding", "identity"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			notConfirmed := errors.New("wrong")
			r := testRequest(t, &ClientOptions{
				Subprotocols: []string{"a", "b"},
				Extensions:   []Extension{{Name: "foo"}, {Name: "qux"}},
				ConfirmExtensions: func(answer []Extension) error {
					if len(answer) > 0 && len(answer[0].Params) > 0 && answer[0].Params[0].Name == "wrong" {
						return notConfirmed
					}
					return nil
				},
			}, "ws://example.com")
			r.key = testKey
			resp := goodResponse()
			c.change(resp)
			agreed, err := r.Verify(resp)
			if c.reason == "" {
				require.NoError(t, err)
				require.Equal(t, resp.Header.Get("Sec-WebSocket-Protocol"), agreed.Subprotocol)
				require.Len(t, agreed.Extensions, len(resp.Header["Sec-Websocket-Extensions"]))
				return
			}
			e := requireError(t, err, resp.StatusCode)
			require.Contains(t, e.Reason, c.reason)
			require.Equal(t, resp.Header, e.Header)
			require.Zero(t, agreed)
		})
	}
}

func TestClientAndServerAgree(t *testing.T) {
	foo := Extension{"foo", []Param{param("bar", "1")}}
	client := testRequest(t, &ClientOptions{Subprotocols: []string{"a", "b"}, Extensions: []Extension{foo, {Name: "baz"}}}, "ws://example.com/x")
	r, _, err := parseWhole(string(client.AppendRequest(nil)))
	require.NoError(t, err)
	server := &ServerOptions{
		Subprotocols: []string{"b", "c"},
		Header:       http.Header{"Content-Length": nil},
		Extensions:   func(offers []Extension) ([]Extension, error) { return offers[:1], nil },
	}
	_, err = server.Accept(r)
	requireError(t, err, 500) // Content-Length is not for callers, not even an empty one
	server.Header = http.Header{"Set-Cookie": {"c=d"}}
	response, err := server.Accept(r)
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(string(response.AppendResponse(nil)))), r)
	require.NoError(t, err)
	agreed, err := client.Verify(resp)
	require.NoError(t, err)
	require.Equal(t, Agreed{Subprotocol: "b", Extensions: []Extension{foo}}, agreed)
	require.Equal(t, agreed, response.Agreed)
	require.Equal(t, "c=d", resp.Header.Get("Set-Cookie"))
}

func TestLenientClientTakesAListForUpgrade(t *testing.T) {
	for value, fine := range map[string]bool{"h2c, websocket": true, "websocket, websocket": true, "websocket/13": false, "websockets": false, "": false} {
		for _, lenient := range []bool{false, true} {
			r := testRequest(t, &ClientOptions{Lenient: lenient}, "ws://example.com")
			r.key = testKey
			resp := goodResponse()
			resp.Header["Upgrade"] = []string{value}
			_, err := r.Verify(resp)
			require.Equal(t, lenient && fine, err == nil, "%q: %v", value, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("websocket", "Upgrade", testAccept, "a", "foo; bar")
	f.Add("websocket", "a, UPGRADE", " "+testAccept, "", "")
	f.Fuzz(func(t *testing.T, upgrade, connection, accept, protocol, extensions string) {
		u := &url.URL{Scheme: "ws", Host: "a", Path: "/"}
		r, err := (&ClientOptions{Subprotocols: []string{"a"}, Extensions: []Extension{{Name: "foo"}}}).NewRequest(u)
		require.NoError(t, err)
		r.key = testKey
		resp := goodResponse()
		resp.Header = http.Header{"Upgrade": {upgrade}, "Connection": {connection}, "Sec-Websocket-Accept": {accept},
			"Sec-Websocket-Protocol": {protocol}, "Sec-Websocket-Extensions": {extensions}}
		trim := func(s string) string { return strings.Trim(s, " \t") }
		token := false
		for s := range strings.SplitSeq(connection, ",") {
			token = token || equalASCIIFold(trim(s), "upgrade")
		}
		list, ok := slowExtensions(extensions)
		want := equalASCIIFold(trim(upgrade), "websocket") && token && trim(accept) == testAccept && trim(protocol) == "a" &&
			ok && len(list) <= 1 && (len(list) == 0 || list[0].Name == "foo") && len(extensions) <= maxList &&
			!hasControl(upgrade+connection+accept+protocol)
		agreed, err := r.Verify(resp)
		require.Equal(t, want, err == nil, "%v", err)
		if want {
			require.Equal(t, Agreed{Subprotocol: "a", Extensions: list}, agreed)
		}
	})
}
