package hub

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/websockettest"
)

// A connection is removed while the hub still sends what waited for it, and subscribed again.
func TestMessagesKeepTheirOrderWhenAConnectionIsRemovedAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := websockettest.Pair(t, &websockettest.Options{
			Buffer: 1000,
			Accept: &websocket.AcceptOptions{Config: websocket.Config{SendQueue: 1}},
		})
		go server.Read(context.Background())
		h := New(nil)
		require.NoError(t, h.Subscribe(server, "t"))
		say := func(name string) {
			text := name + strings.Repeat(" ", 1200)
			require.NoError(t, h.Publish(t.Context(), "t", conn.Prepare(conn.Text, []byte(text))))
			synctest.Wait()
		}
		hear := func() string {
			_, data, err := client.Read(t.Context())
			require.NoError(t, err)
			synctest.Wait()
			return strings.TrimSpace(string(data))
		}
		for _, name := range []string{"1", "2", "3", "4", "5", "6"} {
			say(name)
		}
		heard := []string{hear(), hear()}
		h.Remove(server)
		synctest.Wait()
		require.NoError(t, h.Subscribe(server, "t"))
		say("7")
		var rest []string
		go func() {
			for m, err := range client.Messages(context.Background()) {
				if err != nil {
					return
				}
				rest = append(rest, strings.TrimSpace(string(m.Data)))
			}
		}()
		synctest.Wait()
		heard = append(heard, rest...)
		require.Equal(t, "7", heard[len(heard)-1], "%v", heard)
		require.NoError(t, h.Shutdown(t.Context()))
	})
}

// Each message is either delivered or dropped, also those of a batch of which the rest is dropped.
func TestWhatWasSentOfABatchCountsAsDelivered(t *testing.T) {
	for before := range 6 {
		synctest.Test(t, func(t *testing.T) { testDelivered(t, before) })
	}
}

// testDelivered removes a connection after its peer has read some of six messages.
func testDelivered(t *testing.T, before int) {
	client, server := websockettest.Pair(t, &websockettest.Options{
		Buffer: 1000,
		Accept: &websocket.AcceptOptions{Config: websocket.Config{SendQueue: 1}},
	})
	go server.Read(context.Background())
	h := New(nil)
	require.NoError(t, h.Subscribe(server, "t"))
	for range 6 {
		require.NoError(t, h.Publish(t.Context(), "t", conn.Prepare(conn.Text, []byte(strings.Repeat(" ", 1200)))))
		synctest.Wait()
	}
	heard := 0
	for range before {
		_, _, err := client.Read(t.Context())
		require.NoError(t, err)
		heard++
		synctest.Wait()
	}
	h.Remove(server)
	synctest.Wait()
	go func() {
		for _, err := range client.Messages(context.Background()) {
			if err != nil {
				return
			}
			heard++
		}
	}()
	synctest.Wait()
	s := h.Stats()
	require.Equal(t, heard, int(s.Delivered), "%+v", s)
	require.Equal(t, 6, int(s.Delivered+s.Dropped), "%+v", s)
	require.NoError(t, h.Shutdown(t.Context()))
}
