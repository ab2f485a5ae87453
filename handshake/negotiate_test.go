package handshake

import (
	"bufio"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
)

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

	own = &ClientOptions{Header: http.Header{"authorization": {"Bearer x"}}}
	head = string(testRequest(t, own, "ws://u:p@example.com").AppendRequest(nil))
	require.NotContains(t, head, "Basic")
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
	strict := deflate.Options{Incoming: deflate.Direction{WindowBits: 10}, RequireWindow: true}
	const once = "permessage-deflate; server_max_window_bits=10; client_max_window_bits"
	const twice = once + ", permessage-deflate; client_max_window_bits"
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
		{small, twice, "permessage-deflate; server_max_window_bits=9",
			&deflate.Params{ServerMaxWindowBits: 9, ClientMaxWindowBits: 15}, true},
		{small, twice, "permessage-deflate", &deflate.Params{ServerMaxWindowBits: 15, ClientMaxWindowBits: 15}, true},
		{small, twice, twice, nil, false},
		{strict, once, "permessage-deflate; server_max_window_bits=9",
			&deflate.Params{ServerMaxWindowBits: 9, ClientMaxWindowBits: 15}, true},
		{strict, once, "permessage-deflate", nil, false},
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

// connectRequest is an extended CONNECT (RFC 8441 §4) with the given header.
func connectRequest(h http.Header) *http.Request {
	return &http.Request{Method: "CONNECT", Proto: "HTTP/2.0", ProtoMajor: 2, Host: "server.example.com", Header: h, ContentLength: -1}
}

func TestWithoutAnUpgradeTheSameIsNegotiated(t *testing.T) {
	u, err := ParseURL("wss://me:secret@server.example.com/chat")
	require.NoError(t, err)
	own := http.Header{"Origin": {"https://server.example.com"}, "Cookie": {"a=b"}}
	client := &ClientOptions{Subprotocols: []string{"a", "b"}, Header: own, Deflate: &deflate.Options{}, Extensions: []Extension{{Name: "foo"}}}
	offer, err := client.NewOffer(u)
	require.NoError(t, err)
	h := offer.Header()
	require.Equal(t, http.Header{
		"Origin":                   {"https://server.example.com"},
		"Cookie":                   {"a=b"},
		"User-Agent":               {DefaultUserAgent},
		"Authorization":            {"Basic bWU6c2VjcmV0"},
		"Sec-Websocket-Version":    {"13"},
		"Sec-Websocket-Protocol":   {"a, b"},
		"Sec-Websocket-Extensions": {"permessage-deflate; client_max_window_bits, foo"},
	}, h)
	h["Origin"][0] = "https://server.example.com/" // the caller's own
	require.Equal(t, "https://server.example.com", own.Get("Origin"))

	agreed, err := (&ServerOptions{Subprotocols: []string{"b"}, Deflate: &deflate.Options{}}).Negotiate(connectRequest(h))
	require.NoError(t, err)
	answer := http.Header{"Server": {"x"}}
	agreed.SetHeader(answer)
	require.Equal(t, http.Header{"Server": {"x"}, "Sec-Websocket-Protocol": {"b"}, "Sec-Websocket-Extensions": {"permessage-deflate"}}, answer)
	confirmed, err := offer.Confirm(answer)
	require.NoError(t, err)
	require.Equal(t, agreed, confirmed)
	require.NotNil(t, agreed.Deflate)

	for name, values := range map[string][]string{
		"Sec-Websocket-Protocol":   {"c"},
		"Sec-Websocket-Extensions": {"bar"},
		"X":                        {"a\x00"},
	} {
		_, err := offer.Confirm(http.Header{name: values})
		requireError(t, err, 0)
	}
}

func TestWithoutAnUpgradeNothingNeedBeAgreedOn(t *testing.T) {
	h := http.Header{}
	new(Agreed).SetHeader(h)
	require.Empty(t, h)
	agreed, err := (*ServerOptions)(nil).Negotiate(connectRequest(http.Header{"Sec-Websocket-Version": {"13"}}))
	require.NoError(t, err)
	require.Zero(t, agreed)

	u, err := ParseURL("wss://server.example.com/")
	require.NoError(t, err)
	offer, err := new(ClientOptions).NewOffer(u)
	require.NoError(t, err)
	require.Equal(t, http.Header{"User-Agent": {DefaultUserAgent}, "Sec-Websocket-Version": {"13"}}, offer.Header())
}

func TestWithoutAnUpgradeTheSameIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		field, value string
		status       int
	}{
		"another version": {"Sec-Websocket-Version", "8", 400},
		"another origin":  {"Origin", "https://evil.example", 403},
		"no token":        {"Sec-Websocket-Protocol", "a b", 400},
		"no extension":    {"Sec-Websocket-Extensions", "a;;b", 400},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{"Sec-Websocket-Version": {"13"}}
			h[c.field] = []string{c.value}
			_, err := (&ServerOptions{Subprotocols: []string{"a"}}).Negotiate(connectRequest(h))
			e := requireError(t, err, c.status)
			require.Empty(t, e.Header["Upgrade"])
			require.Equal(t, name == "another version", e.Header.Get("Sec-WebSocket-Version") == "13")
		})
	}
	_, err := (&ServerOptions{AllowedOrigins: []string{"*x"}}).Negotiate(connectRequest(http.Header{"Sec-Websocket-Version": {"13"}}))
	requireError(t, err, 500)
	u, err := ParseURL("ws://a")
	require.NoError(t, err)
	_, err = (&ClientOptions{Subprotocols: []string{"a b"}}).NewOffer(u)
	requireError(t, err, 0)
}
