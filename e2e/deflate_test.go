package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/deflate"
)

// wishes are what our side may want of compression, as a server or as a client.
func wishes() (all []*websocket.DeflateOptions) {
	for _, none := range []bool{false, true} {
		for _, bits := range []int{0, 9, 12} {
			for _, level := range []deflate.Level{deflate.Fastest, deflate.Smallest} {
				all = append(all, &websocket.DeflateOptions{
					Level: level, MinSize: -1,
					Outgoing: deflate.Direction{NoContextTakeover: none, WindowBits: bits},
					Incoming: deflate.Direction{NoContextTakeover: none, WindowBits: bits},
				})
			}
		}
	}
	return all
}

func describe(o *websocket.DeflateOptions) string {
	return fmt.Sprintf("%v, %d bits, no takeover %v", o.Level, o.Outgoing.WindowBits, o.Outgoing.NoContextTakeover)
}

func TestNodeCompressesWithEverythingThatItCanOfferAndOurServerUnderstands(t *testing.T) {
	node := findNode(t)
	for _, o := range wishes() {
		t.Run(describe(o), func(t *testing.T) {
			server := httptest.NewServer(websocket.Handler(func(ctx context.Context, c *websocket.Conn) {
				_ = c.Serve(ctx, func(c *websocket.Conn, m websocket.Message) error { return c.Write(ctx, m.Type, m.Data) })
			}, &websocket.AcceptOptions{Deflate: o}))
			defer server.Close()
			client := start(t, node, "peers/deflate_client.mjs", strings.Replace(server.URL, "http", "ws", 1))
			var results []struct {
				Offered  json.RawMessage
				Agreed   string
				Good, Of int
				Code     int
			}
			require.NoError(t, json.Unmarshal([]byte(client.line()), &results))
			require.Len(t, results, 80)
			for _, r := range results {
				require.Contains(t, r.Agreed, "permessage-deflate", "%s", r.Offered)
				require.Equal(t, r.Of, r.Good, "%s", r.Offered)
				require.Equal(t, 1000, r.Code, "%s", r.Offered)
			}
		})
	}
}

func TestOurClientCompressesAndNodeUnderstandsWhateverItIsSetTo(t *testing.T) {
	server := start(t, findNode(t), "peers/deflate_server.mjs")
	addr := server.listening()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	agreed := map[string]bool{}
	for theirs, serverBits := range map[string]int{
		`{}`: 0, `{"serverNoContextTakeover":true}`: 0, `{"clientNoContextTakeover":true}`: 0,
		`{"serverNoContextTakeover":true,"clientNoContextTakeover":true}`: 0,
		`{"serverMaxWindowBits":9}`:                                       9, `{"clientMaxWindowBits":9}`: 0, `{"serverMaxWindowBits":12,"clientMaxWindowBits":12}`: 12,
		`{"serverMaxWindowBits":10,"clientMaxWindowBits":11,"serverNoContextTakeover":true,"clientNoContextTakeover":true}`: 10,
	} {
		for _, ours := range wishes() {
			c, resp, err := websocket.Dial(ctx, "ws://"+addr+"/?options="+url.QueryEscape(theirs), &websocket.DialOptions{Deflate: ours})
			if bits := ours.Incoming.WindowBits; bits != 0 && serverBits > bits {
				require.Error(t, err) // this library refuses a client that asks for less than it is set to
				require.Equal(t, http.StatusBadRequest, resp.StatusCode)
				continue
			}
			require.NoError(t, err, "%s and %s", theirs, describe(ours))
			agreed[resp.Header.Get("Sec-WebSocket-Extensions")] = true
			echoesInContext(t, ctx, c)
			require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
		}
	}
	t.Logf("agreed to: %v", agreed)
	require.Greater(t, len(agreed), 10)
}

// echoesInContext sends messages of which later ones refer to earlier ones, and requires them back.
func echoesInContext(t *testing.T, ctx context.Context, c *websocket.Conn) {
	t.Helper()
	var m []byte
	for i := range 2000 {
		m = fmt.Appendf(m, "%d 好的 window %d ", i, i*i%97)
	}
	for _, n := range []int{0, 1, 300, len(m), 300, 5000} {
		require.NoError(t, c.Write(ctx, websocket.Binary, m[:n]))
		_, got, err := c.Read(ctx)
		require.NoError(t, err)
		require.True(t, bytes.Equal(m[:n], got), "%d bytes came back as %d others", n, len(got))
	}
}

func TestOthersCompressWithTheEchoServer(t *testing.T) {
	for _, mode := range []string{"takeover", "notakeover"} {
		for _, scenario := range []string{"echo", "fragments"} {
			t.Run(mode+" "+scenario, func(t *testing.T) {
				forEachPeer(t, func(t *testing.T, p peer) {
					_, addr := startEcho(t, "-compress", mode)
					client := p.client(t, "ws://"+addr, scenario)
					got := client.line()
					if scenario == "echo" {
						require.JSONEq(t, `{"protocol": "echo.v1", "good": 20, "bad": [], "code": 1000, "reason": ""}`, got)
					} else {
						require.JSONEq(t, `{"pong": "between", "text": "ab🚀cd"}`, got)
					}
				})
			})
		}
	}
}

func TestPythonCompressesWithOurClient(t *testing.T) {
	python := peers[1]
	_, addr := python.server(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, ours := range wishes() {
		c, resp, err := websocket.Dial(ctx, "ws://"+addr, &websocket.DialOptions{Deflate: ours})
		require.NoError(t, err, describe(ours))
		require.Contains(t, resp.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate")
		echoesInContext(t, ctx, c)
		require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
	}
}

func TestChromiumCompressesWithTheEchoServer(t *testing.T) {
	for mode, extensions := range map[string]string{
		"takeover":   "permessage-deflate",
		"notakeover": "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
	} {
		t.Run(mode, func(t *testing.T) {
			_, addr := startEcho(t, "-compress", mode)
			ctx := browse(t, "http://"+addr+"/")
			url := "ws://" + addr + "/echo"
			require.JSONEq(t, wantEcho, scenario(t, ctx, "echo", url))
			var states struct{ Extensions string }
			require.NoError(t, json.Unmarshal([]byte(scenario(t, ctx, "states", url)), &states))
			require.Equal(t, extensions, states.Extensions)
		})
	}
}
