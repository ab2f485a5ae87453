package redis

import (
	"context"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/seed60239977/websocket/hub"
)

// helpers of the scripts: now is the time in milliseconds. A value of the hash is an owner, a space, and the value.
const helpers = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function owner(v) return string.sub(v, 1, string.find(v, ' ', 1, true) - 1) end
local function value(v) return string.sub(v, string.find(v, ' ', 1, true) + 1) end
local function line(sign, id, v)
  local n, size = #id, ''
  while n >= 128 do
    size = size .. string.char(n % 128 + 128)
    n = math.floor(n / 128)
  end
  return 'p' .. sign .. size .. string.char(n) .. id .. v
end
`

// enterScript KEYS: present, expiry. ARGV: channel, time to live, id, owner and value.
var enterScript = redis.NewScript(helpers + `
local old = redis.call('HGET', KEYS[1], ARGV[3])
redis.call('HSET', KEYS[1], ARGV[3], ARGV[4])
redis.call('ZADD', KEYS[2], now + ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], 4 * ARGV[2])
redis.call('PEXPIRE', KEYS[2], 4 * ARGV[2])
if not old or value(old) ~= value(ARGV[4]) then
  redis.call('PUBLISH', ARGV[1], line('+', ARGV[3], value(ARGV[4])))
end
return 0
`)

// renewScript renews entries, and takes out those that have expired. KEYS: present, expiry. ARGV: channel, time to live, and
// for each entry id, and owner and value.
var renewScript = redis.NewScript(helpers + `
for i = 3, #ARGV, 2 do
  local id, v = ARGV[i], ARGV[i + 1]
  local old = redis.call('HGET', KEYS[1], id)
  if not old or owner(old) == owner(v) then
    redis.call('ZADD', KEYS[2], now + ARGV[2], id)
    if not old then
      redis.call('HSET', KEYS[1], id, v)
      redis.call('PUBLISH', ARGV[1], line('+', id, value(v)))
    end
  end
end
local gone = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now)
for _, id in ipairs(gone) do
  local old = redis.call('HGET', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
  if old then
    redis.call('HDEL', KEYS[1], id)
    redis.call('PUBLISH', ARGV[1], line('-', id, value(old)))
  end
end
redis.call('PEXPIRE', KEYS[1], 4 * ARGV[2])
redis.call('PEXPIRE', KEYS[2], 4 * ARGV[2])
return 0
`)

// leaveScript KEYS: present, expiry. ARGV: channel, id, owner and value.
var leaveScript = redis.NewScript(helpers + `
local old = redis.call('HGET', KEYS[1], ARGV[2])
if old and owner(old) == owner(ARGV[3]) then
  redis.call('HDEL', KEYS[1], ARGV[2])
  redis.call('ZREM', KEYS[2], ARGV[2])
  redis.call('PUBLISH', ARGV[1], line('-', ARGV[2], value(old)))
end
return 0
`)

// presentScript returns ids and values of those who have not expired. KEYS: present, expiry.
var presentScript = redis.NewScript(helpers + `
local found = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], string.format('(%.0f', now), '+inf')) do
  local v = redis.call('HGET', KEYS[1], id)
  if v then
    found[#found + 1] = id
    found[#found + 1] = value(v)
  end
end
return found
`)

// countScript KEYS: expiry.
var countScript = redis.NewScript(helpers + `return redis.call('ZCOUNT', KEYS[1], string.format('(%.0f', now), '+inf')`)

// parseEvent reads what is published when somebody comes or goes.
func parseEvent(line string) (e hub.PresenceEvent, ok bool) {
	if len(line) < 2 || line[0] != 'p' {
		return e, false
	}
	p, err := hub.ParsePresence([]byte(line[2:]))
	return hub.PresenceEvent{Presence: p, Left: line[1] == '-'}, err == nil
}

// entry is somebody who has entered through this broker.
type entry struct {
	topic, id string
	value     string // with the owner
}

func (b *Broker) presenceKeys(topic string) []string {
	return []string{b.key(topic, "present"), b.key(topic, "expiry")}
}

// Enter adds to the hash of those present.
func (b *Broker) Enter(ctx context.Context, topic string, p hub.Presence) (leave func(), err error) {
	if err := b.usable(ctx); err != nil {
		return nil, err
	}
	e := &entry{topic, p.ID, token() + " " + p.Value}
	err = enterScript.Run(ctx, b.client, b.presenceKeys(topic), b.key(topic, ""), b.options.PresenceTTL.Milliseconds(), e.id, e.value).Err()
	if err != nil {
		return nil, b.explain(ctx, err)
	}
	if !b.keeper.Add(e) || !b.keeper.Start(b.ctx, &b.work) {
		return nil, hub.ErrBrokerClosed
	}
	return func() { b.keeper.Remove(e) }, nil
}

// leave takes entries out. What fails is not renewed, and expires.
func (b *Broker) leave(ctx context.Context, entries []*entry) {
	for batch := range slices.Chunk(entries, 100) {
		_, _ = b.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for _, e := range batch {
				leaveScript.Eval(ctx, pipe, b.presenceKeys(e.topic), b.key(e.topic, ""), e.id, e.value)
			}
			return nil
		})
	}
}

// renew renews all entries, and looks for those that have expired in their topics and in those that are followed.
func (b *Broker) renew(entries []*entry) {
	args := map[string][]any{}
	for _, t := range b.feed.all() {
		if t.presence.Load() {
			args[t.name] = nil
		}
	}
	for _, e := range entries {
		args[e.topic] = append(args[e.topic], e.id, e.value)
	}
	ttl := b.options.PresenceTTL.Milliseconds()
	const most = 1000 // arguments of one call, an even number
	for topic, entries := range args {
		for ok := true; ok; ok = len(entries) > 0 {
			now := entries[:min(most, len(entries))]
			entries = entries[len(now):]
			// What fails now is renewed next time: twice may fail before anybody is gone.
			_ = renewScript.Run(b.ctx, b.client, b.presenceKeys(topic), append([]any{b.key(topic, ""), ttl}, now...)...).Err()
		}
	}
}

// noticed keeps in mind that somebody is present in a topic, so that it is noticed when they expire.
func (b *Broker) noticed(topic string) {
	if t := b.feed.find(b.key(topic, "")); t != nil {
		t.presence.Store(true)
	}
	b.keeper.Start(b.ctx, &b.work)
}

// Present returns who is in a topic.
func (b *Broker) Present(ctx context.Context, topic string) ([]hub.Presence, error) {
	if err := b.usable(ctx); err != nil {
		return nil, err
	}
	found, err := presentScript.Run(ctx, b.client, b.presenceKeys(topic)).StringSlice()
	if err != nil {
		return nil, b.explain(ctx, err)
	}
	all := make([]hub.Presence, 0, len(found)/2)
	for i := 0; i+1 < len(found); i += 2 {
		all = append(all, hub.Presence{ID: found[i], Value: found[i+1]})
	}
	if len(all) > 0 {
		b.noticed(topic)
	}
	slices.SortFunc(all, func(a, b hub.Presence) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

// CountPresent asks Redis for the number alone.
func (b *Broker) CountPresent(ctx context.Context, topic string) (int, error) {
	if err := b.usable(ctx); err != nil {
		return 0, err
	}
	n, err := countScript.Run(ctx, b.client, []string{b.key(topic, "expiry")}).Int()
	if err != nil {
		return 0, b.explain(ctx, err)
	}
	if n > 0 {
		b.noticed(topic)
	}
	return n, nil
}
