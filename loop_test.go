package websocket_test

import (
	"context"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/wsjson"
)

// onLoop runs a test with a server on Loop.Serve and on Loop.Handler. connect returns a client and its connection at the server.
func onLoop(t *testing.T, options websocket.AcceptOptions, test func(t *testing.T, registry *websocket.Registry, connect func() (client, server *websocket.Conn))) {
	for _, way := range []string{"Serve", "Handler"} {
		t.Run(way, func(t *testing.T) {
			var registry websocket.Registry
			o := options
			o.Registry = &registry
			loop, err := websocket.NewLoop(nil)
			require.NoError(t, err)
			opened := make(chan *websocket.Conn, 1)
			events := websocket.Events{Open: func(_ context.Context, c *websocket.Conn) { opened <- c }}
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			if way == "Serve" {
				served := make(chan error, 1)
				go func() { served <- loop.Serve(ln, events, &o) }()
				defer func() { require.ErrorIs(t, <-served, websocket.ErrLoopClosed) }()
			} else {
				web := httptest.NewUnstartedServer(loop.Handler(events, &o))
				require.NoError(t, web.Listener.Close())
				web.Listener = ln
				web.Start()
				defer web.Close()
			}
			var clients []*websocket.Conn
			defer func() {
				for _, c := range clients {
					_ = c.CloseNow()
				}
				require.NoError(t, loop.Shutdown(context.Background()))
			}()
			test(t, &registry, func() (client, server *websocket.Conn) {
				client, _, err := websocket.Dial(t.Context(), "ws://"+ln.Addr().String(), nil)
				require.NoError(t, err)
				clients = append(clients, client)
				return client, <-opened
			})
		})
	}
}

// requireText reads a text message.
func requireText(t *testing.T, c *websocket.Conn, want string) {
	t.Helper()
	_, data, err := c.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, string(data))
}

func TestAConnectionOfALoopTakesWhatAnyOtherDoes(t *testing.T) {
	onLoop(t, websocket.AcceptOptions{}, func(t *testing.T, _ *websocket.Registry, connect func() (client, server *websocket.Conn)) {
		client, server := connect()
		if server.EventDriven() {
			_, _, err := server.Read(t.Context())
			require.ErrorIs(t, err, websocket.ErrEventDriven)
		}
		require.NoError(t, wsjson.Write(t.Context(), server, map[string]int{"n": 1}))
		requireText(t, client, `{"n":1}`)
		p := websocket.Prepare(websocket.Text, []byte("prepared"))
		require.NoError(t, server.SendPrepared(p))
		requireText(t, client, "prepared")
		require.NoError(t, server.WritePrepared(t.Context(), p))
		requireText(t, client, "prepared")

		read := make(chan error, 1)
		go func() { // somebody has to read for a ping to be answered
			_, _, err := client.Read(t.Context())
			read <- err
		}()
		_, err := server.Ping(t.Context())
		require.NoError(t, err)
		require.NoError(t, server.Close(websocket.StatusNormalClosure, ""))
		require.Equal(t, websocket.StatusNormalClosure, websocket.CloseStatus(<-read))
	})
}

func TestAHubReachesTheConnectionsOfALoop(t *testing.T) {
	onLoop(t, websocket.AcceptOptions{}, func(t *testing.T, _ *websocket.Registry, connect func() (client, server *websocket.Conn)) {
		topics := hub.New(nil)
		one, first := connect()
		two, second := connect()
		require.NoError(t, topics.Subscribe(first, "news"))
		require.NoError(t, topics.Subscribe(second, "news"))
		require.NoError(t, topics.Publish(t.Context(), "news", websocket.Prepare(websocket.Text, []byte("to all"))))
		requireText(t, one, "to all")
		requireText(t, two, "to all")
		require.NoError(t, topics.Shutdown(t.Context()))
	})
}

func TestARegistryEndsTheConnectionsOfALoop(t *testing.T) {
	onLoop(t, websocket.AcceptOptions{}, func(t *testing.T, registry *websocket.Registry, connect func() (client, server *websocket.Conn)) {
		client, _ := connect()
		ended := make(chan error, 1)
		go func() { ended <- registry.Shutdown(context.Background()) }()
		_, _, err := client.Read(t.Context())
		require.Equal(t, websocket.StatusGoingAway, websocket.CloseStatus(err))
		require.NoError(t, <-ended)
		require.Zero(t, registry.Stats().Open)
	})
}

func TestTheHeartbeatOfALoopNoticesAPeerThatIsSilent(t *testing.T) {
	o := websocket.AcceptOptions{Config: websocket.Config{PingInterval: 10 * time.Millisecond, IdleTimeout: 50 * time.Millisecond}}
	onLoop(t, o, func(t *testing.T, _ *websocket.Registry, connect func() (client, server *websocket.Conn)) {
		_, server := connect() // whose client does not read, so that it answers no ping
		ended := make(chan struct{})
		server.OnEnd(func() { close(ended) })
		<-ended
		require.Error(t, server.Err())
	})
}
