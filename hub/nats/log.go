package nats

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/hub/internal/catchup"
)

// Publish sends m to the stream, or to the followers if the topic has no history; then it returns when the server has taken
// it. Errors wrap [hub.ErrRefused] if it is certain that nobody gets the message.
func (b *Broker) Publish(ctx context.Context, m *hub.Message) error {
	if err := b.usable(ctx); err != nil {
		return err
	}
	outer := ctx
	ctx, cancel := limited(ctx)
	defer cancel()
	record := hub.AppendRecord(make([]byte, 0, len(m.Data)+64), m)
	if b.retention(m.Topic).Messages == 0 {
		err := b.nc.Publish(b.subject("live", m.Topic), record)
		if err == nil {
			err = b.nc.FlushWithContext(ctx)
		}
		return b.explain(outer, err)
	}
	msg := &nats.Msg{Subject: b.subject("log", m.Topic), Data: record}
	return b.explain(outer, b.withStream(ctx, func(stream) error {
		ack, err := b.js.PublishMsg(ctx, msg, jetstream.WithRetryAttempts(0))
		if err != nil {
			return err
		}
		epoch, ok := b.epochOf(ack.Stream)
		if !ok {
			return fmt.Errorf("websocket: stream %q has the subject of a topic", ack.Stream)
		}
		m.Position = hub.Position{Epoch: epoch, Offset: ack.Sequence}
		return nil
	}))
}

// stored is a message of the stream.
type stored struct {
	*hub.Message
	at time.Time
}

// excerpt is a part of a topic, oldest first, without what its retention does not keep.
type excerpt struct {
	since   bool     // the message from which it begins is there; it is not in entries
	entries []stored // what follows
	last    uint64   // the sequence number of the last message that was read; 0: there was none
	total   int      // how many there were in entries before those that are not kept were dropped
	pending int      // how many the topic had when reading began, with the one from which it begins
	bytes   int
}

// add adds an entry, and drops those that go beyond the retention.
func (x *excerpt) add(s stored, keep hub.Retention, now time.Time) {
	x.total++
	x.entries = append(x.entries, s)
	x.bytes += len(s.Data)
	for len(x.entries) > 0 {
		oldest := x.entries[0]
		fits := len(x.entries) <= keep.Messages && (x.bytes <= keep.Bytes || len(x.entries) == 1)
		if fits && now.Sub(oldest.at) < keep.Age {
			return
		}
		x.bytes -= len(oldest.Data)
		x.entries = x.entries[1:]
	}
}

// read reads what is kept of a topic from a sequence number on; with 0, from the beginning.
func (b *Broker) read(ctx context.Context, log stream, topic string, from uint64) (x excerpt, err error) {
	return b.readMost(ctx, log, topic, from, math.MaxInt, b.retention(topic))
}

// readMost is read of no more than so many messages, with the one from which it begins.
func (b *Broker) readMost(ctx context.Context, log stream, topic string, from uint64, most int, keep hub.Retention) (x excerpt, err error) {
	now := time.Now()
	x.pending, err = b.each(ctx, log.Stream, b.subject("log", topic), from, most, func(msg jetstream.Msg, meta *jetstream.MsgMetadata) error {
		x.last = meta.Sequence.Stream
		if from > 0 && meta.Sequence.Stream == from {
			x.since = true
			return nil
		}
		m, err := hub.ParseRecord(msg.Data())
		if err != nil {
			return err
		}
		m.Topic, m.Position = topic, hub.Position{Epoch: log.epoch, Offset: meta.Sequence.Stream}
		x.add(stored{m, meta.Timestamp}, keep, now)
		return nil
	})
	return x, err
}

// fetchSize is how many messages are asked for at once.
const fetchSize = 256

