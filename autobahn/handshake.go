package autobahn

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/seed60239977/websocket/autobahn/internal/pmd"
)

// handshakeTimeout bounds the opening handshake, TLS and all.
const handshakeTimeout = 5 * time.Second

const userAgent = "wstest (autobahn suite in Go)"

// DialError says that no connection to the server came about: TCP or TLS failed,
// before any handshake.
type DialError struct{ Err error }

// Error says what failed.
func (e *DialError) Error() string { return "connect: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *DialError) Unwrap() error { return e.Err }

// target is a server to test.
type target struct {
	url     *url.URL
	address string
	options *Options
	streams streams
}

func newTarget(rawURL string, o *Options) (*target, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, err
	}
	port := map[string]string{"ws": "80", "wss": "443"}[u.Scheme]
	if port == "" || u.Host == "" {
		return nil, fmt.Errorf("%q is not a ws or wss URL", rawURL)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	return &target{url: u, address: net.JoinHostPort(u.Hostname(), port), options: o}, nil
}

// dial opens TCP, and TLS on top where the URL says so.
func (t *target) dial(ctx context.Context) (net.Conn, error) {
	dial := t.options.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	nc, err := dial(ctx, "tcp", t.address)
	if err != nil {
		return nil, &DialError{err}
	}
	if t.url.Scheme == "ws" {
		return nc, nil
	}
	config := &tls.Config{}
	if t.options.TLS != nil {
		config = t.options.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = t.url.Hostname()
	}
	if t.options.HTTP2 {
		config.NextProtos = []string{"h2"}
	}
	secured := tls.Client(nc, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = nc.Close()
		return nil, &DialError{err}
	}
	return secured, nil
}

// request is an opening handshake as the suite sends it.
type request struct {
	text string
	key  string
	// What was asked for, of which the answer may have something.
	subprotocols, extensions bool
}

// newRequest makes the opening handshake of RFC 6455 §4.1. Each change may
// touch the lines after the first before they are put together.
func (t *target) newRequest(offers []pmd.Params, change func(*lines)) request {
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce)
	key := base64.StdEncoding.EncodeToString(nonce)
	l := &lines{
		first: "GET " + t.url.RequestURI() + " HTTP/1.1",
		fields: [][2]string{
			{"Host", t.url.Host},
			{"User-Agent", userAgent},
			{"Upgrade", "WebSocket"},
			{"Connection", "Upgrade"},
			{"Pragma", "no-cache"},
			{"Cache-Control", "no-cache"},
			{"Sec-WebSocket-Key", key},
			{"Sec-WebSocket-Version", "13"},
		},
	}
	if len(offers) > 0 {
		l.add("Sec-WebSocket-Extensions", offered(offers))
	}
	if change != nil {
		change(l)
	}
	return request{l.String(), key, l.has("Sec-WebSocket-Protocol"), l.has("Sec-WebSocket-Extensions")}
}

func offered(offers []pmd.Params) string {
	all := make([]string, len(offers))
	for i, o := range offers {
		all[i] = o.String()
	}
	return strings.Join(all, ", ")
}

// lines are the head of an HTTP message, in order.
type lines struct {
	first  string
	fields [][2]string
}

func (l *lines) has(name string) bool {
	return slices.ContainsFunc(l.fields, func(f [2]string) bool { return strings.EqualFold(f[0], name) })
}

func (l *lines) add(name, value string) { l.fields = append(l.fields, [2]string{name, value}) }

// set gives every field of that name the value.
func (l *lines) set(name, value string) {
	for i, f := range l.fields {
		if strings.EqualFold(f[0], name) {
			l.fields[i][1] = value
		}
	}
}

// remove takes the fields of that name out.
func (l *lines) remove(name string) {
	var kept [][2]string
	for _, f := range l.fields {
		if !strings.EqualFold(f[0], name) {
			kept = append(kept, f)
		}
	}
	l.fields = kept
}

func (l *lines) String() string {
	var b strings.Builder
	if l.first != "" { // which HTTP/2 has not
		b.WriteString(l.first + "\r\n")
	}
	for _, f := range l.fields {
		b.WriteString(f[0] + ": " + f[1] + "\r\n")
	}
	b.WriteString("\r\n")
	return b.String()
}

