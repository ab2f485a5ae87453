package handshake

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

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

func TestSubprotocolsThatWereNotOfferedAreForTheLenient(t *testing.T) {
	for _, offered := range [][]string{nil, {"a"}, {"a", "b"}} {
		for _, lenient := range []bool{false, true} {
			for answer, ok := range map[string]bool{"b": lenient || len(offered) == 2, "c": lenient, "c, a": lenient, "c\r\nX: y": false} {
				name := fmt.Sprint(offered, lenient, answer)
				r := goodRequest()
				if offered != nil {
					r.Header["Sec-Websocket-Protocol"] = []string{strings.Join(offered, ", ")}
				}
				chosen := func(*http.Request, []string) (string, error) { return answer, nil }
				resp, err := (&ServerOptions{Lenient: lenient, SelectSubprotocol: chosen}).Accept(r)
				if ok {
					require.NoError(t, err, name)
					require.Equal(t, answer, resp.Subprotocol, name)
					require.Contains(t, string(resp.AppendResponse(nil)), "Sec-WebSocket-Protocol: "+answer+"\r\n", name)
				} else {
					requireError(t, err, http.StatusInternalServerError)
				}

				u, err := ParseURL("ws://server.example.com")
				require.NoError(t, err)
				req, err := (&ClientOptions{Lenient: lenient, Subprotocols: offered}).NewRequest(u)
				require.NoError(t, err)
				req.key = testKey
				got := goodResponse()
				got.Header["Sec-Websocket-Protocol"] = []string{answer}
				agreed, err := req.Verify(got)
				if ok {
					require.NoError(t, err, name)
					require.Equal(t, answer, agreed.Subprotocol, name)
				} else {
					requireError(t, err, http.StatusSwitchingProtocols)
				}
			}
		}
	}
}

func TestSubprotocolsThatAreNoTokensAreForTheLenient(t *testing.T) {
	const kubernetes = "SPDY/3.1+portforward.k8s.io"
	for _, lenient := range []bool{false, true} {
		r := goodRequest()
		r.Header["Sec-Websocket-Protocol"] = []string{"v4.channel.k8s.io, " + kubernetes}
		resp, err := (&ServerOptions{Lenient: lenient, Subprotocols: []string{"a"}}).Accept(r)
		if !lenient {
			requireError(t, err, http.StatusBadRequest)
			requireError(t, (&ServerOptions{Subprotocols: []string{kubernetes}}).Validate(), http.StatusInternalServerError)
		} else {
			require.NoError(t, err)
			require.Empty(t, resp.Subprotocol)
			resp, err = (&ServerOptions{Lenient: true, Subprotocols: []string{kubernetes}}).Accept(r)
			require.NoError(t, err)
			require.Equal(t, kubernetes, resp.Subprotocol)
		}

		u, err := ParseURL("ws://server.example.com")
		require.NoError(t, err)
		req, err := (&ClientOptions{Lenient: lenient, Subprotocols: []string{kubernetes}}).NewRequest(u)
		if !lenient {
			requireError(t, err, 0)
			continue
		}
		require.NoError(t, err)
		req.key = testKey
		got := goodResponse()
		got.Header["Sec-Websocket-Protocol"] = []string{kubernetes}
		agreed, err := req.Verify(got)
		require.NoError(t, err)
		require.Equal(t, kubernetes, agreed.Subprotocol)
	}
	require.NoError(t, (&ServerOptions{Lenient: true, Subprotocols: []string{"Bearer abc.def=", "\u00e9"}}).Validate())
	for _, never := range []string{"", " a", "a ", "a\tb", "a,b", "a\r\nX: y", "a\x00", "a\x7f"} {
		requireError(t, (&ServerOptions{Lenient: true, Subprotocols: []string{never}}).Validate(), http.StatusInternalServerError)
	}
}
