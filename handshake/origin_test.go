package handshake

import (
	"cmp"
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// originRequest is a request that only its origin can spoil.
func originRequest(host string, secure bool, origins ...string) *http.Request {
	r := goodRequest()
	r.Host = host
	if secure {
		r.TLS = &tls.ConnectionState{}
	}
	if len(origins) > 0 {
		r.Header["Origin"] = origins
	}
	return r
}

func TestOriginOfTheSameHostIsAllowed(t *testing.T) {
	for _, c := range []struct {
		origin, host string
		secure, want bool
	}{
		{"http://example.com", "example.com", false, true},
		{"http://example.com/", "example.com", false, true}, // some clients are not browsers
		{"HTTP://EXAMPLE.com", "exAMPLE.COM", false, true},
		{"http://example.com:8080", "example.com:8080", false, true},
		{"https://example.com:8443", "example.com:8443", true, true},
		{"http://example.com", "example.com:80", false, true},
		{"http://example.com:80", "example.com", false, true},
		{"https://example.com", "example.com:443", true, true},
		{"https://example.com:443", "example.com", true, true},
		{"https://example.com", "example.com", false, true}, // a proxy in front of the server ends TLS
		{"https://example.com", "example.com:443", false, true},
		{"http://[::1]:9001", "[::1]:9001", false, true},
		{"http://[0:0:0:0:0:0:0:1]", "[::1]", false, true},
		{"http://[::FFFF]", "[::ffff]:80", false, true},
		{"http://127.0.0.1:9001", "127.0.0.1:9001", false, true},
		{"http://xn--bcher-kva.example", "xn--bcher-kva.example", false, true},
		{"http://bücher.example", "xn--bcher-kva.example", false, true},
		{"http://BÜCHER.example", "xn--bcher-kva.example", false, true},

		{"http://evil.example", "example.com", false, false},
		{"http://example.com.evil.example", "example.com", false, false},
		{"http://evilexample.com", "example.com", false, false},
		{"http://sub.example.com", "example.com", false, false},
		{"http://example.com", "sub.example.com", false, false},
		{"http://example.com.", "example.com", false, false}, // another origin for browsers, too
		{"http://example.com:8080", "example.com", false, false},
		{"http://example.com", "example.com:8080", false, false},
		{"http://example.com:443", "example.com", false, false},
		{"https://example.com", "example.com:80", false, false},
		{"http://example.com", "example.com", true, false}, // a page loaded in the clear may be anybody's
		{"ftp://example.com", "example.com", false, false},
		{"chrome-extension://example.com", "example.com", false, false},
		{"null", "example.com", false, false},
		{"null", "null", false, false},
		{"", "example.com", false, false},
		{"http://", "example.com", false, false},
		{"example.com", "example.com", false, false},
		{"//example.com", "example.com", false, false},
		{"http:example.com", "example.com", false, false},
		{"http://user@example.com", "example.com", false, false},
		{"http://example.com@evil.example", "example.com", false, false},
		{"http://evil.example/@example.com", "example.com", false, false},
		{"http://evil.example#example.com", "example.com", false, false},
		{"http://evil.example?example.com", "example.com", false, false},
		{`http://evil.example\example.com`, "example.com", false, false},
		{"http://example.com/path", "example.com", false, false},
		{"http://example.com//", "example.com", false, false},
		{"http://example.com:", "example.com", false, false},
		{"http://example.com:080", "example.com", false, false},
		{"http://example.com:08080", "example.com:08080", false, false},
		{"http://example.com:+80", "example.com", false, false},
		{"http://example.com:65536", "example.com:65536", false, false},
		{"http://ex%61mple.com", "example.com", false, false},
		{"http://[fe80::1%25eth0]", "[fe80::1%25eth0]", false, false},
		{"http://[::1", "[::1", false, false},
		{"http://[::1]9001", "[::1]:9001", false, false},
		{"http://[127.0.0.1]", "127.0.0.1", false, false},
		{"http://::1", "[::1]", false, false},
		{"http://example.com http://example.com", "example.com", false, false},
		{"http://example.com\x00", "example.com", false, false},
		{"http://example.com\r\nX: y", "example.com", false, false},
		{"http://xn--a", "xn--a.example", false, false},
		{"http://a\xffb", "a", false, false},
		{"1http://example.com", "example.com", false, false},
		{"://example.com", "example.com", false, false},
	} {
		_, err := new(ServerOptions).Accept(originRequest(c.host, c.secure, c.origin))
		if c.want {
			require.NoError(t, err, "%q → %q", c.origin, c.host)
			continue
		}
		e := requireError(t, err, http.StatusForbidden)
		require.Contains(t, e.Reason, "origin")
	}
}

func TestOriginMayBeAbsentButNotRepeated(t *testing.T) {
	for _, values := range [][]string{nil, {}} { // as a program may have it
		r := goodRequest()
		r.Header["Origin"] = values
		_, err := new(ServerOptions).Accept(r)
		requireError(t, err, http.StatusForbidden)
	}
	_, err := new(ServerOptions).Accept(originRequest("example.com", false))
	require.NoError(t, err)
	_, err = new(ServerOptions).Accept(originRequest("example.com", false, "http://example.com", "http://example.com"))
	requireError(t, err, http.StatusForbidden)
	_, err = new(ServerOptions).Accept(originRequest("example.com", false, "http://example.com", "http://evil.example"))
	requireError(t, err, http.StatusForbidden)
}

func TestARefusalDoesNotRepeatAllThatWasSent(t *testing.T) {
	_, err := new(ServerOptions).Accept(originRequest("example.com", false, "http://"+strings.Repeat("\x01", 1<<20)))
	require.Less(t, len(requireError(t, err, http.StatusForbidden).Reason), 1000)
}

func TestAllowedOriginsAreMatchedWhole(t *testing.T) {
	for _, c := range []struct {
		pattern, origin string
		want            bool
	}{
		{"example.com", "http://example.com", true},
		{"example.com", "https://example.com", true},
		{"Example.COM", "https://example.com", true},
		{"example.com", "https://example.com:8443", false},
		{"example.com", "https://sub.example.com", false},
		{"example.com", "https://example.com.evil.example", false},
		{"example.com", "https://notexample.com", false},
		{"example.com", "app://example.com", false},
		{"example.com:8443", "https://example.com:8443", true},
		{"example.com:8443", "https://example.com", false},
		{"example.com:443", "https://example.com", true},
		{"example.com:443", "http://example.com:443", true},
		{"example.com:443", "http://example.com", false},
		{"https://example.com", "https://example.com", true},
		{"https://example.com:443", "https://example.com", true},
		{"https://example.com", "http://example.com", false},
		{"app://example.com", "app://example.com", true},
		{"chrome-extension://abcdefgh", "chrome-extension://abcdefgh", true},
		{"chrome-extension://abcdefgh", "chrome-extension://abcdefghi", false},
		{"chrome-extension://*", "chrome-extension://gighmmpiobklfepjocnamgkkbiglidom", true},
		{"chrome-extension://*", "moz-extension://gighmmpiobklfepjocnamgkkbiglidom", false},
		{"chrome-extension://*", "https://gighmmpiobklfepjocnamgkkbiglidom", false},
		{"chrome-extension://*", "chrome-extension://", false},
		{"chrome-extension://*", "chrome-extension://a/b", false},
		{"chrome-extension://*", "chrome-extension://user@a", false},
		{"moz-extension://*", "moz-extension://8a3c1b2e-0f4d-4f0a-9d0e-2b6f7a1c5e90", true},
		{"safari-web-extension://*", "safari-web-extension://E5A3C1B2-0F4D-4F0A-9D0E-2B6F7A1C5E90", true},
		{"vscode-webview://*", "vscode-webview://1l9eu7rjdgn1rp6gcr8n5itpl4nn8hbv8dcdjamjfv9t0smlobk6", true},
		{"vscode-webview://*.vscode-cdn.net", "vscode-webview://a.vscode-cdn.net", true},
		{"tauri://localhost", "tauri://localhost", true},
		{"tauri://localhost", "http://localhost", false},
		{"tauri.localhost", "https://tauri.localhost", true},
		{"capacitor://localhost", "capacitor://localhost", true},
		{"ionic://localhost", "ionic://localhost", true},
		{"ionic://*", "ionic://localhost:8100", false},
		{"ionic://*:*", "ionic://localhost:8100", true},
		{"app://.", "app://.", true},
		{"app://-", "app://-", true},
		{"app://.", "app://..", false},
		{"app://obsidian.md", "app://obsidian.md", true},
		{"file://", "file://", true},
		{"file://", "file:///", true},
		{"file://", "null", false},
		{"file://", "file://server", false},
		{"null", "file://", false},
		{"example.com", "file://", false},
		{"*.example.com", "https://a.example.com", true},
		{"*.example.com", "https://a.b.example.com", true},
		{"*.example.com", "https://example.com", false},
		{"*.example.com", "https://.example.com", false},
		{"*.example.com", "https://evilexample.com", false},
		{"*.example.com", "https://a.example.com.evil.example", false},
		{"https://*.example.com:8443", "https://a.example.com:8443", true},
		{"https://*.example.com:8443", "https://a.example.com", false},
		{"localhost:*", "http://localhost:5173", true},
		{"localhost:*", "http://localhost", true},
		{"localhost:*", "http://localhost.evil.example", false},
		{"http://[::1]:*", "http://[0::1]:3000", true},
		{"*.bücher.example", "https://a.xn--bcher-kva.example", true},
		{"bücher.example", "https://xn--bcher-kva.example", true},
		{"null", "null", true},
		{"null", "http://null", false},
		{"example.com", "null", false},
		{"*", "null", true},
		{"*", "https://anybody.example", true},
		{"*", "not an origin", true},
		{"example.com", "http://example.com@evil.example", false},
	} {
		o := &ServerOptions{AllowedOrigins: []string{"other.example", c.pattern}}
		_, err := o.Accept(originRequest("server.example", false, c.origin))
		if c.want {
			require.NoError(t, err, "%q %q", c.pattern, c.origin)
		} else {
			require.Error(t, err, "%q %q", c.pattern, c.origin)
			requireError(t, err, http.StatusForbidden)
		}
	}
}

func TestOriginPatternsThatOnlyLookRightAreRefused(t *testing.T) {
	for _, pattern := range []string{
		"", "*example.com", "*.", "**.example.com", "*.*.example.com", "a.*.example.com", "example.*", "https://*", "*://example.com",
		"https://", "://example.com", "https://example.com/", "https://example.com/path", "example.com/", "user@example.com",
		"example.com:", "example.com:0", "example.com:08443", "example.com:http", "example.com:80:*", "example.com:8*", "*.127.0.0.1", "*.[::1]",
		"[::1", "::1", "ex ample.com", "ex%61mple.com", "http://*", "HTTPS://*:*", "*:*", "http://", "http://.",
		"chrome-extension://*a", "chrome-extension://a*", "chrome-extension://*.*", "chrome-extension://*.", "chrome-extension://*/",
		"chrome-extension://a/", "file:///", "app://a b", "app://a:b", "app://a?", "app://u@a", "app:.", "example.com?", "http://example.com#", ".example.com", "a..b", "example.com\x00", "a\xffb", "1a://b",
	} {
		err := (&ServerOptions{AllowedOrigins: []string{"*.fine.example", pattern}}).Validate()
		require.Error(t, err, "%q", pattern)
		e := requireError(t, err, http.StatusInternalServerError)
		require.ErrorContains(t, e.Err, "origin pattern")
	}
	require.NoError(t, (&ServerOptions{AllowedOrigins: []string{"*", "null", "a.example", "*.b.example:*"}}).Validate())
}

func TestSchemesOfOriginPatternsHaveTheCharactersOfTheGrammar(t *testing.T) {
	for c := range 256 {
		s := string([]byte{byte(c)})
		isLetter := strings.Contains("abcdefghijklmnopqrstuvwxyz", strings.ToLower(s)) && c < 0x80
		later := isLetter || strings.Contains("0123456789+-.", s)
		for scheme, valid := range map[string]bool{s + "x": isLetter, "x" + s: later} {
			err := (&ServerOptions{AllowedOrigins: []string{scheme + "://host"}}).Validate()
			require.Equal(t, valid, err == nil, "%q: %v", scheme, err)
		}
	}
}

func TestCheckOriginDecidesAlone(t *testing.T) {
	var verdict error
	o := &ServerOptions{
		AllowedOrigins: []string{"*"},
		CheckOrigin:    func(r *http.Request) error { return verdict },
	}
	_, err := o.Accept(originRequest("example.com", false, "http://anybody.example"))
	require.NoError(t, err)

	verdict = errors.New("not today")
	_, err = o.Accept(originRequest("example.com", false, "http://example.com"))
	e := requireError(t, err, http.StatusForbidden)
	require.ErrorIs(t, err, verdict)
	require.NotContains(t, e.Reason, "not today")

	verdict = &Error{Status: http.StatusTeapot, Reason: "short and stout"}
	_, err = o.Accept(originRequest("example.com", false))
	require.Equal(t, verdict, err)
}

// slowOrigin is what parseOrigin is held against: net/url's idea of a URL, less whatever an origin does not have.
func slowOrigin(s string) (origin, bool) {
	if !strings.HasSuffix(s, "://") {
		s = strings.TrimSuffix(s, "/")
	}
	u, err := url.Parse(s)
	if err != nil || strings.ContainsAny(s, "?#@%*") || u.Path != "" || u.Opaque != "" || !strings.Contains(s, "://") {
		return origin{}, false
	}
	host, ok := normalHost(u.Hostname())
	if u.Scheme != "http" && u.Scheme != "https" && regexp.MustCompile(`^[-.~\w]*$`).MatchString(u.Host) {
		host, ok = strings.ToLower(u.Host), true
	}
	if strings.HasPrefix(u.Host, "[") {
		host, _, ok = parseHostPort("[" + u.Hostname() + "]")
	}
	p := u.Port()
	if !regexp.MustCompile(`^([1-9][0-9]{0,4})?$`).MatchString(p) || len(p) == 5 && p > "65535" || strings.HasSuffix(u.Host, ":") {
		return origin{}, false
	}
	if u.Scheme == "http" && p == "80" || u.Scheme == "https" && p == "443" {
		p = ""
	}
	return origin{u.Scheme, host, p}, ok && u.Scheme != ""
}

// slowMatch spells a pattern out as a regular expression over an origin with all its parts.
func slowMatch(p, from origin) bool {
	defaults := map[string]string{"http": "80", "https": "443"}
	scheme := cmp.Or(regexp.QuoteMeta(p.scheme), "https?")
	host := regexp.QuoteMeta(p.host)
	if rest, ok := strings.CutPrefix(p.host, "*"); ok {
		host = ".+" + regexp.QuoteMeta(rest)
	}
	port := cmp.Or(p.port, defaults[from.scheme])
	if p.port == "*" {
		port = "[0-9]*"
	}
	return regexp.MustCompile("^" + scheme + "://" + host + ":" + port + "$").
		MatchString(from.scheme + "://" + from.host + ":" + cmp.Or(from.port, defaults[from.scheme]))
}

func FuzzOrigin(f *testing.F) {
	f.Add("https://*.example.com:*", "https://a.example.com:8443")
	f.Add("bücher.example:443", "http://[::1]:80/")
	f.Add("file://", "file:///")
	f.Add("app://*", "app://.")
	f.Fuzz(func(t *testing.T, pattern, value string) {
		from, ok := parseOrigin(value)
		want, wantOK := slowOrigin(value)
		if ok || wantOK {
			require.Equal(t, wantOK, ok, "%q", value)
			require.Equal(t, want, from)
		}
		p, err := parseOriginPattern(pattern)
		if ok && err == nil {
			require.Equal(t, slowMatch(p, from), p.matches(from), "%q %q", pattern, value)
		}
		if ok {
			self, err := parseOriginPattern(from.scheme + "://" + strings.TrimSuffix(strings.SplitN(value, "://", 2)[1], "/"))
			require.NoError(t, err)
			require.True(t, self.matches(from), "an origin matches itself: %q", value)
		}
	})
}

func TestAHostThatNoServerCouldHaveIsMadeOfOrdinaryCharacters(t *testing.T) {
	for c := range 128 {
		host, port, ok := parseAuthority("app", ".-"+string(rune(c)))
		require.Equal(t, strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~", rune(c)), ok, "%q", c)
		if ok {
			require.Equal(t, ".-"+strings.ToLower(string(rune(c))), host)
			require.Empty(t, port)
		}
	}
}
