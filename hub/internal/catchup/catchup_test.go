package catchup

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/hub"
)

// log is a log in memory that keeps only the last messages, if that is set, and fails as often as that says.
type log struct {
	mu     sync.Mutex
	epoch  uint64
	all    []Entry
	keep   int
	failed int // attempts to come that fail
	page   int
}

var errDown = errors.New("down")

func (l *log) append() Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := uint64(len(l.all) + 1)
	m := &hub.Message{Position: hub.Position{Epoch: l.epoch, Offset: n}, Data: fmt.Append(nil, l.epoch, " ", n)}
	l.all = append(l.all, Entry{Message: m, Prev: n - 1})
	return l.all[n-1]
}

func (l *log) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch++
	l.all = nil
}

func (l *log) fail(times int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = times
}

func (l *log) top() hub.Position { return hub.Position{Epoch: l.epoch, Offset: uint64(len(l.all))} }

func (l *log) Last(context.Context) (hub.Position, string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed > 0 {
		l.failed--
		return hub.Position{}, "", errDown
	}
	return l.top(), "", nil
}

func (l *log) Since(_ context.Context, at hub.Position, _ string) (b Batch, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed > 0 {
		l.failed--
		return b, errDown
	}
	b.Top = l.top()
	if at.Epoch != l.epoch || int(at.Offset) < len(l.all)-l.keep {
		return b, nil
	}
	b.Complete, b.Entries = true, l.all[at.Offset:]
	if len(b.Entries) > l.page {
		b.Entries, b.More = b.Entries[:l.page], true
	}
	return b, nil
}

// follower remembers what it is told, and notices what is missing or comes twice.
type follower struct {
	t      *testing.T
	at     hub.Position
	n      int
	gaps   int
	unsure int
}

func (f *follower) Deliver(m *hub.Message) {
	if m.Position.IsZero() {
		f.n++
		return
	}
	if m.Position.Epoch != f.at.Epoch || m.Position.Offset != f.at.Offset+1 {
		f.t.Errorf("%v after %v", m.Position, f.at)
	}
	f.at = m.Position
	f.n++
}
func (f *follower) Gap(at hub.Position)        { f.at = at; f.gaps++ }
func (f *follower) Presence(hub.PresenceEvent) { f.unsure++ }

func TestWhatIsMissingIsReadFromTheLog(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 2))
			ctx, cancel := context.WithCancel(t.Context())
			var work sync.WaitGroup
			l := &log{epoch: 1, keep: 5 + random.IntN(2000), page: 1 + random.IntN(10), failed: random.IntN(3)}
			topic := NewTopic(ctx, &work, l)
			topic.Confirm()
			require.NoError(t, topic.Wait(ctx))
			f := &follower{t: t}
			var remove func()
			f.at, remove = topic.Add(f)
			published, connected := 0, true
			for range 300 {
				switch random.IntN(12) {
				case 0: // the connection fails
					connected = false
					topic.Doubt()
				case 1:
					connected = true
					topic.Confirm()
				case 2: // more than is held comes while the log cannot be read
					if random.IntN(10) == 0 {
						l.fail(2)
						connected = true
						topic.Confirm()
						for range maxHeld + 100 {
							published++
							topic.Hear(l.append())
						}
					}
				case 3:
					if random.IntN(20) == 0 {
						synctest.Wait()
						l.lose()
						connected = false
					}
				case 4: // the connection drops a message without anybody knowing
					l.append()
					published++
				default:
					e := l.append()
					published++
					if connected {
						topic.Hear(e)
						if random.IntN(10) == 0 {
							topic.Hear(e)
						}
					}
				}
			}
			topic.Confirm()
			topic.Hear(l.append())
			require.Eventually(t, func() bool { synctest.Wait(); return topicLive(topic) }, 1e11, 1e8)
			require.Equal(t, l.top(), f.at)
			if f.gaps == 0 {
				require.Equal(t, published+1, f.n)
			}
			remove()
			topic.Hear(l.append())
			require.NotEqual(t, l.top(), f.at, "who is removed gets nothing more")
			cancel()
			work.Wait()
			topic.Confirm()
			work.Wait()
		})
	}
}

func topicLive(t *Topic) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.live && !t.syncing && len(t.held) == 0
}

// busy is a log to which something is published whenever it is read.
type busy struct {
	*log
	t     *Topic
	reads int
}

func (l *busy) Since(ctx context.Context, at hub.Position, tag string) (Batch, error) {
	b, err := l.log.Since(ctx, at, tag)
	if l.reads++; l.reads < 100 {
		l.t.Hear(l.append())
	}
	return b, err
}

func TestWhatIsHeardWhileTheLogIsReadNeedNotBeReadThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var work sync.WaitGroup
		l := &busy{log: &log{epoch: 1, keep: 1000, page: 1000}}
		l.t = NewTopic(ctx, &work, l)
		l.t.Confirm()
		require.NoError(t, l.t.Wait(ctx))
		f := &follower{t: t, at: hub.Position{Epoch: 1}}
		l.t.Add(f)
		synctest.Wait()
		l.append() // which is not heard
		l.t.Hear(l.append())
		work.Wait()
		require.Equal(t, 3, f.n)
		require.Equal(t, 1, l.reads)
	})
}

// After a failure, what seems to follow may be of a log that has lost what was delivered and has gone on with something else.
func TestWhatIsHeardBeforeTheConnectionIsConfirmedIsReadFromTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var work sync.WaitGroup
		l := &log{epoch: 1, keep: 1000, page: 1000}
		topic := NewTopic(ctx, &work, l)
		topic.Confirm()
		require.NoError(t, topic.Wait(ctx))
		f := &follower{t: t, at: hub.Position{Epoch: 1}}
		topic.Add(f)
		topic.Hear(l.append())
		require.Equal(t, 1, f.n)
		topic.Doubt()
		next := l.append()
		l.lose()
		topic.Hear(next)
		require.Equal(t, 1, f.n, "it is not known to follow")
		work.Wait()
		require.Equal(t, 1, f.n)
		require.Equal(t, 1, f.gaps)
		topic.Hear(l.append())
		require.Equal(t, 2, f.n)
	})
}

func TestATopicWithoutALogIsReadyAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	topic := NewTopic(ctx, &work, nil)
	over, stop := context.WithCancel(ctx)
	stop()
	require.ErrorIs(t, topic.Wait(over), context.Canceled)
	topic.Confirm()
	require.NoError(t, topic.Wait(ctx))
	f := &follower{t: t}
	at, _ := topic.Add(f)
	require.Zero(t, at)
	topic.Hear(Entry{Message: &hub.Message{}})
	topic.Hear(Entry{Message: &hub.Message{Position: hub.Position{Epoch: 1, Offset: 1}}})
	require.Equal(t, 1, f.n, "what has a position belongs to another log")
	topic.Confirm()
	topic.Tell(hub.PresenceEvent{Left: true})
	require.Equal(t, 2, f.unsure)
	cancel()
	require.ErrorIs(t, NewTopic(ctx, &work, nil).Wait(t.Context()), context.Canceled)
}
