package autobahn

import (
	"net/http"
	"strings"
	"time"

	"github.com/seed60239977/websocket/autobahn/internal/pmd"
	"github.com/seed60239977/websocket/autobahn/internal/wire"
)

// opens is a case whose opening handshake, changed, must succeed with a server.
// With permessage-deflate agreed on, messages may still go uncompressed.
func opens(section, shows string, change func(*lines)) Case {
	c := mustEcho(section, shows, []Step{frame(wire.Text, hello)}, textEvent(hello))
	c.Only = ServersOnly
	c.Opening = &Opening{change: change}
	return c
}

// refused is a case whose opening handshake a server must refuse.
func refused(section, shows string, change func(*lines)) Case {
	c := opens(section, shows, change)
	c.Opening.Refused = true
	return c
}

// refuses is a case whose answer, changed, a client must not take for an open
// connection: it must drop TCP and not echo.
func refuses(section, shows string, change func(*lines)) Case {
	c := mustFail(section, shows, []Step{frame(wire.Text, hello)})
	c.Only = ClientsOnly
	c.Opening = &Opening{change: change}
	return c
}

// takes is a case whose answer, changed, a client must take for an open
// connection.
func takes(section, shows string, change func(*lines)) Case {
	c := opens(section, shows, change)
	c.Only = ClientsOnly
	return c
}

func without(name string) func(*lines) { return func(l *lines) { l.remove(name) } }

func with(name, value string) func(*lines) { return func(l *lines) { l.set(name, value) } }

func more(name, value string) func(*lines) { return func(l *lines) { l.add(name, value) } }

// status makes an answer one with another status and no body.
func status(line string) func(*lines) {
	return func(l *lines) {
		l.first = "HTTP/1.1 " + line
		l.add("Content-Length", "0")
	}
}

// strictRequests are 14.6: what a server makes of opening handshakes.
func strictRequests() []Case {
	const must, tokens = "RFC 6455 §4.2.1", "RFC 6455 §4.2.1"
	cases := []Case{
		refused(must, "a request without Sec-WebSocket-Key", without("Sec-WebSocket-Key")),
		refused("RFC 6455 §11.3.1", "a request with two Sec-WebSocket-Key headers", more("Sec-WebSocket-Key", "MDEyMzQ1Njc4OWFiY2RlZg==")),
		refused(must, "a key of 15 bytes", with("Sec-WebSocket-Key", "MDEyMzQ1Njc4OWFiY2Rl")),
		refused(must, "a key that is not base64", with("Sec-WebSocket-Key", "!!!!!!!!!!!!!!!!!!!!!!==")),
		refused(must, "a request without Sec-WebSocket-Version", without("Sec-WebSocket-Version")),
		refused("RFC 6455 §4.4", "Sec-WebSocket-Version: 12", with("Sec-WebSocket-Version", "12")),
		refused(must, "a request without Upgrade", without("Upgrade")),
		refused(must, "Upgrade: h2c", with("Upgrade", "h2c")),
		refused(must, "a request without Connection", without("Connection")),
		refused(must, "Connection: keep-alive", with("Connection", "keep-alive")),
		refused(must, "the method POST", func(l *lines) { l.first = strings.Replace(l.first, "GET", "POST", 1) }),
		refused(must, "HTTP/1.0", func(l *lines) { l.first = strings.Replace(l.first, "HTTP/1.1", "HTTP/1.0", 1) }),
		refused(must, "a request without Host", without("Host")),
		opens(tokens, "Connection: keep-alive, Upgrade", with("Connection", "keep-alive, Upgrade")),
		opens(tokens, "Connection in two lines", func(l *lines) {
			l.set("Connection", "keep-alive")
			l.add("Connection", "upgrade")
		}),
		opens(tokens, "Upgrade: WEBSOCKET", with("Upgrade", "WEBSOCKET")),
		opens(tokens, "header names in small letters", func(l *lines) {
			for i := range l.fields {
				l.fields[i][0] = strings.ToLower(l.fields[i][0])
			}
		}),
		opens(must, "unknown headers are passed over", more("X-Unknown", strings.Repeat("x", 3000))),
		opens(must, "white space around header values", with("Sec-WebSocket-Version", "  13  ")),
	}
	foreign := refused("RFC 6455 §10.2", "a page of another origin", more("Origin", "http://another-origin.invalid"))
	foreign.Opening.MayAccept = true
	asked := opens("RFC 6455 §4.2.2", "the subprotocol, if any, is one of those asked for", more("Sec-WebSocket-Protocol", "first.invalid, second.invalid"))
	asked.Opening.check = func(h http.Header, _ *pmd.Params) string {
		names := elements(h, "Sec-Websocket-Protocol")
		if len(names) > 1 {
			return "the server chose more than one subprotocol"
		}
		for _, name := range names {
			if name != "first.invalid" && name != "second.invalid" {
				return "the server chose a subprotocol that was not asked for"
			}
		}
		return ""
	}
	return append(cases, foreign, asked)
}

// strictResponses are 14.7: what a client makes of the answer to its handshake.
func strictResponses() []Case {
	const must = "RFC 6455 §4.1"
	joined := takes(must, "a frame right behind the answer, in one write", nil)
	joined.Opening.joined = true
	return []Case{
		refuses(must, "an answer without Sec-WebSocket-Accept", without("Sec-WebSocket-Accept")),
		refuses(must, "a Sec-WebSocket-Accept of another key", with("Sec-WebSocket-Accept", accept("bm90IHRoZSBrZXkgISEhIQ=="))),
		refuses(must, "an empty Sec-WebSocket-Accept", with("Sec-WebSocket-Accept", "")),
		refuses(must, "an answer without Upgrade", without("Upgrade")),
		refuses(must, "Upgrade: h2c", with("Upgrade", "h2c")),
		refuses(must, "an answer without Connection", without("Connection")),
		refuses(must, "Connection: close", with("Connection", "close")),
		refuses(must, "a subprotocol that was not asked for", more("Sec-WebSocket-Protocol", "never-asked-for.invalid")),
		refuses(must, "the status 200", status("200 OK")),
		refuses(must, "the status 403", status("403 Forbidden")),
		takes(must, "Connection: keep-alive, Upgrade", with("Connection", "keep-alive, Upgrade")),
		takes(must, "Upgrade: WEBSOCKET", with("Upgrade", "WEBSOCKET")),
		takes(must, "header names in small letters", func(l *lines) {
			for i := range l.fields {
				l.fields[i][0] = strings.ToLower(l.fields[i][0])
			}
		}),
		takes(must, "unknown headers are passed over", more("X-Unknown", strings.Repeat("x", 3000))),
		takes(must, "another reason phrase", func(l *lines) { l.first = "HTTP/1.1 101 Web Socket Protocol Handshake" }),
		joined,
	}
}

// judgeRefusal judges a server by whether it refused the opening handshake.
func judgeRefusal(c *Case, o *opening, started time.Time) Result {
	r := Result{
		Case: *c, Started: started, Duration: time.Since(started), Behavior: OK, BehaviorClose: OK,
		LocalCode: NoCode, RemoteCode: NoCode, Request: o.request, Response: o.response,
	}
	switch {
	case o.status != http.StatusSwitchingProtocols:
	case c.Opening.MayAccept:
		r.Behavior, r.Why = Informational, "the server accepted the handshake"
	default:
		r.Behavior, r.Why = Failed, "the server accepted a handshake that it must refuse"
	}
	return r
}
