package redis

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/hub/brokertest"
)

// freePort returns a port that nobody listens on.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	return port
}

// newCluster starts a Redis Cluster of three nodes, and returns their addresses once it works.
func newCluster(t testing.TB) (addrs []string) {
	t.Helper()
	const nodes, slots = 3, 16384
	var clients []*redis.Client
	var buses []string
	for n := range nodes {
		bus := freePort(t)
		s := newServer(t, "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "60000")
		client := redis.NewClient(&redis.Options{Addr: s.addr})
		t.Cleanup(func() { client.Close() })
		require.NoError(t, client.ClusterAddSlotsRange(t.Context(), n*slots/nodes, (n+1)*slots/nodes-1).Err())
		require.NoError(t, client.Do(t.Context(), "CLUSTER", "SET-CONFIG-EPOCH", n+1).Err())
		addrs, clients, buses = append(addrs, s.addr), append(clients, client), append(buses, bus)
	}
	host, port, err := net.SplitHostPort(addrs[0])
	require.NoError(t, err)
	for _, client := range clients[1:] {
		require.NoError(t, client.Do(t.Context(), "CLUSTER", "MEET", host, port, buses[0]).Err())
	}
	for _, client := range clients {
		require.Eventually(t, func() bool {
			info, err := client.ClusterInfo(t.Context()).Result()
			return err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprint("cluster_known_nodes:", nodes))
		}, brokertest.Patience, 20*time.Millisecond)
	}
	return addrs
}

// openCluster returns a broker with a client of its own.
func openCluster(t testing.TB, addrs []string) *Broker {
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, MaxRetries: -1, ContextTimeoutEnabled: true})
	b := New(client, &Options{Prefix: "test", Retention: brokertest.Retention, PresenceTTL: ttl})
	b.close = client.Close
	t.Cleanup(func() { b.Close() })
	return b
}

func TestItKeepsWhatBrokersPromiseOnACluster(t *testing.T) {
	t.Parallel()
	addrs := newCluster(t)
	brokertest.Run(t, brokertest.Broker{
		New:  func(t *testing.T) hub.Broker { return openCluster(t, addrs) },
		Kill: func(_ *testing.T, b hub.Broker) { die(b.(*Broker)) },
		Lose: func(t *testing.T) {
			for _, addr := range addrs {
				client := redis.NewClient(&redis.Options{Addr: addr})
				require.NoError(t, client.FlushAll(context.Background()).Err())
				require.NoError(t, client.Close())
			}
		},
	})
}

func TestTopicsAreSpreadOverTheNodesOfACluster(t *testing.T) {
	t.Parallel()
	addrs := newCluster(t)
	one, two := openCluster(t, addrs), openCluster(t, addrs)
	const topics = 20
	for n := range topics { // all of them over one connection of two
		topic := fmt.Sprint("kept.", n)
		l := listen(t, two, topic)
		say(t, one, topic, "first")
		say(t, two, topic, "second")
		l.hears("first", "second")
	}
	for _, addr := range addrs {
		client := redis.NewClient(&redis.Options{Addr: addr})
		n, err := client.DBSize(t.Context()).Result()
		require.NoError(t, err)
		require.NotZero(t, n, addr)
		require.Less(t, n, int64(2*topics), addr)
		require.NoError(t, client.Close())
	}
}
