package autobahn

import (
	"fmt"
	"strings"
)

// Explanation says in plain words, without the terms of the RFC, what it means
// when an endpoint fails a case.
type Explanation struct {
	// Broken is what does not work, as a sentence.
	Broken string
	// Browser is how a page in a browser that talks to the endpoint would notice,
	// as a sentence.
	Browser string
}

// What a browser makes of it.
const (
	browserFails   = "A browser drops the connection: the page gets an error event and a close event with code 1006, and is not told why."
	browserMissing = "The page waits for a message that never comes, or gets another one than was sent."
	browserNever   = "No browser sends this, so a page does not notice; a faulty or hostile peer gets further than it should."
	browserLive    = "A browser never pings, but proxies and other peers do to see whether the connection is alive, and drop it: the page is cut off for no visible reason."
	browserClose   = "The close event comes late, or with wasClean false and code 1006 instead of the code that was sent: the page cannot tell a good end from a broken network."
	browserText    = "A page that is sent such text is dropped with code 1006, for browsers do check; what was stored or passed on cannot be shown."
	browserSlow    = "The page works until messages are large or many; then it stalls or is cut off."
)

// explanations are by the beginning of the ID; the longest that fits counts.
var explanations = map[string]Explanation{
	"1.1": {"A text message does not come back as it was sent.", browserMissing},
	"1.2": {"A binary message does not come back as it was sent.", "The page gets a string where it expects a Blob or an ArrayBuffer, another content, or nothing."},
	"2":   {"Pings are not handled: one is not answered with its own content, or one that is too long is not refused.", browserLive},
	"3":   {"Bits that are reserved for extensions are ignored although no extension uses them.", browserNever},
	"4":   {"Frames of a type that does not exist are not refused.", browserNever},
	"5": {"Messages in several pieces are not put together, or pieces out of order are not refused.",
		"Browsers and proxies may cut a message into pieces, large ones above all: the page's message arrives in part, or the connection ends."},
	"6":     {"Text that is not UTF-8 is not refused.", browserText},
	"7":     {"The connection is not closed as it should be.", browserClose},
	"7.5":   {"A close reason that is not UTF-8 is not refused.", browserNever},
	"7.9":   {"A close code that must not be sent is not refused.", browserNever},
	"9":     {"Large messages, or many of them, do not come back in time.", browserSlow},
	"10":    {"A message in many pieces does not come back.", browserMissing},
	"12":    {"Compressed messages do not come back as they were sent.", "Browsers offer compression by themselves: the page gets damaged messages, or is dropped with code 1006."},
	"13":    {"Compressed messages do not come back as they were sent once window sizes or a fresh start for each message are agreed on.", "Browsers offer compression by themselves: the page gets damaged messages, or is dropped with code 1006."},
	"14":    {"A rule is broken that the 517 cases do not look at.", browserNever},
	"14.3":  {"What was agreed on for compression is not kept.", "A browser cannot decompress the messages, and drops the connection with code 1006."},
	"14.4":  {"An offer of compression is answered with something that was not offered, or an illegal offer is taken.", "Browsers check the answer: the page cannot connect."},
	"valid": {"Text that is right does not come back as it was sent, or is refused.", "A page that sends text beyond ASCII is dropped, or gets something else back."},
}

// Explain says what it means when an endpoint fails the case.
func (c *Case) Explain() Explanation {
	if strings.HasPrefix(c.ID, "6.") && c.Close.BySuite {
		return explanations["valid"]
	}
	for prefix := c.ID; ; {
		if e, ok := explanations[prefix]; ok {
			return e
		}
		cut := strings.LastIndexByte(prefix, '.')
		if cut < 0 {
			return Explanation{"The endpoint does not do what the case asks for.", browserNever}
		}
		prefix = prefix[:cut]
	}
}

// Plain says in plain words, in one line, what is broken and how a browser would
// notice. It is empty when the verdict is OK or Informational.
func (r *Result) Plain() string {
	switch v := r.Verdict(); v {
	case OK, Informational:
		return ""
	case Unimplemented:
		return "There is no compression. Nothing is broken: a page does not notice, but for messages that take longer."
	case NonStrict:
		return "What is wrong is noticed, but later than it could be. A page does not notice."
	}
	e := r.closing()
	refusing := r.Case.Opening != nil && r.Case.Opening.Refused
	if r.Behavior == Failed && (r.opened() || refusing) {
		e = r.Case.Explain()
	}
	return fmt.Sprintf("%s (%s: %s) %s", e.Broken, r.Case.ID, r.Case.Shows, e.Browser)
}

// opened: the opening handshake was completed, and frames could go.
func (r *Result) opened() bool { return r.FramesOut != nil }

// closing explains a connection that did not begin or end as it should.
func (r *Result) closing() Explanation {
	switch {
	case !r.opened():
		return Explanation{"No WebSocket connection came about: " + r.Why + ".", "A page cannot connect: it gets an error event and a close event with code 1006."}
	case r.BehaviorClose == WrongCode:
		return Explanation{fmt.Sprintf("The connection was closed with code %d instead of %d.", r.RemoteCode, r.Case.Close.Codes[0]),
			"The page finds the wrong code in its close event."}
	case r.BehaviorClose == FailedByClient:
		return Explanation{"The network connection stays open after both sides have closed.", "The close event comes late."}
	case r.BehaviorClose == Unclean:
		return Explanation{"A close is not answered in time.", browserClose}
	case r.ClosedBySuite:
		return Explanation{"What should have ended the connection did not.", r.Case.Explain().Browser}
	}
	return Explanation{"The connection ended before its time.", browserFails}
}
