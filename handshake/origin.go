package handshake

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// origin is a serialized origin (RFC 6454 §6.2), or a pattern for some, in a form that compares byte by byte: lower
// case, punycode, shortest IPv6 form.
type origin struct {
	scheme string // "" in a pattern: http or https
	host   string // IPv6 addresses without brackets; "*.example.com" or "*" in a pattern
	port   string // "" means the default one of the scheme; "*" in a pattern: any
}

// checkOrigin decides whether a request may come from where it says it comes from (§4.2.2 4., §10.2).
func (o *ServerOptions) checkOrigin(h *head) error {
	if o.CheckOrigin != nil {
		if err := o.CheckOrigin(h.request); err != nil {
			return hookError(err, http.StatusForbidden)
		}
		return nil
	}
	values := h.values(originName)
	if values == nil {
		return nil // not a browser: they always send one
	}
	value, ok := single(values)
	if !ok {
		return refuse(http.StatusForbidden, "the request has more than one origin")
	}
	if sameHost(value, h) || o.originListed(value) {
		return nil
	}
	return refuse(http.StatusForbidden, "origin %.100q is not allowed to connect to %.100q", value, h.host)
}

// originListed reports whether one of the patterns allows the origin.
func (o *ServerOptions) originListed(value string) bool {
	from, valid := parseOrigin(value)
	for _, pattern := range o.AllowedOrigins {
		switch {
		case pattern == "*", pattern == "null" && value == "null":
			return true
		case !valid, pattern == "null": // which is not a host
			continue
		}
		if p, err := parseOriginPattern(pattern); err == nil && p.matches(from) {
			return true
		}
	}
	return false
}

// sameHost reports whether a page from the given origin could have loaded its own address from where it connects to.
func sameHost(value string, h *head) bool {
	scheme, authority, _ := strings.Cut(value, "://")
	if authority == h.host && (scheme == "https" || scheme == "http" && !h.tls) { // as browsers write it
		_, _, ok := parseHostPort(authority)
		return ok
	}
	from, ok := parseOrigin(value)
	if !ok || !isWeb(from.scheme) {
		return false
	}
	if h.tls && from.scheme != "https" {
		return false
	}
	// Without TLS here there may still be a proxy that ends it, so that the page's scheme decides what a missing port is.
	host, port, ok := parseHostPort(h.host)
	return ok && from.host == host && from.port == withoutDefault(port, from.scheme)
}

// parseOrigin parses scheme "://" host [ ":" port ], tolerating one slash behind it.
func parseOrigin(s string) (origin, bool) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || !validScheme(scheme) {
		return origin{}, false
	}
	scheme = strings.ToLower(scheme)
	host, port, ok := parseAuthority(scheme, strings.TrimSuffix(rest, "/"))
	return origin{scheme, host, withoutDefault(port, scheme)}, ok
}

// parseOriginPattern parses [ scheme "://" ] [ "*." ] host [ ":" ( port | "*" ) ], and "*" for the host behind the scheme
// of something that is not the web.
func parseOriginPattern(s string) (p origin, err error) {
	bad := func(why string) (origin, error) {
		return origin{}, fmt.Errorf("origin pattern %q: %s", s, why)
	}
	rest := s
	if before, after, ok := strings.Cut(s, "://"); ok {
		if !validScheme(before) {
			return bad("invalid scheme")
		}
		p.scheme, rest = strings.ToLower(before), after
	}
	rest, anyPort := strings.CutSuffix(rest, ":*")
	rest, subdomains := strings.CutPrefix(rest, "*.")
	switch {
	case rest == "*" && !subdomains && !isWeb(p.scheme):
		p.host = "*"
	case strings.Contains(rest, "*"):
		return bad(`"*" stands only for whole labels in front ("*.example.com"), for the port ("localhost:*"), ` +
			`for the host of a scheme other than http and https ("chrome-extension://*") or alone`)
	default:
		var ok bool
		p.host, p.port, ok = parseAuthority(p.scheme, rest)
		if !ok || subdomains && p.host == "" {
			return bad("want scheme://host:port, of which scheme and port may be left out")
		}
	}
	if subdomains {
		if isIP(p.host) {
			return bad("an address has no subdomains")
		}
		p.host = "*." + p.host
	}
	if p.port = withoutDefault(p.port, p.scheme); anyPort {
		if p.port != "" {
			return bad("two ports")
		}
		p.port = "*"
	}
	return p, nil
}

