package load

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

// imagined is a client of a server that is not there: answer says when the answer to a message that is sent now comes.
type imagined struct {
	answer  func(now time.Duration) time.Duration // since the beginning; negative for never
	refused func(n int) error                     // of the n-th connection
	dialing time.Duration
	began   time.Time

	mu    sync.Mutex
	opens []time.Duration
	sends []time.Duration
}

func (i *imagined) start() { i.began = time.Now() }

func (i *imagined) open(_ context.Context, o observer) (link, opening, error) {
	i.mu.Lock()
	n := len(i.opens)
	i.opens = append(i.opens, time.Since(i.began))
	i.mu.Unlock()
	time.Sleep(i.dialing)
	if i.refused != nil {
		if err := i.refused(n); err != nil {
			return nil, opening{}, err
		}
	}
	return &imaginedLink{i: i, o: o}, opening{i.dialing / 2, i.dialing}, nil
}

type imaginedLink struct {
	i       *imagined
	o       observer
	answers sync.WaitGroup
}

func (l *imaginedLink) send(_ websocket.MessageType, data []byte) error {
	now := time.Since(l.i.began)
	l.i.mu.Lock()
	l.i.sends = append(l.i.sends, now)
	l.i.mu.Unlock()
	at, size := l.i.answer(now), len(data)
	if at < 0 {
		return nil
	}
	l.answers.Add(1)
	time.AfterFunc(at-now, func() {
		defer l.answers.Done()
		l.o.received(size)
	})
	return nil
}

func (l *imaginedLink) write(_ context.Context, typ websocket.MessageType, data []byte) error {
	return l.send(typ, data)
}

func (l *imaginedLink) close() {
	go func() {
		l.answers.Wait()
		l.o.ended(errors.New("closed"))
	}()
}

// imagine runs a load in fake time.
func imagine(t *testing.T, o *options, c client, check func(r *Result)) {
	synctest.Test(t, func(t *testing.T) {
		if i, ok := c.(interface{ start() }); ok {
			i.start()
		}
		e := newEngine(o, c, sized(o.size))
		e.run(t.Context())
		check(e.result("ws://imagined/"))
	})
}

// within is the precision of histograms: three figures.
func within(t *testing.T, want time.Duration, got float64) {
	t.Helper()
	require.InEpsilon(t, milliseconds(want), got, 0.002)
}

func TestAServerThatStandsStillIsSeenByAllWhoWereDue(t *testing.T) {
	// For one second in ten nothing is answered; otherwise it takes a millisecond.
	stall := func(now time.Duration) time.Duration {
		if now >= 5*time.Second && now < 6*time.Second {
			return 6*time.Second + time.Millisecond
		}
		return now + time.Millisecond
	}
	o := &options{connections: 10, rate: 10, duration: 10 * time.Second, drain: time.Minute, size: 5}
	imagine(t, o, &imagined{answer: stall}, func(r *Result) {
		require.EqualValues(t, 1000, r.Messages.Sent, "whether the server keeps up or not")
		require.EqualValues(t, 1000, r.Messages.Answered)
		require.EqualValues(t, 5000, r.Messages.BytesOut)
		require.InDelta(t, 100, r.Messages.PerSecond, 0.1)
		require.Empty(t, r.Errors)
		within(t, time.Millisecond, r.RoundTrip.P50)
		within(t, 101*time.Millisecond, r.RoundTrip.P90+100) // a tenth was due in that second
		within(t, 901*time.Millisecond, r.RoundTrip.P99)
		within(t, 1001*time.Millisecond, r.RoundTrip.Max)
		require.Len(t, r.Seconds, 10)
		require.Equal(t, 100, r.Seconds[5].Sent)
		require.Zero(t, r.Seconds[5].Came)
		require.Equal(t, 200, r.Seconds[6].Came)
	})
}

// slow is a client whose links are full: whoever sends has to wait.
type slow struct {
	*imagined
	takes time.Duration
}

func (s *slow) open(ctx context.Context, o observer) (link, opening, error) {
	l, took, err := s.imagined.open(ctx, o)
	return &slowLink{l, s.takes}, took, err
}

type slowLink struct {
	link
	takes time.Duration
}

func (s *slowLink) send(websocket.MessageType, []byte) error { return websocket.ErrQueueFull }

func (s *slowLink) write(ctx context.Context, typ websocket.MessageType, data []byte) error {
	time.Sleep(s.takes)
	return s.link.write(ctx, typ, data)
}

func TestTimeCountsFromWhenAMessageWasDueNotFromWhenItCouldBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &options{connections: 1, rate: 10, duration: time.Second, drain: time.Hour}
		i := &imagined{began: time.Now(), answer: func(now time.Duration) time.Duration { return now }}
		e := newEngine(o, &slow{i, 200 * time.Millisecond}, sized(0))
		e.run(t.Context())
		r := e.result("")
		require.EqualValues(t, 10, r.Messages.Sent)
		within(t, 200*time.Millisecond, r.RoundTrip.Min)
		within(t, (10*200-9*100)*time.Millisecond, r.RoundTrip.Max) // the last one was due after 900 ms
	})
}

