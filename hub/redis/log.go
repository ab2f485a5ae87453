package redis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed60239977/websocket/hub"
)

// metaTime is for how long the epoch and the offset of a topic are known at least, after it was last used.
const metaTime = 24 * time.Hour

// publishScript appends a message and publishes it. KEYS: log, meta. ARGV: channel, record, candidate for a new epoch, nonce,
// size, messages, bytes, age and time of the meta data in milliseconds.
var publishScript = redis.NewScript(`
local epoch = redis.call('HGET', KEYS[2], 'e')
if not epoch then
  epoch = ARGV[3]
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[2], 'e', epoch, 'o', 0, 'b', 0)
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local offset = redis.call('HINCRBY', KEYS[2], 'o', 1)
redis.call('XADD', KEYS[1], string.format('%.0f-0', offset), 't', string.format('%.0f', now), 's', ARGV[5], 'n', ARGV[4], 'm', ARGV[2])
local count = redis.call('XLEN', KEYS[1])
local bytes = tonumber(ARGV[5])
if count > 1 then bytes = redis.call('HINCRBY', KEYS[2], 'b', ARGV[5]) end
while count > 1 and (count > tonumber(ARGV[6]) or bytes > tonumber(ARGV[7])) do
  local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  redis.call('XDEL', KEYS[1], oldest[1])
  count = count - 1
  bytes = bytes - oldest[2][4]
end
redis.call('HSET', KEYS[2], 'b', string.format('%.0f', bytes))
redis.call('PEXPIRE', KEYS[1], ARGV[8])
redis.call('PEXPIRE', KEYS[2], ARGV[9])
redis.call('PUBLISH', ARGV[1], string.format('m%s %.0f %s ', epoch, offset, ARGV[4]) .. ARGV[2])
return {epoch, offset}
`)

// historyScript reads the log. KEYS: log, meta. ARGV: candidate for a new epoch, first offset (” for none), count, last, time
// of the meta data in milliseconds. It returns the epoch, the last offset, the time, and entries.
var historyScript = redis.NewScript(`
local epoch = redis.call('HGET', KEYS[2], 'e')
if not epoch then
  epoch = ARGV[1]
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[2], 'e', epoch, 'o', 0, 'b', 0)
end
redis.call('PEXPIRE', KEYS[2], ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local entries = {}
if ARGV[2] ~= '' then
  entries = redis.call('XRANGE', KEYS[1], ARGV[2], '+', 'COUNT', ARGV[3])
elseif tonumber(ARGV[4]) > 0 then
  entries = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', ARGV[4])
end
return {epoch, redis.call('HGET', KEYS[2], 'o'), string.format('%.0f', now), entries}
`)

// renounceScript begins a new epoch, unless somebody else has. KEYS: meta. ARGV: epoch of before, candidate.
var renounceScript = redis.NewScript(`
if redis.call('HGET', KEYS[1], 'e') == ARGV[1] then redis.call('HSET', KEYS[1], 'e', ARGV[2]) end
return 0
`)

func newEpoch() uint64 { return 1 + rand.Uint64N(1<<53-1) }

func (b *Broker) metaTime(keep hub.Retention) int64 { return max(metaTime, 2*keep.Age).Milliseconds() }

// Publish sends m to all followers, at once with its history. Errors that wrap [hub.ErrRefused] are those that Redis has
// answered.
func (b *Broker) Publish(ctx context.Context, m *hub.Message) error {
	if err := b.usable(ctx); err != nil {
		return err
	}
	record := hub.AppendRecord(make([]byte, 0, len(m.Data)+64), m)
	keep := b.options.Retention(m.Topic).WithDefaults()
	if keep.Messages == 0 {
		return b.explain(ctx, b.publishOnly(ctx, b.key(m.Topic, ""), append([]byte("m0 0 0 "), record...)))
	}
	nonce := strconv.FormatUint(rand.Uint64(), 36)
	answer, err := publishScript.Run(ctx, b.client, []string{b.key(m.Topic, "log"), b.key(m.Topic, "meta")},
		b.key(m.Topic, ""), record, newEpoch(), nonce, len(m.Data),
		keep.Messages, keep.Bytes, keep.Age.Milliseconds(), b.metaTime(keep)).Slice()
	if err != nil {
		return b.explain(ctx, err)
	}
	m.Position, err = position(answer)
	return err
}

// publishOnlyScript KEYS: channel. ARGV: line.
var publishOnlyScript = redis.NewScript(`return redis.call('PUBLISH', KEYS[1], ARGV[1])`)

// publishOnly publishes to a channel. Any node of a Cluster would pass that on, and its client asks them by turns; but only
// what goes the same way stays in order, so it is the node of the topic here.
func (b *Broker) publishOnly(ctx context.Context, channel string, line []byte) error {
	if _, cluster := b.client.(*redis.ClusterClient); cluster {
		return publishOnlyScript.Run(ctx, b.client, []string{channel}, line).Err()
	}
	return b.client.Publish(ctx, channel, line).Err()
}

// errAnswer: the server is none that this package knows.
var errAnswer = errors.New("websocket: unexpected answer of Redis")

