package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// enterChat says a name in a page of the chat, by keyboard alone, and waits until the page is in the room.
func enterChat(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	connected(t, ctx, true)
	require.NoError(t, chromedp.Do(ctx, chromedp.Focus(element("name"))))
	keys(t, ctx, name+"\r")
	becomes(t, ctx, `document.getElementById('people').textContent.includes(%q)`, name)
	becomes(t, ctx, `document.activeElement.id === 'text'`)
}

// arrived is true in a page of the chat if a text has come back from the server, or from another page, once.
const arrived = `[...document.querySelectorAll('#log li:not(.pending)')].filter(li => li.lastChild.textContent === %q).length === 1`

func TestTwoTabsChatAndOneIsCutOff(t *testing.T) {
	server := startExample(t, "chat")
	way, addr := newLink(t, server.addr)
	ada := browse(t, "http://"+server.addr+"/")
	ben := openTab(t, ada, "http://"+addr+"/")
	enterChat(t, ada, "Ada")
	enterChat(t, ben, "Ben")
	becomes(t, ada, `document.getElementById('people').textContent === 'Here: Ada, Ben'`)

	keys(t, ada, "Hello, who is here?\r")
	becomes(t, ben, arrived, "Hello, who is here?")
	keys(t, ben, "It is me")
	becomes(t, ada, `document.getElementById('typing').textContent === 'Ben is typing'`)
	keys(t, ben, ", voilà!\r")
	becomes(t, ada, arrived, "It is me, voilà!")

	way.set(true, false)
	connected(t, ben, false)
	becomes(t, ada, `document.getElementById('people').textContent === 'Here: Ada'`)
	keys(t, ada, "Where did you go?\r")
	keys(t, ben, "Somebody cut the cable.\r")
	becomes(t, ben, `document.querySelector('#log li.pending').lastChild.textContent === 'Somebody cut the cable.'`)
	way.set(false, false)
	connected(t, ben, true)
	for _, tab := range []context.Context{ada, ben} {
		becomes(t, tab, arrived, "Where did you go?")
		becomes(t, tab, arrived, "Somebody cut the cable.")
		becomes(t, tab, `document.querySelectorAll('#log li').length === 4`)
		becomes(t, tab, `document.getElementById('people').textContent === 'Here: Ada, Ben'`)
	}
	screenshot(t, ada, "chat")
}

func TestTheChatComesBackWhenTheServerRestarts(t *testing.T) {
	server := startExample(t, "chat")
	ada := browse(t, "http://"+server.addr+"/")
	enterChat(t, ada, "Ada")
	keys(t, ada, "before\r")
	becomes(t, ada, arrived, "before")
	server.stop()
	connected(t, ada, false)
	keys(t, ada, "in between\r")
	server.start()
	connected(t, ada, true)
	becomes(t, ada, arrived, "in between")
	becomes(t, ada, arrived, "before") // the page remembers what the server has forgotten
	becomes(t, ada, `document.getElementById('people').textContent === 'Here: Ada'`)
}

func TestTheChatNoticesALinkThatHasGoneSilent(t *testing.T) {
	server := startExample(t, "chat")
	way, addr := newLink(t, server.addr)
	ada := browse(t, "http://"+addr+"/")
	enterChat(t, ada, "Ada")
	way.set(false, true)
	connected(t, ada, false)
	way.set(true, false)
	way.set(false, false)
	connected(t, ada, true)
}

func TestTheChatIsUsableByKeyboardOnAPhoneAndInTheDark(t *testing.T) {
	server := startExample(t, "chat")
	ada := browse(t, "http://"+server.addr+"/", darkMode)
	requireDark(t, ada, true)
	enterChat(t, ada, "Ada")
	keys(t, ada, "a word that is as long as it can be: "+strings.Repeat("x", 100)+"\r")
	becomes(t, ada, `document.querySelectorAll('#log li').length === 1`)
	requireFitsAPhone(t, ada)

	require.NoError(t, chromedp.Do(ada, chromedp.Focus(element("rooms")+chromedp.CSS(" button"))))
	keys(t, ada, "\t\r")
	becomes(t, ada, `location.hash === '#kitchen' && document.querySelector('[aria-pressed=true]').textContent === 'kitchen'`)
	becomes(t, ada, `document.activeElement.textContent === 'kitchen'`)
	becomes(t, ada, `document.querySelectorAll('#log li').length === 0`)

	light := browse(t, "http://"+server.addr+"/#kitchen")
	requireDark(t, light, false)
	enterChat(t, light, "Ben")
	becomes(t, ada, `document.getElementById('people').textContent === 'Here: Ada, Ben'`)
}
