package websocket

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// inEnvironment is set where a test runs itself with proxies in the environment.
const inEnvironment = "WEBSOCKET_TEST_PROXY_FROM_ENVIRONMENT"

// The proxies of whoever runs the tests are not for them.
func TestMain(m *testing.M) {
	if os.Getenv(inEnvironment) == "" {
		for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} {
			os.Unsetenv(name)
			os.Unsetenv(strings.ToLower(name))
		}
	}
	os.Exit(m.Run())
}

// A fakeProxy is a proxy that leads to the same server whatever it is asked for, if the user is the right one.
type fakeProxy struct {
	leadsTo  string // host and port
	user     string // as in user:password; "" lets in who says nothing
	anyUser  bool   // lets everybody in
	requests chan *http.Request
	working  sync.WaitGroup
}

func newFakeProxy(t *testing.T, leadsTo *httptest.Server, user string) *fakeProxy {
	p := &fakeProxy{leadsTo: leadsTo.Listener.Addr().String(), user: user, requests: make(chan *http.Request, 16)}
	t.Cleanup(p.working.Wait)
	return p
}

// url is where a proxy listens, with credentials.
func (p *fakeProxy) url(scheme, address, user string) *url.URL {
	u := &url.URL{Scheme: scheme, Host: address}
	if name, password, ok := strings.Cut(user, ":"); ok {
		u.User = url.UserPassword(name, password)
	}
	return u
}

// ServeHTTP is the HTTP proxy.
func (p *fakeProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.working.Add(1) // before there is an answer, so that nobody waits already
	defer p.working.Done()
	p.requests <- r
	wanted := &http.Request{Header: http.Header{}}
	if p.user != "" {
		name, password, _ := strings.Cut(p.user, ":")
		wanted.SetBasicAuth(name, password)
	}
	switch {
	case r.Method != http.MethodConnect:
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	case !p.anyUser && r.Header.Get("Proxy-Authorization") != wanted.Header.Get("Authorization"):
		w.Header().Set("Proxy-Authenticate", `Basic realm="test"`)
		w.WriteHeader(http.StatusProxyAuthRequired)
		io.WriteString(w, "who are you?")
		return
	}
	nc, _, err := http.NewResponseController(w).Hijack() // no client says more before it has an answer
	if err == nil {
		io.WriteString(nc, "HTTP/1.1 200 Connection established\r\n\r\n")
		p.relay(nc)
	}
}

// serveSOCKS is the SOCKS5 proxy for one connection: RFC 1928 and RFC 1929 in as few words as it takes.
func (p *fakeProxy) serveSOCKS(nc net.Conn) error {
	method := byte(0)
	if p.user != "" {
		method = 2
	}
	methods, err := counted(nc, 1)
	if err != nil {
		return err
	}
	if !bytes.Contains(methods, []byte{method}) {
		_, err := nc.Write([]byte{5, 0xff})
		return err
	}
	nc.Write([]byte{5, method})
	if method == 2 {
		name, err := counted(nc, 1)
		if err != nil {
			return err
		}
		password, err := counted(nc, 0)
		if err != nil {
			return err
		}
		if string(name)+":"+string(password) != p.user {
			_, err := nc.Write([]byte{1, 1})
			return err
		}
		nc.Write([]byte{1, 0})
	}
	host, err := counted(nc, 4) // only by name, which no test leaves to the client to look up
	if err != nil {
		return err
	}
	var port [2]byte
	if _, err := io.ReadFull(nc, port[:]); err != nil {
		return err
	}
	p.requests <- &http.Request{Host: fmt.Sprintf("%s:%d", host, binary.BigEndian.Uint16(port[:]))}
	nc.Write([]byte{5, 0, 0, 1, 127, 0, 0, 1, 0, 80})
	p.relay(nc)
	return nil
}

// counted skips some bytes and reads what follows them: a count, and as many bytes.
func counted(r io.Reader, skip int) ([]byte, error) {
	head := make([]byte, skip+1)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	b := make([]byte, head[skip])
	_, err := io.ReadFull(r, b)
	return b, err
}

// relay carries bytes in both directions until one side ends.
func (p *fakeProxy) relay(client net.Conn) {
	server, err := net.Dial("tcp", p.leadsTo)
	if err != nil {
		client.Close()
		return
	}
	var both sync.WaitGroup
	for from, to := range map[net.Conn]net.Conn{client: server, server: client} {
		both.Go(func() {
			io.Copy(to, from)
			to.Close()
		})
	}
	both.Wait()
}

// listenSOCKS runs the proxy as a SOCKS5 proxy and returns its address.
func (p *fakeProxy) listenSOCKS(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			nc, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			serving.Go(func() {
				if p.serveSOCKS(nc) != nil {
					nc.Close()
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	return l.Addr().String()
}
