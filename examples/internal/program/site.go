package program

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	_ "github.com/seed60239977/websocket/http2" // offers WebSockets over HTTP/2, with -http2
)

// Site is where and how a program serves.
type Site struct {
	Addr            string // host and port to listen on
	TLSCert, TLSKey string // files in PEM, both or none
	HTTP2           bool   // besides HTTP/1.1
	Log             bool   // each request
}

// AddFlags adds a flag for each field.
func (s *Site) AddFlags(flags *flag.FlagSet, addr string) {
	flags.StringVar(&s.Addr, "addr", addr, "`host:port` to listen on; port 0 takes a free one")
	flags.StringVar(&s.TLSCert, "tls-cert", "", "certificate `file` in PEM, to serve https and wss")
	flags.StringVar(&s.TLSKey, "tls-key", "", "private key `file` in PEM that belongs to -tls-cert")
	flags.BoolVar(&s.HTTP2, "http2", false, "serve HTTP/2 on the same port, too; without TLS to clients that begin with it")
	flags.BoolVar(&s.Log, "log", false, "log each request to standard error")
}

// Validate reports what cannot be served.
func (s *Site) Validate() error {
	if (s.TLSCert == "") != (s.TLSKey == "") {
		return errors.New("-tls-cert and -tls-key go together")
	}
	return nil
}

// server is an HTTP server for the site, without a handler.
func (s *Site) server() (*http.Server, error) {
	server := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       10 * time.Second, // neither concerns a WebSocket
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		Protocols:         new(http.Protocols),
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(s.HTTP2)
	server.Protocols.SetUnencryptedHTTP2(s.HTTP2)
	if s.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(s.TLSCert, s.TLSKey)
		if err != nil {
			return nil, err
		}
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	return server, nil
}

// Serve serves until ctx ends. When it is ready it prints "listening on" and the address to stdout. open makes what is
// served; close ends all WebSockets in good order and is called once nobody new can come.
func (s *Site) Serve(ctx context.Context, stdout, stderr io.Writer, open func() (handler http.Handler, close func())) error {
	server, err := s.server()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.Addr)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "listening on", listener.Addr())
	handler, closeAll := open()
	if s.Log {
		handler = logged(handler, stderr)
	}
	server.Handler = handler
	failed := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			failed <- server.ServeTLS(listener, "", "")
		} else {
			failed <- server.Serve(listener)
		}
	}()
	select {
	case err = <-failed:
		closeAll()
	case <-ctx.Done():
		listener.Close() // nobody new
		closeAll()
		server.Close() // what is no WebSocket
		<-failed
	}
	return err
}

// logged returns a handler that tells of each request before h answers it: from where it came, and what it is.
func logged(h http.Handler, log io.Writer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(log, r.RemoteAddr, r.Proto, r.Method, r.URL.Path)
		h.ServeHTTP(w, r)
	})
}
