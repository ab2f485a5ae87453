package main

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/seed60239977/websocket"
)

// proxy answers the requests of clients.
type proxy struct {
	target  *url.URL
	clients websocket.Registry
}

// config is that of both connections. The heartbeat finds an end that is gone even while nothing else is sent.
func config() websocket.Config {
	return websocket.Config{
		ReadLimit:    -1, // messages pass through piece by piece and are never held whole; the ends have their own limits
		PingInterval: 20 * time.Second,
		IdleTimeout:  45 * time.Second,
		CloseTimeout: shutdownTime,
	}
}

// ServeHTTP dials the backend while the client waits for its handshake, so that the backend's decisions are the answer.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var backend *websocket.Conn
	serve := func(_ context.Context, client *websocket.Conn) { relay(client, backend) }
	websocket.Handler(serve, &websocket.AcceptOptions{
		Config:   config(),
		Registry: &p.clients,
		// The backend gets the client's Host and Origin, and decides.
		CheckOrigin: func(*http.Request) error { return nil },
		SelectSubprotocol: func(r *http.Request, offered []string) (string, error) {
			var err error
			if backend, err = p.dial(r, offered); err != nil {
				return "", err
			}
			return backend.Subprotocol(), nil
		},
		OnError: func(r *http.Request, err error) {
			if backend != nil {
				backend.CloseNow() // the client's handshake failed after the backend's
			}
			var refused *websocket.HandshakeError
			if errors.As(err, &refused) && refused.Status >= 500 {
				log.Printf("relay: %s: %v", r.RemoteAddr, err)
			}
		},
	}).ServeHTTP(w, r)
}

// dial opens the connection to the backend. The error is what the client is to be told.
func (p *proxy) dial(r *http.Request, offered []string) (*websocket.Conn, error) {
	to := *p.target
	to.Path, to.RawPath, to.RawQuery = r.URL.Path, r.URL.RawPath, r.URL.RawQuery
	c, resp, err := websocket.Dial(r.Context(), to.String(), &websocket.DialOptions{
		Config:       config(),
		Header:       forwarded(r),
		Host:         r.Host,
		Subprotocols: offered,
		Proxy:        http.ProxyURL(nil), // the backend is next door
	})
	switch {
	case err == nil:
		return c, nil
	case resp != nil && resp.StatusCode >= 400:
		refused := &websocket.HandshakeError{Status: resp.StatusCode, Reason: "the backend refused", Err: err, Header: http.Header{}}
		if challenge := resp.Header["Www-Authenticate"]; challenge != nil {
			refused.Header["Www-Authenticate"] = challenge
		}
		return nil, refused
	}
	return nil, &websocket.HandshakeError{Status: http.StatusBadGateway, Reason: "the backend cannot be reached", Err: err}
}

// forwarded returns the header for the backend: who the client is, and where it came in.
func forwarded(r *http.Request) http.Header {
	h := http.Header{}
	for _, name := range []string{"Authorization", "Cookie", "Origin", "User-Agent", "X-Forwarded-For"} {
		if values := r.Header[name]; values != nil {
			h[name] = slices.Clone(values)
		}
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		h.Add("X-Forwarded-For", host)
	}
	h.Set("X-Forwarded-Host", r.Host)
	h.Set("X-Forwarded-Proto", "http")
	return h
}

// close tells all clients that the relay goes away. Each one's relay tells its backend.
func (p *proxy) close() {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	_ = p.clients.Shutdown(ctx) // fails only when the time is up; whoever is left then is cut off
}
