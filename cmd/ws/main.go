// Command ws is for everybody who works with WebSockets: it talks to servers, waits for clients, bridges, measures and
// tests.
//
//	go install github.com/seed60239977/websocket/cmd/ws@latest
//
// ws help lists what it does, ws COMMAND -h has the flags of a command and examples, and ws.1 beside this file is all of it as
// a manual page.
package main

//go:generate sh -c "go run . man > ws.1"

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/seed60239977/websocket/cmd/ws/internal/bridge"
	"github.com/seed60239977/websocket/cmd/ws/internal/check"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
	"github.com/seed60239977/websocket/cmd/ws/internal/connect"
	"github.com/seed60239977/websocket/cmd/ws/internal/listen"
	"github.com/seed60239977/websocket/cmd/ws/internal/load"
	"github.com/seed60239977/websocket/cmd/ws/internal/replay"
)

// program is the whole command.
func program() *cli.Program {
	return &cli.Program{
		Name:     "ws",
		Short:    "is for everybody who works with WebSockets",
		Long:     "ws talks to WebSocket servers from a terminal or a script, waits for clients, joins WebSockets with other streams, measures servers, tests whether they keep to the protocol, and plays recordings. Flags may stand in front of arguments and behind them.",
		Commands: commands(),
		Statuses: cli.Statuses(),
		Environment: []cli.Status{
			{Code: "HTTP_PROXY, HTTPS_PROXY", Means: "proxies for ws and for wss, and NO_PROXY the exceptions; -proxy comes first"},
			{Code: "WS_PASSWORD, WS_TOKEN", Means: "what -u and -bearer send, so that it is in no list of processes"},
			{Code: "NO_COLOR", Means: "set to anything: no colours"},
			{Code: "XDG_STATE_HOME", Means: "where the history of the prompt is, in ws/history (default ~/.local/state)"},
		},
	}
}

func commands() []*cli.Command {
	return append([]*cli.Command{
		connect.Command(), listen.Command(), bridge.Command(), load.Command(), check.Command(), replay.Command(),
	}, cli.Extras(program)...)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // whoever asks twice does not want to wait for the peer
	os.Exit(program().Run(ctx, os.Args[1:], cli.Process()))
}
