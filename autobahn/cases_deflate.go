package autobahn

import (
	"fmt"
	"time"

	"github.com/seed60239977/websocket/autobahn/internal/payload"
	"github.com/seed60239977/websocket/autobahn/internal/pmd"
)

// compression are the groups 12.1 to 12.5, one kind of data each, and 13.1 to
// 13.7, one set of parameters each (RFC 7692).
func compression() (cases []Case) {
	plain := pmd.Params{ClientNoTakeover: true, ClientBitsBare: true}
	for i, kind := range []payload.Kind{payload.JSON, payload.Bitmap, payload.Prose, payload.HTML, payload.Packed} {
		e := Echo{Data: kind, Binary: kind != payload.JSON && kind != payload.HTML, Offers: []pmd.Params{plain}, Answers: []Answer{{}}}
		cases = append(cases, compressed(fmt.Sprintf("12.%d", i+1), "any parameters", e)...)
	}
	offer := func(serverNoTakeover bool, serverBits int) pmd.Params {
		p := plain
		p.ServerNoTakeover, p.ServerBits = serverNoTakeover, serverBits
		return p
	}
	sets := []struct {
		shows   string
		offers  []pmd.Params
		answers []Answer
	}{
		{"any parameters", []pmd.Params{plain}, []Answer{{}}},
		{"no context takeover", []pmd.Params{offer(true, 0)}, []Answer{{true, 0}}},
		{"a window of 2^9", []pmd.Params{offer(false, 9)}, []Answer{{false, 9}}},
		{"a window of 2^15", []pmd.Params{offer(false, 15)}, []Answer{{false, 15}}},
		{"no context takeover and a window of 2^9", []pmd.Params{offer(true, 9)}, []Answer{{true, 9}}},
		{"no context takeover and a window of 2^15", []pmd.Params{offer(true, 15)}, []Answer{{true, 15}}},
		{"three offers", []pmd.Params{offer(true, 9), offer(true, 0), plain}, []Answer{{true, 9}, {true, 0}, {}}},
	}
	for i, s := range sets {
		e := Echo{Data: payload.JSON, Offers: s.offers, Answers: s.answers}
		cases = append(cases, compressed(fmt.Sprintf("13.%d", i+1), s.shows, e)...)
	}
	return cases
}

// shapes are the eighteen cases of every group: sizes in one frame, then in
// fragments of the compressed payload.
var shapes = []struct{ length, seconds, fragment int }{
	{16, 60, 0}, {64, 60, 0}, {256, 120, 0}, {1024, 240, 0}, {4096, 480, 0}, {8192, 480, 0},
	{16384, 480, 0}, {32768, 480, 0}, {65536, 480, 0}, {131072, 480, 0},
	{8192, 480, 256}, {16384, 480, 256}, {32768, 480, 256}, {65536, 480, 256}, {131072, 480, 256},
	{131072, 480, 1024}, {131072, 480, 4096}, {131072, 480, 32768},
}

func compressed(group, shows string, e Echo) (cases []Case) {
	for i, s := range shapes {
		e.Len, e.Messages, e.Fragment, e.Timeout = s.length, 1000, s.fragment, time.Duration(s.seconds)*time.Second
		own := e
		what := fmt.Sprintf("1000 compressed messages of %d from the %s data", s.length, e.Data)
		if s.fragment > 0 {
			what += fmt.Sprintf(", in frames of %d bytes", s.fragment)
		}
		cases = append(cases, Case{
			ID:    fmt.Sprintf("%s.%d", group, i+1),
			Shows: what + ", with " + shows,
			Echo:  &own,
			Close: CloseExpectation{BySuite: true, Codes: []int{1000}, Clean: true},
		})
	}
	return cases
}
