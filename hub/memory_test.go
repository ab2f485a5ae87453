package hub_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/hub/brokertest"
)

func TestMemoryKeepsWhatBrokersPromise(t *testing.T) {
	shared := map[string]*hub.Memory{} // one for each test
	brokertest.Run(t, brokertest.Broker{New: func(t *testing.T) hub.Broker {
		if shared[t.Name()] == nil {
			shared[t.Name()] = hub.NewMemory(brokertest.Retention)
		}
		return shared[t.Name()]
	}})
}

func TestTopicsThatNobodyNeedsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		b := hub.NewMemory(hub.Keep(hub.Retention{Messages: 10, Age: time.Minute}))
		publish := func(topic string) hub.Position {
			m := &hub.Message{Topic: topic, Type: conn.Text, Data: []byte("x")}
			require.NoError(t, b.Publish(ctx, m))
			return m.Position
		}
		first := publish("first")
		for n := range 10_000 {
			publish(fmt.Sprint(n))
			<-time.After(time.Second)
		}
		page, err := b.History(ctx, "first", hub.Query{Since: first})
		require.NoError(t, err)
		require.Zero(t, page, "it is not known any more")
		require.NotEqual(t, first.Epoch, publish("first").Epoch, "a log that is made anew has other positions")
	})
}

// ignores is a Follower that does nothing.
type ignores struct{}

func (ignores) Deliver(*hub.Message)       {}
func (ignores) Gap(hub.Position)           {}
func (ignores) Presence(hub.PresenceEvent) {}

func TestATopicWithHistoryIsTheSameAfterItsLastFollowerHasLeft(t *testing.T) {
	ctx := context.Background()
	b := hub.NewMemory(hub.Keep(hub.Retention{Messages: 10}))
	at, stop, err := b.Follow(ctx, "x", ignores{})
	require.NoError(t, err)
	require.NotZero(t, at.Epoch)
	stop()
	again, stop, err := b.Follow(ctx, "x", ignores{})
	require.NoError(t, err)
	stop()
	require.Equal(t, at, again, "positions go on to hold although nothing was published yet")
}
