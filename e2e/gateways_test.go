package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

// gatewayIdle is after how much silence the gateways of the tests drop a connection. It is longer than a busy machine holds up
// a ping.
const gatewayIdle = 4 * time.Second

// A gateway is a program of others in front of our server. start returns where it listens without TLS and with it.
type gateway struct {
	name  string
	start func(t *testing.T, b behind) (p *process, plain, secure string)
	cuts  bool // a connection on which nothing is said
}

var gateways = []gateway{
	{name: "nginx", start: startNginx, cuts: true},
	{name: "haproxy", start: startHAProxy, cuts: true},
	{name: "Apache", start: startApache},
	{name: "Caddy", start: startCaddy},
}

// forEachGateway runs a test with the echo server behind each gateway, once for ws and once for wss.
func forEachGateway(t *testing.T, test func(t *testing.T, g gateway, server *process, url string, o *websocket.DialOptions)) {
	cert, key, _ := selfSigned(t)
	for _, g := range gateways {
		for _, scheme := range []string{"ws", "wss"} {
			t.Run(g.name+"_"+scheme, func(t *testing.T) {
				server, addr := startEcho(t, "-compress", "takeover")
				_, host, secure := g.start(t, behind{server: addr, certFile: cert, keyFile: key, idle: gatewayIdle})
				origin := "http://" + host
				if scheme == "wss" {
					host, origin = secure, "https://"+secure
				}
				test(t, g, server, scheme+"://"+host+"/any/path?at=all", &websocket.DialOptions{
					TLSConfig:    trusting(t, cert),
					Header:       http.Header{"Origin": {origin}}, // as a browser does
					Subprotocols: []string{"echo.v1"},
				})
			})
		}
	}
}

func TestOurServerWorksBehindGateways(t *testing.T) {
	forEachGateway(t, func(t *testing.T, _ gateway, _ *process, url string, o *websocket.DialOptions) {
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
	forEachGateway(t, func(t *testing.T, _ gateway, server *process, url string, o *websocket.DialOptions) {
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
	forEachGateway(t, func(t *testing.T, _ gateway, _ *process, url string, o *websocket.DialOptions) {
		o.Header = http.Header{"Origin": {"https://elsewhere.example"}}
		_, resp, err := websocket.Dial(t.Context(), url, o)
		require.Error(t, err)
		require.Equal(t, http.StatusForbidden, resp.StatusCode)
	})
}

func TestAHeartbeatKeepsAnIdleConnectionThroughGateways(t *testing.T) {
	forEachGateway(t, func(t *testing.T, g gateway, _ *process, url string, o *websocket.DialOptions) {
		ctx, idle := connect(t, url, o)
		o.Config.PingInterval, o.Config.IdleTimeout = gatewayIdle/8, 2*gatewayIdle
		_, beating := connect(t, url, o)
		ends := make(chan error, 1)
		go func() {
			_, _, err := beating.Read(ctx)
			ends <- err
		}()
		if g.cuts {
			end := closedBy(t, ctx, idle) // the gateway has had enough of it
			require.Equal(t, websocket.StatusAbnormalClosure, end.Code)
		}
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
