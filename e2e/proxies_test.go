package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

// A forwarder is a proxy program of others: start runs it, and lets in the user me with the password secret if locked is
// set.
type forwarder struct {
	name     string
	start    func(t *testing.T, locked bool) *url.URL
	statuses []int // of a refusal for want of the password
}

var forwarders = []forwarder{
	{"tinyproxy", startTinyproxy, []int{http.StatusProxyAuthRequired, http.StatusUnauthorized}}, // the latter if it is wrong
	{"microsocks", startMicrosocks, []int{0}},                                                   // there are none in SOCKS
}

func startTinyproxy(t *testing.T, locked bool) *url.URL {
	t.Helper()
	program, port, auth := findProgram(t, "tinyproxy"), freePort(t), ""
	if locked {
		auth = "BasicAuth me secret\n"
	}
	config := configFile(t, "tinyproxy.conf", "Port %d\nListen 127.0.0.1\nAllow 127.0.0.1\nMaxClients 20\nTimeout 600\n%s", port, auth)
	p := start(t, program, "-d", "-c", config)
	u := &url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)}
	awaitListener(t, p, u.Host)
	return u
}

func startMicrosocks(t *testing.T, locked bool) *url.URL {
	t.Helper()
	port := freePort(t)
	args := []string{"-i", "127.0.0.1", "-p", fmt.Sprint(port)}
	if locked {
		args = append(args, "-u", "me", "-P", "secret")
	}
	p := start(t, findProgram(t, "microsocks"), args...)
	u := &url.URL{Scheme: "socks5", Host: fmt.Sprintf("127.0.0.1:%d", port)}
	awaitListener(t, p, u.Host)
	return u
}

func TestOurClientGoesThroughProxies(t *testing.T) {
	cert, key, _ := selfSigned(t)
	for _, f := range forwarders {
		t.Run(f.name, func(t *testing.T) {
			_, plain := startEcho(t)
			_, secure := startEcho(t, "-tls-cert", cert, "-tls-key", key)
			for _, locked := range []bool{false, true} {
				via := f.start(t, locked)
				if locked {
					via.User = url.UserPassword("me", "secret")
				}
				o := &websocket.DialOptions{Proxy: http.ProxyURL(via), TLSConfig: trusting(t, cert)}
				for _, u := range []string{"ws://" + plain, "wss://" + secure} {
					ctx, c := connect(t, u, o)
					requireEcho(t, ctx, c)
					require.NoError(t, c.Close(3000, "that was it"))
				}
			}
		})
	}
}

func TestOurClientReportsWhatAProxyRefuses(t *testing.T) {
	for _, f := range forwarders {
		t.Run(f.name, func(t *testing.T) {
			via := f.start(t, true)
			_, addr := startEcho(t)
			for _, user := range []*url.Userinfo{nil, url.UserPassword("me", "wrong")} {
				via.User = user
				_, resp, err := websocket.Dial(t.Context(), "ws://"+addr, &websocket.DialOptions{Proxy: http.ProxyURL(via)})
				var refused *websocket.HandshakeError
				require.ErrorAs(t, err, &refused)
				t.Log(err)
				require.Nil(t, resp)
				require.Contains(t, f.statuses, refused.Status)
			}
			via.User = url.UserPassword("me", "secret")
			_, resp, err := websocket.Dial(t.Context(), fmt.Sprintf("ws://127.0.0.1:%d", freePort(t)),
				&websocket.DialOptions{Proxy: http.ProxyURL(via)})
			var refused *websocket.HandshakeError
			require.ErrorAs(t, err, &refused)
			t.Log(err)
			require.Nil(t, resp)
		})
	}
}

func TestTheEndOfTheServerIsSeenThroughProxies(t *testing.T) {
	for _, f := range forwarders {
		t.Run(f.name, func(t *testing.T) {
			server, addr := startEcho(t)
			ctx, c := connect(t, "ws://"+addr, &websocket.DialOptions{Proxy: http.ProxyURL(f.start(t, false))})
			requireEcho(t, ctx, c)
			server.terminate()
			end := closedBy(t, ctx, c)
			require.Equal(t, websocket.StatusGoingAway, end.Code)
			require.True(t, end.WasClean)
			require.Zero(t, server.exitCode(patience))
		})
	}
}
