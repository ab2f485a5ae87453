package autobahn

import "slices"

// Verdict is what a case comes to. The names are those that scripts know from
// index.json.
type Verdict string

// The verdicts on behaviour. A close is judged OK, Failed, Informational, or by
// one of the three at the end.
const (
	OK            Verdict = "OK"
	NonStrict     Verdict = "NON-STRICT"
	Informational Verdict = "INFORMATIONAL"
	Unimplemented Verdict = "UNIMPLEMENTED"
	Failed        Verdict = "FAILED"

	Unclean        Verdict = "UNCLEAN"
	WrongCode      Verdict = "WRONG CODE"
	FailedByClient Verdict = "FAILED BY CLIENT"
)

// tally is what happened on one connection, as far as judging goes.
type tally struct {
	opened       bool
	received     []Event
	contents     [][]byte // of the received events, in step with them
	closedFirst  bool     // the suite sent the first close frame
	cleanClose   bool     // close frames went both ways, TCP went down in time
	dropped      bool     // the suite, as the client, dropped TCP itself
	remoteCode   int      // NoCode when the peer sent none
	echo         echoResult
	fragmentsOff bool // the suite sent other frames than it should have
	badClose     bool // the body of the peer's close frame is not allowed
	lacking      bool // permessage-deflate was not agreed on and the case needs it
}

type echoResult struct {
	verdict Verdict
	why     string
}

// judge comes to both verdicts and says why.
func judge(c *Case, t *tally, isServer bool) (behavior, closing Verdict, why string) {
	if !t.opened {
		return Failed, Failed, "the opening handshake was not completed"
	}
	if t.lacking {
		return Unimplemented, OK, "permessage-deflate was not agreed on"
	}
	behavior, why = judgeEvents(c, t)
	closing, closeWhy := judgeClose(c, t, isServer)
	wrongCloser := t.closedFirst != c.Close.BySuite
	switch {
	case c.Section != "" && t.badClose && behavior != Failed:
		return Failed, closing, "the endpoint's close frame is not allowed"
	case c.Override == AlwaysInform:
		return Informational, Informational, why
	case c.Close.CloserDecides && wrongCloser && behavior != Failed,
		c.Override == CodeDecides && closing == WrongCode && behavior != Failed:
		behavior, why = Failed, closeWhy
	case c.Override == FragmentsCount && t.fragmentsOff:
		behavior, why = Failed, "the suite itself did not send the frames it should have"
	case closing != OK && behavior != Failed:
		why = closeWhy
	}
	return behavior, closing, why
}

func judgeEvents(c *Case, t *tally) (v Verdict, why string) {
	if c.Echo != nil {
		return t.echo.verdict, t.echo.why
	}
	if c.AnyContents {
		return judgeFirst(c, t)
	}
	for _, e := range c.Expect {
		if equalEvents(e.Events, t) {
			if e.Verdict != OK {
				why = "what was received is the looser of what was expected"
			}
			return e.Verdict, why
		}
	}
	return Failed, "what was received is none of what was expected"
}

// judgeFirst judges by the type and length of the first message.
func judgeFirst(c *Case, t *tally) (Verdict, string) {
	want := c.Expect[0].Events[0]
	if len(t.received) == 0 {
		return Failed, "no message came back in time"
	}
	if t.received[0].Kind != want.Kind || len(t.contents[0]) != want.Payload.Len {
		return Failed, "the message that came back has another type or length"
	}
	return OK, ""
}

func equalEvents(want []Event, t *tally) bool {
	if len(want) != len(t.received) {
		return false
	}
	for i, e := range want {
		got := t.received[i]
		if e.Kind != got.Kind || e.Tag != got.Tag || !e.Payload.equal(t.contents[i]) {
			return false
		}
	}
	return true
}

// judgeClose: the first rule that applies.
func judgeClose(c *Case, t *tally, isServer bool) (Verdict, string) {
	switch {
	case t.closedFirst && !c.Close.BySuite:
		return Failed, "the endpoint did not close the connection: the suite had to"
	case !t.closedFirst && c.Close.BySuite:
		return Failed, "the endpoint closed or dropped the connection first"
	case c.Close.Clean && !t.cleanClose:
		return Unclean, "the closing handshake was not completed in time"
	case t.remoteCode != NoCode && len(c.Close.Codes) > 0 && !slices.Contains(c.Close.Codes, t.remoteCode):
		return WrongCode, "the close frame has another code than expected"
	case !isServer && t.dropped:
		return FailedByClient, "the server left TCP open: the suite had to drop it"
	}
	return OK, ""
}
