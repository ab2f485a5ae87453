package brokertest

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/hub"
)

// present returns who is there, sorted, once that has so many.
func (t *tester) present(b hub.Broker, topic string, n int) (all []hub.Presence) {
	t.Helper()
	t.poll("those present", func() bool {
		var err error
		all, err = b.Present(t.ctx(), topic)
		t.ok(err)
		return len(all) == n
	})
	slices.SortFunc(all, func(a, b hub.Presence) int { return strings.Compare(a.ID, b.ID) })
	count, err := b.CountPresent(t.ctx(), topic)
	t.ok(err)
	t.equal(n, count)
	return all
}

// enter makes somebody present.
func (t *tester) enter(b hub.Broker, topic, id, value string) (leave func()) {
	t.Helper()
	leave, err := b.Enter(t.ctx(), topic, hub.Presence{ID: id, Value: value})
	t.ok(err)
	return leave
}

// saw waits for an event.
func (r *recorder) saw(e hub.PresenceEvent) {
	r.t.Helper()
	r.until("presence", func() bool { return slices.Contains(r.events, e) })
}

func testPresence(t *tester) {
	one, two := t.broker(), t.broker()
	for _, kind := range []string{"none", "kept"} {
		topic := t.topic(kind) + " *>\n{x}"
		r := t.follow(two, topic)
		ada, ben := hub.Presence{ID: "1 *>{}", Value: "Ada 你好"}, hub.Presence{ID: "2", Value: ""}
		leave := t.enter(one, topic, ada.ID, ada.Value)
		r.saw(hub.PresenceEvent{Presence: ada})
		t.enter(two, topic, ben.ID, ben.Value)
		r.saw(hub.PresenceEvent{Presence: ben})
		t.enter(two, topic+".other", "3", "")
		for _, b := range []hub.Broker{one, two} {
			t.equal([]hub.Presence{ada, ben}, t.present(b, topic, 2))
		}
		leave()
		leave()
		r.until("Ada to leave", func() bool {
			return slices.ContainsFunc(r.events, func(e hub.PresenceEvent) bool { return e.Left && e.ID == ada.ID })
		})
		t.equal([]hub.Presence{ben}, t.present(one, topic, 1))
	}
}

func testReplaced(t *tester) {
	one, two := t.broker(), t.broker()
	topic := t.topic("none")
	r := t.follow(one, topic)
	leave := t.enter(one, topic, "1", "before")
	r.saw(hub.PresenceEvent{Presence: hub.Presence{ID: "1", Value: "before"}})
	again := t.enter(two, topic, "1", "after")
	r.saw(hub.PresenceEvent{Presence: hub.Presence{ID: "1", Value: "after"}})
	leave()
	fence := t.enter(one, topic, "2", "")
	r.saw(hub.PresenceEvent{Presence: hub.Presence{ID: "2"}})
	t.equal([]hub.Presence{{ID: "1", Value: "after"}, {ID: "2"}}, t.present(two, topic, 2))
	again()
	fence()
	t.present(one, topic, 0)
}

// calls are all methods that take a context.
func (t *tester) calls(b hub.Broker, topic string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Publish": func(ctx context.Context) error {
			return b.Publish(ctx, &hub.Message{Topic: topic, Type: conn.Text, Data: []byte("x")})
		},
		"Follow":  func(ctx context.Context) error { _, _, err := b.Follow(ctx, topic, &recorder{}); return err },
		"History": func(ctx context.Context) error { _, err := b.History(ctx, topic, hub.Query{Last: 1}); return err },
		"Enter":   func(ctx context.Context) error { _, err := b.Enter(ctx, topic, hub.Presence{ID: "x"}); return err },
		"Present": func(ctx context.Context) error { _, err := b.Present(ctx, topic); return err },
		"CountPresent": func(ctx context.Context) error {
			_, err := b.CountPresent(ctx, topic)
			return err
		},
	}
}

func testContext(t *tester) {
	b := t.broker()
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for _, kind := range []string{"none", "kept"} {
		topic := t.topic(kind)
		for name, call := range t.calls(b, topic) {
			err := call(over)
			t.check(errors.Is(err, context.Canceled), "%s: %v", name, err)
		}
		r := t.follow(b, topic)
		t.publish(b, topic, "it goes on")
		t.equal([]string{"it goes on"}, texts(r.got(1)))
	}
}

func testClose(t *tester) {
	one := t.broker()
	two := t.b.New(t.T)
	shared := one == two // in memory
	topic := t.topic("kept")
	t.enter(two, topic, "1", "")
	t.ok(two.Close())
	t.ok(two.Close())
	for name, call := range t.calls(two, topic) {
		err := call(t.ctx())
		t.check(errors.Is(err, hub.ErrBrokerClosed), "%s: %v", name, err)
	}
	if !shared {
		t.present(one, topic, 0)
	}
}

func testKill(t *tester) {
	if t.b.Kill == nil {
		return // it has no process of its own
	}
	one, two := t.broker(), t.broker()
	topic := t.topic("none")
	r := t.follow(one, topic)
	t.enter(one, topic, "stays", "")
	t.enter(two, topic, "dies", "")
	t.present(one, topic, 2)
	t.b.Kill(t.T, two)
	r.until("the end of who has died", func() bool {
		return slices.ContainsFunc(r.events, func(e hub.PresenceEvent) bool { return e.Left && e.ID == "dies" })
	})
	t.equal([]hub.Presence{{ID: "stays"}}, t.present(one, topic, 1))
	r.until("who is renewed to be there", func() bool {
		for _, e := range slices.Backward(r.events) {
			if e.ID == "stays" {
				return !e.Left // a machine that was held up for longer than that renews it again
			}
		}
		return true
	})
}

func testLose(t *tester) {
	if t.b.Lose == nil {
		return // it has nothing but the memory of this process
	}
	one, two := t.broker(), t.broker()
	topic := t.topic("kept")
	r := t.follow(two, topic)
	t.enter(one, topic, "1", "")
	at := t.series(one, topic, 5)[4]
	r.got(5)
	t.b.Lose(t.T)
	var m *hub.Message
	t.poll("the broker to accept messages again", func() bool {
		m = &hub.Message{Topic: topic, Type: conn.Text, Data: []byte("after")}
		return one.Publish(t.ctx(), m) == nil
	})
	t.check(m.Position.Epoch != at.Epoch, "the epoch is the same: %v", m.Position)
	r.until("what came after", func() bool {
		return len(r.gaps) > 0 && r.gaps[len(r.gaps)-1].Epoch == m.Position.Epoch
	})
	page := t.history(two, topic, at)
	t.check(!page.Complete, "positions of before are worth nothing: %+v", page)
	t.equal([]hub.Presence{{ID: "1"}}, t.present(two, topic, 1))
	t.publish(one, topic, "last")
	r.until("what comes last", func() bool { return string(r.messages[len(r.messages)-1].Data) == "last" })
}
