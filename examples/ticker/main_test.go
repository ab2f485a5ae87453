package main

import (
	"testing"

	"github.com/seed60239977/websocket/examples/internal/programtest"
)

func TestMain(m *testing.M) { programtest.Main(m, main) }

// running is a run of the server.
type running struct{ *programtest.Running }

func start(t *testing.T, addr string, args ...string) *running {
	t.Helper()
	return &running{programtest.Start(t, server(), addr, args...)}
}

// onBoth runs a test with each of the engines.
func onBoth(t *testing.T, test func(t *testing.T, engine string)) {
	for _, engine := range []string{"goroutine", "event"} {
		t.Run(engine, func(t *testing.T) { test(t, engine) })
	}
}

func TestItKeepsWhatEveryExamplePromises(t *testing.T) { programtest.Check(t, server(), page) }

func TestAnEventLoopTellsEverybodyThatItGoesAway(t *testing.T) {
	programtest.CheckShutdown(t, "/ws", "-engine", "event")
}
