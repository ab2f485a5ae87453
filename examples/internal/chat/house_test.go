package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/internal/program"
	"github.com/seed60239977/websocket/examples/internal/programtest"
	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/wsjson"
)

// tab is what a page is to the server.
type tab struct {
	t *testing.T
	c *websocket.Conn
}

// running is a run of the server.
type running struct{ *programtest.Running }

func start(t *testing.T, addr string) *running {
	t.Helper()
	return &running{programtest.Start(t, Program("chat", nil), addr)}
}

// open returns a tab that has heard which rooms there are.
func (p *running) open() tab {
	p.T.Helper()
	b := tab{p.T, p.Dial()}
	require.Equal(p.T, event{Type: "rooms", Rooms: Rooms}, b.next())
	return b
}

// enter returns a tab that is in a room, and the history that it got.
func (p *running) enter(room, name string) (tab, []message) {
	p.T.Helper()
	b := p.open()
	return b, b.join(room, name, hub.Position{})
}

func (b tab) send(q request) {
	b.t.Helper()
	require.NoError(b.t, wsjson.Write(b.t.Context(), b.c, q))
}

// receive returns the next event, and its position if it has one.
func (b tab) receive() (e event, at hub.Position) {
	b.t.Helper()
	typ, data, err := b.c.Read(b.t.Context())
	require.NoError(b.t, err)
	if i, err := hub.JSONEnvelope.Parse(typ, data); err == nil {
		at, data = i.Position, i.Data
	}
	require.NoError(b.t, json.Unmarshal(data, &e))
	return e, at
}

// next returns the next event but for those that say who is there.
func (b tab) next() event {
	b.t.Helper()
	for {
		if e, _ := b.receive(); e.Type != "people" {
			return e
		}
	}
}

// join enters a room and returns what was said since.
func (b tab) join(room, name string, since hub.Position) (history []message) {
	b.t.Helper()
	b.send(request{Type: "join", Room: room, Name: name})
	b.subscribe(typingTopic+room, hub.Position{})
	b.subscribe(saidTopic+room, since) // which is answered before the page is there, and others are told
	for answers := 0; answers < 2; {
		typ, data, err := b.c.Read(b.t.Context())
		require.NoError(b.t, err)
		i, err := hub.JSONEnvelope.Parse(typ, data)
		require.NoError(b.t, err)
		if i.Kind == hub.KindSubscribed {
			require.Equal(b.t, i.Topic == saidTopic+room && !since.IsZero(), i.Recovered)
			answers++
			continue
		}
		var e event
		require.NoError(b.t, json.Unmarshal(i.Data, &e))
		if e.Type != "people" {
			require.Equal(b.t, []string{"said", room}, []string{e.Type, e.Room})
			history = append(history, *e.Message)
		}
	}
	return history
}

// subscribe asks for a topic, and more than a guest can have of its history.
func (b tab) subscribe(topic string, since hub.Position) {
	b.t.Helper()
	i := hub.Item{Kind: hub.KindSubscribe, Topic: topic, Position: since, Last: 2 * maxHistory}
	require.NoError(b.t, b.c.Write(b.t.Context(), websocket.Text, hub.JSONEnvelope.Append(nil, i)))
}

func (b tab) say(id, text string) { b.t.Helper(); b.send(request{Type: "say", ID: id, Text: text}) }

// hears requires the next event to be something that was said, and returns its position.
func (b tab) hears(name, text string) (at hub.Position) {
	b.t.Helper()
	e, at := b.receive()
	for e.Type == "people" {
		e, at = b.receive()
	}
	require.Equal(b.t, "said", e.Type)
	require.Equal(b.t, []string{name, text}, []string{e.Message.Name, e.Message.Text})
	return at
}

// sees waits until the tab is told that these people are there. Nothing else may happen meanwhile.
func (b tab) sees(people ...string) {
	b.t.Helper()
	for {
		e, _ := b.receive()
		require.Equal(b.t, "people", e.Type)
		if slices.Equal(people, e.People) {
			return
		}
	}
}

// quiet requires that the server has nothing more to say than an answer.
func (b tab) quiet() {
	b.t.Helper()
	b.send(request{Type: "alive"})
	require.Equal(b.t, event{Type: "alive"}, b.next())
}

