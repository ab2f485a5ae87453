package handshake

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

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

func TestAnErrorIsOneLineOfText(t *testing.T) {
	cause := errors.New("the server said:\n\x1b[1mall is well")
	require.EqualError(t, &Error{Status: 403, Reason: "no", Err: cause},
		`websocket: handshake: no (403 Forbidden): "the server said:\n\x1b[1mall is well"`)
	require.EqualError(t, &Error{Reason: "no\tway"}, `websocket: handshake: "no\tway"`)
	require.EqualError(t, &Error{Reason: `origin "https://ä.example" is not allowed`}, `websocket: handshake: origin "https://ä.example" is not allowed`)
}

func TestAStatusThatIsNoFinalOneIsSentAs500(t *testing.T) {
	for status, sent := range map[int]string{-1: "500", 0: "500", 101: "500", 199: "500", 200: "200", 403: "403", 999: "999", 1000: "500"} {
		response := (&Error{Status: status}).AppendResponse(nil)
		require.Equal(t, "HTTP/1.1 "+sent+" ", string(response[:13]), status)
	}
}
