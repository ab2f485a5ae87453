package brokertest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/hub"
)

// Server is a server whose faults are tested. It keeps its data when it crashes.
type Server struct {
	Addr  string                                     // host and port
	Open  func(t *testing.T, addr string) hub.Broker // another broker, on the server or a [Link] to it
	Kill  func()                                     // ends the server as a crash does
	Start func()                                     // starts it again, on the same address; returns when it answers
}

// RunFaults tests what brokers do when the network or the server fails. Each test gets a server of its own.
func RunFaults(t *testing.T, newServer func(t *testing.T) Server) {
	for _, test := range []struct {
		name string
		run  func(*tester, Server)
	}{
		{"nothing is lost when the network is cut", testCut},
		{"nothing is lost when the network stalls", testStall},
		{"nothing is lost when the server crashes", testCrash},
		{"a server that is not there is no reason to wait for longer", testAbsent},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			test.run(&tester{T: t, b: Broker{New: func(t *testing.T) hub.Broker { return s.Open(t, s.Addr) }}}, s)
		})
	}
}

// say publishes, and tries again as long as the broker refuses: that is one that has not come back yet.
func (t *tester) say(b hub.Broker, topic, text string) {
	t.Helper()
	t.poll("the broker to accept "+text, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		err := b.Publish(ctx, &hub.Message{Topic: topic, Type: conn.Text, Data: []byte(text)})
		if err != nil && !errors.Is(err, hub.ErrRefused) {
			t.Logf("publishing %s: %v", text, err)
		}
		return err == nil
	})
}

// hears requires that exactly these texts have come, and nothing was lost.
func (r *recorder) hears(want ...string) {
	r.t.Helper()
	got := r.got(len(want))
	r.t.equal(want, texts(got))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.t.check(len(r.gaps) == 0, "gaps: %v", r.gaps)
}

func testCut(t *tester, s Server) {
	link := NewLink(t, s.Addr)
	near, far := t.broker(), s.Open(t.T, link.Addr())
	t.Cleanup(func() { far.Close() })
	r := t.follow(far, "kept.x")
	t.say(near, "kept.x", "before")
	want := []string{"before"}
	r.hears(want...)
	for n := range 3 {
		link.Cut()
		text := fmt.Sprint("meanwhile ", n)
		t.say(near, "kept.x", text)
		want = append(want, text)
		r.hears(want...)
	}
	r.until("to hear that events of presence may be missing", func() bool {
		return len(r.events) > 0 && r.events[0].ID == ""
	})
}

func testStall(t *tester, s Server) {
	link := NewLink(t, s.Addr)
	near, far := t.broker(), s.Open(t.T, link.Addr())
	t.Cleanup(func() { far.Close() })
	r := t.follow(far, "kept.x")
	before := link.Accepted()
	link.Stall()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	err := far.Publish(ctx, &hub.Message{Topic: "none.x", Type: conn.Text, Data: []byte("stalled")})
	t.check(errors.Is(err, context.DeadlineExceeded) || errors.Is(err, hub.ErrRefused), "error: %v", err) // refused if it has been given up by now
	t.say(near, "kept.x", "meanwhile")
	t.poll("the broker to give up its connection", func() bool { return link.Accepted() > before })
	link.Cut()
	link.Resume()
	r.hears("meanwhile")
	t.say(far, "kept.x", "after")
	r.hears("meanwhile", "after")
}

func testCrash(t *tester, s Server) {
	one, two := t.broker(), t.broker()
	r := t.follow(one, "kept.x")
	t.enter(two, "kept.x", "1", "")
	t.say(two, "kept.x", "before")
	r.hears("before")
	s.Kill()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	t.check(two.Publish(ctx, &hub.Message{Topic: "kept.x", Type: conn.Text, Data: []byte("refused")}) != nil, "there is no server")
	s.Start()
	t.say(two, "kept.x", "after")
	r.hears("before", "after")
	t.poll("presence to be renewed", func() bool {
		n, err := one.CountPresent(t.ctx(), "kept.x")
		return err == nil && n == 1
	})
}

func testAbsent(t *tester, s Server) {
	s.Kill()
	b := t.broker()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	for name, call := range t.calls(b, "kept.x") {
		began := time.Now()
		err := call(ctx)
		t.check(err != nil, "%s has no server", name)
		t.check(time.Since(began) < Patience, "%s took %v", name, time.Since(began))
	}
	t.ok(b.Close())
	s.Start()
}