func TestGuestsOfARoomHearEachOtherAndNobodyElseDoes(t *testing.T) {
	p := start(t, "127.0.0.1:0")
	ada, _ := p.enter("lobby", " Ada ")
	ben, _ := p.enter("lobby", "Ben")
	cy, _ := p.enter("kitchen", "Cy")
	ada.sees("Ada", "Ben")
	ada.say("1", "  你好 🚀 ")
	ada.hears("Ada", "你好 🚀")
	ben.hears("Ada", "你好 🚀")
	cy.quiet()

	ben.send(request{Type: "typing"})
	require.Equal(t, event{Type: "typing", Room: "lobby", Name: "Ben"}, ada.next())
	ben.quiet()

	require.Empty(t, ben.join("kitchen", "Ben", hub.Position{}))
	ben.sees("Ben", "Cy")
	ada.sees("Ada")
	cy.sees("Ben", "Cy")
	require.NoError(t, ben.c.CloseNow())
	cy.sees("Cy")
}

func TestANewcomerGetsTheLast50Messages(t *testing.T) {
	p := start(t, "127.0.0.1:0")
	ada, history := p.enter("lobby", "Ada")
	require.Empty(t, history)
	ben, _ := p.enter("lobby", "Ben") // three of them, so that nobody floods
	cy, _ := p.enter("lobby", "Cy")
	const each = 20
	for i := range each {
		for _, who := range []tab{ada, ben, cy} {
			who.say(fmt.Sprint(i), fmt.Sprint("message ", i))
		}
	}
	for range 3 * each {
		require.Equal(t, "said", ada.next().Type)
	}
	_, history = p.enter("lobby", "Dan")
	require.Len(t, history, maxHistory)
	require.Equal(t, fmt.Sprint("message ", each-1), history[maxHistory-1].Text)
	require.NotEmpty(t, history[maxHistory-1].Name)
	require.NotZero(t, history[maxHistory-1].At)
}

func TestWhoComesBackGetsWhatWasMissed(t *testing.T) {
	p := start(t, "127.0.0.1:0")
	ada, _ := p.enter("lobby", "Ada")
	ben, _ := p.enter("lobby", "Ben")
	ada.say("1", "before")
	at := ben.hears("Ada", "before")
	require.False(t, at.IsZero())
	require.NoError(t, ben.c.CloseNow())
	ada.hears("Ada", "before")
	ada.say("2", "meanwhile")
	ada.hears("Ada", "meanwhile")
	ben = p.open()
	missed := ben.join("lobby", "Ben", at)
	require.Len(t, missed, 1)
	require.Equal(t, "meanwhile", missed[0].Text)
	ada.say("3", "after")
	ben.hears("Ada", "after")
}

func TestTwoTabsOfTheSameNameAreOnePerson(t *testing.T) {
	p := start(t, "127.0.0.1:0")
	ada, _ := p.enter("lobby", "Ada")
	second := p.open()
	second.join("lobby", "Ada", hub.Position{})
	second.sees("Ada")
	ada.sees("Ada")
	require.NoError(t, second.c.Close(websocket.StatusNormalClosure, ""))
	ada.sees("Ada")
}

func TestWhatThePageWouldNotSendIsRefused(t *testing.T) {
	p := start(t, "127.0.0.1:0")
	join := request{Type: "join", Room: "lobby", Name: "Ada"}
	for name, requests := range map[string][]request{
		"no type":            {{}},
		"say before join":    {{Type: "say", ID: "1", Text: "hello"}},
		"no such room":       {{Type: "join", Room: "cellar", Name: "Ada"}},
		"no name":            {{Type: "join", Room: "lobby", Name: " "}},
		"long name":          {{Type: "join", Room: "lobby", Name: strings.Repeat("é", maxName+1)}},
		"empty message":      {join, {Type: "say", ID: "1", Text: " \n"}},
		"message without id": {join, {Type: "say", Text: "hello"}},
		"long message":       {join, {Type: "say", ID: "1", Text: strings.Repeat("é", maxText+1)}},
		"long id":            {join, {Type: "say", ID: strings.Repeat("1", maxID+1), Text: "hello"}},
	} {
		b := p.open()
		for _, q := range requests {
			b.send(q)
		}
		end := programtest.Closed(t, b.c)
		require.Equal(t, websocket.StatusPolicyViolation, end.Code, name)
		require.Equal(t, errNonsense.Error(), end.Reason, name)
	}
	b := p.open()
	require.NoError(t, b.c.Write(t.Context(), websocket.Text, []byte("no JSON")))
	require.Equal(t, websocket.StatusPolicyViolation, programtest.Closed(t, b.c).Code)
}

