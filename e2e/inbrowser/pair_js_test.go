package inbrowser

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/websockettest"
)

// TestAPairInMemoryNeedsNoBrowser is for those who test in a browser what they have written for one.
func TestAPairInMemoryNeedsNoBrowser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := websockettest.Pair(t, &websockettest.Options{
			Dial:   &websocket.DialOptions{Subprotocols: []string{"chat"}, Config: websocket.Config{PingInterval: time.Minute}},
			Accept: &websocket.AcceptOptions{Subprotocols: []string{"chat"}},
		})
		require.Equal(t, "chat", client.Subprotocol())
		require.NoError(t, client.Send(websocket.Text, []byte("hello")))
		_, data, err := server.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "hello", string(data))
		require.NoError(t, server.SendClose(4000, "bye"))
		_, _, err = client.Read(t.Context())
		require.Equal(t, websocket.StatusCode(4000), websocket.CloseStatus(err))
	})
}
