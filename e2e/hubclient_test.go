package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/hub"
)

// hubSite is a hub, and a page at / with the examples' client of it, which keeps all that it hears.
type hubSite struct {
	t     *testing.T
	hub   *hub.Hub
	conns websocket.Registry
	url   string
}

func newHubSite(t *testing.T) *hubSite {
	t.Helper()
	client, err := os.ReadFile("../examples/internal/chat/hub.js")
	require.NoError(t, err)
	s := &hubSite{t: t, hub: hub.New(&hub.Options{
		Envelope: hub.JSONEnvelope,
		Broker: hub.NewMemory(func(topic string) hub.Retention {
			if topic == "short" {
				return hub.Retention{Messages: 3}
			}
			return hub.Retention{Messages: 1000}
		}),
	})}
	mux := http.NewServeMux()
	mux.Handle("/ws", websocket.Handler(s.serve, &websocket.AcceptOptions{Registry: &s.conns}))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `<!doctype html><title>hub</title><script>
			%s
			const got = [], answers = []
			const hub = new HubClient(location.origin.replace(/^http/, 'ws') + '/ws')
			hub.onmessage = (topic, data) => got.push(data)
			hub.onsubscribed = (topic, recovered, missed) => answers.push([topic, recovered, missed])
			hub.connect()
			</script>`, client)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Cleanup(s.cut)
	s.url = server.URL
	return s
}

// serve does what a page asks for, until that says something else.
func (s *hubSite) serve(ctx context.Context, c *websocket.Conn) {
	for m, err := range c.Messages(ctx) {
		if err != nil {
			return
		}
		i, err := hub.JSONEnvelope.Parse(m.Type, m.Data)
		if err == nil {
			_, err = s.hub.Handle(ctx, c, i)
		}
		if err != nil {
			c.Close(websocket.StatusPolicyViolation, "")
			return
		}
	}
}

// cut ends all connections without a closing handshake.
func (s *hubSite) cut() {
	for c := range s.conns.Conns() {
		c.CloseNow()
	}
}

func (s *hubSite) publish(topic string, typ websocket.MessageType, data string) {
	s.t.Helper()
	require.NoError(s.t, s.hub.Publish(s.t.Context(), topic, websocket.Prepare(typ, []byte(data))))
}

func TestThePagesClientGoesOnWhereItWas(t *testing.T) {
	s := newHubSite(t)
	page := browse(t, s.url)
	evaluate(t, page, "hub.subscribe('numbers')")
	becomes(t, page, "answers.length === 1")
	const cuts, each = 5, 100
	var want []string
	for n := range cuts * each {
		if n%each == each/2 { // while the page is there, and before it has got all that was said
			s.cut()
		}
		s.publish("numbers", websocket.Text, fmt.Sprint(n))
		want = append(want, fmt.Sprint(n))
		if n%each == each-1 {
			becomes(t, page, "got.length >= %d && answers.length === %d", n+1, n/each+2)
		}
	}
	require.JSONEq(t, "["+strings.Join(want, ",")+"]", evaluate(t, page, "got"))
	again := strings.Repeat(`,["numbers",true,0]`, cuts)
	require.JSONEq(t, `[["numbers",false,0]`+again+`]`, evaluate(t, page, "answers"))
}

func TestThePagesClientIsToldWhatIsGone(t *testing.T) {
	s := newHubSite(t)
	page := browse(t, s.url)
	for n := range 2 {
		s.publish("short", websocket.Text, fmt.Sprint(n))
	}
	evaluate(t, page, "hub.subscribe('short', 3)")
	becomes(t, page, "got.length === 2 && answers.length === 1")
	since := evaluate(t, page, "JSON.stringify(position = hub.unsubscribe('short'))")
	require.Contains(t, since, `offset`)
	becomes(t, page, "(hub.subscribe('fence'), answers.some(a => a[0] === 'fence'))")
	for n := range 10 {
		s.publish("short", websocket.Text, fmt.Sprint(2+n))
	}
	evaluate(t, page, "hub.subscribe('short', 3, position)")
	becomes(t, page, "answers.length === 3")
	require.JSONEq(t, `["short",false,7]`, evaluate(t, page, "answers[2]"))
	require.JSONEq(t, `[0,1,9,10,11]`, evaluate(t, page, "got"))
}

func TestThePagesClientGetsWhateverWasPublished(t *testing.T) {
	s := newHubSite(t)
	page := browse(t, s.url)
	s.publish("any", websocket.Text, `{"x":[null]}`)
	s.publish("any", websocket.Text, `null`)
	s.publish("any", websocket.Text, `no JSON 好`)
	s.publish("any", websocket.Text, ``)
	s.publish("any", websocket.Binary, "\x00\xff")
	s.publish("any", websocket.Binary, "")
	evaluate(t, page, "hub.subscribe('any', 10)")
	becomes(t, page, "answers.length === 1")
	require.JSONEq(t, `[{"x":[null]},null,"no JSON 好","",[0,255],[]]`,
		evaluate(t, page, "got.map(d => d instanceof Uint8Array ? [...d] : d)"))
}

func TestThePagesClientComesBackOnlyWhereThatHelps(t *testing.T) {
	s := newHubSite(t)
	page := browse(t, s.url)
	evaluate(t, page, "losses = []; hub.onclose = (e, wait) => losses.push([e.code, wait])")
	becomes(t, page, "hub.open")
	require.JSONEq(t, `[true,true]`, evaluate(t, page, "hub.drop(), [hub.idle, losses[0][1] < 1000]"))
	becomes(t, page, "hub.open")
	evaluate(t, page, "hub.send('nonsense')")
	becomes(t, page, "losses.length === 2")
	require.JSONEq(t, `[1008, null]`, evaluate(t, page, "losses[1]"))
	require.JSONEq(t, `true`, evaluate(t, page, "hub.idle"))
	evaluate(t, page, "hub.connect()")
	becomes(t, page, "hub.open")
}
