package nats

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/hub"
)

// eventful is a stream where something happens before it is asked for the last message of a subject.
type eventful struct {
	jetstream.Stream
	happens func()
}

func (s eventful) GetLastMsgForSubject(ctx context.Context, subject string) (*jetstream.RawStreamMsg, error) {
	s.happens()
	return s.Stream.GetLastMsgForSubject(ctx, subject)
}

// What comes between two questions for an empty topic must not be before the position that the answer says, and missing.
func TestNothingIsMissingBeforeTheEndOfAnEmptyTopic(t *testing.T) {
	s := newServer(t)
	b := open(t, s.addr(), 0)
	require.NoError(t, say(b, "kept.other", "0"))
	log, err := b.stream(t.Context())
	require.NoError(t, err)
	for name, query := range map[string]func(at hub.Position) hub.Query{
		"since": func(at hub.Position) hub.Query { return hub.Query{Since: at} },
		"last":  func(hub.Position) hub.Query { return hub.Query{Last: 10} },
	} {
		t.Run(name, func(t *testing.T) {
			topic := "kept." + name
			at, _, err := b.last(t.Context(), log, topic)
			require.NoError(t, err)
			texts := []string{"1", "2"}
			busy := stream{eventful{log.Stream, func() {
				for _, text := range texts {
					require.NoError(t, say(b, topic, text))
				}
				texts = nil
			}}, log.epoch}
			page, err := b.page(t.Context(), busy, topic, query(at))
			require.NoError(t, err)
			require.True(t, page.Complete)
			require.Nil(t, texts, "they were said")
			require.Len(t, page.Messages, 2)
			require.Equal(t, page.Messages[1].Position, page.Top)
		})
	}
}

func TestTheEndOfATopicIsKnownWithoutMessages(t *testing.T) {
	s := newServer(t)
	b := open(t, s.addr(), 0)
	require.NoError(t, say(b, "kept.other", "0"))
	for _, q := range []hub.Query{{}, {Last: 5}} {
		page, err := b.History(t.Context(), "kept.x", q)
		require.NoError(t, err)
		require.Equal(t, uint64(1), page.Top.Offset, "where the stream is")
		page, err = b.History(t.Context(), "kept.x", hub.Query{Since: page.Top})
		require.NoError(t, err)
		require.True(t, page.Complete)
		require.Equal(t, uint64(1), page.Top.Offset)
	}
}

// fetch is what a consumer does when it is asked for messages.
type fetch struct {
	sends int   // so many
	lost  []int // of which these do not arrive, counted from 0
	err   error
}

// consumer has five messages.
type consumer struct {
	jetstream.Consumer
	fetches []fetch
	sent    uint64
}

// streamOf is a stream with one consumer.
type streamOf struct {
	jetstream.Stream
	consumer *consumer
	deleted  bool
}

func (s *streamOf) CreateConsumer(context.Context, jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	return s.consumer, nil
}

func (s *streamOf) DeleteConsumer(context.Context, string) error {
	s.deleted = true
	return nil
}

func (c *consumer) CachedInfo() *jetstream.ConsumerInfo {
	return &jetstream.ConsumerInfo{NumPending: 5}
}

func (c *consumer) Info(context.Context) (*jetstream.ConsumerInfo, error) {
	left := uint64(0)
	for _, f := range c.fetches {
		left += uint64(f.sends)
	}
	return &jetstream.ConsumerInfo{NumPending: left, Delivered: jetstream.SequenceInfo{Consumer: c.sent}}, nil
}

func (c *consumer) FetchNoWait(int) (jetstream.MessageBatch, error) {
	f := fetch{}
	if len(c.fetches) > 0 {
		f, c.fetches = c.fetches[0], c.fetches[1:]
	}
	b := batch{make(chan jetstream.Msg, f.sends), f.err}
	for n := range f.sends {
		c.sent++
		lost := false
		for _, l := range f.lost {
			lost = lost || l == n
		}
		if !lost {
			b.messages <- message{sequence: c.sent}
		}
	}
	close(b.messages)
	return b, nil
}

type batch struct {
	messages chan jetstream.Msg
	err      error
}

func (b batch) Messages() <-chan jetstream.Msg { return b.messages }
func (b batch) Error() error                   { return b.err }

type message struct {
	jetstream.Msg
	sequence uint64
}

func (m message) Metadata() (*jetstream.MsgMetadata, error) {
	return &jetstream.MsgMetadata{Sequence: jetstream.SequencePair{Consumer: m.sequence, Stream: 10 * m.sequence}}, nil
}

func TestAPartOfTheLogIsNotTakenForAllOfIt(t *testing.T) {
	errFetch := errors.New("the connection is gone")
	for name, c := range map[string]struct {
		fetches []fetch
		gone    int // of five, were dropped meanwhile
		err     error
	}{
		"at once":                       {[]fetch{{sends: 5}}, 0, nil},
		"in parts":                      {[]fetch{{sends: 2}, {sends: 3}}, 0, nil},
		"the server had none for once":  {[]fetch{{sends: 2}, {}, {sends: 3}}, 0, nil},
		"dropped meanwhile":             {[]fetch{{sends: 2}}, 3, nil},
		"the first did not arrive":      {[]fetch{{sends: 5, lost: []int{0}}}, 0, errOnTheWay},
		"one did not arrive":            {[]fetch{{sends: 2}, {sends: 3, lost: []int{1}}}, 0, errOnTheWay},
		"the end of a part is missing":  {[]fetch{{sends: 3, lost: []int{2}}, {sends: 2}}, 0, errOnTheWay},
		"the end of all is missing":     {[]fetch{{sends: 3}, {sends: 2, lost: []int{1}}}, 0, errOnTheWay},
		"nothing arrived":               {[]fetch{{sends: 5, lost: []int{0, 1, 2, 3, 4}}}, 0, errOnTheWay},
		"the connection ended after it": {[]fetch{{sends: 3, err: errFetch}}, 0, errFetch},
	} {
		t.Run(name, func(t *testing.T) {
			b := &Broker{}
			from := &streamOf{consumer: &consumer{fetches: c.fetches}}
			var got []uint64
			pending, err := b.each(t.Context(), from, "x", 0, math.MaxInt, func(_ jetstream.Msg, meta *jetstream.MsgMetadata) error {
				got = append(got, meta.Sequence.Stream)
				return nil
			})
			require.ErrorIs(t, err, c.err)
			require.Equal(t, 5, pending)
			if c.err == nil {
				require.Equal(t, []uint64{10, 20, 30, 40, 50}[:5-c.gone], got)
			}
			require.True(t, from.deleted)
		})
	}
}
