package main

import (
	"testing"

	"github.com/seed60239977/websocket/examples/internal/programtest"
)

func TestMain(m *testing.M) { programtest.Main(m, main) }

// running is a run of the server.
type running struct{ *programtest.Running }

func start(t *testing.T, addr string) *running {
	t.Helper()
	return &running{programtest.Start(t, server(), addr)}
}

func TestItKeepsWhatEveryExamplePromises(t *testing.T) { programtest.Check(t, server(), page) }
