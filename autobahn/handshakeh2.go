package autobahn

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/seed60239977/websocket/autobahn/internal/h2"
	"github.com/seed60239977/websocket/autobahn/internal/pmd"
)

// openStream makes the opening handshake of RFC 8441 §5. The connection that it
// returns is the stream, if there is one.
func (t *target) openStream(nc net.Conn, c *Case, offers []pmd.Params) (net.Conn, *opening, error) {
	l := t.connectFields(offers)
	o := &opening{request: l.String()}
	if err := nc.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return nc, o, err
	}
	s, err := h2.New(nc)
	if err != nil {
		return nc, o, err
	}
	response, err := s.Open(l.fields)
	if err != nil {
		return s, o, fmt.Errorf("reading the answer: %w", err)
	}
	o.status, o.header, o.response = response.StatusCode, response.Header, head(response)
	o.src = bufio.NewReaderSize(s, 32<<10)
	if err := checkConnected(response); err != nil {
		return s, o, err
	}
	if o.agreed, err = agreement(response.Header, offers); err != nil {
		return s, o, err
	}
	if err := o.strictly(c, offers, nil); err != nil {
		return s, o, err
	}
	return s, o, nc.SetDeadline(time.Time{})
}

// connectFields are the header fields of an extended CONNECT.
func (t *target) connectFields(offers []pmd.Params) *lines {
	scheme := "http"
	if t.url.Scheme == "wss" {
		scheme = "https"
	}
	l := &lines{fields: [][2]string{
		{":method", "CONNECT"},
		{":protocol", "websocket"},
		{":scheme", scheme},
		{":path", t.url.RequestURI()},
		{":authority", t.url.Host},
		{"user-agent", userAgent},
		{"sec-websocket-version", "13"},
	}}
	if len(offers) > 0 {
		l.add("sec-websocket-extensions", offered(offers))
	}
	return l
}

// checkConnected is what a client must verify of the answer to an extended CONNECT.
func checkConnected(r *http.Response) error {
	if r.StatusCode < 200 || r.StatusCode > 299 {
		return fmt.Errorf("the server answered %s", r.Status)
	}
	for _, name := range []string{"Upgrade", "Connection", "Sec-Websocket-Accept"} {
		if r.Header.Get(name) != "" {
			return fmt.Errorf("the answer has %s, which has no place in HTTP/2", name)
		}
	}
	if r.Header.Get("Sec-Websocket-Protocol") != "" {
		return errors.New("the answer names a subprotocol that was not asked for")
	}
	return nil
}
