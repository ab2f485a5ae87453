package nats

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/hub/brokertest"
)

// sayAt is say for what the server must accept in time. It returns the position.
func sayAt(t *testing.T, b hub.Broker, text string) hub.Position {
	m := &hub.Message{Topic: "kept.x", Type: conn.Text, Data: []byte(text)}
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		m.Position = hub.Position{}
		return b.Publish(ctx, m) == nil
	}, brokertest.Patience, time.Millisecond)
	return m.Position
}

// A machine that has lost power comes back with files as they were some time before.
func TestAStreamThatHasTurnedBackBeginsANewEpoch(t *testing.T) {
	t.Parallel()
	for name, published := range map[string][]string{
		"before anything else is published":    nil,
		"when fewer messages were published":   {"d"},
		"when as many messages were published": {"d", "e"},
		"when more messages were published":    {"d", "e", "f"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			link := brokertest.NewLink(t, s.addr())
			one := impatient(t, link.Addr())
			l := listen(t, one, "kept.x")
			last := ""
			hears := func(texts ...string) {
				for _, text := range texts {
					got := <-l.heard
					for got == last { // it was published again because the answer was late
						got = <-l.heard
					}
					require.Equal(t, text, got)
					last = got
				}
			}
			two := impatient(t, s.addr())
			for _, text := range []string{"1", "2", "3"} {
				sayAt(t, two, text)
			}
			s.stop()
			older := t.TempDir()
			require.NoError(t, os.CopyFS(older, os.DirFS(s.options.StoreDir)))
			s.start()
			sayAt(t, two, "4")
			before := sayAt(t, two, "5")
			hears("1", "2", "3", "4", "5")

			link.Stall()
			s.stop()
			s.options.StoreDir = older
			s.start()
			for _, text := range published {
				at := sayAt(t, two, text)
				require.Equal(t, before.Epoch, at.Epoch, "nobody has noticed")
			}
			link.Cut()
			link.Resume()
			hears("gap")
			after := sayAt(t, two, "after")
			require.NotEqual(t, before.Epoch, after.Epoch)
			hears("after")
			page, err := one.History(t.Context(), "kept.x", hub.Query{Since: before})
			require.NoError(t, err)
			require.False(t, page.Complete, "whoever has what was lost is told")
		})
	}
}

// told is a stream that answers as it is told.
type told struct {
	jetstream.Stream
	at       time.Time // of its message; zero: it has not got that
	last     uint64
	replicas int
	err      error
}

func (s told) GetMsg(context.Context, uint64, ...jetstream.GetMsgOpt) (*jetstream.RawStreamMsg, error) {
	if s.at.IsZero() && s.err == nil {
		return nil, jetstream.ErrMsgNotFound
	}
	return &jetstream.RawStreamMsg{Time: s.at}, s.err
}

func (s told) Info(context.Context, ...jetstream.StreamInfoOpt) (*jetstream.StreamInfo, error) {
	return &jetstream.StreamInfo{
		Config: jetstream.StreamConfig{Replicas: s.replicas},
		State:  jetstream.StreamState{LastSeq: s.last},
	}, s.err
}

func TestAStreamHasTurnedBackIfItHasLessThanWasDelivered(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		s    told
		tag  string
		back bool
	}{
		"it has the message":                    {told{at: now}, tagOf(now), false},
		"it has another one":                    {told{at: now}, tagOf(now.Add(1)), true},
		"it has one, which may be another one":  {told{at: now}, "", false},
		"it has dropped the message":            {told{last: 5, replicas: 1}, tagOf(now), false},
		"it has not got so far":                 {told{last: 4, replicas: 1}, tagOf(now), true},
		"the same, and nothing is known of it":  {told{last: 4, replicas: 1}, "", true},
		"it has not got so far, but others may": {told{last: 4, replicas: 3}, tagOf(now), false},
		"there is no answer":                    {told{err: nats.ErrTimeout}, tagOf(now), false},
	} {
		t.Run(name, func(t *testing.T) {
			back, err := turnedBack(t.Context(), c.s, 5, c.tag)
			require.ErrorIs(t, err, c.s.err)
			require.Equal(t, c.back, back)
		})
	}
}

// All processes notice, and must come to the same end.
func TestProcessesThatNoticeTogetherBeginOneEpoch(t *testing.T) {
	s := newServer(t)
	one, two := open(t, s.addr(), 0), open(t, s.addr(), 0)
	require.NoError(t, say(one, "kept.x", "0"))
	old, err := one.stream(t.Context())
	require.NoError(t, err)
	other, err := two.stream(t.Context())
	require.NoError(t, err)
	require.NoError(t, one.notTurnedBack(t.Context(), old, hub.Position{}, ""))
	require.NoError(t, one.notTurnedBack(t.Context(), old, hub.Position{Epoch: old.epoch + 1, Offset: 9}, ""), "another log")
	require.ErrorIs(t, one.notTurnedBack(t.Context(), old, hub.Position{Epoch: old.epoch, Offset: 9}, ""), errTurnedBack)
	require.NoError(t, say(one, "kept.x", "1"))
	require.NoError(t, two.renounce(t.Context(), other), "it is gone already")
	again, err := one.stream(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, old.epoch, again.epoch)
	same, err := two.stream(t.Context())
	require.NoError(t, err)
	require.Equal(t, again.epoch, same.epoch)
}
