package brokertest

import (
	"bytes"
	"fmt"
	"strings"
	"sync"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/hub"
)

func testFields(t *tester) {
	one, two := t.broker(), t.broker()
	for _, kind := range []string{"none", "kept"} {
		topic := t.topic(kind) + " *>\n/{x} 你好:"
		r := t.follow(two, topic)
		sent := []*hub.Message{
			{Topic: topic, Type: conn.Text, Data: []byte("你好\n\x00")},
			{Topic: topic, Type: conn.Binary, Data: []byte{0, 255, 10, 13}},
			{Topic: topic, Type: conn.Binary, Data: []byte{}},
			{Topic: topic, Type: conn.Text, Data: []byte("v"), Latest: true, Key: "a key\x00"},
			{Topic: topic, Type: conn.Text, Data: []byte("e"), Latest: true, Except: hub.Origin{Hub: 1<<53 - 1, Conn: 7}},
			{Topic: topic, Type: conn.Binary, Data: bytes.Repeat([]byte{1, 2, 3}, 70_000)},
		}
		for _, m := range sent {
			t.ok(one.Publish(t.ctx(), m))
		}
		got := r.got(len(sent))
		if kind == "kept" {
			got = append(got, t.history(two, topic, r.at).Messages...)
			sent = append(sent, sent...)
		}
		t.equal(len(sent), len(got))
		for i, m := range got {
			s := sent[i]
			t.equal([]any{s.Topic, s.Position, s.Type, s.Latest, s.Key, s.Except}, []any{m.Topic, m.Position, m.Type, m.Latest, m.Key, m.Except})
			t.check(bytes.Equal(s.Data, m.Data), "message %d has other data", i)
		}
	}
}

func testPositions(t *tester) {
	one, two := t.broker(), t.broker()
	topic := t.topic("kept")
	r := t.follow(two, topic)
	t.check(r.at.Epoch != 0, "a topic with history has a position from the beginning: %v", r.at)
	at := t.series(one, topic, 20)
	before := r.at
	for i, m := range r.got(20) {
		t.equal(at[i], m.Position)
		t.check(m.Position.Epoch == before.Epoch && m.Position.Offset > before.Offset, "%v is not after %v", m.Position, before)
		before = m.Position
	}
	t.equal(at[19], t.follow(one, topic).at)
	t.equal(at[19], t.history(one, topic, at[19]).Top)
}

