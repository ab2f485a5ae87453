package nats

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed60239977/websocket/hub"
)

// A server that has lost power may come back with a stream as it was some time before, and then number other messages as it has
// numbered those that it has lost: positions of clients would fit messages that they have not got. When a message was stored
// tells the two apart.

// timeHeader is in what a stream republishes.
const timeHeader = "Nats-Time-Stamp"

// tagOf returns the tag of a message that was stored at a time.
func tagOf(at time.Time) string { return strconv.FormatInt(at.UnixNano(), 36) }

// errTurnedBack: the stream was an older one, and is gone.
var errTurnedBack = errors.New("websocket: the stream had lost messages that were delivered")

// notTurnedBack returns nil if a stream still has, or had once, the message with that position and tag. Otherwise it makes sure
// that another stream takes its place, with another epoch.
func (b *Broker) notTurnedBack(ctx context.Context, log stream, at hub.Position, tag string) error {
	if at.Epoch != log.epoch || at.Offset == 0 {
		return nil // which is known to be another one
	}
	back, err := turnedBack(ctx, log.Stream, at.Offset, tag)
	if err == nil && back {
		if err = b.renounce(ctx, log); err == nil {
			err = errTurnedBack
		}
	}
	return err
}

// turnedBack reports whether a stream has less than what was delivered, or something else in its place. One on several servers
// has others to learn from what it has lost, and may need some time for that: it is only taken at its word.
func turnedBack(ctx context.Context, log jetstream.Stream, offset uint64, tag string) (bool, error) {
	msg, err := log.GetMsg(ctx, offset)
	if err == nil {
		return tag != "" && tag != tagOf(msg.Time), nil
	}
	if !errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, err
	}
	info, err := log.Info(ctx)
	if err != nil {
		return false, err
	}
	return info.Config.Replicas <= 1 && info.State.LastSeq < offset, nil
}

// renounce deletes a stream, so that the next one has another epoch.
func (b *Broker) renounce(ctx context.Context, log stream) error {
	if _, err := b.nextEpoch(ctx, log.epoch); err != nil { // or it would be made again with its own, if that is new
		return err
	}
	err := b.js.DeleteStream(ctx, b.streamName(log.epoch))
	b.forget(log)
	if errors.Is(err, jetstream.ErrStreamNotFound) { // another process has been faster
		return nil
	}
	return err
}
