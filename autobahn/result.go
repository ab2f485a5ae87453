package autobahn

import (
	"fmt"
	"strings"
	"time"
)

// Result is what one case came to.
type Result struct {
	Case          Case
	Behavior      Verdict // how the endpoint behaved
	BehaviorClose Verdict // how the connection ended
	// Why explains a verdict that is not OK, in one line.
	Why      string
	Started  time.Time
	Duration time.Duration // of the connection, from the open handshake to the end of TCP
	// Close codes are NoCode where none was sent.
	LocalCode, RemoteCode     int
	LocalReason, RemoteReason string
	// ClosedBySuite: the suite sent the first close frame.
	ClosedBySuite bool
	// DroppedBySuite: the suite had to drop TCP itself.
	DroppedBySuite bool
	// Clean: the closing handshake was completed in time.
	Clean bool
	// Violation is the first breach of the protocol by the endpoint, if any.
	Violation string
	// Request and Response are the heads of the opening handshake.
	Request, Response string
	// Received lists the events as they are shown in reports.
	Received []string
	// FramesIn and FramesOut count frames by opcode; bytes are of payload.
	FramesIn, FramesOut map[string]int
	BytesIn, BytesOut   int64
	Log                 []LogEntry
	LogOmitted          int // entries left out of a long log
	// Farthest is the largest distance of a back-reference received.
	Farthest int

	dialError *DialError
}

// Verdict is the verdict on the whole: Behavior, or Failed when the connection
// did not end as it should.
func (r *Result) Verdict() Verdict {
	if r.BehaviorClose != OK && r.BehaviorClose != Informational {
		return Failed
	}
	return r.Behavior
}

// Report is the results of one endpoint, in the order of the cases. Those of
// group 14 stand apart and count nowhere else.
type Report struct {
	Agent   string
	Results []Result
	Strict  []Result
	// Took is the time from first to last.
	Took time.Duration
}

// order is how verdicts are listed.
var order = []Verdict{OK, Informational, NonStrict, Unimplemented, Failed}

// Count returns how many of the results have each verdict.
func Count(results []Result) map[Verdict]int {
	n := map[Verdict]int{}
	for i := range results {
		n[results[i].Verdict()]++
	}
	return n
}

// Summary is one line: "514 OK, 3 INFORMATIONAL, 0 NON-STRICT, … of 517". Of
// those that failed it says how many did in their behavior and how many behaved
// but did not end the connection as they should.
func Summary(results []Result) string {
	n := Count(results)
	parts := make([]string, len(order))
	for i, v := range order {
		parts[i] = fmt.Sprintf("%d %s", n[v], v)
	}
	behaved := 0
	for i := range results {
		if r := &results[i]; r.Verdict() == Failed && r.Behavior != Failed {
			behaved++
		}
	}
	if behaved > 0 {
		parts[len(parts)-1] += fmt.Sprintf(" (%d in behavior, %d in the close alone)", n[Failed]-behaved, behaved)
	}
	return fmt.Sprintf("%s of %d", strings.Join(parts, ", "), len(results))
}

// Passed reports whether nothing failed; strict, whether everything, group 14
// too, is OK or Informational.
func (r *Report) Passed(strict bool) bool {
	n := Count(r.Results)
	if !strict {
		return n[Failed] == 0
	}
	s := Count(r.Strict)
	return n[OK]+n[Informational] == len(r.Results) && s[OK]+s[Informational] == len(r.Strict)
}

// result turns a session that has ended into a Result.
func (s *session) result(o *opening, started time.Time) Result {
	r := Result{
		Case: *s.c, Started: started, Duration: time.Since(s.log.start),
		LocalCode: s.localCode, LocalReason: s.localWhy, RemoteCode: s.remoteCode, RemoteReason: s.remoteWhy,
		ClosedBySuite: s.closedFirst, DroppedBySuite: s.dropped, Clean: s.cleanClose, Violation: s.violation,
		Request: o.request, Response: o.response,
		FramesIn: s.log.rx, FramesOut: s.log.tx, BytesIn: s.log.rxBytes, BytesOut: s.log.txBytes,
		Log: s.log.entries, LogOmitted: s.log.left,
	}
	if s.inflater != nil {
		r.Farthest = s.inflater.Farthest
	}
	for i, e := range s.tally.received {
		r.Received = append(r.Received, describe(e, s.contents[i]))
	}
	r.Behavior, r.BehaviorClose, r.Why = judge(s.c, &s.tally, s.isServer)
	if r.Why != "" && s.violation != "" {
		r.Why += " (" + s.violation + ")"
	}
	return r
}

func describe(e Event, contents []byte) string {
	if e.Kind == TimedOut {
		return "timeout " + e.Tag
	}
	return string(e.Kind) + " " + readable(contents)
}

// unopened is the Result of a handshake that failed.
func unopened(c *Case, o *opening, started time.Time, err error) Result {
	behavior, closing, why := judge(c, &tally{}, false)
	r := Result{
		Case: *c, Started: started, Duration: time.Since(started), Behavior: behavior, BehaviorClose: closing,
		Why: why + ": " + err.Error(), LocalCode: NoCode, RemoteCode: NoCode,
	}
	if o != nil {
		r.Request, r.Response = o.request, o.response
	}
	return r
}
