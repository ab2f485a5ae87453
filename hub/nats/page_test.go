package nats

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/hub"
)

// keeper is a broker that keeps what keep says at the moment.
func keeper(t *testing.T, addr string, keep *hub.Retention) *Broker {
	b, err := Open("nats://"+addr, &Options{Retention: func(string) hub.Retention { return *keep }, MaxMessages: 1000})
	require.NoError(t, err)
	t.Cleanup(func() { b.Close() })
	return b
}

// ask returns a page.
func ask(t *testing.T, b *Broker, since hub.Position, limit int) hub.Page {
	page, err := b.History(t.Context(), "x", hub.Query{Since: since, Limit: limit})
	require.NoError(t, err)
	require.LessOrEqual(t, len(page.Messages), limit)
	return page
}

// A client that recovers much takes it page by page, which must not read what follows again and again.
func TestPagesTakeAsManyMessagesFromTheServerAsTheyHave(t *testing.T) {
	const n, limit = 300, 10
	for name, c := range map[string]struct {
		keep hub.Retention
		read int // messages, at most
	}{
		"bytes have a bound": {hub.Retention{Messages: n}, 2*n + n/limit},
		"bytes do not":       {hub.Retention{Messages: n, Bytes: -1}, n + n/limit},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			b := keeper(t, s.addr(), &c.keep)
			for i := range n + 1 {
				require.NoError(t, say(b, "x", fmt.Sprint(i)))
			}
			first, err := b.stream(t.Context())
			require.NoError(t, err)
			since := hub.Position{Epoch: first.epoch, Offset: 1}
			before := b.nc.Stats().InMsgs
			pages, at := 0, since
			for next, more := 1, true; more; pages++ {
				page := ask(t, b, at, limit)
				require.True(t, page.Complete)
				require.Equal(t, uint64(n+1), page.Top.Offset)
				for _, m := range page.Messages {
					require.Equal(t, fmt.Sprint(next), string(m.Data))
					next++
				}
				if more = page.More; more {
					at = page.Messages[limit-1].Position
				} else {
					require.Equal(t, n+1, next)
				}
			}
			require.Equal(t, n/limit, pages)
			const answers = 6 // to other requests, for each page
			require.LessOrEqual(t, int(b.nc.Stats().InMsgs-before), c.read+answers*pages)
		})
	}
}

func TestAPageIsCutOffWhereNothingIsMissing(t *testing.T) {
	s := newServer(t)
	keep := hub.Retention{Messages: 100}
	b := keeper(t, s.addr(), &keep)
	publish := func(from, to int) {
		for i := from; i < to; i++ {
			require.NoError(t, say(b, "x", fmt.Sprintf("%0100d", i)))
		}
	}
	publish(0, 10)
	log, err := b.stream(t.Context())
	require.NoError(t, err)
	first := hub.Position{Epoch: log.epoch, Offset: 1}
	page := ask(t, b, first, 3)
	require.True(t, page.Complete)
	require.True(t, page.More)
	next := page.Messages[2].Position

	keep.Bytes = 300
	require.False(t, ask(t, b, first, 3).Complete, "more bytes follow than are kept")
	page = ask(t, b, next, 3)
	require.True(t, page.Complete, "they were kept when the page began")
	require.True(t, page.More)
	require.Equal(t, uint64(10), page.Top.Offset)
	page = ask(t, b, page.Messages[2].Position, 3)
	require.Len(t, page.Messages, 3)
	require.False(t, page.More, "nothing follows")
	require.Equal(t, uint64(10), page.Top.Offset)

	keep.Messages = 5
	require.False(t, ask(t, b, next, 3).Complete, "more follow than are kept by now")
	keep = hub.Retention{Messages: 100, Age: time.Nanosecond}
	require.False(t, ask(t, b, next, 3).Complete, "they are too old by now")
	keep = hub.Retention{Messages: 100}
	require.True(t, ask(t, b, next, 3).Complete)
	require.NoError(t, log.DeleteMsg(t.Context(), next.Offset))
	page = ask(t, b, next, 3)
	require.True(t, page.Complete, "what is gone is not after it")
	require.Equal(t, next.Offset+1, page.Messages[0].Position.Offset)
}

func TestCutsAreForgotten(t *testing.T) {
	var c cuts
	now := time.Now()
	at := func(n int) cut { return cut{"x", hub.Position{Epoch: 1, Offset: uint64(n)}} }
	require.False(t, c.has(at(0), now))
	c.add(at(0), now)
	require.True(t, c.has(at(0), now.Add(cutTime-1)))
	require.False(t, c.has(at(0), now.Add(cutTime)), "after some time")
	require.False(t, c.has(cut{"y", at(0).at}, now))
	for n := 1; n < maxCuts; n++ {
		c.add(at(n), now.Add(cutTime))
	}
	require.True(t, c.has(at(0), now), "all have room")
	c.add(at(maxCuts), now.Add(cutTime))
	require.False(t, c.has(at(0), now), "the old ones make room")
	require.True(t, c.has(at(1), now.Add(cutTime)))
	c.add(at(maxCuts+1), now.Add(cutTime))
	require.Len(t, c.since, 1, "or all do")
}
