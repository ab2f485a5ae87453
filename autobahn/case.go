package autobahn

import (
	"bytes"
	"strings"
	"time"

	"github.com/seed60239977/websocket/autobahn/internal/payload"
	"github.com/seed60239977/websocket/autobahn/internal/pmd"
)

// Case is one test: what the suite sends, what may come back, and which verdict
// follows. It describes; nothing in it changes while it runs, so that one Case
// may run on any number of connections at a time.
type Case struct {
	// ID is the dotted number that reports and patterns name the case by.
	ID string
	// Shows says what the case is about, in one line.
	Shows string
	// Section is the section of RFC 6455, or "RFC 7692 §…", that the case stands
	// on. It is set for group 14 alone.
	Section string
	// Steps go out in order as soon as the opening handshake is done.
	Steps []Step
	// Expect lists what may be received, with the verdict of each. The first
	// list that equals what was received counts; none does: Failed.
	Expect []Expectation
	// Close is what is expected of the end of the connection.
	Close CloseExpectation
	// Echo, when set, takes the place of Steps and Expect.
	Echo *Echo
	// AnyContents judges by type and length of the first message back alone,
	// and closes when it is there.
	AnyContents bool
	// Override changes the verdict that the rest comes to.
	Override Override
	// Only says whom the case is for.
	Only Side
	// Opening, when set, departs from the ordinary opening handshake.
	Opening *Opening
	// Offers and Answers are those of Echo, for a case of Steps that needs
	// permessage-deflate.
	Offers  []pmd.Params
	Answers []Answer
}

// Expectation is a list of events and the verdict it is worth.
type Expectation struct {
	Verdict Verdict
	Events  []Event
}

// CloseExpectation says how a connection should end.
type CloseExpectation struct {
	// BySuite: the suite is to send the first close frame; else the endpoint
	// under test is to, or to drop TCP.
	BySuite bool
	// Codes are the close codes (RFC 6455 §7.4) that may come back. The first is
	// the one the suite closes with when it has received what it expected.
	Codes []int
	// Clean demands a completed closing handshake (§7.1.4).
	Clean bool
	// CloserDecides makes the whole case Failed when the wrong side closed.
	CloserDecides bool
	// WhenReceived closes as soon as what was received equals Expect[0].
	WhenReceived bool
}

// Override is a departure from the general rules of judging.
type Override int

// The departures.
const (
	NoOverride     Override = iota
	CodeDecides             // a wrong close code makes the case Failed
	AlwaysInform            // both verdicts are always Informational
	FragmentsCount          // Failed as well when the suite itself sent other frames than it should
)

// Do says what a Step does.
type Do int

// The steps.
const (
	SendFrame      Do = iota // one frame: Opcode, Fin, RSV, Payload
	SendMessage              // one message: Opcode, Payload, in frames of Fragment bytes
	SendHeader               // a frame header alone: Opcode, Fin, Payload.Len
	SendPart                 // the next bytes of the payload of that frame
	SendClose                // a close frame: Code (NoCode for none), Payload as its reason
	Wait                     // After; the rest is skipped when the connection is no longer open
	KillAfter                // fail the connection when TCP is still up After this
	CloseAfter               // send a close frame without code After this, if none was sent yet
	SendRaw                  // bytes as they are
	SendCompressed           // Payload compressed by the agreed permessage-deflate, as SendFrame
)

// NoCode is the Code of a close frame that has none.
const NoCode = -1

// Step is one thing that the suite does.
type Step struct {
	Do       Do
	Opcode   byte
	Fin      bool
	RSV      byte // RSV1 is 4, RSV2 is 2, RSV3 is 1
	Payload  Payload
	Fragment int // bytes of payload in a frame; 0 for one frame
	Code     int
	After    time.Duration
	// Tag makes a Wait an event of its own when it ends.
	Tag string
	// Chop writes that many bytes to TCP at a time.
	Chop int
	// Alone gives the frame a TCP write of its own.
	Alone bool
}

// Payload is Unit repeated and cut to Len bytes, so that a case of 16 MiB
// costs nothing before it runs.
type Payload struct {
	Unit string
	Len  int
}

func repeat(unit string, n int) Payload { return Payload{unit, n} }

func whole(s string) Payload { return Payload{s, len(s)} }

// Bytes makes the bytes. The caller may keep and change them.
func (p Payload) Bytes() []byte {
	if p.Len == 0 {
		return nil
	}
	times := (p.Len + len(p.Unit) - 1) / len(p.Unit)
	return bytes.Repeat([]byte(p.Unit), times)[:p.Len]
}

// beginning is enough of the bytes to show in a log.
func (p Payload) beginning() []byte {
	if p.Len > 1<<16 {
		p.Len = 1 << 16
	}
	return p.Bytes()
}

func (p Payload) equal(b []byte) bool {
	if len(b) != p.Len {
		return false
	}
	for len(b) > len(p.Unit) {
		if string(b[:len(p.Unit)]) != p.Unit {
			return false
		}
		b = b[len(p.Unit):]
	}
	return strings.HasPrefix(p.Unit, string(b))
}

// EventKind tells the kinds of events apart.
type EventKind string

// The kinds of events that are listed and compared.
const (
	TextMessage   EventKind = "text"
	BinaryMessage EventKind = "binary"
	PongFrame     EventKind = "pong"
	TimedOut      EventKind = "timeout"
)

// Event is something received: a whole message, a pong, or that a tagged Wait
// came to its end.
type Event struct {
	Kind    EventKind
	Payload Payload
	Tag     string
}

// Echo describes a case that sends many messages, each after the echo of the
// one before.
type Echo struct {
	Binary   bool
	Len      int // bytes of a message; characters of payload.HTML
	Messages int
	Timeout  time.Duration
	// Unit repeated makes every message, when Data is empty; then type and
	// length are compared, else the contents too.
	Unit string
	// Data names what messages are taken from: "json", "bitmap", "prose",
	// "html" or "packed". Set, the case needs permessage-deflate.
	Data payload.Kind
	// Fragment is the bytes of compressed payload in a frame; 0 for one frame.
	Fragment int
	// Offers are made to a server, in order.
	Offers []pmd.Params
	// Answers are tried in order on what a client offers.
	Answers []Answer
}

// Answer is how the suite, as the server, takes up an offer: the first offer
// that can be answered so is, with what it asks of the server.
type Answer struct {
	ClientNoTakeover bool
	// ClientBits needs an offer with client_max_window_bits; 0 names none.
	ClientBits int
}

// Group is the part of the ID that names the group: one number for the groups
// 2, 3 and 5, else two.
func (c Case) Group() string {
	first, rest, _ := strings.Cut(c.ID, ".")
	second, _, deeper := strings.Cut(rest, ".")
	if !deeper {
		return first
	}
	return first + "." + second
}

// heavy cases keep a processor busy rather than wait.
func (c Case) heavy() bool { return (c.Echo != nil || c.AnyContents) && c.Section == "" }
