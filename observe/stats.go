package observe

import (
	"maps"
	"time"

	"github.com/seed60239977/websocket/conn"
)

// Stats has what [Counters] has counted up to some moment. All of it but Open only grows.
type Stats struct {
	Open   int64  `json:"open"`   // connections that have not ended
	Opened uint64 `json:"opened"` // connections, of either role
	Ended  uint64 `json:"ended"`  // of these

	Accepted    uint64         `json:"accepted"`     // handshakes that a server has accepted
	Refused     map[int]uint64 `json:"refused"`      // those that failed, by the status of the response; 0 if there was none
	Dialed      uint64         `json:"dialed"`       // handshakes in which a client has succeeded
	DialsFailed map[int]uint64 `json:"dials_failed"` // and failed, by the status of the response; 0 if there was none
	Handshakes  Durations      `json:"handshakes"`   // how long all of them took

	Received Traffic `json:"received"` // messages that have come
	Sent     Traffic `json:"sent"`     // messages that were accepted for sending

	RoundTrips Durations `json:"round_trips"` // of pings
	QueueFull  uint64    `json:"queue_full"`  // messages, pings and pongs that Send and its like have refused
	SlowWrites Durations `json:"slow_writes"` // see Observer.Slow

	EndedByPeer  uint64                     `json:"ended_by_peer"` // connections
	EndedCleanly uint64                     `json:"ended_cleanly"` // with the closing handshake
	Codes        map[conn.StatusCode]uint64 `json:"codes"`         // with which connections have ended; 0 for those beyond the first 64
}

// Traffic has the messages of one direction, Text and Binary.
type Traffic struct {
	Text   Amount `json:"text"`
	Binary Amount `json:"binary"`
}

// Total returns text and binary together.
func (t Traffic) Total() Amount {
	return Amount{t.Text.Messages + t.Binary.Messages, t.Text.Bytes + t.Binary.Bytes, t.Text.Packed + t.Binary.Packed}
}

// Amount is a number of Messages, and their total length.
type Amount struct {
	Messages uint64 `json:"messages"`
	Bytes    uint64 `json:"bytes"`  // as the application has them
	Packed   uint64 `json:"packed"` // as they travel: compressed, without the headers of frames
}

// Durations says how often something took time (Count), how much in total (Total), and the longest time (Worst).
type Durations struct {
	Count uint64        `json:"count"`
	Total time.Duration `json:"total_ns"`
	Worst time.Duration `json:"worst_ns"`
}

// Mean returns the average, or 0 if there is none.
func (d Durations) Mean() time.Duration {
	if d.Count == 0 {
		return 0
	}
	return d.Total / time.Duration(d.Count)
}

// Stats returns what was counted so far. What happens during the call may be included or not.
func (c *Counters) Stats() Stats {
	s := Stats{
		Ended:    c.ended.Load(), // before Opened, so that Open is never negative
		Opened:   c.opened.Load(),
		Accepted: c.accepted.Load(), Dialed: c.dialed.Load(), Handshakes: c.handshakes.stats(),
		RoundTrips: c.roundTrips.stats(), QueueFull: c.queueFull.Load(), SlowWrites: c.slow.stats(),
		EndedByPeer: c.remote.Load(), EndedCleanly: c.clean.Load(),
	}
	s.Open = int64(s.Opened - s.Ended)
	for i := range c.shards {
		by := &c.shards[i].by
		by[received][0].addTo(&s.Received.Text)
		by[received][1].addTo(&s.Received.Binary)
		by[sent][0].addTo(&s.Sent.Text)
		by[sent][1].addTo(&s.Sent.Binary)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Refused, s.DialsFailed, s.Codes = maps.Clone(c.refusals), maps.Clone(c.failures), maps.Clone(c.codes)
	return s
}

func (t *traffic) addTo(a *Amount) {
	bytes := t.bytes.Load()
	a.Messages += t.messages.Load()
	a.Bytes += bytes
	a.Packed += uint64(max(0, int64(bytes)-t.saved.Load()))
}

func (d *durations) stats() Durations {
	return Durations{d.count.Load(), time.Duration(d.total.Load()), time.Duration(d.worst.Load())}
}
