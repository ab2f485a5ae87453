package handshake

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// ParseURL parses a WebSocket URI (§3): the scheme is ws, wss, http or https, there is a host, and there is no
// fragment. The result has the scheme ws or wss, international names in punycode, and a path. Errors are [*Error] with
// status 0.
func ParseURL(raw string) (*url.URL, error) {
	// "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be used": not even an empty one.
	if strings.Contains(raw, "#") {
		return nil, invalid("the URL has a fragment")
	}
	u, err := url.Parse(raw)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // without the URL, which may hold a password
		}
		if strings.Contains(raw, "@") { // the cause may quote what stands in front of that
			return nil, invalid("the URL cannot be parsed")
		}
		return nil, invalid("the URL cannot be parsed: %v", err)
	}
	switch u.Scheme {
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	case "ws", "wss":
	default:
		return nil, invalid("URL %.100q: the scheme must be ws, wss, http or https", u.Redacted())
	}
	if u.Opaque != "" || u.Hostname() == "" {
		return nil, invalid("URL %.100q: no host", u.Redacted())
	}
	if u.Port() != "" && !validPort(u.Port()) || strings.HasSuffix(u.Host, ":") {
		return nil, invalid("URL %.100q: invalid port", u.Redacted())
	}
	if err := asciiHost(u); err != nil {
		return nil, err
	}
	if u.Path == "" {
		u.Path = "/"
	}
	u.RawQuery = escapeQuery(u.RawQuery)
	return u, nil
}

// escapeQuery percent-encodes in a query what browsers do (the special-query percent-encode set of the WHATWG's URL
// standard): what a request line has no place for, and quotes and angle brackets. net/url has done so for the path.
func escapeQuery(query string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(query) {
		if c := query[i]; c > ' ' && c < 0x7f && !strings.ContainsRune(`"'<>`, rune(c)) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// asciiHost replaces an international name with its punycode.
func asciiHost(u *url.URL) error {
	host, port := u.Hostname(), u.Port()
	if strings.Contains(host, ":") {
		return nil // an IPv6 address, or net/url would not have parsed it
	}
	name, ok := normalHost(host)
	if !ok {
		if _, err := idna.Lookup.ToASCII(host); err != nil {
			return invalid("the host is neither a name nor an address: %v", err)
		}
		return invalid("the host is neither a name nor an address")
	}
	if u.Host = name; port != "" {
		u.Host = net.JoinHostPort(name, port)
	}
	return nil
}

// Address returns the host and port to dial for a URL that [ParseURL] returned.
func Address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "80"
		if u.Scheme == "wss" {
			port = "443"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// HostField returns the value of Host, or of :authority, for a URL that [ParseURL] returned: the port only if it is not
// the scheme's default, and no zone, which means nothing to anybody else (RFC 6874 §4).
func HostField(u *url.URL) string {
	host, port := u.Hostname(), u.Port()
	if addr, err := netip.ParseAddr(host); err == nil && addr.Is6() {
		host = "[" + addr.WithZone("").String() + "]"
	}
	if port == "" || port == "443" && u.Scheme == "wss" || port == "80" && u.Scheme == "ws" {
		return host
	}
	return host + ":" + port
}
