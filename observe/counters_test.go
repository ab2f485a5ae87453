package observe_test

import (
	"encoding/json"
	"expvar"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/wstest"
	"github.com/seed60239977/websocket/observe"
)

func TestCountersCountWhatBothEndsDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var there, here observe.Counters
		client, server := pair(here.Observer(), there.Observer(), nil)
		require.Equal(t, int64(1), here.Stats().Open)
		for _, m := range []string{"Hello", "", "world"} {
			require.NoError(t, client.Write(t.Context(), conn.Text, []byte(m)))
		}
		require.NoError(t, client.Send(conn.Binary, make([]byte, 1000)))
		require.NoError(t, client.SendClose(conn.StatusGoingAway, "bye"))
		receive(t, server, 4)
		client.Close(conn.StatusNormalClosure, "")

		text, binary := observe.Amount{Messages: 3, Bytes: 10, Packed: 10}, observe.Amount{Messages: 1, Bytes: 1000, Packed: 1000}
		traffic := observe.Traffic{Text: text, Binary: binary}
		require.Equal(t, observe.Amount{Messages: 4, Bytes: 1010, Packed: 1010}, traffic.Total())
		codes := map[conn.StatusCode]uint64{conn.StatusGoingAway: 1}
		require.Equal(t, observe.Stats{Opened: 1, Ended: 1, EndedCleanly: 1, Sent: traffic, Codes: codes}, here.Stats())
		require.Equal(t, observe.Stats{Opened: 1, Ended: 1, EndedCleanly: 1, EndedByPeer: 1, Received: traffic, Codes: codes}, there.Stats())
	})
}

func TestCountersKnowWhatCompressionSaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var there, here observe.Counters
		client, server := pair(here.Observer(), there.Observer(), compressed())
		defer server.CloseNow()
		require.NoError(t, client.Write(t.Context(), conn.Text, []byte(strings.Repeat("again and ", 100))))
		require.NoError(t, client.Write(t.Context(), conn.Text, []byte("x")))
		client.CloseNow()
		receive(t, server, 2)
		sent := here.Stats().Sent.Text
		require.Equal(t, uint64(1001), sent.Bytes)
		require.Less(t, sent.Packed, uint64(100))
		require.Positive(t, sent.Packed)
		require.Equal(t, sent, there.Stats().Received.Text)
	})
}

func TestCountersCountHandshakes(t *testing.T) {
	var counters observe.Counters
	o := counters.Observer()
	for _, h := range []*conn.Handshake{
		{Server: true, Took: time.Second}, {Took: 2 * time.Second}, {Took: 3 * time.Second}, refused(403), refused(403), refused(503),
	} {
		o.Handshake(h)
	}
	failed := refused(401)
	failed.Server = false
	o.Handshake(failed)
	s := counters.Stats()
	require.Equal(t, uint64(1), s.Accepted)
	require.Equal(t, uint64(2), s.Dialed)
	require.Equal(t, map[int]uint64{403: 2, 503: 1}, s.Refused)
	require.Equal(t, map[int]uint64{401: 1}, s.DialsFailed)
	require.Equal(t, observe.Durations{Count: 7, Total: 6*time.Second + 12*time.Millisecond, Worst: 3 * time.Second}, s.Handshakes)
	require.Equal(t, (6*time.Second+12*time.Millisecond)/7, s.Handshakes.Mean())
	require.Zero(t, observe.Durations{}.Mean())
}

func TestCountersCountTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var counters observe.Counters
		near, far := wstest.Pipe(64)
		c := conn.Server(near, nil, &conn.Config{Observer: counters.Observer(), SendQueue: 100})
		require.NoError(t, c.Send(conn.Binary, make([]byte, 1000)))
		for range 3 {
			require.ErrorIs(t, c.Send(conn.Binary, make([]byte, 1000)), conn.ErrQueueFull)
		}
		time.Sleep(5 * time.Second)
		c.CloseNow()
		far.Close()
		s := counters.Stats()
		require.Equal(t, uint64(3), s.QueueFull)
		require.Equal(t, observe.Durations{Count: 1, Total: 5 * time.Second, Worst: 5 * time.Second}, s.SlowWrites)
		require.Zero(t, s.EndedCleanly)
		require.Equal(t, map[conn.StatusCode]uint64{conn.StatusAbnormalClosure: 1}, s.Codes)
	})
}

func TestCountersCountRoundTrips(t *testing.T) {
	var counters observe.Counters
	for _, rtt := range []time.Duration{2, 5, 3} {
		counters.Observer().RoundTrip(nil, rtt)
	}
	require.Equal(t, observe.Durations{Count: 3, Total: 10, Worst: 5}, counters.Stats().RoundTrips)
}

func TestPeersCannotFillTheCounters(t *testing.T) {
	var counters observe.Counters
	for code := range conn.StatusCode(1000) {
		counters.Observer().Ended(nil, &conn.CloseError{Code: 4000 + code})
	}
	codes := counters.Stats().Codes
	require.Len(t, codes, 65)
	require.Equal(t, uint64(1000-64), codes[0])
}

func TestCountersLoseNothingWhileManyCount(t *testing.T) {
	var counters observe.Counters
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			c := new(conn.Conn)
			for range 1000 {
				counters.Observer().Sent(c, conn.MessageSize{Type: conn.Binary, Bytes: 10, Packed: 11})
			}
		})
	}
	all.Wait()
	require.Equal(t, observe.Traffic{Binary: observe.Amount{Messages: 8000, Bytes: 80_000, Packed: 88_000}}, counters.Stats().Sent)
}

func TestCountersAreAVariableOfExpvar(t *testing.T) {
	var counters observe.Counters
	var variable expvar.Var = &counters
	counters.Observer().Handshake(refused(403))
	counters.Observer().Ended(nil, &conn.CloseError{Code: conn.StatusGoingAway})
	counters.Observer().Received(nil, conn.MessageSize{Type: conn.Text, Bytes: 5, Packed: 3})
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(variable.String()), &got))
	require.Equal(t, map[string]any{"403": 1.0}, got["refused"])
	require.Equal(t, map[string]any{"1001": 1.0}, got["codes"])
	require.Equal(t, map[string]any{"messages": 1.0, "bytes": 5.0, "packed": 3.0}, got["received"].(map[string]any)["text"])
}

func TestTheObserverOfCountersIsAlwaysTheSame(t *testing.T) {
	var counters observe.Counters
	require.Same(t, counters.Observer(), counters.Observer(), "so that connections share what they know of it")
}

func TestCountingAllocatesNothing(t *testing.T) {
	var counters observe.Counters
	o, c := counters.Observer(), new(conn.Conn)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		o.Received(c, conn.MessageSize{Type: conn.Text, Bytes: 5, Packed: 3})
		o.Sent(c, conn.MessageSize{Type: conn.Binary, Bytes: 5, Packed: 5})
		o.RoundTrip(c, time.Second)
		o.QueueFull(c)
		o.Slow(c, time.Second)
	}))
}
