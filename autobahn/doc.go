// Package autobahn is a conformance suite for WebSocket servers and clients in
// any language: 517 cases over RFC 6455 and RFC 7692 that come to the verdicts
// of the suite that the field goes by, and a strict group beyond them.
//
// # Testing a server
//
// The server must echo every message. From the command line:
//
//	go run github.com/seed60239977/websocket/autobahn/wstest@latest client -url ws://127.0.0.1:9001 -agent mine
//
// or from a test, with [TestServer]. [Quick] names the cases that take seconds.
//
// # Testing a client
//
// A client connects to the suite once for each case and echoes what it gets; see
// [Handler] for the paths, which existing test clients already know:
//
//	go run github.com/seed60239977/websocket/autobahn/wstest@latest server -addr 127.0.0.1:9001
//
// # Verdicts
//
// Each case has two: how the endpoint behaved, and how the connection ended.
// [Result.Verdict] is the worse of the two. A peer without permessage-deflate is
// [Unimplemented] in the groups 12 and 13, which is no failure. [Result.Why] says
// what was seen, for readers who know the RFC; [Result.Plain] what is broken and how a
// browser would notice, for everybody else.
//
// # The strict group
//
// Group 14 looks at rules that the 517 let pass: lengths that are not minimal,
// reserved bits on a connection with permessage-deflate, windows and context
// takeover, illegal offers and answers, the details of the opening handshake.
// Every case names its section. It runs only when asked for by its number, and
// is reported apart.
//
// # Independence
//
// The suite reads and writes frames, masks, validates UTF-8, deflates and
// inflates with code of its own. It imports nothing of this module, so that a
// mistake in the library cannot hide in its judge.
package autobahn