// isWeb reports whether the scheme of an origin is one of web servers; a pattern without a scheme stands for these.
func isWeb(scheme string) bool { return scheme == "" || scheme == "http" || scheme == "https" }

// parseAuthority parses host [ ":" port ] of an origin. Behind a scheme that is not of the web there are hosts that no
// server could have: "app://." and "app://-" of desktop shells, and none at all in the "file://" of Chromium.
func parseAuthority(scheme, s string) (host, port string, ok bool) {
	if host, port, ok = parseHostPort(s); ok || isWeb(scheme) {
		return host, port, ok
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
		default:
			return "", "", false
		}
	}
	return strings.ToLower(s), "", true
}

// matches reports whether p, a pattern, covers from.
func (p origin) matches(from origin) bool {
	if p.scheme == "" && !isWeb(from.scheme) || p.scheme != "" && p.scheme != from.scheme {
		return false
	}
	if p.port != "*" && withoutDefault(p.port, from.scheme) != from.port {
		return false
	}
	if suffix, subdomains := strings.CutPrefix(p.host, "*"); subdomains {
		return len(from.host) > len(suffix) && strings.HasSuffix(from.host, suffix)
	}
	return p.host == from.host
}

// checkOriginPatterns reports the first pattern that is not valid.
func checkOriginPatterns(patterns []string) error {
	for _, pattern := range patterns {
		if pattern == "*" || pattern == "null" {
			continue
		}
		if _, err := parseOriginPattern(pattern); err != nil {
			return err
		}
	}
	return nil
}

// parseHostPort parses host [ ":" port ] into a form that compares byte by byte.
func parseHostPort(s string) (host, port string, ok bool) {
	if inside, isLiteral := strings.CutPrefix(s, "["); isLiteral {
		literal, rest, closed := strings.Cut(inside, "]")
		addr, err := netip.ParseAddr(literal)
		if !closed || err != nil || !addr.Is6() || addr.Zone() != "" {
			return "", "", false
		}
		if rest == "" {
			return addr.String(), "", true
		}
		port, colon := strings.CutPrefix(rest, ":")
		return addr.String(), port, colon && validPort(port)
	}
	host, port, hasPort := strings.Cut(s, ":")
	if hasPort && !validPort(port) {
		return "", "", false
	}
	host, ok = normalHost(host)
	return host, port, ok
}

// normalHost returns a name or an IPv4 address in lower case and punycode. Percent-encoding, user information, spaces
// and everything else that has no place in a host is refused.
func normalHost(host string) (string, bool) {
	ascii := true
	for i := range len(host) {
		switch c := host[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		case c >= 0x80:
			ascii = false
		default:
			return "", false
		}
	}
	if !ascii {
		puny, err := idna.Lookup.ToASCII(host)
		if err != nil || !utf8.ValidString(host) {
			return "", false
		}
		host = puny
	}
	emptyLabel := strings.HasPrefix(host, ".") || strings.Contains(host, "..")
	return strings.ToLower(host), host != "" && !emptyLabel
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// validScheme checks the grammar of RFC 3986 §3.1.
func validScheme(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return false
		}
	}
	return s != ""
}

// validPort takes ports as browsers write them, without leading zeros.
func validPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0 && s[0] != '0'
}

// withoutDefault returns "" for the port that the scheme implies.
func withoutDefault(port, scheme string) string {
	if port == "443" && scheme == "https" || port == "80" && scheme == "http" {
		return ""
	}
	return port
}
