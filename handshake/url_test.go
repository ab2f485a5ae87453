package handshake

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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
		"ws://a/\"<'>?b=\"<'>&%22{|}`^\\":   {"a:80", "a", "/%22%3C%27%3E?b=%22%3C%27%3E&%22{|}`^\\"},
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
		"ws://example.com/#a", "ws://example.com/#", "ws://example.com:/", "ws://example.com:0/", "ws://example.com:080/", "ws://example.com:65536/",
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
