package main

import (
	"context"
	"os"
	"syscall"
	"time"
)

// breakThings breaks one thing after the other until the time is over. Everything is whole again when it returns.
func (w *world) breakThings(ctx context.Context) {
	end := time.Now().Add(w.time)
	losses := 1 + int(w.time/(2*time.Minute)) // of all data
	faults := []func(context.Context){w.killProcess, w.stopProcess}
	if w.broker != nil {
		faults = append(faults, w.stall, w.cut, w.killBroker, w.stopBroker)
	}
	for n := 0; time.Now().Before(end) && ctx.Err() == nil; n++ {
		pause(ctx, time.Duration(500+w.random.IntN(2500))*time.Millisecond)
		if w.broker != nil && losses > 0 && n%8 == 5 {
			losses--
			w.loseData(ctx)
			continue
		}
		faults[w.random.IntN(len(faults))](ctx)
	}
}

// briefly waits for up to so many milliseconds.
func (w *world) briefly(ctx context.Context, most int) {
	pause(ctx, time.Duration(100+w.random.IntN(most-100))*time.Millisecond)
}

func (w *world) killProcess(ctx context.Context) {
	n := w.random.IntN(len(w.hubs))
	w.log("kill -9 process %d", n)
	w.hubs[n].kill()
	w.briefly(ctx, 1000)
	if w.broker == nil {
		w.ledger.lose() // it is the one that had the data
	}
	w.start(ctx, w.hubs[n])
}

// start starts a process again.
func (w *world) start(ctx context.Context, p *process) {
	if err := p.start(ctx); err != nil {
		w.log("%v", err)
	}
}

func (w *world) stopProcess(ctx context.Context) {
	n := w.random.IntN(len(w.hubs))
	w.log("stop process %d for a while", n)
	w.hubs[n].signal(syscall.SIGSTOP)
	w.briefly(ctx, 5000)
	w.hubs[n].signal(syscall.SIGCONT)
}

func (w *world) stall(ctx context.Context) {
	n := w.random.IntN(len(w.links))
	w.log("stall the network of process %d", n)
	w.links[n].Stall()
	w.briefly(ctx, 7000)
	w.links[n].Resume()
}

func (w *world) cut(ctx context.Context) {
	n := w.random.IntN(len(w.links))
	w.log("cut the network of process %d", n)
	w.links[n].Cut()
}

func (w *world) killBroker(ctx context.Context) {
	w.log("kill -9 the broker")
	w.broker.kill()
	w.briefly(ctx, 1500)
	w.start(ctx, w.broker)
}

func (w *world) stopBroker(ctx context.Context) {
	w.log("stop the broker for a while")
	w.broker.signal(syscall.SIGSTOP)
	w.briefly(ctx, 5000)
	w.broker.signal(syscall.SIGCONT)
}

// loseData kills the broker and removes its data.
func (w *world) loseData(ctx context.Context) {
	w.log("kill -9 the broker, and lose its data")
	w.broker.kill()
	if err := os.RemoveAll(w.data); err != nil {
		w.log("%v", err)
	}
	if err := os.Mkdir(w.data, 0o700); err != nil {
		w.log("%v", err)
	}
	w.ledger.lose()
	w.start(ctx, w.broker)
}
