package autobahn

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed60239977/websocket/autobahn/internal/wire"
)

const (
	kosme     = "\u03ba\u1f79\u03c3\u03bc\u03b5" // κόσμε, as the usual UTF-8 stress test spells it
	surrogate = "\xed\xa0\x80"                   // U+D800, not a character
	beyond    = "\xf4\x90\x80\x80"               // U+110000, one more than the last
	umlauts   = "Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!"
)

func text(s string, fragment int) Step {
	return Step{Do: SendMessage, Opcode: wire.Text, Payload: whole(s), Fragment: fragment}
}

// failsText is how an endpoint ends a connection on text that is not UTF-8.
var failsText = CloseExpectation{Codes: []int{1007}, CloserDecides: true}

// notUTF8 is a case whose text must fail the connection.
func notUTF8(id, shows string, kill time.Duration, step Step) Case {
	return Case{
		ID: id, Shows: shows,
		Steps:  []Step{step, killAfter(kill)},
		Expect: []Expectation{expect(OK)},
		Close:  failsText,
	}
}

// unicodeBasics are the groups 6.1 to 6.3.
func unicodeBasics() []Case {
	const middle = "middle frame payload"
	after := closeAfter(time.Second)
	bad := kosme + surrogate + "edited"
	cut := strings.Index(umlauts, "\u00fc")
	return []Case{
		echoes("6.1.1", "an empty text message", []Step{frame(wire.Text, "")}, after, textEvent("")),
		echoes("6.1.2", "a text message in three empty fragments",
			[]Step{open(wire.Text, ""), open(wire.Continuation, ""), frame(wire.Continuation, "")}, after, textEvent("")),
		echoes("6.1.3", "a text message in three fragments, empty but for the middle one",
			[]Step{open(wire.Text, ""), open(wire.Continuation, middle), frame(wire.Continuation, "")}, after, textEvent(middle)),
		echoes("6.2.1", "text beyond ASCII in one frame", []Step{text(umlauts, 0)}, after, textEvent(umlauts)),
		echoes("6.2.2", "text beyond ASCII in two fragments, cut between characters",
			[]Step{open(wire.Text, umlauts[:cut]), frame(wire.Continuation, umlauts[cut:])}, after, textEvent(umlauts)),
		echoes("6.2.3", "text beyond ASCII in fragments of one byte", []Step{text(umlauts, 1)}, after, textEvent(umlauts)),
		echoes("6.2.4", "a Greek word in fragments of one byte", []Step{text(kosme, 1)}, after, textEvent(kosme)),
		notUTF8("6.3.1", "text with a surrogate in one frame", time.Second, text(bad, 0)),
		notUTF8("6.3.2", "text with a surrogate in fragments of one byte", time.Second, text(bad, 1)),
	}
}

// unicodeFailFast is group 6.4: text that goes wrong in the middle, part by
// part. An endpoint may wait for its end; better not.
func unicodeFailFast() (cases []Case) {
	cuts := [][3]string{
		{kosme, beyond, "edited"},
		{kosme + beyond[:1], beyond[1:2], beyond[2:] + "edited"},
	}
	whats := []string{"at a character", "inside a character"}
	wait := func(tag string) Step { return Step{Do: Wait, After: time.Second, Tag: tag} }
	timeout := func(tag string) Event { return Event{Kind: TimedOut, Tag: tag} }
	add := func(shows string, steps ...Step) {
		cases = append(cases, Case{
			ID: fmt.Sprintf("6.4.%d", len(cases)+1), Shows: shows,
			Steps:  append(steps, killAfter(time.Second)),
			Expect: []Expectation{expect(OK, timeout("A")), expect(NonStrict, timeout("A"), timeout("B"))},
			Close:  failsText,
		})
	}
	for i, c := range cuts {
		add("text that goes wrong "+whats[i]+" in the second of three fragments",
			open(wire.Text, c[0]), wait("A"), open(wire.Continuation, c[1]), wait("B"), frame(wire.Continuation, c[2]))
	}
	for i, c := range cuts {
		part := func(i int) Step { return Step{Do: SendPart, Payload: whole(c[i])} }
		add("text that goes wrong "+whats[i]+" in the second of three parts of a frame",
			Step{Do: SendHeader, Opcode: wire.Text, Payload: Payload{Len: len(c[0] + c[1] + c[2])}},
			part(0), wait("A"), part(1), wait("B"), part(2), frame(wire.Continuation, ""))
	}
	return cases
}