// position reads an epoch and an offset.
func position(answer []any) (p hub.Position, err error) {
	if len(answer) < 2 {
		return p, errAnswer
	}
	if p.Epoch, err = strconv.ParseUint(fmt.Sprint(answer[0]), 10, 64); err != nil {
		return hub.Position{}, errAnswer
	}
	if p.Offset, err = strconv.ParseUint(fmt.Sprint(answer[1]), 10, 64); err != nil {
		return hub.Position{}, errAnswer
	}
	return p, nil
}

// stored is an entry of a log.
type stored struct {
	*hub.Message
	nonce string
}

// excerpt is what historyScript has found.
type excerpt struct {
	top     hub.Position
	entries []stored // those that are not too old, oldest first
	more    bool     // there may be later ones
}

// read returns entries of a log: count of them from the offset first on, or if that is 0 the last ones.
func (b *Broker) read(ctx context.Context, topic string, keep hub.Retention, first uint64, count, last int) (x excerpt, err error) {
	from := ""
	if first > 0 {
		from = strconv.FormatUint(first, 10)
	}
	answer, err := historyScript.Run(ctx, b.client, []string{b.key(topic, "log"), b.key(topic, "meta")},
		newEpoch(), from, count, last, b.metaTime(keep)).Slice()
	if err != nil {
		return x, b.explain(ctx, err)
	}
	if x.top, err = position(answer); err != nil || len(answer) != 4 {
		return x, errAnswer
	}
	now, err := strconv.ParseInt(fmt.Sprint(answer[2]), 10, 64)
	rows, ok := answer[3].([]any)
	if err != nil || !ok {
		return x, errAnswer
	}
	x.more = first > 0 && len(rows) >= count
	for _, row := range rows {
		entry, at, err := parseEntry(row)
		if err != nil {
			return x, err
		}
		if now-at < keep.Age.Milliseconds() {
			entry.Topic, entry.Position.Epoch = topic, x.top.Epoch
			x.entries = append(x.entries, entry)
		}
	}
	if first == 0 {
		for i, j := 0, len(x.entries)-1; i < j; i, j = i+1, j-1 {
			x.entries[i], x.entries[j] = x.entries[j], x.entries[i]
		}
	}
	return x, nil
}

// parseEntry reads what XRANGE returns for one entry, and when it was published, in milliseconds.
func parseEntry(row any) (s stored, at int64, err error) {
	pair, ok := row.([]any)
	if !ok || len(pair) != 2 {
		return s, 0, errAnswer
	}
	fields, ok := pair[1].([]any)
	if !ok || len(fields) != 8 {
		return s, 0, errAnswer
	}
	id, _, _ := strings.Cut(text(pair[0]), "-")
	offset, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return s, 0, errAnswer
	}
	if at, err = strconv.ParseInt(text(fields[1]), 10, 64); err != nil {
		return s, 0, errAnswer
	}
	s.nonce = text(fields[5])
	if s.Message, err = hub.ParseRecord([]byte(text(fields[7]))); err != nil {
		return s, 0, err
	}
	s.Position.Offset = offset
	return s, at, nil
}

// text returns a string of an answer, or "" if it is something else.
func text(v any) string {
	s, _ := v.(string)
	return s
}

// unlimited is more entries than a log has.
const unlimited = 1 << 30

// History reads the stream of a topic.
func (b *Broker) History(ctx context.Context, topic string, q hub.Query) (hub.Page, error) {
	if err := b.usable(ctx); err != nil {
		return hub.Page{}, err
	}
	keep := b.options.Retention(topic).WithDefaults()
	if keep.Messages == 0 {
		return hub.Page{}, nil
	}
	count := unlimited
	if q.Limit > 0 {
		count = q.Limit + 1
	}
	first := uint64(0)
	if !q.Since.IsZero() {
		first = q.Since.Offset + 1
	}
	x, err := b.read(ctx, topic, keep, first, count, q.Last)
	if err != nil {
		return hub.Page{}, err
	}
	return x.page(q), nil
}

// page is the answer to a query.
func (x excerpt) page(q hub.Query) hub.Page {
	page := hub.Page{Top: x.top, Complete: true}
	if !q.Since.IsZero() {
		var ok bool
		if page.Missed, ok = x.missed(q.Since); !ok {
			page.Complete = false
			return page
		}
	}
	if q.Limit > 0 && len(x.entries) > q.Limit {
		x.entries, page.More = x.entries[:q.Limit], true
	}
	for _, e := range x.entries {
		page.Messages = append(page.Messages, e.Message)
	}
	return page
}

// missed reports whether the entries go on where since ends, and if not, how many are missing if that is known.
func (x excerpt) missed(since hub.Position) (n uint64, ok bool) {
	if since.Epoch != x.top.Epoch || since.Offset > x.top.Offset {
		return 0, false
	}
	next := x.top.Offset + 1
	if len(x.entries) > 0 {
		next = x.entries[0].Position.Offset
	}
	n = next - since.Offset - 1
	return n, n == 0
}

// parseLine reads what was published to a channel: a message with its position and nonce.
func parseLine(line []byte) (s stored, err error) {
	parts := bytes.SplitN(line, []byte(" "), 4)
	if len(parts) != 4 || len(parts[0]) == 0 {
		return s, errAnswer
	}
	at, err := position([]any{string(parts[0][1:]), string(parts[1])})
	if err != nil {
		return s, err
	}
	if s.Message, err = hub.ParseRecord(parts[3]); err != nil {
		return s, err
	}
	s.nonce, s.Position = string(parts[2]), at
	return s, nil
}
