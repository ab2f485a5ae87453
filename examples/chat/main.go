// Command chat is a chat with several rooms, with a page to talk from a browser.
//
//	go run ./examples/chat
//
// A guest says a name and enters a room, gets its last 50 messages, and sees who is there and who is typing. The page
// comes back by itself when the connection is lost or the server restarts, gets what it has missed, and then sends what
// had not arrived. There are no accounts: two guests with the same name look like one, and the history ends with the
// server. In examples/cluster the rooms span several servers, and outlive them.
package main

import (
	"github.com/seed60239977/websocket/examples/internal/chat"
	"github.com/seed60239977/websocket/examples/internal/program"
)

func main() { server().Main() }

func server() program.Program { return chat.Program("chat", nil) }
