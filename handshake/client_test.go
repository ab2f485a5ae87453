package handshake

import (
	"bufio"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
)

func TestParseURLTakesWebSocketURLs(t *testing.T) {
	for raw, c := range map[string]struct{ address, host, target string }{
		"ws://example.com":                  {"example.com:80", "example.com", "/"},
		"http://example.com":                {"example.com:80", "example.com", "/"},
		"wss://example.com/a/b?c=d":         {"example.com:443", "example.com", "/a/b?c=d"},
		"https://example.com?c":             {"example.com:443", "example.com", "/?c"},
		"WS://Example.COM:8080/":            {"example.com:8080", "example.com:8080", "/"},
		"ws://example.com:80/":              {"example.com:80", "example.com", "/"},
		"ws://example.com:443/":             {"example.com:443", "example.com:443", "/"},
		"wss://example.com:443/":            {"example.com:443", "example.com", "/"},
		"ws://127.0.0.1:9001/":              {"127.0.0.1:9001", "127.0.0.1:9001", "/"},
		"ws://[::1]:9001/":                  {"[::1]:9001", "[::1]:9001", "/"},
		"ws://[::1]/":                       {"[::1]:80", "[::1]", "/"},
		"ws://[fe80::1%25eth0]:1/":          {"[fe80::1%eth0]:1", "[fe80::1]:1", "/"},
		"ws://bücher.example:1/grün?süß= x": {"xn--bcher-kva.example:1", "xn--bcher-kva.example:1", "/gr%C3%BCn?s%C3%BC%C3%9F=%20x"},
		"ws://bücher.example":               {"xn--bcher-kva.example:80", "xn--bcher-kva.example", "/"},
		"ws://u:p@example.com/a%2Fb":        {"example.com:80", "example.com", "/a%2Fb"},
		"ws://example.com//a":               {"example.com:80", "example.com", "//a"},
	} {
		u, err := ParseURL(raw)
		require.NoError(t, err, raw)
		require.Equal(t, c.address, Address(u))
		r, err := (*ClientOptions)(nil).NewRequest(u)
		require.NoError(t, err)
		head := string(r.AppendRequest(nil))
		require.True(t, strings.HasPrefix(head, "GET "+c.target+" HTTP/1.1\r\nHost: "+c.host+"\r\n"), head)
		_, _, err = parseWhole(head)
		require.NoError(t, err)
	}
}

func TestParseURLRefusesOthers(t *testing.T) {
	for _, raw := range []string{
		"", "example.com", "/path", "//example.com/", "ftp://example.com", "ws:example.com", "ws:///path", "ws://:80/", "ws://user@/",
		"ws://example.com/#a", "ws://example.com/#", "ws://example.com:/", "ws://example.com:0/", "ws://example.com:65536/",
		"ws://example.com:80a/", "ws://exa mple.com/", "ws://example.com/\r\nX: y", "ws://example.com/?a\nb", "ws://example.com/\x00",
		"ws://[::1/", "ws://[::g]/", "ws://[1.2.3.4]x/", "ws://a..b/", "ws://a,b/", "ws://ex%61mple.com@/", "ws://%00/", "ws://\xff/", "%zz",
	} {
		_, err := ParseURL(raw)
		require.Error(t, err, "%q", raw)
		requireError(t, err, 0)
	}
}

func TestParseURLDoesNotShowThePassword(t *testing.T) {
	for _, rest := range []string{"", "a:0", "a:x/", "a..b/", "a#b", "a\x00", "a b/", "%zz", "[::1"} {
		_, err := ParseURL("ws://u:secret@" + rest)
		require.NotContains(t, requireError(t, err, 0).Error(), "secret", rest)
	}
	_, err := ParseURL("ftp://u:secret@example.com")
	require.NotContains(t, requireError(t, err, 0).Error(), "secret")
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
		"Sec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: "+testKey+"\r\n"+
		"Sec-WebSocket-Protocol: chat, superchat\r\n"+
		"Sec-WebSocket-Extensions: foo; bar=1; baz, foo\r\n"+
		"Cookie: a=1\r\n"+
		"Origin: http://example.com\r\n\r\n", string(r.AppendRequest(nil)))
}

func TestClientSendsUserInformationAsBasicAuthentication(t *testing.T) {
	head := string(testRequest(t, nil, "ws://Aladdin:open%20sesame@example.com").AppendRequest(nil))
	require.Contains(t, head, "\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n") // RFC 7617 §2
	require.NotContains(t, head, "Aladdin")

	head = string(testRequest(t, nil, "ws://u@example.com").AppendRequest(nil))
	require.Contains(t, head, "\r\nAuthorization: Basic dTo=\r\n")

	own := &ClientOptions{Header: http.Header{"Authorization": {"Bearer x"}}}
	head = string(testRequest(t, own, "ws://u:p@example.com").AppendRequest(nil))
	require.Equal(t, 1, strings.Count(head, "Authorization"))
	require.Contains(t, head, "\r\nAuthorization: Bearer x\r\n")
}

func TestClientSendsAnotherHostIfAsked(t *testing.T) {
	r := testRequest(t, &ClientOptions{Host: "virtual.example:1"}, "ws://127.0.0.1/")
	require.Contains(t, string(r.AppendRequest(nil)), "\r\nHost: virtual.example:1\r\n")
}

func TestClientKeysDiffer(t *testing.T) {
	require.NotEqual(t, testRequest(t, nil, "ws://a/").key, testRequest(t, nil, "ws://a/").key)
}

