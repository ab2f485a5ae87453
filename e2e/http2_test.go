package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

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

// behindHTTP2 is a gateway that speaks HTTP/2 with clients, in front of our server.
type behindHTTP2 struct {
	name     string
	start    func(t *testing.T, server, certFile, keyFile string) (secure string)
	straight bool // it speaks HTTP/2 with our server, too
	many     bool // more than a dozen WebSockets of one client are open at a time, which Apache 2.4.71 does not do
}

// haproxyHTTP2 starts haproxy with more options for the server.
func haproxyHTTP2(more string) func(t *testing.T, server, certFile, keyFile string) string {
	return func(t *testing.T, server, certFile, keyFile string) string {
		t.Helper()
		_, secure := startHAProxyHTTP2(t, server, certFile, keyFile, more)
		return secure
	}
}

func startHAProxyHTTP2(t *testing.T, server, certFile, keyFile, more string) (p *process, secure string) {
	t.Helper()
	program := findProgram(t, "haproxy")
	pem := inOneFile(t, certFile, keyFile)
	secure = fmt.Sprintf("127.0.0.1:%d", freePort(t))
	p = start(t, program, "-db", "-f", configFile(t, "haproxy.cfg", `
global
	maxconn 128
defaults
	mode http
	timeout connect 5s
	timeout client 30s
	timeout server 30s
	timeout tunnel 30s
frontend web
	bind %s ssl crt %s alpn h2,http/1.1
	default_backend echo
backend echo
	server echo %s %s
`, secure, pem, server, more))
	awaitListener(t, p, secure)
	return p, secure
}

func startApacheHTTP2(t *testing.T, server, certFile, keyFile string) string {
	t.Helper()
	program := findProgram(t, "apache2")
	const modules = "/usr/lib/apache2/modules"
	if _, err := os.Stat(modules + "/mod_http2.so"); err != nil {
		missing(t, "Apache's mod_http2")
	}
	dir := t.TempDir()
	secure := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	p := start(t, program, "-X", "-f", configFile(t, "apache.conf", `
ServerRoot %[1]s
ServerName 127.0.0.1
DefaultRuntimeDir %[1]s
PidFile %[1]s/pid
ErrorLog /dev/stderr
LoadModule mpm_event_module %[2]s/mod_mpm_event.so
LoadModule authz_core_module %[2]s/mod_authz_core.so
LoadModule ssl_module %[2]s/mod_ssl.so
LoadModule http2_module %[2]s/mod_http2.so
LoadModule proxy_module %[2]s/mod_proxy.so
LoadModule proxy_http_module %[2]s/mod_proxy_http.so
LoadModule proxy_wstunnel_module %[2]s/mod_proxy_wstunnel.so
Listen %[3]s
Protocols h2 http/1.1
H2WebSockets on
ProxyTimeout 30
<VirtualHost %[3]s>
	SSLEngine on
	SSLCertificateFile %[4]s
	SSLCertificateKeyFile %[5]s
	ProxyPreserveHost on
	ProxyPass / http://%[6]s/ upgrade=websocket
</VirtualHost>
`, dir, modules, secure, certFile, keyFile, server))
	awaitListener(t, p, secure)
	return secure
}

func startCaddyHTTP2(t *testing.T, server, certFile, keyFile string) string {
	t.Helper()
	program, err := filepath.Abs("caddy/caddy")
	require.NoError(t, err)
	if _, err := os.Stat(program); err != nil {
		missing(t, "caddy (go build -o caddy . in e2e/caddy)")
	}
	secure := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	// Caddy takes extended CONNECT, and offers it as every Go program does.
	p := start(t, "env", "GODEBUG=http2xconnect=1", "HOME="+t.TempDir(), program, "run", "--adapter", "caddyfile", "--config",
		configFile(t, "Caddyfile", `
{
	admin off
	auto_https off
	servers {
		protocols h1 h2
	}
}
https://%s {
	tls %s %s
	reverse_proxy %s
}
`, secure, certFile, keyFile, server))
	awaitListener(t, p, secure)
	return secure
}

func TestOurServerWorksBehindHTTP2(t *testing.T) {
	for _, g := range []behindHTTP2{
		{name: "haproxy", start: haproxyHTTP2(""), many: true},
		{name: "haproxy_to_HTTP2", start: haproxyHTTP2("proto h2"), straight: true, many: true},
		{name: "Apache", start: startApacheHTTP2},
		{name: "Caddy", start: startCaddyHTTP2, many: true},
	} {
		t.Run(g.name, func(t *testing.T) {
			cert, key, pin := selfSigned(t)
			server, addr := startEcho(t, "-http2", "-log")
			secure := g.start(t, addr, cert, key)
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
