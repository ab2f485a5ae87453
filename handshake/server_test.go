package handshake

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
)

func TestAServerDecidesAsItsOptionsDo(t *testing.T) {
	evil := http.Header{"Origin": {"https://evil.example"}, versionField: {version}}
	for name, o := range map[string]*ServerOptions{
		"none":             nil,
		"zero":             {},
		"a subprotocol":    {Subprotocols: []string{"chat"}},
		"an origin":        {AllowedOrigins: []string{"evil.example"}},
		"a header":         {Header: http.Header{"Server": {"x"}}},
		"compression":      {Deflate: &deflate.Options{}},
		"a wrong pattern":  {AllowedOrigins: []string{"*x"}},
		"a wrong header":   {Header: http.Header{"Upgrade": {"x"}}},
		"a wrong level":    {Deflate: &deflate.Options{Level: 100}},
		"a wrong protocol": {Subprotocols: []string{"two words"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := NewServer(o)
			if o != nil {
				require.Equal(t, o.Validate(), s.Validate())
			}
			upgrade := goodRequest()
			upgrade.Header["Sec-Websocket-Extensions"] = []string{"permessage-deflate"}
			upgrade.Header["Sec-Websocket-Protocol"] = []string{"superchat, chat"}
			broken := goodRequest()
			broken.Host = ""
			for _, r := range []*http.Request{upgrade, broken, connectRequest(evil), connectRequest(upgrade.Header), {Method: "PUT"}} {
				want, wantErr := o.Accept(r)
				got, err := s.Accept(r)
				require.Equal(t, wantErr, err)
				require.Equal(t, string(want.AppendResponse(nil)), string(got.AppendResponse(nil)))
				wantAgreed, wantErr := o.AcceptConnect(r)
				agreed, err := s.AcceptConnect(r)
				require.Equal(t, wantErr, err)
				require.Equal(t, wantAgreed, agreed)
				wantAgreed, wantErr = o.Negotiate(r)
				agreed, err = s.Negotiate(r)
				require.Equal(t, wantErr, err)
				require.Equal(t, wantAgreed, agreed)
			}
		})
	}
}

// TestWhatAServerHasCheckedStaysSo: neither its options nor its errors can be changed from outside.
func TestWhatAServerHasCheckedStaysSo(t *testing.T) {
	o := &ServerOptions{
		Subprotocols: []string{"chat"}, AllowedOrigins: []string{"a.example"}, Header: http.Header{"X": {"x"}}, Deflate: &deflate.Options{},
	}
	s := NewServer(o)
	o.Subprotocols[0], o.AllowedOrigins[0], o.Header["X"][0], o.Deflate.Level = "two words", "*x", "a\r\nY: z", 100
	r := goodRequest()
	r.Header["Origin"] = []string{"http://a.example"}
	resp, err := s.Accept(r)
	require.NoError(t, err)
	require.Contains(t, string(resp.AppendResponse(nil)), "\r\nX: x\r\n")

	s = NewServer(o)
	_, err = s.Accept(r)
	requireError(t, err, 500).Status = 200
	_, err = s.Accept(r)
	requireError(t, err, 500)
}

func BenchmarkServerWithOrigins(b *testing.B) {
	o := &ServerOptions{AllowedOrigins: []string{"https://example.com", "*.example.com", "http://localhost:*"}, Subprotocols: []string{"a", "b"}}
	r, s := goodRequest(), NewServer(o)
	for name, accept := range map[string]func(*http.Request) (Response, error){"options": o.Accept, "server": s.Accept} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := accept(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