// each calls f for the messages of a subject that are there now, from a sequence number on, but for no more than so many. It
// returns how many there are.
func (b *Broker) each(ctx context.Context, s jetstream.Stream, subject string, from uint64, most int, f func(jetstream.Msg, *jetstream.MsgMetadata) error) (pending int, err error) {
	consumer, err := s.CreateConsumer(ctx, consumerConfig(subject, from))
	if err != nil {
		return 0, err
	}
	// It would go by itself; that it goes at once is for the server's sake.
	defer func() { _ = s.DeleteConsumer(ctx, consumer.CachedInfo().Name) }()
	pending = int(consumer.CachedInfo().NumPending)
	return pending, fetchAll(ctx, consumer, min(pending, most), f)
}

// fetchAll calls f for the next messages of a consumer, or for fewer if others are dropped meanwhile.
func fetchAll(ctx context.Context, consumer jetstream.Consumer, left int, f func(jetstream.Msg, *jetstream.MsgMetadata) error) error {
	got := uint64(0)
	for left > 0 && ctx.Err() == nil {
		batch, err := consumer.FetchNoWait(min(left, fetchSize))
		if err != nil {
			return err
		}
		n := 0
		for msg := range batch.Messages() {
			n++
			got++
			meta, err := msg.Metadata()
			if err == nil && meta.Sequence.Consumer != got {
				err = errOnTheWay
			}
			if err == nil {
				err = f(msg, meta)
			}
			if err != nil {
				return err
			}
		}
		if err := batch.Error(); err != nil {
			return err
		}
		if left -= n; n > 0 {
			continue
		}
		// They have been dropped meanwhile, or were lost on the way, or the server had none to give at the moment.
		info, err := consumer.Info(ctx)
		switch {
		case err != nil:
			return err
		case info.Delivered.Consumer != got:
			return errOnTheWay
		case info.NumPending == 0:
			return ctx.Err()
		}
	}
	return ctx.Err()
}

// errOnTheWay: the server has sent a message that has not come, and sends it only once.
var errOnTheWay = errors.New("websocket: a message of the log was lost on the way")

func consumerConfig(subject string, from uint64) jetstream.ConsumerConfig {
	c := jetstream.ConsumerConfig{
		FilterSubject:     subject,
		AckPolicy:         jetstream.AckNonePolicy,
		DeliverPolicy:     jetstream.DeliverAllPolicy,
		InactiveThreshold: 10 * time.Second,
		MemoryStorage:     true,
		Replicas:          1,
	}
	if from > 0 {
		c.DeliverPolicy, c.OptStartSeq = jetstream.DeliverByStartSequencePolicy, from
	}
	return c
}

// last returns where a topic is: at its last message, of which it returns the tag, or where the stream is if it has none.
func (b *Broker) last(ctx context.Context, log stream, topic string) (at hub.Position, tag string, err error) {
	at.Epoch = log.epoch
	msg, err := log.GetLastMsgForSubject(ctx, b.subject("log", topic))
	if err == nil {
		at.Offset = msg.Sequence
		return at, tagOf(msg.Time), nil
	}
	if !errors.Is(err, jetstream.ErrMsgNotFound) {
		return at, "", err
	}
	info, err := log.Info(ctx)
	if err != nil {
		return at, "", err
	}
	at.Offset = info.State.LastSeq
	return at, "", nil
}

// after reads what came after a position, and reports whether that is all.
func (b *Broker) after(ctx context.Context, log stream, topic string, since hub.Position) (x excerpt, complete bool, err error) {
	if since.Epoch != log.epoch {
		return x, false, nil
	}
	if x, err = b.read(ctx, log, topic, max(since.Offset, 1)); err != nil {
		return x, false, err
	}
	if since.Offset == 0 && x.since { // the first message of the stream is news
		if x, err = b.read(ctx, log, topic, 0); err != nil {
			return x, false, err
		}
		x.since = false
	}
	if x.total > len(x.entries) {
		return x, false, nil
	}
	if x.since {
		return x, true, nil // messages of a subject are dropped in their order
	}
	complete, err = b.untouched(ctx, log, topic, since.Offset, x.total)
	return x, complete, err
}

