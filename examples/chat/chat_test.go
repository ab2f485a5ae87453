package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/internal/programtest"
	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/wsjson"
)

// tab is what a page is to the server.
type tab struct {
	t *testing.T
	c *websocket.Conn
}

// open returns a tab that has heard which rooms there are.
func (p *running) open() tab {
	p.T.Helper()
	b := tab{p.T, p.Dial()}
	require.Equal(p.T, event{Type: "rooms", Rooms: names}, b.next())
	return b
}

// enter returns a tab that is in a room, and the history that it got.
func (p *running) enter(room, name string) (tab, []message) {
	p.T.Helper()
	b := p.open()
	return b, b.join(room, name).Messages
}

func (b tab) send(q request) {
	b.t.Helper()
	require.NoError(b.t, wsjson.Write(b.t.Context(), b.c, q))
}

func (b tab) next() event {
	b.t.Helper()
	e, err := wsjson.Read[event](b.t.Context(), b.c)
	require.NoError(b.t, err)
	return e
}

func (b tab) join(room, name string) event {
	b.t.Helper()
	b.send(request{Type: "join", Room: room, Name: name})
	e := b.next()
	require.Equal(b.t, "room", e.Type)
	require.Equal(b.t, room, e.Room)
	return e
}

func (b tab) say(id, text string) { b.t.Helper(); b.send(request{Type: "say", ID: id, Text: text}) }

// hears requires the next event to be something that was said.
func (b tab) hears(name, text string) {
	b.t.Helper()
	e := b.next()
	require.Equal(b.t, "said", e.Type)
	require.Len(b.t, e.Messages, 1)
	require.Equal(b.t, []string{name, text}, []string{e.Messages[0].Name, e.Messages[0].Text})
}

// sees requires the next event to be who is there.
func (b tab) sees(people ...string) {
	b.t.Helper()
	e := b.next()
	require.Equal(b.t, "people", e.Type)
	require.Equal(b.t, people, e.People)
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

	require.Equal(t, []string{"Ben", "Cy"}, ben.join("kitchen", "Ben").People)
	ada.sees("Ada")
	cy.sees("Ben", "Cy")
	require.NoError(t, ben.c.CloseNow())
	cy.sees("Cy")
}

func TestANewcomerGetsTheLast50Messages(t *testing.T) {
	p := start(t, "127.0.0.1:0")
	house := newHouse()
	room := house.rooms["lobby"]
	for i := range 60 {
		require.NoError(t, room.say(nil, message{ID: fmt.Sprint(i), Text: fmt.Sprint("message ", i)}))
	}
	require.Len(t, room.history, 50)
	require.Equal(t, "message 10", room.history[0].Text)

	ada, history := p.enter("lobby", "Ada")
	require.Empty(t, history)
	ada.say("1", "first")
	ada.hears("Ada", "first")
	ada.say("2", "second")
	ada.hears("Ada", "second")
	_, history = p.enter("lobby", "Ben")
	require.Len(t, history, 2)
	require.Equal(t, "first", history[0].Text)
	require.Equal(t, "Ada", history[1].Name)
	require.NotZero(t, history[1].At)
}

func TestAMessageThatIsSentAgainIsSaidOnce(t *testing.T) {
	p := start(t, "127.0.0.1:0")
	ada, _ := p.enter("lobby", "Ada")
	ada.say("same", "hello")
	ada.hears("Ada", "hello")
	require.NoError(t, ada.c.CloseNow()) // as if the answer had been lost
	ada, history := p.enter("lobby", "Ada")
	require.Len(t, history, 1)
	ada.say("same", "hello")
	ada.quiet()
}

func TestTwoTabsOfTheSameNameAreOnePerson(t *testing.T) {
	p := start(t, "127.0.0.1:0")
	ada, _ := p.enter("lobby", "Ada")
	second := p.open()
	require.Equal(t, []string{"Ada"}, second.join("lobby", "Ada").People)
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

func TestAFloodIsRefused(t *testing.T) {
	b := start(t, "127.0.0.1:0").open()
	for range 2*maxPerSecond + 1 { // more than one second allows, if it falls into two
		if wsjson.Write(t.Context(), b.c, request{Type: "alive"}) != nil {
			break // it has been closed already
		}
	}
	require.Equal(t, errTooMuch.Error(), programtest.Closed(t, b.c).Reason)
}

func TestAFullRoomAsksToComeBackLater(t *testing.T) {
	p := start(t, "127.0.0.1:0")
	for i := range maxPeople {
		p.enter("library", fmt.Sprint("guest ", i%3))
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
	h := newHouse()
	h.close()
	code, _ := verdict(h.rooms["lobby"].typing(nil))
	require.Equal(t, websocket.StatusGoingAway, code)
	require.ErrorIs(t, h.rooms["lobby"].say(nil, message{ID: "1"}), hub.ErrShutdown)
}
