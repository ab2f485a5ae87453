package handshake

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
)

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
		"Trailer in the header":        {Header: http.Header{"Trailer": {"X"}}},
		"TE in the header":             {Header: http.Header{"te": {"trailers"}}},
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
		"a trailer in the header":     {Header: http.Header{"Trailer": {"X"}}},
		"TE in the header":            {Header: http.Header{"TE": {"trailers"}}},
		"Te in the header":            {Header: http.Header{"Te": {"trailers"}}},
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

func TestAHooksStatusIsKeptIfItRefuses(t *testing.T) {
	for status, sent := range map[int]int{0: 403, 200: 403, 299: 403, 300: 300, 401: 401, 599: 599, 600: 403} {
		var e *Error
		require.ErrorAs(t, hookError(&Error{Status: status, Reason: "no"}, http.StatusForbidden), &e)
		require.Equal(t, sent, e.Status, status)
		require.Equal(t, "no", e.Reason)
	}
}
