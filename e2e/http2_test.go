package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

// A logged request is a line that the examples write with -log.
type loggedRequest struct{ from, protocol, method, path string }

// requests are those that a server has logged.
func requests(p *process) (all []loggedRequest) {
	for line := range strings.Lines(p.stderr.String()) {
		var r loggedRequest
		if n, _ := fmt.Sscan(line, &r.from, &r.protocol, &r.method, &r.path); n == 4 {
			all = append(all, r)
		}
	}
	return all
}

// requireStreams asks for n WebSockets that came as streams of one connection of HTTP/2, and for no other.
func requireStreams(t *testing.T, p *process, n int) {
	t.Helper()
	streams, from := 0, map[string]bool{}
	for _, r := range requests(p) {
		if r.method == "CONNECT" {
			require.Equal(t, "HTTP/2.0", r.protocol)
			streams++
			from[r.from] = true
		}
	}
	require.Equal(t, n, streams, "%s", p.stderr.String())
	require.Len(t, from, 1, "they share a connection")
}

// startEcho2 runs the echo example with TLS and HTTP/2. pin is for Chromium.
func startEcho2(t *testing.T, args ...string) (p *process, addr, cert, pin string) {
	t.Helper()
	cert, key, pin := selfSigned(t)
	p, addr = startEcho(t, append(args, "-tls-cert", cert, "-tls-key", key, "-http2", "-log")...)
	return p, addr, cert, pin
}

// pooledOptions are those of a client of HTTP/2.
func pooledOptions(t *testing.T, cert string) *websocket.DialOptions {
	t.Helper()
	pool := &websocket.HTTP2Pool{}
	t.Cleanup(func() { pool.Close() })
	return &websocket.DialOptions{HTTP2: pool, TLSConfig: trusting(t, cert)}
}

func TestChromiumTalksToTheEchoServerOverHTTP2(t *testing.T) {
	server, addr, _, pin := startEcho2(t)
	ctx := browse(t, "https://"+addr+"/", chromedp.Flag("ignore-certificate-errors-spki-list", pin))
	url := "wss://" + addr + "/echo"
	require.JSONEq(t, wantEcho, scenario(t, ctx, "echo", url))
	require.JSONEq(t, wantStates, scenario(t, ctx, "states", url))
	require.JSONEq(t, `{"code": 1005, "reason": "", "wasClean": true}`, scenario(t, ctx, "noStatus", url))
	require.JSONEq(t, `20`, scenario(t, ctx, "many", url))
	requireStreams(t, server, 23)
}

func TestChromiumCompressesOverHTTP2(t *testing.T) {
	server, addr, _, pin := startEcho2(t, "-compress", "takeover")
	ctx := browse(t, "https://"+addr+"/", chromedp.Flag("ignore-certificate-errors-spki-list", pin))
	require.JSONEq(t, wantEcho, scenario(t, ctx, "echo", "wss://"+addr+"/echo"))
	requireStreams(t, server, 1)
}

func TestChromiumIsToldThatTheEchoServerGoesAwayOverHTTP2(t *testing.T) {
	server, addr, _, pin := startEcho2(t)
	ctx := browse(t, "https://"+addr+"/", chromedp.Flag("ignore-certificate-errors-spki-list", pin))
	require.JSONEq(t, `"connected"`, scenario(t, ctx, "wait", "wss://"+addr+"/"))
	server.terminate()
	require.Zero(t, server.exitCode(patience))
	require.JSONEq(t, `{"code": 1001, "reason": "", "wasClean": true}`, evaluate(t, ctx, "globalThis.goneAway"))
	requireStreams(t, server, 1)
}

func TestTwoTabsChatOverHTTP2(t *testing.T) {
	cert, key, pin := selfSigned(t)
	server := startExample(t, "chat", "-tls-cert", cert, "-tls-key", key, "-http2", "-log")
	ada := browse(t, "https://"+server.addr+"/", chromedp.Flag("ignore-certificate-errors-spki-list", pin))
	ben := openTab(t, ada, "https://"+server.addr+"/")
	enterChat(t, ada, "Ada")
	enterChat(t, ben, "Ben")
	keys(t, ada, "Hello, who is here?\r")
	becomes(t, ben, arrived, "Hello, who is here?")
	keys(t, ben, "It is me\r")
	becomes(t, ada, arrived, "It is me")
	requireStreams(t, server.process, 2)
}

func TestOurClientSharesAConnectionWithOurServer(t *testing.T) {
	server, addr, cert, _ := startEcho2(t, "-compress", "takeover")
	o := pooledOptions(t, cert)
	o.Deflate = &websocket.DeflateOptions{}
	var all []*websocket.Conn
	var ctx context.Context
	for range 10 {
		var c *websocket.Conn
		ctx, c = connect(t, "wss://"+addr+"/any/path?at=all", o)
		all = append(all, c)
	}
	for _, c := range all {
		requireEcho(t, ctx, c)
		require.NoError(t, c.Close(3000, "that was it"))
	}
	requireStreams(t, server, 10)
}

// patientIdle is more silence than there is in a test.
const patientIdle = 30 * time.Second

func TestOurServerWorksBehindHTTP2(t *testing.T) {
	for _, g := range []struct {
		name     string
		start    func(t *testing.T, b behind) (p *process, plain, secure string)
		more     string
		straight bool // it speaks HTTP/2 with our server, too
		many     bool // more than a dozen WebSockets of one client are open at a time, which Apache 2.4.71 does not do
	}{
		{name: "haproxy", start: startHAProxy, many: true},
		{name: "haproxy_to_HTTP2", start: startHAProxy, more: "proto h2", straight: true, many: true},
		{name: "Apache", start: startApache},
		{name: "Caddy", start: startCaddy, many: true},
	} {
		t.Run(g.name, func(t *testing.T) {
			cert, key, pin := selfSigned(t)
			server, addr := startEcho(t, "-http2", "-log")
			_, _, secure := g.start(t, behind{server: addr, certFile: cert, keyFile: key, idle: patientIdle, more: g.more})
			url := "wss://" + secure + "/any/path"
			o := pooledOptions(t, cert)
			c, resp, err := websocket.Dial(t.Context(), url, o)
			require.NoError(t, err)
			require.Equal(t, 2, resp.ProtoMajor)
			requireEcho(t, t.Context(), c)
			require.NoError(t, c.Close(3000, "that was it"))

			page := browse(t, "https://"+secure+"/", chromedp.Flag("ignore-certificate-errors-spki-list", pin))
			require.JSONEq(t, wantEcho, scenario(t, page, "echo", url))
			want := 2
			if g.many {
				require.JSONEq(t, `20`, scenario(t, page, "many", url))
				want += 20
			}
			methods := map[string]int{}
			for _, r := range requests(server) {
				if r.path == "/any/path" {
					methods[r.method]++
				}
			}
			method := "GET"
			if g.straight {
				method = "CONNECT"
			}
			require.Equal(t, map[string]int{method: want}, methods)
		})
	}
}
