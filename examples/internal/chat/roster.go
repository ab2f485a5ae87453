package chat

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/wsjson"
)

// roster tells the guests of this process who is in their room, whenever that has changed. Changes that come while it is at
// work are told together.
type roster struct {
	hub *hub.Hub

	mu    sync.Mutex
	dirty map[string]struct{} // topics
	busy  bool
	work  sync.WaitGroup // the goroutine, while there is one
}

func (r *roster) changed(topic string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dirty == nil {
		r.dirty = map[string]struct{}{}
	}
	r.dirty[topic] = struct{}{}
	if !r.busy {
		r.busy = true
		r.work.Go(r.run)
	}
}

func (r *roster) run() {
	for {
		r.mu.Lock()
		topics := slices.Collect(maps.Keys(r.dirty))
		clear(r.dirty)
		r.busy = len(topics) > 0
		r.mu.Unlock()
		if len(topics) == 0 {
			return
		}
		for _, topic := range topics {
			r.tell(topic)
		}
	}
}

// tell tells those in a room who is there. If the broker does not answer, it has to come back, and says then who is there.
func (r *roster) tell(topic string) {
	ctx, cancel := context.WithTimeout(context.Background(), brokerTime)
	defer cancel()
	there, err := r.hub.Present(ctx, topic)
	if err != nil {
		return
	}
	var names []string
	for _, p := range there {
		names = append(names, p.Value)
	}
	slices.Sort(names)
	e := event{Type: "people", Room: strings.TrimPrefix(topic, saidTopic), People: slices.Compact(names)}
	if p, err := wsjson.Prepare(e); err == nil {
		_ = r.hub.PublishHere(ctx, topic, p) // which fails only at the end
	}
}
