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

// origin is a serialized origin (RFC 6454 §6.2), or a pattern for some, in a form that compares octet by octet: lower
// case, punycode, shortest IPv6 form.
type origin struct {
	scheme string // "" in a pattern: http or https
	host   string // IPv6 addresses without brackets; "*.example.com" in a pattern
	port   string // "" means the default one of the scheme; "*" in a pattern: any
}

// checkOrigin decides whether a request may come from where it says it comes from (§4.2.2 4., §10.2).
func (o *ServerOptions) checkOrigin(r *http.Request) error {
	if o.CheckOrigin != nil {
		if err := o.CheckOrigin(r); err != nil {
			return hookError(err, http.StatusForbidden)
		}
		return nil
	}
	values, present := r.Header["Origin"]
	if !present {
		return nil // not a browser: they always send one
	}
	value, ok := single(values)
	if !ok {
		return refuse(http.StatusForbidden, "the request has more than one origin")
	}
	if sameHost(value, r) || o.originListed(value) {
		return nil
	}
	return refuse(http.StatusForbidden, "origin %.100q is not allowed to connect to %.100q", value, r.Host)
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
func sameHost(value string, r *http.Request) bool {
	from, ok := parseOrigin(value)
	if !ok || from.scheme != "http" && from.scheme != "https" {
		return false
	}
	if r.TLS != nil && from.scheme != "https" {
		return false
	}
	// Without TLS here there may still be a proxy that ends it, so that the page's scheme decides what a missing port is.
	host, port, ok := parseHostPort(r.Host)
	return ok && from.host == host && from.port == withoutDefault(port, from.scheme)
}

// parseOrigin parses scheme "://" host [ ":" port ], tolerating one slash behind it.
func parseOrigin(s string) (origin, bool) {
	scheme, rest, ok := strings.Cut(strings.TrimSuffix(s, "/"), "://")
	if !ok || !validScheme(scheme) {
		return origin{}, false
	}
	host, port, ok := parseHostPort(rest)
	scheme = strings.ToLower(scheme)
	return origin{scheme, host, withoutDefault(port, scheme)}, ok
}

// parseOriginPattern parses [ scheme "://" ] [ "*." ] host [ ":" ( port | "*" ) ].
func parseOriginPattern(s string) (p origin, err error) {
	bad := func(why string) (origin, error) {
		return origin{}, fmt.Errorf("origin pattern %q: %s", s, why)
	}
	rest := s
	if before, after, ok := strings.Cut(s, "://"); ok {
		if !validScheme(before) {
			return bad("not a scheme")
		}
		p.scheme, rest = strings.ToLower(before), after
	}
	rest, anyPort := strings.CutSuffix(rest, ":*")
	rest, subdomains := strings.CutPrefix(rest, "*.")
	if strings.Contains(rest, "*") {
		return bad(`"*" stands only for whole labels in front ("*.example.com"), for the port ("localhost:*") or alone`)
	}
	var ok bool
	if p.host, p.port, ok = parseHostPort(rest); !ok {
		return bad("want scheme://host:port, of which scheme and port may be left out")
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

// matches reports whether p, a pattern, covers from.
func (p origin) matches(from origin) bool {
	if p.scheme == "" && from.scheme != "http" && from.scheme != "https" || p.scheme != "" && p.scheme != from.scheme {
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

// checkOriginPatterns reports the first pattern that is none.
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

// parseHostPort parses host [ ":" port ] into a form that compares octet by octet.
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
