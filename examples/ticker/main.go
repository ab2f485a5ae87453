// Command ticker pushes simulated quotes, 20 a second for each symbol, to a live chart in the browser.
//
//	go run ./examples/ticker
//
// Only the latest quote matters. A page that is too slow, or sleeps for a while, loses old quotes but not its connection.
// The chart shows what is missing as gaps.
package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/seed60239977/websocket/examples/internal/program"
)

func main() { server().Main() }

func server() program.Program {
	engine := &program.Engine{}
	return program.Program{Name: "ticker", Addr: "127.0.0.1:9011", Engine: engine, Open: func() (http.Handler, func()) {
		return open(engine)
	}}
}

func open(engine *program.Engine) (handler http.Handler, closeAll func()) {
	e := newExchange()
	e.loop = engine.Loop
	trading, stop := context.WithCancel(context.Background())
	var trader sync.WaitGroup
	trader.Go(func() { e.trade(trading) })
	return e.handler(), func() {
		stop()
		trader.Wait()
		e.close()
	}
}

// shutdownTime is how long subscribers have, when the server ends, to take what was published and answer the close frame.
const shutdownTime = 4 * time.Second
