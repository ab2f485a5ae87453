package main

import (
	"testing"

	"github.com/seed60239977/websocket/examples/internal/programtest"
)

func TestMain(m *testing.M) { programtest.Main(m, main) }

func TestItKeepsWhatEveryExamplePromises(t *testing.T) { programtest.Check(t, server(), page) }
