package main

import (
	"testing"

	"github.com/seed60239977/websocket/examples/internal/programtest"
)

func TestTheCommandLineIsThatOfEveryExample(t *testing.T) { programtest.CheckCommandLine(t, server()) }
