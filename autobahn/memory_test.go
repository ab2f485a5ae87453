package autobahn

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/autobahn/internal/pmd"
)

// memory is a network without sockets, so that a test may run in a bubble whose
// clock does not wait.
type memory struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newMemory() *memory {
	return &memory{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case nc := <-m.conns:
		return nc, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error {
	close(m.closed)
	return nil
}

func (m *memory) Addr() net.Addr { return &net.IPAddr{} }

func (m *memory) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case m.conns <- far:
		return near, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

// testReferenceServer runs cases against a reference server in a bubble.
func testReferenceServer(t *testing.T, bad faults, patterns ...string) *Report {
	t.Helper()
	var report *Report
	synctest.Test(t, func(t *testing.T) {
		o := &Options{Cases: patterns, Parallel: 16, Dial: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go serveReference(far, bad)
			return near, nil
		}}
		var err error
		report, err = TestServer(t.Context(), "ws://reference/", o)
		require.NoError(t, err)
	})
	return report
}

// testReferenceClient runs cases against a reference client in a bubble.
func testReferenceClient(t *testing.T, bad faults, patterns ...string) *Report {
	t.Helper()
	var report *Report
	synctest.Test(t, func(t *testing.T) {
		h, err := NewHandler(&HandlerOptions{Cases: patterns})
		require.NoError(t, err)
		m := newMemory()
		web := &http.Server{Handler: h}
		go func() { _ = web.Serve(m) }()
		var count int
		_, err = fmt.Sscan(ask(t, m, "/getCaseCount"), &count)
		require.NoError(t, err)
		for i := range count {
			// That it refuses to connect is for the suite to judge.
			_ = referenceClient(m, fmt.Sprintf("/runCase?case=%d&agent=reference", i+1), bad)
		}
		require.NoError(t, web.Close())
		synctest.Wait()
		report = h.Report("reference")
	})
	return report
}

// referenceClient opens a connection as a client and echoes until it ends.
func referenceClient(m *memory, path string, bad faults) error {
	p, err := openReference(m, path, bad)
	if err == nil {
		p.serve()
	}
	return err
}

func openReference(m *memory, path string, bad faults) (*reference, error) {
	nc, err := m.dial(context.Background(), "", "")
	if err != nil {
		return nil, err
	}
	const key = "MDEyMzQ1Njc4OWFiY2RlZg=="
	request := "GET " + path + " HTTP/1.1\r\nHost: suite\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: " + key + "\r\nSec-WebSocket-Version: 13\r\n"
	if !bad.noCompression {
		request += "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
	}
	if _, err := io.WriteString(nc, request+"\r\n"); err != nil {
		return nil, err
	}
	p := &reference{nc: nc, src: bufio.NewReader(nc), bad: bad}
	response, err := http.ReadResponse(p.src, nil)
	if err != nil {
		_ = nc.Close()
		return nil, err
	}
	if err := p.check(response, key); err != nil {
		_ = nc.Close()
		return nil, err
	}
	return p, nil
}

// check is §4.1, as a client must.
func (p *reference) check(response *http.Response, key string) error {
	if p.bad.ignoresHeaders {
		return nil
	}
	if err := checkResponse(response, key); err != nil {
		return err
	}
	var offers []pmd.Params
	if !p.bad.noCompression {
		offers = []pmd.Params{{ClientBitsBare: true}}
	}
	agreed, err := agreement(response.Header, offers)
	if err == nil {
		p.agree(agreed)
	}
	return err
}

// ask opens a connection and returns the one message that comes.
func ask(t *testing.T, m *memory, path string) string {
	p, err := openReference(m, path, faults{})
	require.NoError(t, err)
	h, err := p.header()
	require.NoError(t, err)
	require.NoError(t, p.payload(h))
	answer := string(p.message)
	p.message = nil
	p.serve()
	return answer
}
