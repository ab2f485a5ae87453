package hub

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/websockettest"
)

// connect returns the ends of a connection whose server does what the client asks for.
func connect(t *testing.T, h *Hub, e Envelope) (client, server *conn.Conn) {
	client, server = websockettest.Pair(t, nil)
	go func() {
		for m, err := range server.Messages(context.Background()) {
			if err != nil {
				return
			}
			i, err := e.Parse(m.Type, m.Data)
			if err == nil {
				_, err = h.Handle(context.Background(), server, i)
			}
			if err != nil {
				server.Close(conn.StatusPolicyViolation, err.Error())
				return
			}
		}
	}()
	return client, server
}

func TestAClientThatComesBackMissesNothing(t *testing.T) {
	for _, e := range []Envelope{JSONEnvelope, BinaryEnvelope} {
		synctest.Test(t, func(t *testing.T) {
			h := New(&Options{Broker: NewMemory(Keep(Retention{Messages: 10})), Envelope: e})
			var got []string
			k := NewClient(e, func(i Item) {
				if i.Kind == KindMessage {
					got = append(got, i.Topic+" "+string(i.Data))
				} else {
					got = append(got, fmt.Sprint(i.Topic, " recovered ", i.Recovered, " missed ", i.Missed))
				}
			})
			publish(t, h, "a", "0", "1")
			require.NoError(t, k.Subscribe("a", 1))
			require.NoError(t, k.Subscribe("a", 1))
			// visit serves the client until it is cut off after what happens meanwhile.
			visit := func(meanwhile func()) (heard []string) {
				client, server := connect(t, h, e)
				go func() {
					synctest.Wait()
					meanwhile()
					synctest.Wait()
					server.CloseNow()
				}()
				var end *conn.CloseError
				require.ErrorAs(t, k.Serve(t.Context(), client), &end)
				heard, got = got, nil
				synctest.Wait()
				return heard
			}
			require.Equal(t, []string{"a 1", "a recovered false missed 0", "a 2", "b recovered false missed 0", "b 3"}, visit(func() {
				publish(t, h, "a", "2")
				require.NoError(t, k.Subscribe("b", 1))
				synctest.Wait()
				publish(t, h, "b", "3")
			}))
			require.Zero(t, h.Count("a"))
			publish(t, h, "a", "4", "5")
			require.ElementsMatch(t, []string{"a 4", "a 5", "a recovered true missed 0", "b recovered true missed 0", "a 6"}, visit(func() {
				publish(t, h, "a", "6")
				require.NoError(t, k.Unsubscribe("b"))
				require.NoError(t, k.Unsubscribe("b"))
				synctest.Wait()
				require.Zero(t, h.Count("b"))
				publish(t, h, "b", "nobody hears that")
			}))
			publish(t, h, "a", counted(0, 15)...)
			require.Equal(t, []string{"a 14", "a recovered false missed 5"}, visit(func() {}))
			require.NoError(t, h.Shutdown(t.Context()))
		})
	}
}

// Whoever is cut off while it recovers asks for the same again: otherwise it would not be told what is gone.
func TestAClientThatIsCutOffWhileItRecoversIsStillTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		k := NewClient(JSONEnvelope, func(i Item) { got = append(got, fmt.Sprint(i.Kind, " ", string(i.Data), " ", i.Recovered)) })
		require.NoError(t, k.Subscribe("a", 5))
		// visit serves the client until the server has sent these, and returns what it was asked for.
		visit := func(items ...Item) (asked Item) {
			client, server := websockettest.Pair(t, nil)
			var serving sync.WaitGroup
			serving.Go(func() { _ = k.Serve(t.Context(), client) })
			typ, data, err := server.Read(t.Context())
			require.NoError(t, err)
			asked, err = JSONEnvelope.Parse(typ, data)
			require.NoError(t, err)
			for _, i := range items {
				i.Topic = "a"
				require.NoError(t, server.Write(t.Context(), conn.Text, JSONEnvelope.Append(nil, i)))
			}
			synctest.Wait()
			server.CloseNow()
			serving.Wait()
			synctest.Wait()
			return asked
		}
		message := func(s string, at Position) Item {
			return Item{Kind: KindMessage, Type: conn.Text, Data: []byte(s), Position: at}
		}
		require.Zero(t, visit(Item{Kind: KindSubscribed, Position: Position{1, 0}}, message("1", Position{1, 1})).Position)
		require.Equal(t, Position{1, 1}, visit(message("5", Position{2, 5}), message("6", Position{2, 6})).Position)
		require.Equal(t, Position{1, 1}, visit(message("6", Position{2, 6}), message("7", Position{2, 7}),
			Item{Kind: KindSubscribed, Position: Position{2, 7}}).Position, "the answer is still due")
		require.Equal(t, Position{2, 7}, visit().Position)
		require.Equal(t, []string{"2  false", "1 1 false", "1 5 false", "1 6 false", "1 7 false", "2  false"}, got)
	})
}

func TestAClientEndsWithWhatIsNoEnvelope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := NewClient(JSONEnvelope, func(Item) {})
		client, server := websockettest.Pair(t, nil)
		require.NoError(t, server.Send(conn.Text, []byte("?")))
		require.ErrorIs(t, k.Serve(t.Context(), client), ErrEnvelope)
		require.NoError(t, client.CloseNow())
		require.NoError(t, k.Subscribe("x", 0))
		require.Error(t, k.Serve(t.Context(), client), "there is no connection")
	})
	require.Panics(t, func() { NewClient(NoEnvelope, nil) })
}

func TestAHubHandlesRequestsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(nil)
		p := newPeer(t)
		for _, kind := range []Kind{0, KindMessage, KindSubscribed} {
			_, err := h.Handle(t.Context(), p.server, Item{Kind: kind, Topic: "x"})
			require.True(t, errors.Is(err, ErrEnvelope))
		}
		require.Zero(t, h.Stats().Connections)
	})
}
