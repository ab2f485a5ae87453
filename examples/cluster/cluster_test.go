package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/hub"
)

func TestMain(m *testing.M) {
	if os.Getenv(asWorker) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// running is a cluster.
type running struct {
	t     *testing.T
	lines chan string
	addr  string
	pids  map[string]int // by process
	stop  context.CancelFunc
	ended chan error
}

var processLine = regexp.MustCompile(`^process (\d+) is (\d+), at (\S+)$`)

func start(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	out, in := io.Pipe()
	r := &running{t: t, lines: make(chan string, 1000), pids: map[string]int{}, stop: stop, ended: make(chan error, 1)}
	go func() {
		r.ended <- run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), in)
		in.Close()
	}()
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			r.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-r.ended)
	})
	for r.addr == "" {
		r.line()
	}
	return r
}

// line takes note of one line of output.
func (r *running) line() {
	r.t.Helper()
	select {
	case line := <-r.lines:
		if m := processLine.FindStringSubmatch(line); m != nil {
			pid, err := strconv.Atoi(m[2])
			require.NoError(r.t, err)
			r.pids[m[1]] = pid
		}
		if addr, ok := strings.CutPrefix(line, "listening on "); ok {
			r.addr = addr
		}
	case err := <-r.ended:
		require.NoError(r.t, err)
	case <-time.After(time.Minute):
		require.Fail(r.t, "the cluster says nothing")
	}
}

// guest is what a page does, in short.
type guest struct {
	t    *testing.T
	c    *websocket.Conn
	at   hub.Position
	said []string
}

// enter connects to the cluster, and returns when the guest has heard what was missed.
func (g *guest) enter(addr string) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), time.Minute)
	defer cancel()
	for g.visit(addr) != nil {
		require.NoError(g.t, ctx.Err())
		<-time.After(50 * time.Millisecond)
	}
}

// visit connects, and reads what was missed.
func (g *guest) visit(addr string) error {
	c, _, err := websocket.Dial(g.t.Context(), "ws://"+addr+"/ws", nil)
	if err != nil {
		return err
	}
	g.c = c
	g.t.Cleanup(func() { c.CloseNow() })
	subscribe := hub.Item{Kind: hub.KindSubscribe, Topic: "said.lobby", Position: g.at, Last: 50}
	for _, request := range [][]byte{[]byte(`{"type":"join","room":"lobby","name":"Ada"}`), hub.JSONEnvelope.Append(nil, subscribe)} {
		if err := c.Write(g.t.Context(), websocket.Text, request); err != nil {
			return err
		}
	}
	return g.hear(func(e event) bool { return e.Type == subscribed })
}

// subscribed is the type of an event that is the answer to a subscription.
const subscribed = "subscribed"

// event is what a guest hears.
type event struct {
	Type    string
	Message struct{ Text string }
}

// hear reads until an event comes, or the connection ends.
func (g *guest) hear(until func(event) bool) error {
	for {
		typ, data, err := g.c.Read(g.t.Context())
		if err != nil {
			return err
		}
		if i, err := hub.JSONEnvelope.Parse(typ, data); err == nil {
			if data = i.Data; i.Kind == hub.KindSubscribed {
				data = []byte(`{"type":"` + subscribed + `"}`)
			}
			if !i.Position.IsZero() {
				g.at = i.Position
			}
		}
		var e event
		require.NoError(g.t, json.Unmarshal(data, &e))
		if e.Type == "said" {
			g.said = append(g.said, e.Message.Text)
		}
		if until(e) {
			return nil
		}
	}
}

// has waits until the guest has heard a text. If it is lost, the guest comes back.
func (g *guest) has(addr, text string) {
	g.t.Helper()
	for !slices.Contains(g.said, text) {
		if g.hear(func(e event) bool { return e.Message.Text == text }) != nil {
			g.enter(addr)
		}
	}
}

// say says a text, again if it has not arrived: that is known once the guest is back.
func (g *guest) say(addr, text string) {
	g.t.Helper()
	for !slices.Contains(g.said, text) {
		err := g.c.Write(g.t.Context(), websocket.Text, []byte(`{"type":"say","id":"`+text+`","text":"`+text+`"}`))
		if err == nil {
			err = g.hear(func(e event) bool { return e.Message.Text == text })
		}
		if err != nil {
			g.enter(addr)
		}
	}
}

func TestGuestsMissNothingWhateverProcessIsKilled(t *testing.T) {
	r := start(t)
	require.Len(t, r.pids, 3)
	ada, ben := &guest{t: t}, &guest{t: t}
	ada.enter(r.addr)
	ben.enter(r.addr)
	var want []string
	say := func(text string) {
		want = append(want, text)
		ada.say(r.addr, text)
	}
	say("before")
	// One process after the other: each of the guests is on one of them.
	for _, name := range slices.Sorted(maps.Keys(r.pids)) {
		pid := r.pids[name]
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		say("without " + name)
		for r.pids[name] == pid {
			r.line()
		}
	}
	say("after")
	ben.has(r.addr, "after")
	require.Equal(t, want, ada.said)
	require.Equal(t, want, ben.said)
}

func TestMistakesAreTold(t *testing.T) {
	_, err := dial("http://x")
	require.ErrorContains(t, err, "http://x")
	_, err = dial("redis://localhost:x")
	require.Error(t, err)
	require.Error(t, run(t.Context(), []string{"-nonsense"}, io.Discard))
	require.Error(t, run(t.Context(), []string{"-addr", "nonsense", "-broker", "redis://127.0.0.1:1"}, io.Discard))
}
