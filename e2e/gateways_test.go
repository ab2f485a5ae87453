package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

// gatewayIdle is after how much silence the gateways of the tests drop a connection. It is longer than a busy machine holds up
// a ping.
const gatewayIdle = 4 * time.Second

// A gateway is a program of others in front of our server. start runs it before a server and returns where it listens
// without TLS and with it.
type gateway struct {
	name  string
	start func(t *testing.T, server, certFile, keyFile string) (plain, secure string)
}

var gateways = []gateway{{"nginx", startNginx}, {"haproxy", startHAProxy}}

func startNginx(t *testing.T, server, certFile, keyFile string) (plain, secure string) {
	t.Helper()
	program := findProgram(t, "nginx")
	dir, err := os.MkdirTemp("", "websocket-e2e-nginx") // t.TempDir is not for the user that nginx runs its workers as
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	plain, secure = fmt.Sprintf("127.0.0.1:%d", freePort(t)), fmt.Sprintf("127.0.0.1:%d", freePort(t))
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
			server {
				listen %[2]s;
				listen %[3]s ssl;
				ssl_certificate     %[4]s;
				ssl_certificate_key %[5]s;
				location / {
					proxy_pass http://%[6]s;
					proxy_http_version 1.1;
					proxy_set_header Upgrade $http_upgrade;
					proxy_set_header Connection "upgrade";
					proxy_set_header Host $http_host;
					proxy_read_timeout %[7]ds;
				}
			}
		}`, dir, plain, secure, certFile, keyFile, server, gatewayIdle/time.Second)
	p := start(t, program, "-p", dir, "-e", "stderr", "-c", config)
	awaitListener(t, p, plain)
	awaitListener(t, p, secure)
	return plain, secure
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

func startHAProxy(t *testing.T, server, certFile, keyFile string) (plain, secure string) {
	t.Helper()
	program := findProgram(t, "haproxy")
	pem := inOneFile(t, certFile, keyFile)
	plain, secure = fmt.Sprintf("127.0.0.1:%d", freePort(t)), fmt.Sprintf("127.0.0.1:%d", freePort(t))
	config := configFile(t, "haproxy.cfg", `
global
	maxconn 64
defaults
	mode http
	timeout connect 5s
	timeout client 5s
	timeout server 5s
	timeout tunnel %ds
frontend web
	bind %s
	bind %s ssl crt %s
	default_backend echo
backend echo
	server echo %s
`, gatewayIdle/time.Second, plain, secure, pem, server)
	p := start(t, program, "-db", "-f", config)
	awaitListener(t, p, plain)
	awaitListener(t, p, secure)
	return plain, secure
}

// forEachGateway runs a test with the echo server behind each gateway, once for ws and once for wss.
func forEachGateway(t *testing.T, test func(t *testing.T, server *process, url string, o *websocket.DialOptions)) {
	cert, key, _ := selfSigned(t)
	for _, g := range gateways {
		for _, scheme := range []string{"ws", "wss"} {
			t.Run(g.name+"_"+scheme, func(t *testing.T) {
				server, addr := startEcho(t, "-compress", "takeover")
				host, secure := g.start(t, addr, cert, key)
				origin := "http://" + host
				if scheme == "wss" {
					host, origin = secure, "https://"+secure
				}
				test(t, server, scheme+"://"+host+"/any/path?at=all", &websocket.DialOptions{
					TLSConfig:    trusting(t, cert),
					Header:       http.Header{"Origin": {origin}}, // as a browser does
					Subprotocols: []string{"echo.v1"},
				})
			})
		}
	}
}

func TestOurServerWorksBehindGateways(t *testing.T) {
	forEachGateway(t, func(t *testing.T, _ *process, url string, o *websocket.DialOptions) {
		ctx, c := connect(t, url, o)
		require.Equal(t, "echo.v1", c.Subprotocol())
		requireEcho(t, ctx, c)
		require.NoError(t, c.Close(3000, "that was it"))

		o.Deflate = &websocket.DeflateOptions{}
		ctx, c = connect(t, url, o)
		requireEcho(t, ctx, c)
		require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
	})
}

func TestTheEndOfOurServerIsSeenThroughGateways(t *testing.T) {
	forEachGateway(t, func(t *testing.T, server *process, url string, o *websocket.DialOptions) {
		ctx, c := connect(t, url, o)
		requireEcho(t, ctx, c)
		server.terminate()
		end := closedBy(t, ctx, c)
		require.Equal(t, websocket.StatusGoingAway, end.Code)
		require.True(t, end.WasClean)
		require.Zero(t, server.exitCode(patience))
	})
}

func TestAForeignOriginIsRefusedThroughGateways(t *testing.T) {
	forEachGateway(t, func(t *testing.T, _ *process, url string, o *websocket.DialOptions) {
		o.Header = http.Header{"Origin": {"https://elsewhere.example"}}
		_, resp, err := websocket.Dial(t.Context(), url, o)
		require.Error(t, err)
		require.Equal(t, http.StatusForbidden, resp.StatusCode)
	})
}

func TestAHeartbeatKeepsAnIdleConnectionThroughGateways(t *testing.T) {
	forEachGateway(t, func(t *testing.T, _ *process, url string, o *websocket.DialOptions) {
		ctx, idle := connect(t, url, o)
		o.Config.PingInterval, o.Config.IdleTimeout = gatewayIdle/8, 2*gatewayIdle
		_, beating := connect(t, url, o)
		ends := make(chan error, 1)
		go func() {
			_, _, err := beating.Read(ctx)
			ends <- err
		}()
		end := closedBy(t, ctx, idle) // the gateway has had enough of it
		require.Equal(t, websocket.StatusAbnormalClosure, end.Code)
		select {
		case err := <-ends:
			require.FailNow(t, "the other one is gone too", "%v", err)
		case <-time.After(gatewayIdle / 2): // by now it has had nothing to say for longer than the gateway allows
		}
		_, err := beating.Ping(ctx)
		require.NoError(t, err)
		require.NoError(t, beating.Close(websocket.StatusNormalClosure, ""))
		<-ends
	})
}
