package redis

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/hub/brokertest"
)

// shelf is where those present in a topic are kept.
type shelf struct {
	t               *testing.T
	client          *redis.Client
	present, expiry string // keys
}

func newShelf(t *testing.T, s *server, b *Broker, topic string) *shelf {
	client := redis.NewClient(&redis.Options{Addr: s.addr})
	t.Cleanup(func() { client.Close() })
	return &shelf{t, client, b.key(topic, "present"), b.key(topic, "expiry")}
}

// until returns until when somebody is there, in milliseconds.
func (s *shelf) until(id string) float64 {
	s.t.Helper()
	at, err := s.client.ZScore(s.t.Context(), s.expiry, id).Result()
	require.NoError(s.t, err)
	return at
}

// awaitRenewal returns when somebody has been renewed twice: all that began before has an end then.
func (s *shelf) awaitRenewal(id string) {
	s.t.Helper()
	for range 2 {
		before := s.until(id)
		require.Eventually(s.t, func() bool { return s.until(id) > before }, brokertest.Patience, 5*time.Millisecond)
	}
}

// has requires exactly these to be there.
func (s *shelf) has(ids ...string) {
	s.t.Helper()
	for key, list := range map[string]func() ([]string, error){
		s.present: s.client.HKeys(s.t.Context(), s.present).Result,
		s.expiry:  s.client.ZRange(s.t.Context(), s.expiry, 0, -1).Result,
	} {
		got, err := list()
		require.NoError(s.t, err)
		require.ElementsMatch(s.t, ids, got, key)
	}
}

// renewing is a time to live that is renewed ten times a second. No test waits for it to be over.
const renewing = 300 * time.Millisecond

func TestThosePresentAreRenewedUntilTheyLeave(t *testing.T) {
	s := newServer(t)
	b := open(t, s.addr, renewing)
	shelf := newShelf(t, s, b, "none.x")
	enter := func(id string) func() {
		leave, err := b.Enter(t.Context(), "none.x", hub.Presence{ID: id, Value: "value of " + id})
		require.NoError(t, err)
		return leave
	}
	enter("stays")
	leave := enter("leaves")
	shelf.awaitRenewal("leaves")
	leave()
	require.Eventually(t, func() bool {
		n, err := b.CountPresent(t.Context(), "none.x")
		return err == nil && n == 1
	}, brokertest.Patience, 5*time.Millisecond)
	shelf.awaitRenewal("stays")
	shelf.has("stays")
}

func TestThoseWhomTheServerHasLostAreEnteredAgain(t *testing.T) {
	s := newServer(t)
	b := open(t, s.addr, renewing)
	shelf := newShelf(t, s, b, "none.x")
	var want []hub.Presence
	const many = 1500 // more than one call renews
	for n := range many {
		p := hub.Presence{ID: fmt.Sprintf("%04d", n), Value: fmt.Sprint("value ", n)}
		_, err := b.Enter(t.Context(), "none.x", p)
		require.NoError(t, err)
		want = append(want, p)
	}
	require.NoError(t, shelf.client.Del(t.Context(), shelf.present, shelf.expiry).Err())
	require.Eventually(t, func() bool {
		got, err := b.Present(t.Context(), "none.x")
		return err == nil && slices.Equal(want, got)
	}, brokertest.Patience, 5*time.Millisecond)
}

func TestRenewingTakesOutThoseWhoHaveExpired(t *testing.T) {
	s := newServer(t)
	b := open(t, s.addr, renewing)
	shelf := newShelf(t, s, b, "none.x")
	_, err := b.Enter(t.Context(), "none.x", hub.Presence{ID: "stays"})
	require.NoError(t, err)
	_, err = b.Enter(t.Context(), "none.x", hub.Presence{ID: "late"})
	require.NoError(t, err)
	// One of a process that has died, one who was replaced by such, and one who was not renewed for too long.
	require.NoError(t, shelf.client.HSet(t.Context(), shelf.present, "dead", "owner value").Err())
	require.NoError(t, shelf.client.ZAdd(t.Context(), shelf.expiry, redis.Z{Score: 1, Member: "dead"}, redis.Z{Score: 1, Member: "late"}).Err())
	require.Eventually(t, func() bool {
		found, err := shelf.client.HExists(t.Context(), shelf.present, "dead").Result()
		return err == nil && !found
	}, brokertest.Patience, 5*time.Millisecond)
	shelf.awaitRenewal("stays")
	shelf.has("stays", "late")
}

func TestNobodyIsRenewedInTheNameOfAnother(t *testing.T) {
	s := newServer(t)
	b := open(t, s.addr, renewing)
	shelf := newShelf(t, s, b, "none.x")
	for _, id := range []string{"fence", "1"} {
		_, err := b.Enter(t.Context(), "none.x", hub.Presence{ID: id, Value: "before"})
		require.NoError(t, err)
	}
	far := float64(time.Now().Add(time.Hour).UnixMilli())
	require.NoError(t, shelf.client.HSet(t.Context(), shelf.present, "1", "another after").Err())
	require.NoError(t, shelf.client.ZAdd(t.Context(), shelf.expiry, redis.Z{Score: far, Member: "1"}).Err())
	shelf.awaitRenewal("fence")
	require.Equal(t, far, shelf.until("1"))
	got, err := b.Present(t.Context(), "none.x")
	require.NoError(t, err)
	require.Equal(t, []hub.Presence{{ID: "1", Value: "after"}, {ID: "fence", Value: "before"}}, got)
}