func TestConnectionsAreSpreadOverTheRamp(t *testing.T) {
	i := &imagined{answer: func(now time.Duration) time.Duration { return now + time.Microsecond }, dialing: 30 * time.Millisecond}
	o := &options{connections: 4, rate: 1, duration: 2 * time.Second, warmup: time.Second, ramp: time.Second, drain: time.Second}
	imagine(t, o, i, func(r *Result) {
		require.Equal(t, []time.Duration{0, 250 * time.Millisecond, 500 * time.Millisecond, 750 * time.Millisecond}, i.opens)
		require.Equal(t, []time.Duration{1000 * time.Millisecond, 1250 * time.Millisecond, 1500 * time.Millisecond, 1750 * time.Millisecond}, i.sends[:4],
			"and so are their messages")
		require.Len(t, i.sends, 12)
		require.EqualValues(t, 8, r.Messages.Sent, "the warm-up is not counted")
		require.EqualValues(t, 4, r.Connections.Opened)
		within(t, 15*time.Millisecond, r.Connect.P50)
		within(t, 30*time.Millisecond, r.FirstByte.Max)
	})
}

func TestOneAfterTheOtherWaitsForAnswers(t *testing.T) {
	i := &imagined{answer: func(now time.Duration) time.Duration { return now + 100*time.Millisecond }}
	o := &options{connections: 2, duration: time.Second, drain: time.Second}
	imagine(t, o, i, func(r *Result) {
		require.EqualValues(t, 20, r.Messages.Answered)
		within(t, 100*time.Millisecond, r.RoundTrip.Max)
	})
}

func TestErrorsAreCountedByTheirKind(t *testing.T) {
	i := &imagined{
		answer: func(now time.Duration) time.Duration {
			if now >= 500*time.Millisecond {
				return -1
			}
			return now
		},
		refused: func(n int) error {
			if n == 0 {
				return &websocket.HandshakeError{Status: 503}
			}
			return nil
		},
	}
	o := &options{connections: 2, rate: 10, duration: time.Second, drain: time.Second}
	imagine(t, o, i, func(r *Result) {
		require.Equal(t, map[string]int{"connect: HTTP 503": 1, "unanswered: no answer in time": 5}, r.Errors)
		require.EqualValues(t, 1, r.Connections.Opened)
		require.Equal(t, 6, r.errors())
	})
}

func TestOneWayExpectsNothing(t *testing.T) {
	i := &imagined{answer: func(now time.Duration) time.Duration { return -1 }}
	o := &options{connections: 2, rate: 10, duration: time.Second, drain: time.Hour, oneWay: true}
	imagine(t, o, i, func(r *Result) {
		require.EqualValues(t, 20, r.Messages.Sent)
		require.Zero(t, r.Messages.Answered)
		require.Empty(t, r.Errors)
		require.Contains(t, r.text(), "round trip        none")
	})
}

func TestWhatAnswersNothingIsCountedApart(t *testing.T) {
	i := &imagined{answer: func(now time.Duration) time.Duration { return now }}
	o := &options{connections: 1, rate: 10, duration: time.Second, drain: time.Second, oneWay: true}
	imagine(t, o, i, func(r *Result) {
		require.EqualValues(t, 10, r.Messages.Unasked)
		require.Contains(t, r.text(), "\n10 messages came\n")
	})
}

func TestMoreAnswersThanMessagesAreToldOf(t *testing.T) {
	o := &options{connections: 1, rate: 10, duration: time.Second, drain: time.Second}
	imagine(t, o, &chatty{imagined{answer: func(now time.Duration) time.Duration { return now + time.Millisecond }}}, func(r *Result) {
		require.EqualValues(t, 10, r.Messages.Answered)
		require.EqualValues(t, 1, r.Messages.Unasked)
		require.Contains(t, r.text(), "1 messages came that answered none")
	})
}

// chatty says something at once.
type chatty struct{ imagined }

func (c *chatty) open(ctx context.Context, o observer) (link, opening, error) {
	o.received(3)
	return c.imagined.open(ctx, o)
}

// broken is a client whose connections end before they are open, as it seems to who has opened them.
type broken struct{ imagined }

func (b *broken) open(ctx context.Context, o observer) (link, opening, error) {
	l, took, err := b.imagined.open(ctx, o)
	o.ended(&websocket.CloseError{Code: 1012, Remote: true})
	return l, took, err
}

func TestAConnectionThatEndsAtOnceIsAnError(t *testing.T) {
	o := &options{connections: 3, rate: 10, duration: time.Second, drain: time.Hour}
	imagine(t, o, &broken{}, func(r *Result) {
		require.Equal(t, map[string]int{"lost: closed with 1012": 3}, r.Errors)
		require.Zero(t, r.Messages.Sent)
	})
}

func TestTheRateOfWhatWasInterruptedIsThatOfTheTimeUntilThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &imagined{answer: func(now time.Duration) time.Duration { return now + time.Millisecond }}
		e := newEngine(&options{connections: 1, rate: 10, duration: time.Hour, warmup: time.Second, size: 1}, i, sized(1))
		i.start()
		ctx, cancel := context.WithTimeout(t.Context(), 11*time.Second)
		defer cancel()
		e.run(ctx)
		r := e.result("ws://a")
		require.InDelta(t, 10, r.Interrupted, 0.01)
		require.InDelta(t, 10, r.Messages.PerSecond, 0.2)
		require.Contains(t, r.text(), "interrupted after 10.0 s of that\n")
	})
}
