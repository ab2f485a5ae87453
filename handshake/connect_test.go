package handshake

import (
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// extendedConnect is an extended CONNECT as net/http shows it to a server.
func extendedConnect() *http.Request {
	return &http.Request{
		Method:        http.MethodConnect,
		Proto:         "HTTP/2.0",
		ProtoMajor:    2,
		Host:          "server.example",
		ContentLength: -1,
		Header: http.Header{
			":protocol":             {"websocket"},
			"Sec-Websocket-Version": {"13"},
		},
	}
}

// asHTTP3 makes of a request what quic-go shows to a server.
func asHTTP3(protocol string) func(*http.Request) {
	return func(r *http.Request) {
		r.Proto, r.ProtoMajor = protocol, 3
		delete(r.Header, ":protocol")
	}
}

func TestServerHoldsAnExtendedCONNECTAgainstTheRFC(t *testing.T) {
	set := func(name string, values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header[name] = values }
	}
	for name, c := range map[string]struct {
		change func(*http.Request)
		status int // 0: accepted
	}{
		"as it is":                   {func(*http.Request) {}, 0},
		"HTTP/3":                     {asHTTP3("websocket"), 0},
		"HTTP/1.1":                   {func(r *http.Request) { r.ProtoMajor = 1 }, 501},
		"GET":                        {func(r *http.Request) { r.Method = "GET" }, 501},
		"a plain CONNECT":            {func(r *http.Request) { delete(r.Header, ":protocol") }, 501},
		"a plain CONNECT, HTTP/3":    {asHTTP3("HTTP/3.0"), 501},
		"another protocol":           {set(":protocol", "connect-udp"), 501},
		"another protocol, HTTP/3":   {asHTTP3("webtransport"), 501},
		"WebSocket":                  {set(":protocol", "WebSocket"), 501}, // case matters in HTTP/2
		"no host":                    {func(r *http.Request) { r.Host = "" }, 400},
		"an impossible host":         {func(r *http.Request) { r.Host = "a b" }, 400},
		"content":                    {func(r *http.Request) { r.ContentLength = 1 }, 400},
		"no content ever":            {func(r *http.Request) { r.ContentLength = 0 }, 0},
		"no version":                 {func(r *http.Request) { delete(r.Header, "Sec-Websocket-Version") }, 400},
		"version 8":                  {set("Sec-Websocket-Version", "8"), 400},
		"a key, which means nothing": {set("Sec-Websocket-Key", "x"), 0},
		"another origin":             {set("Origin", "https://other.example"), 403},
		"bad extensions":             {set("Sec-Websocket-Extensions", "a;;b"), 400},
		"bad subprotocols":           {set("Sec-Websocket-Protocol", "a b"), 400},
	} {
		t.Run(name, func(t *testing.T) {
			r := extendedConnect()
			c.change(r)
			_, err := (&ServerOptions{Subprotocols: []string{"a"}}).AcceptConnect(r)
			if c.status == 0 {
				require.NoError(t, err)
				return
			}
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.status, e.Status, e.Reason)
			require.Empty(t, e.Header["Upgrade"], "that is not for HTTP/2")
		})
	}
	_, err := (*ServerOptions)(nil).AcceptConnect(extendedConnect())
	require.NoError(t, err)
}

func TestAnExtendedCONNECTOfOursIsAccepted(t *testing.T) {
	u, err := ParseURL("wss://user:secret@server.example/chat")
	require.NoError(t, err)
	offer, err := (&ClientOptions{Subprotocols: []string{"a", "b"}, Header: http.Header{"X-Own": {"own"}}}).NewOffer(u)
	require.NoError(t, err)
	r := extendedConnect()
	offer.SetConnect(r)
	require.Equal(t, "websocket", ConnectProtocol(r))
	require.Equal(t, "own", r.Header.Get("X-Own"))
	require.NotContains(t, r.Header, "Sec-Websocket-Key")
	name, password, ok := r.BasicAuth()
	require.True(t, ok)
	require.Equal(t, "user secret", name+" "+password)

	agreed, err := (&ServerOptions{Subprotocols: []string{"b"}}).AcceptConnect(r)
	require.NoError(t, err)
	resp := &http.Response{StatusCode: 200, Header: http.Header{}}
	agreed.SetHeader(resp.Header)
	confirmed, err := offer.VerifyConnect(resp)
	require.NoError(t, err)
	require.Equal(t, "b", confirmed.Subprotocol)
}

func TestClientHoldsTheResponseToItsCONNECTAgainstTheRFC(t *testing.T) {
	u, err := ParseURL("wss://server.example/chat")
	require.NoError(t, err)
	offer, err := (&ClientOptions{Subprotocols: []string{"a"}}).NewOffer(u)
	require.NoError(t, err)
	for _, c := range []struct {
		status int
		header http.Header
		ok     bool
	}{
		{200, nil, true},
		{204, nil, true},
		{200, http.Header{"Sec-Websocket-Protocol": {"a"}}, true},
		{200, http.Header{"Sec-Websocket-Protocol": {"b"}}, false},
		{200, http.Header{"Sec-Websocket-Extensions": {"x"}}, false},
		{101, nil, false},
		{302, nil, false},
		{501, nil, false},
	} {
		_, err := offer.VerifyConnect(&http.Response{StatusCode: c.status, Header: c.header})
		if c.ok {
			require.NoError(t, err)
			continue
		}
		var e *Error
		require.True(t, errors.As(err, &e))
		require.Equal(t, c.status, e.Status)
		require.Equal(t, c.header, e.Header)
	}
}

func TestEveryStatus2xxAcceptsAnExtendedCONNECT(t *testing.T) {
	u, err := ParseURL("wss://example.com/")
	require.NoError(t, err)
	offer, err := new(ClientOptions).NewOffer(u)
	require.NoError(t, err)
	for status, accepted := range map[int]bool{101: false, 199: false, 200: true, 204: true, 299: true, 300: false, 403: false} {
		_, err := offer.VerifyConnect(&http.Response{StatusCode: status, Header: http.Header{}})
		require.Equal(t, accepted, err == nil, "%d: %v", status, err)
	}
}