// publishAll publishes from several goroutines by turns of the brokers, and returns how many there were.
func (t *tester) publishAll(topic string, brokers ...hub.Broker) int {
	const publishers, each = 6, 40
	var all sync.WaitGroup
	ctx := t.ctx()
	errs := make(chan error, publishers)
	for p := range publishers {
		all.Go(func() {
			for i := range each {
				m := &hub.Message{Topic: topic, Type: conn.Text, Data: fmt.Appendf(nil, "%d %d", p, i)}
				if err := brokers[p%len(brokers)].Publish(ctx, m); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		t.ok(err)
	}
	return publishers * each
}

// inOrder requires that the messages of each publisher came in order, each once.
func (t *tester) inOrder(all []string) {
	t.Helper()
	next := map[string]int{}
	for _, s := range all {
		who, i, _ := strings.Cut(s, " ")
		t.equal(fmt.Sprint(next[who]), i)
		next[who]++
	}
}

func testOrder(t *tester) {
	one, two := t.broker(), t.broker()
	topic := t.topic("kept")
	a, b := t.follow(one, topic), t.follow(two, topic)
	n := t.publishAll(topic, one, two)
	want := texts(t.history(one, topic, a.at).Messages)
	t.equal(n, len(want))
	t.inOrder(want)
	t.equal(want, texts(a.got(n)))
	t.equal(want, texts(b.got(n)))
}

func testOrderWithoutHistory(t *tester) {
	one, two := t.broker(), t.broker()
	topic := t.topic("none")
	a, b := t.follow(one, topic), t.follow(two, topic)
	n := t.publishAll(topic, one, two)
	for _, r := range []*recorder{a, b} {
		got := texts(r.got(n))
		t.equal(n, len(got))
		t.inOrder(got)
	}
}

func testHistory(t *tester) {
	b := t.broker()
	topic := t.topic("kept")
	start := t.follow(b, topic).at
	page := t.history(b, topic, start)
	t.check(page.Complete && len(page.Messages) == 0, "nothing was published: %+v", page)
	const n = 8
	at := append([]hub.Position{start}, t.series(b, topic, n)...)
	t.series(b, t.topic("kept")+".other", 3)
	for i, since := range at {
		page := t.history(b, topic, since)
		t.equal(numbers(i, n), texts(page.Messages))
		t.check(page.Complete && !page.More && page.Missed == 0, "from %d: %+v", i, page)
	}
	for _, last := range []int{0, 1, 3, n, n + 5} {
		page, err := b.History(t.ctx(), topic, hub.Query{Last: last})
		t.ok(err)
		t.equal(numbers(max(0, n-last), n), texts(page.Messages))
		t.equal(at[n], page.Top)
	}
}

func testPages(t *tester) {
	b := t.broker()
	topic := t.topic("kept")
	since := t.follow(b, topic).at
	t.series(b, topic, 10)
	var got []string
	for pages := 1; ; pages++ {
		page, err := b.History(t.ctx(), topic, hub.Query{Since: since, Limit: 3})
		t.ok(err)
		t.check(page.Complete && len(page.Messages) <= 3, "page %d: %+v", pages, page)
		got = append(got, texts(page.Messages)...)
		if !page.More {
			t.equal(4, pages)
			break
		}
		since = page.Messages[len(page.Messages)-1].Position
	}
	t.equal(numbers(0, 10), got)
}

func testCount(t *tester) {
	b := t.broker()
	topic := t.topic("count")
	const n = 3 * MaxMessages
	at := t.series(b, topic, n)
	page, err := b.History(t.ctx(), topic, hub.Query{Last: n})
	t.ok(err)
	t.equal(numbers(n-MaxMessages, n), texts(page.Messages))
	page = t.history(b, topic, at[n-MaxMessages-1])
	t.check(page.Complete, "all of the bound can be had: %+v", page)
	t.equal(numbers(n-MaxMessages, n), texts(page.Messages))
	page = t.history(b, topic, at[n-MaxMessages-3])
	t.check(!page.Complete && len(page.Messages) == 0, "some of it is gone: %+v", page)
	t.check(page.Missed == 0 || page.Missed == 2, "missed %d", page.Missed)
}

func testBytes(t *tester) {
	b := t.broker()
	topic := t.topic("bytes")
	var at []hub.Position
	for i := range 5 {
		at = append(at, t.publish(b, topic, fmt.Sprintf("%0300d", i)).Position)
	}
	page, err := b.History(t.ctx(), topic, hub.Query{Last: 5})
	t.ok(err)
	t.equal(3, len(page.Messages))
	t.check(t.history(b, topic, at[1]).Complete, "the last three")
	t.check(!t.history(b, topic, at[0]).Complete, "the last four are too much")
	large := t.publish(b, topic, strings.Repeat("x", 2*MaxBytes))
	page = t.history(b, topic, at[4])
	t.check(page.Complete && len(page.Messages) == 1, "one message is kept whatever its length: %+v", page)
	t.equal(large.Position, page.Messages[0].Position)
}

func testAge(t *tester) {
	b := t.broker()
	topic := t.topic("age")
	start := t.follow(b, topic).at
	at := t.series(b, topic, 3)
	t.poll("the end of messages", func() bool {
		page, err := b.History(t.ctx(), topic, hub.Query{Last: 3})
		t.ok(err)
		return len(page.Messages) == 0
	})
	page := t.history(b, topic, start)
	t.check(!page.Complete && len(page.Messages) == 0, "they are gone: %+v", page)
	last := t.publish(b, topic, "again").Position
	t.check(last.Epoch != at[2].Epoch || last.Offset > at[2].Offset, "positions go on: %v after %v", last, at[2])
}

func testUnknownPosition(t *tester) {
	b := t.broker()
	topic := t.topic("kept")
	at := t.series(b, topic, 3)[2]
	for _, since := range []hub.Position{{Epoch: at.Epoch + 1, Offset: at.Offset - 1}, {Epoch: at.Epoch, Offset: at.Offset + 1000}} {
		page := t.history(b, topic, since)
		t.check(!page.Complete && len(page.Messages) == 0, "%v: %+v", since, page)
		t.equal(at, page.Top)
	}
}

func testNoHistory(t *tester) {
	b := t.broker()
	topic := t.topic("none")
	r := t.follow(b, topic)
	t.check(r.at.IsZero(), "position %v", r.at)
	t.check(t.publish(b, topic, "x").Position.IsZero() && r.got(1)[0].Position.IsZero(), "a position")
	for _, q := range []hub.Query{{Last: 5}, {Since: hub.Position{Epoch: 1, Offset: 1}}} {
		page, err := b.History(t.ctx(), topic, q)
		t.ok(err)
		t.check(!page.Complete && page.Top.IsZero() && len(page.Messages) == 0, "%+v", page)
	}
}

// Whoever follows first and asks for the history then has everything: what is in both is known by its position.
func testJoin(t *tester) {
	one, two := t.broker(), t.broker()
	topic := t.topic("kept")
	start := t.follow(one, topic).at
	var publisher sync.WaitGroup
	ctx := t.ctx()
	const n = 200
	var failed error
	publisher.Go(func() {
		for i := range n {
			m := &hub.Message{Topic: topic, Type: conn.Text, Data: fmt.Append(nil, i)}
			if failed = one.Publish(ctx, m); failed != nil {
				return
			}
		}
	})
	for range 5 {
		r := t.follow(two, topic)
		page := t.history(two, topic, start)
		t.check(page.Complete, "%+v", page)
		got := texts(page.Messages)
		last := page.Top
		if len(page.Messages) > 0 {
			last = page.Messages[len(page.Messages)-1].Position
		}
		publisher.Wait()
		t.ok(failed)
		end := t.history(two, topic, start).Top
		r.until("the end", func() bool {
			return r.at == end || len(r.messages) > 0 && r.messages[len(r.messages)-1].Position == end
		})
		for _, m := range r.messages {
			if m.Position.Offset > last.Offset {
				got = append(got, string(m.Data))
			}
		}
		t.equal(numbers(0, n), got)
	}
}

func testStop(t *tester) {
	one, two := t.broker(), t.broker()
	for _, kind := range []string{"none", "kept"} {
		topic := t.topic(kind)
		a, b, c := t.follow(two, topic), t.follow(two, topic), t.follow(one, topic)
		t.publish(one, topic, "both")
		a.got(1)
		b.got(1)
		a.stop()
		a.stop()
		t.publish(one, topic, "one of them")
		b.got(2)
		c.got(2)
		t.equal(1, len(a.got(1)))
		b.stop()
		again := t.follow(two, topic)
		t.publish(one, topic, "again")
		t.equal([]string{"again"}, texts(again.got(1)))
	}
}