// sequences are the groups 6.5 to 6.23: text that comes back, or fails the
// connection, by what UTF-8 says of it (RFC 3629).
var sequences = []struct {
	shows string
	texts []string
}{
	{"characters of one to four bytes", []string{"hello$world", "hello\u00a2world", "hello\u20acworld", "hello\U00024b62world", kosme}},
	{"a word cut after each of its bytes", prefixes(kosme)},
	{"the first character of each length", []string{"\x00", "\u0080", "\u0800", "\U00010000"}},
	{"the first sequence of five and six bytes", []string{"\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80"}},
	{"the last character of each length", []string{"\x7f", "\u07ff", "\uffff", "\U0010ffff"}},
	{"the last sequence of each length beyond the characters", []string{"\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf"}},
	{"characters at the edges of ranges", []string{"\ud7ff", "\ue000", "\ufffd", "\U0010ffff", beyond}},
	{"continuation bytes without a lead", append(runs("\x80\xbf", 7), span(0x80, 0xbe, ""))},
	{"leads without continuation bytes", []string{
		span(0xc0, 0xde, " "), span(0xe0, 0xee, " "), span(0xf0, 0xf6, " "), span(0xf8, 0xfa, " "), "\xfc "}},
	{"sequences that lack their last byte", lackLast},
	{"sequences that lack their last byte, one after the other", []string{strings.Join(lackLast, "")}},
	{"bytes that never occur", []string{"\xfe", "\xff", "\xfe\xfe\xff\xff"}},
	{"the solidus in too many bytes", []string{"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf"}},
	{"the last overlong sequence of each length", []string{"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf"}},
	{"the null character in too many bytes", []string{"\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf8\x80\x80\x80\x80", "\xfc\x80\x80\x80\x80\x80"}},
	{"single surrogates", []string{"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf"}},
	{"pairs of surrogates", pairs([]string{"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf"}, []string{"\xed\xb0\x80", "\xed\xbf\xbf"})},
	{"the noncharacters at the end of each plane", noncharacters()},
	{"the specials at the end of the first plane", specials()},
}

var lackLast = []string{
	"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80", "\xfc\x80\x80\x80\x80",
	"\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf",
}

func unicodeSequences() (cases []Case) {
	const kill = 500 * time.Millisecond
	for g, s := range sequences {
		for i, sample := range s.texts {
			id := fmt.Sprintf("6.%d.%d", g+5, i+1)
			shows := fmt.Sprintf("%s: % x", s.shows, sample)
			if utf8.ValidString(sample) {
				cases = append(cases, echoes(id, shows, []Step{text(sample, 0)}, killAfter(kill), textEvent(sample)))
			} else {
				cases = append(cases, notUTF8(id, shows, kill, text(sample, 0)))
			}
		}
	}
	return cases
}

func prefixes(s string) (all []string) {
	for i := range len(s) {
		all = append(all, s[:i+1])
	}
	return all
}

// runs are the two bytes of cycle alone, then two to n-1 bytes of it.
func runs(cycle string, n int) []string {
	all := []string{cycle[:1], cycle[1:]}
	for i := 2; i < n; i++ {
		all = append(all, strings.Repeat(cycle, i)[:i])
	}
	return all
}

// span is every byte from low to high with sep after each.
func span(low, high byte, sep string) string {
	var b strings.Builder
	for c := low; c <= high; c++ {
		b.WriteByte(c)
		b.WriteString(sep)
	}
	return b.String()
}

func pairs(firsts, seconds []string) (all []string) {
	for _, a := range firsts {
		for _, b := range seconds {
			all = append(all, a+b)
		}
	}
	return all
}

func noncharacters() (all []string) {
	for plane := range rune(17) {
		all = append(all, string(plane<<16|0xFFFE), string(plane<<16|0xFFFF))
	}
	return all
}

func specials() (all []string) {
	for r := rune(0xFFF9); r <= 0xFFFF; r++ {
		all = append(all, string(r))
	}
	return all
}
