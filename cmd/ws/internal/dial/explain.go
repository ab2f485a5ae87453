package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
)

// Explain returns the error of a dial as a *cli.Error with what to try, and with what the server has said. It is nil for nil.
func Explain(rawURL string, err error, resp *http.Response) error {
	if err == nil {
		return nil
	}
	full := err
	if line := body(resp); line != "" {
		full = fmt.Errorf("%w: %s", err, line)
	}
	u, parseErr := url.Parse(rawURL)
	if parseErr != nil {
		return &cli.Error{Err: withoutURL(parseErr), Status: cli.StatusUsage}
	}
	try := tryForNetwork(u, err)
	if try == "" {
		try = tryForTLS(u, err)
	}
	if try == "" {
		try = tryForStatus(u, err, resp)
	}
	return &cli.Error{Err: full, Try: try}
}

// tryForNetwork is about what happens before a byte was exchanged.
func tryForNetwork(u *url.URL, err error) string {
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "whether the server runs, and listens on this address: " + u.Host
	case errors.Is(err, os.ErrNotExist):
		return "ls on the directory of the socket: the path is wrong, or the server does not run"
	case errors.Is(err, os.ErrPermission):
		return "as the user who owns the socket"
	case isDNS && dns.IsNotFound:
		return "the name again: no address is known for " + dns.Name
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return "-timeout with more than it was, -proxy if there is one to go through, or whether a firewall drops the packets"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "whether this machine has a way to the network of " + u.Hostname()
	}
	return ""
}

func isTimeout(err error) bool {
	t, ok := errors.AsType[net.Error](err)
	return ok && t.Timeout()
}

// tryForTLS is about certificates, and about TLS with who does not speak it.
func tryForTLS(u *url.URL, err error) string {
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	name, wrongName := errors.AsType[x509.HostnameError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	alert, isAlert := errors.AsType[tls.AlertError](err)
	switch {
	case noTLS:
		return "ws:// in place of wss://: the server does not speak TLS on this port"
	case unknown:
		return "-cacert with the certificate of who signed it, or -k to trust anybody (while testing)"
	case wrongName && name.Certificate != nil && len(name.Certificate.DNSNames) > 0:
		return "-sni " + name.Certificate.DNSNames[0] + ", which the certificate is for"
	case wrongName:
		return "the name that the certificate is for, with -sni"
	case invalid:
		return "whether the clock is right, and -k if the certificate may be wrong (while testing)"
	case isAlert && strings.Contains(alert.Error(), "certificate"):
		return "-cert and -key: the server asks for a certificate of yours"
	case unencrypted(u) && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)):
		return "wss:// in place of ws://, if the server speaks TLS; otherwise its log"
	}
	return ""
}

// tryForStatus is about what the server has answered.
func tryForStatus(u *url.URL, err error, resp *http.Response) string {
	refused, ok := errors.AsType[*websocket.HandshakeError](err)
	if !ok {
		return ""
	}
	switch status := refused.Status; {
	case status == http.StatusUnauthorized:
		return "-u user:password, -bearer TOKEN or -cookie name=value: the server wants to know who you are"
	case status == http.StatusForbidden:
		return "-origin " + origin(u) + ", if it lets browsers in, or what it takes for authentication"
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return "another path: there is no WebSocket at " + path(u)
	case status == http.StatusProxyAuthRequired:
		return "-proxy http://user:password@host:port"
	case status == http.StatusBadRequest && unencrypted(u):
		return "-H and -s for what the server expects, or wss:// if it speaks TLS on this port"
	case status == http.StatusUpgradeRequired, status == http.StatusNotImplemented:
		return "another path, or without -http2"
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		return "again later"
	case status >= 300 && status < 400 && resp != nil && resp.Header.Get("Location") != "":
		return "-redirects 5, or the URL " + resp.Header.Get("Location")
	case status >= 500:
		return "the log of the server, or of the proxy in front of it"
	case status == http.StatusOK:
		return "another path: what answers at " + path(u) + " is a page, not a WebSocket"
	}
	return ""
}

// origin is the one that a page of the same site has.
func origin(u *url.URL) string {
	return strings.Replace(u.Scheme, "ws", "http", 1) + "://" + u.Host
}

func path(u *url.URL) string {
	if u.Path == "" {
		return "/"
	}
	return u.Path
}

func unencrypted(u *url.URL) bool { return u.Scheme == "ws" || u.Scheme == "http" }
