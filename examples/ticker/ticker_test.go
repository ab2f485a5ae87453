package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/internal/programtest"
	"github.com/seed60239977/websocket/websockettest"
	"github.com/seed60239977/websocket/wsjson"
)

// read returns the next message of a type.
func read[T any](t *testing.T, c *websocket.Conn) T {
	t.Helper()
	v, err := wsjson.Read[T](t.Context(), c)
	require.NoError(t, err)
	return v
}

// subscriber returns a client that has been welcomed, in a bubble of fake time.
func subscriber(t *testing.T, e *exchange) *websocket.Conn {
	t.Helper()
	client, server := websockettest.Pair(t, &websockettest.Options{Buffer: 1000})
	go func() {
		e.serve(context.Background(), server)
		server.CloseNow()
	}()
	require.Equal(t, welcome{e.symbols, 50}, read[welcome](t, client))
	return client
}

func watch(t *testing.T, c *websocket.Conn, symbol string) quotes {
	t.Helper()
	require.NoError(t, wsjson.Write(t.Context(), c, request{Watch: symbol}))
	return read[quotes](t, c)
}

// trade runs an exchange for a time that costs none.
func trade(t *testing.T, e *exchange, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	e.trade(ctx)
}

// count reads all quotes of one symbol up to a tick, and returns how many there were, or -1 if they are not in order.
func count(ctx context.Context, c *websocket.Conn, until int) (n int) {
	for last := 0; last < until; n++ {
		q, err := wsjson.Read[quotes](ctx, c)
		if err != nil || q.Tick <= last {
			return -1
		}
		last = q.Tick
	}
	return n
}

func TestThereAre20QuotesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newExchange()
		c := subscriber(t, e)
		require.Equal(t, quotes{Symbol: "ACME", Prices: []float64{}}, watch(t, c, "ACME"))
		trade(t, e, time.Second+interval/2)
		for tick := range 20 {
			got := read[quotes](t, c)
			require.Equal(t, "ACME", got.Symbol)
			require.Equal(t, tick+1, got.Tick)
			require.Len(t, got.Prices, 1)
			require.InDelta(t, 140, got.Prices[0], 50)
		}
		require.Equal(t, 20, e.stocks["DUNE"].tick)
	})
}

func TestANewcomerGetsTheLastHalfMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newExchange()
		trade(t, e, time.Minute+interval/2)
		got := watch(t, subscriber(t, e), "CRUX")
		require.Equal(t, 1200, got.Tick)
		require.Len(t, got.Prices, maxHistory)
		require.Equal(t, e.stocks["CRUX"].price, got.Prices[maxHistory-1])
	})
}

func TestASubscriberThatSleepsLosesOldTicksButNotTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newExchange()
		sleeper, other := subscriber(t, e), subscriber(t, e)
		watch(t, sleeper, "ACME")
		watch(t, other, "ACME")
		got := make(chan int)
		go func() { got <- count(t.Context(), other, 600) }()
		trade(t, e, 30*time.Second+interval/2) // the sleeper reads nothing
		require.Equal(t, 600, <-got, "nobody else misses anything")
		for _, c := range e.hub.Subscribers("ACME") {
			require.LessOrEqual(t, e.hub.Subscription(c).Queued, 1)
		}
		n := count(t.Context(), sleeper, 600)
		require.Positive(t, n)
		require.Less(t, n, 600, "some were lost")
		require.EqualValues(t, 600-n, e.hub.Stats().Dropped)
		require.NoError(t, sleeper.Err())
	})
}

func TestWhatIsNotWatchedAnyMoreIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newExchange()
		c := subscriber(t, e)
		watch(t, c, "ACME")
		watch(t, c, "BOLT")
		require.NoError(t, wsjson.Write(t.Context(), c, request{Unwatch: "ACME"}))
		synctest.Wait()
		trade(t, e, 2*interval+interval/2)
		require.Equal(t, "BOLT", read[quotes](t, c).Symbol)
		require.Equal(t, "BOLT", read[quotes](t, c).Symbol)
	})
}

func TestWhatThePageWouldNotSendIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, engine string) {
		p := start(t, "127.0.0.1:0", "-engine", engine)
		for _, s := range []string{`{"watch":"GOLD"}`, `{"unwatch":"GOLD"}`, `{}`, `no JSON`} {
			c := p.Dial()
			require.NoError(t, c.Write(t.Context(), websocket.Text, []byte(s)))
			end := programtest.Closed(t, c)
			require.Equal(t, websocket.StatusPolicyViolation, end.Code, s)
			require.Equal(t, errNonsense.Error(), end.Reason)
		}
	})
}

func TestWhoAsksForMoreThanItReadsIsSentAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newExchange()
		trade(t, e, 30*time.Second)
		c := subscriber(t, e)
		for range websocket.DefaultSendQueue/maxHistory + 1 { // a price has more than one byte
			require.NoError(t, wsjson.Write(t.Context(), c, request{Watch: "ACME"}))
		}
		require.Equal(t, websocket.StatusTryAgainLater, programtest.Closed(t, c).Code)
	})
}

func TestEverybodyIsToldThatTheServerGoesAway(t *testing.T) {
	onBoth(t, func(t *testing.T, engine string) {
		p := start(t, "127.0.0.1:0", "-engine", engine)
		c := p.Dial()
		require.Len(t, read[welcome](t, c).Symbols, 4)
		first := watch(t, c, "ACME")
		require.Greater(t, read[quotes](t, c).Tick, first.Tick)
		p.Stop()
		require.Equal(t, websocket.StatusGoingAway, programtest.Closed(t, c).Code)
		p.Terminate()
	})
}

func TestNobodySubscribesAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newExchange()
		c := subscriber(t, e)
		e.close()
		e.trade(t.Context()) // which ends by itself
		require.NoError(t, wsjson.Write(t.Context(), c, request{Watch: "ACME"}))
		require.Equal(t, websocket.StatusGoingAway, programtest.Closed(t, c).Code)
	})
}

func TestBeforeTheFirstTickTheHistoryIsAnEmptyArray(t *testing.T) {
	client, server := websockettest.Pair(t, nil)
	require.NoError(t, newExchange().stocks["ACME"].subscribe(server))
	_, data, err := client.Read(t.Context())
	require.NoError(t, err)
	require.JSONEq(t, `{"symbol":"ACME","tick":0,"prices":[]}`, string(data))
}