// accept is the answer to a key (§4.2.2).
func accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// opening is what came of an opening handshake.
type opening struct {
	request  string
	response string
	status   int         // 0 when no answer came
	header   http.Header // of the answer
	src      *bufio.Reader
	agreed   *pmd.Params
	dropped  bool // TCP ended before an answer
}

// answered: the peer answered with a status, or dropped TCP rather than answer.
func (o *opening) answered() bool { return o.status != 0 || o.dropped }

// openAsClient sends the request on nc and reads the answer.
func openAsClient(nc net.Conn, r request, offers []pmd.Params) (*opening, error) {
	o := &opening{request: r.text, src: bufio.NewReaderSize(nc, 32<<10)}
	if err := nc.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return o, err
	}
	if _, err := nc.Write([]byte(r.text)); err != nil {
		return o, err
	}
	response, err := http.ReadResponse(o.src, &http.Request{Method: http.MethodGet})
	if err != nil {
		o.dropped = errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
		return o, fmt.Errorf("reading the answer: %w", err)
	}
	o.status, o.header, o.response = response.StatusCode, response.Header, head(response)
	check := checkResponse
	if r.subprotocols {
		check = checkUpgrade
	}
	if err := check(response, r.key); err != nil {
		return o, err
	}
	o.agreed, err = agreement(response.Header, offers)
	if err != nil {
		return o, err
	}
	return o, nc.SetDeadline(time.Time{})
}

func head(r *http.Response) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\r\n", r.Proto, r.Status)
	_ = r.Header.Write(&b)
	return b.String()
}

// checkResponse is §4.1, what a client that asked for no subprotocol must verify.
func checkResponse(r *http.Response, key string) error {
	if err := checkUpgrade(r, key); err != nil {
		return err
	}
	if r.Header.Get("Sec-Websocket-Protocol") != "" {
		return errors.New("the answer names a subprotocol that was not asked for")
	}
	return nil
}

// checkUpgrade is checkResponse for whatever subprotocol.
func checkUpgrade(r *http.Response, key string) error {
	h := r.Header
	switch {
	case r.StatusCode != http.StatusSwitchingProtocols:
		return fmt.Errorf("the server answered %s", r.Status)
	case !strings.EqualFold(h.Get("Upgrade"), "websocket"):
		return errors.New("the answer lacks Upgrade: websocket")
	case !hasToken(h, "Connection", "upgrade"):
		return errors.New("the answer lacks Connection: Upgrade")
	case len(h.Values("Sec-Websocket-Accept")) != 1 || strings.TrimSpace(h.Get("Sec-Websocket-Accept")) != accept(key):
		return errors.New("the answer's Sec-WebSocket-Accept is not that of the key")
	}
	return nil
}

func hasToken(h http.Header, name, token string) bool {
	for _, element := range elements(h, name) {
		if strings.EqualFold(element, token) {
			return true
		}
	}
	return false
}

// elements are the elements of a comma-separated header.
func elements(h http.Header, name string) (all []string) {
	for _, line := range h.Values(name) {
		for element := range strings.SplitSeq(line, ",") {
			if element = strings.TrimSpace(element); element != "" {
				all = append(all, element)
			}
		}
	}
	return all
}

// agreement reads the extensions that a server agreed to. Whether it kept to the
// terms of the offer is not looked at here; see group 14.
func agreement(h http.Header, offers []pmd.Params) (*pmd.Params, error) {
	answers := elements(h, "Sec-Websocket-Extensions")
	switch {
	case len(answers) == 0:
		return nil, nil
	case len(offers) == 0:
		return nil, errors.New("the answer names an extension that was not offered")
	case len(answers) > 1:
		return nil, errors.New("the answer names more than one extension")
	}
	p, err := pmd.Parse(answers[0], true)
	if err != nil {
		return nil, fmt.Errorf("the answer's extension: %w", err)
	}
	return &p, nil
}

// validKey: 16 bytes in base64 (§4.1).
func validKey(key string) bool {
	nonce, err := base64.StdEncoding.DecodeString(key)
	return err == nil && len(nonce) == 16
}