func TestOnlyTheTopicsOfTheRoomCanBeHad(t *testing.T) {
	p := start(t, "127.0.0.1:0")
	for name, then := range map[string]func(b tab){
		"before join":   func(b tab) { b.subscribe(saidTopic+"lobby", hub.Position{}) },
		"no room":       func(b tab) { b.subscribe(saidTopic, hub.Position{}) },
		"another room":  func(b tab) { b.join("lobby", "Ada", hub.Position{}); b.subscribe(saidTopic+"kitchen", hub.Position{}) },
		"another topic": func(b tab) { b.join("lobby", "Ada", hub.Position{}); b.subscribe("lobby", hub.Position{}) },
		"twice":         func(b tab) { b.join("lobby", "Ada", hub.Position{}); b.subscribe(saidTopic+"lobby", hub.Position{}) },
		"to publish past the server": func(b tab) {
			b.join("lobby", "Ada", hub.Position{})
			require.NoError(t, b.c.Write(t.Context(), websocket.Text, []byte(`{"topic":"said.lobby","data":1}`)))
		},
	} {
		b := p.open()
		then(b)
		require.Equal(t, errNonsense.Error(), programtest.Closed(t, b.c).Reason, name)
	}
}

func TestWhoUnsubscribesIsNotThereAnyMore(t *testing.T) {
	p := start(t, "127.0.0.1:0")
	ada, _ := p.enter("lobby", "Ada")
	ben, _ := p.enter("lobby", "Ben")
	ada.sees("Ada", "Ben")
	require.NoError(t, ben.c.Write(t.Context(), websocket.Text, []byte(`{"unsubscribe":"said.lobby"}`)))
	ada.sees("Ada")
	ben.join("lobby", "Ben", hub.Position{})
	ada.sees("Ada", "Ben")
}

func TestThePageHasTheClientOfTheHub(t *testing.T) {
	require.NotEmpty(t, client)
	require.Contains(t, string(Page), string(client))
}

func TestAFloodIsRefused(t *testing.T) {
	b := start(t, "127.0.0.1:0").open()
	var flood sync.WaitGroup
	defer flood.Wait()
	flood.Go(func() {
		for wsjson.Write(t.Context(), b.c, request{Type: "alive"}) == nil { // until it is closed, however slow the machine is
		}
	})
	require.Equal(t, errTooMuch.Error(), programtest.Closed(t, b.c).Reason)
}

func TestAFullRoomAsksToComeBackLater(t *testing.T) {
	p := start(t, "127.0.0.1:0")
	for i := range maxPeople {
		guest, _ := p.enter("library", fmt.Sprint("guest ", i%3))
		guest.quiet() // now the guest is there
	}
	late := p.open()
	late.send(request{Type: "join", Room: "library", Name: "late"})
	require.Equal(t, websocket.StatusTryAgainLater, programtest.Closed(t, late.c).Code)
}

func TestEverybodyIsToldThatTheServerGoesAwayAndMayComeBack(t *testing.T) {
	p := start(t, "127.0.0.1:0")
	ada, _ := p.enter("lobby", "Ada")
	ben, _ := p.enter("kitchen", "Ben")
	p.Stop()
	require.Equal(t, websocket.StatusGoingAway, programtest.Closed(t, ada.c).Code)
	require.Equal(t, websocket.StatusGoingAway, programtest.Closed(t, ben.c).Code)
	p.Terminate()

	again := start(t, p.Addr)
	ada, history := again.enter("lobby", "Ada")
	require.Empty(t, history)
	ada.say("1", "still here")
	ada.hears("Ada", "still here")
}

func TestNobodyEntersAfterTheEnd(t *testing.T) {
	h := newHouse(hub.NewMemory(Retention))
	h.close()
	g := &guest{house: h, room: "lobby"}
	code, _ := verdict(g.typing(t.Context()))
	require.Equal(t, websocket.StatusGoingAway, code)
	require.ErrorIs(t, g.say(t.Context(), request{ID: "1", Text: "hello"}), hub.ErrShutdown)
}

func TestAMistakeInTheURLOfABrokerIsOneInTheCommandLine(t *testing.T) {
	failed := errors.New("no such broker")
	p := Program("chat", func(string) (hub.Broker, error) { return nil, failed })
	var stdout, stderr bytes.Buffer
	require.Equal(t, program.StatusUsage, p.Run(t.Context(), []string{"-broker", "x://y"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), failed.Error())
}
