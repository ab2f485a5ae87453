package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// How gateways are started: with the configuration that docs/gateways.md tells people to use.

// behind is what a gateway is to be in front of, and how.
type behind struct {
	server            string        // address
	certFile, keyFile string        // of the gateway
	idle              time.Duration // how long nothing may be said, where that is bounded
	more              string        // options of HAProxy for the server
}

// gatewayConfig returns the configuration that docs/gateways.md has for a program, with each old text replaced by the new one
// behind it. All old ones must be there.
func gatewayConfig(t *testing.T, language string, oldNew ...string) string {
	t.Helper()
	guide, err := os.ReadFile("../docs/gateways.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllSubmatch(guide, -1)
	require.Len(t, blocks, 1, language)
	config := string(blocks[0][1])
	for i := 0; i < len(oldNew); i += 2 {
		require.Contains(t, config, oldNew[i], "docs/gateways.md")
		config = strings.ReplaceAll(config, oldNew[i], oldNew[i+1])
	}
	return config
}

// twoPorts returns addresses for a gateway to listen on.
func twoPorts(t *testing.T) (plain, secure string) {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", freePort(t)), fmt.Sprintf("127.0.0.1:%d", freePort(t))
}

// startGateway starts a program, and returns it when it listens.
func startGateway(t *testing.T, plain, secure, program string, args ...string) *process {
	t.Helper()
	p := start(t, program, args...)
	awaitListener(t, p, plain)
	awaitListener(t, p, secure)
	return p
}

func startNginx(t *testing.T, b behind) (p *process, plain, secure string) {
	t.Helper()
	program := findProgram(t, "nginx")
	dir, err := os.MkdirTemp("", "websocket-e2e-nginx") // t.TempDir is not for the user that nginx runs its workers as
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	plain, secure = twoPorts(t)
	config := configFile(t, "nginx.conf", `
daemon off;
master_process off;
pid %[1]s/pid;
error_log stderr;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path %[1]s/body;
    proxy_temp_path       %[1]s/proxy;
    fastcgi_temp_path     %[1]s/fastcgi;
    uwsgi_temp_path       %[1]s/uwsgi;
    scgi_temp_path        %[1]s/scgi;
    %[2]s
}`, dir, gatewayConfig(t, "nginx",
		"listen 443 ssl;", "listen "+plain+"; listen "+secure+" ssl;",
		"/etc/ssl/site.crt", b.certFile, "/etc/ssl/site.key", b.keyFile,
		"127.0.0.1:9001", b.server, "60s", seconds(b.idle)+"s"))
	p = startGateway(t, plain, secure, program, "-p", dir, "-e", "stderr", "-c", config)
	return p, plain, secure
}

func startHAProxy(t *testing.T, b behind) (p *process, plain, secure string) {
	t.Helper()
	program := findProgram(t, "haproxy")
	plain, secure = twoPorts(t)
	config := configFile(t, "haproxy.cfg", "%s", "global\n\tmaxconn 128\n"+gatewayConfig(t, "haproxy",
		"bind :443", "bind "+plain+"\n    bind "+secure, "/etc/ssl/site.pem", inOneFile(t, b.certFile, b.keyFile),
		"127.0.0.1:9001", b.server+" "+b.more, "timeout tunnel 60s", "timeout tunnel "+seconds(b.idle)+"s"))
	p = startGateway(t, plain, secure, program, "-db", "-f", config)
	return p, plain, secure
}

// inOneFile puts a certificate and its key into one file, as haproxy wants them.
func inOneFile(t *testing.T, certFile, keyFile string) string {
	t.Helper()
	var both []byte
	for _, file := range []string{certFile, keyFile} {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		both = append(both, b...)
	}
	pem := filepath.Join(t.TempDir(), "both.pem")
	require.NoError(t, os.WriteFile(pem, both, 0o600))
	return pem
}

// startApache starts it with HTTP/2, which the guide only mentions.
func startApache(t *testing.T, b behind) (p *process, plain, secure string) {
	t.Helper()
	program := findProgram(t, "apache2")
	const modules = "/usr/lib/apache2/modules"
	if _, err := os.Stat(modules + "/mod_http2.so"); err != nil {
		missing(t, "Apache's mod_http2")
	}
	dir := t.TempDir()
	plain, secure = twoPorts(t)
	host := func(address string, without ...string) string {
		return gatewayConfig(t, "apache", append([]string{"*:443", address, "127.0.0.1:9001", b.server}, without...)...)
	}
	config := configFile(t, "apache.conf", `
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
Listen %[3]s
Listen %[4]s
Protocols h2 http/1.1
H2WebSockets on
%[5]s
%[6]s
`, dir, modules, plain, secure,
		host(plain, "SSLEngine on", "", "SSLCertificateFile /etc/ssl/site.crt", "", "SSLCertificateKeyFile /etc/ssl/site.key", ""),
		host(secure, "/etc/ssl/site.crt", b.certFile, "/etc/ssl/site.key", b.keyFile))
	p = startGateway(t, plain, secure, program, "-X", "-f", config)
	return p, plain, secure
}

func startCaddy(t *testing.T, b behind) (p *process, plain, secure string) {
	t.Helper()
	program, err := filepath.Abs("caddy/caddy")
	require.NoError(t, err)
	if _, err := os.Stat(program); err != nil {
		missing(t, "caddy (go build -o caddy . in e2e/caddy)")
	}
	plain, secure = twoPorts(t)
	config := configFile(t, "Caddyfile", `
{
	admin off
	auto_https off
	servers {
		protocols h1 h2
	}
}
%s
%s
`, gatewayConfig(t, "caddyfile", "example.com {", "http://"+plain+" {", "127.0.0.1:9001", b.server),
		gatewayConfig(t, "caddyfile", "example.com {", "https://"+secure+" {\n    tls "+b.certFile+" "+b.keyFile, "127.0.0.1:9001", b.server))
	// Caddy takes extended CONNECT, and offers it as every Go program does.
	p = startGateway(t, plain, secure, "env", "GODEBUG=http2xconnect=1", "HOME="+t.TempDir(), program, "run", "--adapter", "caddyfile",
		"--config", config)
	return p, plain, secure
}

// seconds returns whole seconds.
func seconds(d time.Duration) string { return fmt.Sprint(int(d / time.Second)) }
