package nats

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/seed60239977/websocket/hub"
)

// What is kept of a topic is counted from its end, and how many bytes there are up to there, only reading tells. So the first page
// that somebody asks for takes reading all. The next ones go on where a page was cut off, from where all was kept a moment ago.

// cut is where a page has ended that was cut off.
type cut struct {
	topic string
	at    hub.Position // of its last message
}

// cuts remembers cuts. The zero value has none.
type cuts struct {
	mu    sync.Mutex
	since map[cut]time.Time
}

const (
	maxCuts = 1024        // that are remembered
	cutTime = time.Minute // for how long: whoever takes a page more slowly has all read again
)

func (c *cuts) add(at cut, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.since) >= maxCuts {
		for at, since := range c.since {
			if now.Sub(since) >= cutTime {
				delete(c.since, at)
			}
		}
		if len(c.since) >= maxCuts {
			clear(c.since)
		}
	}
	if c.since == nil {
		c.since = map[cut]time.Time{}
	}
	c.since[at] = now
}

func (c *cuts) has(at cut, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	since, ok := c.since[at]
	return ok && now.Sub(since) < cutTime
}

// everything is the retention of a caller that keeps what there is.
var everything = hub.Retention{Messages: math.MaxInt, Age: math.MaxInt64, Bytes: math.MaxInt}

// nextPage is page for a query that goes on where one was cut off, or in a topic whose bytes have no bound. It reads no more
// messages than it returns, and the one at Since. It reports false if it cannot tell: then all has to be read.
func (b *Broker) nextPage(ctx context.Context, log stream, topic string, q hub.Query) (page hub.Page, ok bool, err error) {
	now, keep := time.Now(), b.retention(topic)
	if q.Limit <= 0 || q.Since.Offset == 0 || q.Since.Epoch != log.epoch ||
		keep.Bytes < math.MaxInt && !b.cuts.has(cut{topic, q.Since}, now) {
		return page, false, nil
	}
	x, err := b.readMost(ctx, log, topic, q.Since.Offset, q.Limit+1, everything)
	if err != nil || !x.since {
		return page, false, err
	}
	follow := x.pending - 1
	if follow > keep.Messages || len(x.entries) != min(follow, q.Limit) || follow > 0 && now.Sub(x.entries[0].at) >= keep.Age {
		return page, false, nil
	}
	page = hub.Page{Complete: true, More: follow > q.Limit, Top: hub.Position{Epoch: log.epoch, Offset: x.last}}
	for _, s := range x.entries {
		page.Messages = append(page.Messages, s.Message)
	}
	if page.More {
		b.cuts.add(cut{topic, page.Messages[q.Limit-1].Position}, now)
		page.Top, _, err = b.last(ctx, log, topic)
	}
	return page, err == nil, err
}
