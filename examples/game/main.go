// Command game is an arena for many players, with a page to play from a browser.
//
//	go run ./examples/game
//
// Collect gems, and dash into others to take some of theirs. The server decides everything, 30 times a second. The page does
// not wait for it: it moves its own player at once, by the same rules, and corrects that when the server's word comes. All
// that the server sends is a latest value: whoever is slow or away loses ticks, not the game. Whoever comes back within
// half a minute goes on with the same score. Everybody may watch.
package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/seed60239977/websocket/examples/internal/program"
)

func main() { server().Main() }

func server() program.Program {
	return program.Program{Name: "game", Addr: "127.0.0.1:9014", Open: open}
}

func open() (handler http.Handler, closeAll func()) {
	a := newArena(newWorld(rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))))
	playing, stop := context.WithCancel(context.Background())
	var referee sync.WaitGroup
	referee.Go(func() { a.run(playing) })
	return a.handler(), func() {
		stop()
		referee.Wait()
		a.close()
	}
}

// shutdownTime is how long pages have to answer the close frame when the server ends.
const shutdownTime = 4 * time.Second
