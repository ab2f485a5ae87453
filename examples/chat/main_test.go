package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/examples/internal/chat"
	"github.com/seed60239977/websocket/examples/internal/program"
	"github.com/seed60239977/websocket/examples/internal/programtest"
)

func TestMain(m *testing.M) { programtest.Main(m, main) }

func TestItKeepsWhatEveryExamplePromises(t *testing.T) { programtest.Check(t, server(), chat.Page) }

func TestBrokersAreElsewhere(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.Equal(t, program.StatusUsage, server().Run(t.Context(), []string{"-broker", "nats://localhost"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "examples/cluster")
}