func TestClientRefusesOptionsThatCannotBeSent(t *testing.T) {
	for name, o := range map[string]*ClientOptions{
		"a subprotocol with CRLF":     {Subprotocols: []string{"a\r\nX: y"}},
		"a subprotocol with a comma":  {Subprotocols: []string{"a,b"}},
		"an empty subprotocol":        {Subprotocols: []string{""}},
		"a subprotocol twice":         {Subprotocols: []string{"a", "a"}},
		"an extension with CRLF":      {Extensions: []Extension{{Name: "a\r\nX: y"}}},
		"a parameter with NUL":        {Extensions: []Extension{{"a", []Param{param("b", "\x00")}}}},
		"a value without a mark":      {Extensions: []Extension{{"a", []Param{{Name: "b", Value: "c"}}}}},
		"a header value with CRLF":    {Header: http.Header{"X": {"a\r\nY: z"}}},
		"a header value with a LF":    {Header: http.Header{"X": {"a\nY: z"}}},
		"a header value with NUL":     {Header: http.Header{"X": {"\x00"}}},
		"a header name with a colon":  {Header: http.Header{"X: y\r\nZ": {"a"}}},
		"a host in the header":        {Header: http.Header{"host": {"a"}}},
		"a key in the header":         {Header: http.Header{"sec-websocket-key": {testKey}}},
		"a body in the header":        {Header: http.Header{"Content-Length": {"1"}}},
		"an impossible window":        {Deflate: &deflate.Options{Outgoing: deflate.Direction{WindowBits: 7}}},
		"a host with CRLF":            {Host: "a\r\nX: y"},
		"a host with a NUL":           {Host: "a\x00"},
		"a Connection in the header":  {Header: http.Header{"Connection": {"close"}}},
		"a subprotocol in the header": {Header: http.Header{"Sec-WebSocket-Protocol": {"a"}}},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := ParseURL("ws://example.com/")
			require.NoError(t, err)
			_, err = o.NewRequest(u)
			requireError(t, err, 0)
		})
	}
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
		"a body":                     {set("Content-Length", "5"), "body"},
		"an empty body":              {set("Content-Length", "0"), ""},
		"a chunked body":             {func(r *http.Response) { r.TransferEncoding = []string{"chunked"} }, "body"},
		"a chunked header":           {set("Transfer-Encoding", "chunked"), "body"},
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

func TestClientThatOffersNothingAcceptsNothing(t *testing.T) {
	for _, name := range []string{"Sec-Websocket-Protocol", "Sec-Websocket-Extensions"} {
		r := testRequest(t, nil, "ws://example.com")
		r.key = testKey
		resp := goodResponse()
		resp.Header[name] = []string{"a"}
		_, err := r.Verify(resp)
		requireError(t, err, 101)
	}
}

func TestClientOffersDeflateAndConfirmsTheAnswer(t *testing.T) {
	small := deflate.Options{Incoming: deflate.Direction{WindowBits: 10}}
	for _, c := range []struct {
		options deflate.Options
		offer   string
		answer  string
		agreed  *deflate.Params
		ok      bool
	}{
		{deflate.Options{}, "permessage-deflate; client_max_window_bits", "", nil, true},
		{deflate.Options{}, "permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits=12",
			&deflate.Params{ServerMaxWindowBits: 15, ClientMaxWindowBits: 12}, true},
		{small, "permessage-deflate; server_max_window_bits=10; client_max_window_bits", "permessage-deflate; server_max_window_bits=9",
			&deflate.Params{ServerMaxWindowBits: 9, ClientMaxWindowBits: 15}, true},
		{small, "permessage-deflate; server_max_window_bits=10; client_max_window_bits", "permessage-deflate", nil, false},
		{deflate.Options{}, "permessage-deflate; client_max_window_bits", "permessage-deflate; x=y", nil, false},
		{deflate.Options{}, "permessage-deflate; client_max_window_bits", "permessage-deflate, permessage-deflate", nil, false},
	} {
		r := testRequest(t, &ClientOptions{Deflate: &c.options, Extensions: []Extension{{Name: "foo"}}}, "ws://example.com")
		r.key = testKey
		require.Contains(t, string(r.AppendRequest(nil)), "\r\nSec-WebSocket-Extensions: "+c.offer+", foo\r\n")
		resp := goodResponse()
		if c.answer != "" {
			resp.Header["Sec-Websocket-Extensions"] = []string{c.answer}
		}
		agreed, err := r.Verify(resp)
		if !c.ok {
			requireError(t, err, 101)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, c.agreed, agreed.Deflate)
	}
}

func TestClientAndServerAgreeOnDeflate(t *testing.T) {
	client := testRequest(t, &ClientOptions{Deflate: &deflate.Options{Incoming: deflate.Direction{WindowBits: 11}}}, "ws://example.com")
	r, _, err := parseWhole(string(client.AppendRequest(nil)))
	require.NoError(t, err)
	server := &ServerOptions{Deflate: &deflate.Options{Incoming: deflate.Direction{NoContextTakeover: true}}}
	response, err := server.Accept(r)
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(string(response.AppendResponse(nil)))), r)
	require.NoError(t, err)
	agreed, err := client.Verify(resp)
	require.NoError(t, err)
	require.Equal(t, &deflate.Params{ClientNoContextTakeover: true, ServerMaxWindowBits: 11, ClientMaxWindowBits: 15}, agreed.Deflate)
	require.Equal(t, response.Deflate, agreed.Deflate)
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