// untouched reports whether nothing was dropped of a topic after an offset where it has no message, if so many are there
// after that.
func (b *Broker) untouched(ctx context.Context, log stream, topic string, offset uint64, total int) (bool, error) {
	info, err := log.Info(ctx)
	if err != nil || offset > info.State.LastSeq {
		return false, err
	}
	first, err := log.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(b.subject("log", topic)))
	if err == nil && first.Sequence <= offset {
		return true, nil
	}
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, err
	}
	return offset+1 >= info.State.FirstSeq && total <= b.options.MaxMessages, nil
}

// History reads from the stream, with a consumer that exists for the time of the call.
func (b *Broker) History(ctx context.Context, topic string, q hub.Query) (page hub.Page, err error) {
	if err := b.usable(ctx); err != nil {
		return page, err
	}
	if b.retention(topic).Messages == 0 {
		return page, nil
	}
	outer := ctx
	ctx, cancel := limited(ctx)
	defer cancel()
	err = b.withStream(ctx, func(log stream) (err error) {
		page, err = b.page(ctx, log, topic, q)
		return err
	})
	return page, b.explain(outer, err)
}

func (b *Broker) page(ctx context.Context, log stream, topic string, q hub.Query) (page hub.Page, err error) {
	page, ok, err := b.nextPage(ctx, log, topic, q)
	if ok || err != nil {
		return page, err
	}
	page = hub.Page{}
	x, err := b.find(ctx, log, topic, q, &page)
	if err != nil {
		return hub.Page{}, err
	}
	if !page.Complete {
		page.Missed = uint64(x.total - len(x.entries))
		x.entries = nil
	}
	if q.Limit > 0 && len(x.entries) > q.Limit {
		x.entries, page.More = x.entries[:q.Limit], true
	}
	for _, s := range x.entries {
		page.Messages = append(page.Messages, s.Message)
	}
	if page.More {
		b.cuts.add(cut{topic, page.Messages[len(page.Messages)-1].Position}, time.Now())
	}
	return page, nil
}

// find reads what a query asks for, and says of the page whether it is complete and where the log was then. That must be so:
// whoever asks gets nothing of before that from anywhere else.
func (b *Broker) find(ctx context.Context, log stream, topic string, q hub.Query, page *hub.Page) (x excerpt, err error) {
	for {
		if page.Complete = true; !q.Since.IsZero() {
			x, page.Complete, err = b.after(ctx, log, topic, q.Since)
		} else if q.Last > 0 {
			x, err = b.read(ctx, log, topic, 0)
			x.entries = x.entries[max(0, len(x.entries)-q.Last):]
		}
		if err != nil {
			return x, err
		}
		if x.last > 0 {
			page.Top = hub.Position{Epoch: log.epoch, Offset: x.last}
		}
		if !page.Top.IsZero() {
			return x, nil
		}
		// There was nothing, so nothing tells where the log was. What comes before the answer to this, the next reading finds.
		if page.Top, _, err = b.last(ctx, log, topic); err != nil {
			return x, err
		}
	}
}

// parseMessage reads what the stream has republished.
func (b *Broker) parseMessage(topic string, msg *nats.Msg) (e catchup.Entry, err error) {
	m, err := hub.ParseRecord(msg.Data)
	if err != nil {
		return e, err
	}
	m.Topic = topic
	epoch, ok := b.epochOf(msg.Header.Get(jetstream.StreamHeader))
	if !ok {
		return e, errors.New("no epoch")
	}
	m.Position.Epoch = epoch
	if m.Position.Offset, err = strconv.ParseUint(msg.Header.Get(jetstream.SequenceHeader), 10, 64); err != nil {
		return e, err
	}
	e.Message = m
	if at, err := time.Parse(time.RFC3339Nano, msg.Header.Get(timeHeader)); err == nil { // or it is not known
		e.Tag = tagOf(at)
	}
	e.Prev, err = strconv.ParseUint(msg.Header.Get(jetstream.LastSequenceHeader), 10, 64)
	return e, err
}
