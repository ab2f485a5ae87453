package frame_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
)

// sequence is the rule of §5.2, §5.4 and §5.5 about what may follow what, as a matrix. A row is an opcode; the columns
// are: FIN outside of a message, no FIN outside, FIN inside a message, no FIN inside. An entry is where the direction is
// afterwards, "out" or "in" a message, or the section that was broken.
var sequence = [16][4]string{
	0x0: {"5.4", "5.4", "out", "in"},
	0x1: {"out", "in", "5.4", "5.4"},
	0x2: {"out", "in", "5.4", "5.4"},
	0x3: {"5.2", "5.2", "5.2", "5.2"},
	0x4: {"5.2", "5.2", "5.2", "5.2"},
	0x5: {"5.2", "5.2", "5.2", "5.2"},
	0x6: {"5.2", "5.2", "5.2", "5.2"},
	0x7: {"5.2", "5.2", "5.2", "5.2"},
	0x8: {"out", "5.5", "in", "5.5"},
	0x9: {"out", "5.5", "in", "5.5"},
	0xA: {"out", "5.5", "in", "5.5"},
	0xB: {"5.2", "5.2", "5.2", "5.2"},
	0xC: {"5.2", "5.2", "5.2", "5.2"},
	0xD: {"5.2", "5.2", "5.2", "5.2"},
	0xE: {"5.2", "5.2", "5.2", "5.2"},
	0xF: {"5.2", "5.2", "5.2", "5.2"},
}

// reference is a slow Checker: it looks everything up.
type reference struct {
	role    frame.Role
	claimed frame.RSV
	inside  bool
}

// check returns the sections that h breaks. If there are none, the reference moves on.
func (r *reference) check(h frame.Header) (broken []string) {
	column := 0
	if r.inside {
		column += 2
	}
	if !h.Fin {
		column++
	}
	next := sequence[h.Opcode][column]
	if next[0] == '5' {
		broken = append(broken, next)
	}
	if mayMask := map[frame.Role]bool{frame.Server: true, frame.Client: false}; h.Masked != mayMask[r.role] {
		broken = append(broken, "5.1")
	}
	for _, bit := range []frame.RSV{4, 2, 1} {
		startsMessage := h.Opcode == 1 || h.Opcode == 2
		if h.RSV&bit == bit && (r.claimed&bit == 0 || !startsMessage) {
			broken = append(broken, "5.2")
		}
	}
	if h.Opcode >= 8 && h.Length >= 126 {
		broken = append(broken, "5.5")
	}
	if broken == nil {
		r.inside = next == "in"
	}
	return broken
}

// agree feeds h to both and requires the same verdict and the same state after it.
func agree(t *testing.T, c *frame.Checker, r *reference, h frame.Header) {
	t.Helper()
	before := *c
	broken := r.check(h)
	err := c.Check(&h)
	if broken == nil {
		require.NoError(t, err, "%+v", h)
	} else {
		var p *frame.ProtocolError
		require.ErrorAs(t, err, &p, "%+v breaks %v", h, broken)
		require.Equal(t, frame.StatusProtocolError, p.Code)
		require.True(t, slices.Contains(broken, p.Section), "%+v: %v, want one of %v", h, err, broken)
		require.Equal(t, before, *c, "state unchanged by an error")
	}
	require.Equal(t, r.inside, c.InMessage(), "%+v", h)
}

func TestEveryHeaderInEveryStateEqualsTheMatrix(t *testing.T) {
	for _, role := range []frame.Role{frame.Server, frame.Client} {
		for claimed := range frame.RSV(8) {
			for _, inside := range []bool{false, true} {
				t.Run(fmt.Sprint(role, " claimed ", claimed, " inside ", inside), func(t *testing.T) {
					checkAllHeaders(t, role, claimed, inside)
				})
			}
		}
	}
}

func checkAllHeaders(t *testing.T, role frame.Role, claimed frame.RSV, inside bool) {
	for first := range 256 {
		for _, masked := range []bool{false, true} {
			for _, length := range []int64{0, 125, 126, 1 << 40} {
				c := frame.Checker{Role: role, Claimed: claimed}
				if inside {
					require.NoError(t, c.Check(&frame.Header{Opcode: frame.Text, Masked: !role.Masks()}))
				}
				agree(t, &c, &reference{role, claimed, inside}, frame.Header{
					Fin: first >= 0x80, RSV: frame.RSV(first >> 4 & 7), Opcode: frame.Opcode(first & 15),
					Masked: masked, Length: length,
				})
			}
		}
	}
}

func TestEachBrokenRuleIsNamed(t *testing.T) {
	cases := []struct {
		section, reason string
		claimed         frame.RSV
		inside          bool
		h               frame.Header
	}{
		{section: "5.2", reason: "reserved opcode", h: frame.Header{Fin: true, Opcode: 3}},
		{section: "5.2", reason: "reserved opcode", h: frame.Header{Fin: true, Opcode: 0xB}},
		{section: "5.2", reason: "reserved bit set that no extension uses", h: frame.Header{Fin: true, Opcode: frame.Text, RSV: frame.RSV1}},
		{section: "5.2", reason: "reserved bit set that no extension uses", claimed: frame.RSV1, h: frame.Header{Fin: true, Opcode: frame.Text, RSV: frame.RSV1 | frame.RSV3}},
		{section: "5.2", reason: "extension bit set on a continuation or control frame", claimed: frame.RSV1, inside: true, h: frame.Header{Fin: true, RSV: frame.RSV1}},
		{section: "5.2", reason: "extension bit set on a continuation or control frame", claimed: frame.RSV1, h: frame.Header{Fin: true, Opcode: frame.Ping, RSV: frame.RSV1}},
		{section: "5.5", reason: "fragmented control frame", h: frame.Header{Opcode: frame.Ping}},
		{section: "5.5", reason: "control frame longer than 125 bytes", h: frame.Header{Fin: true, Opcode: frame.Close, Length: 126}},
		{section: "5.4", reason: "continuation frame without a message to continue", h: frame.Header{Fin: true}},
		{section: "5.4", reason: "new message before the end of a fragmented one", inside: true, h: frame.Header{Fin: true, Opcode: frame.Binary}},
	}
	for _, role := range []frame.Role{frame.Server, frame.Client} {
		for _, tc := range cases {
			c := frame.Checker{Role: role, Claimed: tc.claimed}
			if tc.inside {
				require.NoError(t, c.Check(&frame.Header{Opcode: frame.Binary, Masked: !role.Masks()}))
			}
			tc.h.Masked = !role.Masks()
			requireProtocolError(t, c.Check(&tc.h), frame.StatusProtocolError, tc.section, tc.reason)
		}
	}
	server, client := frame.Checker{Role: frame.Server}, frame.Checker{Role: frame.Client}
	requireProtocolError(t, server.Check(&frame.Header{Fin: true, Opcode: frame.Text}), frame.StatusProtocolError, "5.1", "frame from a client is not masked")
	requireProtocolError(t, client.Check(&frame.Header{Fin: true, Opcode: frame.Text, Masked: true}), frame.StatusProtocolError, "5.1", "frame from a server is masked")
}

func TestTheZeroCheckerIsAServerWithoutExtensions(t *testing.T) {
	var c frame.Checker
	require.NoError(t, c.Check(&frame.Header{Fin: true, Opcode: frame.Text, Masked: true}))
	require.Error(t, c.Check(&frame.Header{Fin: true, Opcode: frame.Text}))
	require.Error(t, c.Check(&frame.Header{Fin: true, Opcode: frame.Text, Masked: true, RSV: frame.RSV1}))
	require.False(t, c.InMessage())
}

func TestControlFramesMayStandBetweenFragments(t *testing.T) {
	for _, role := range []frame.Role{frame.Server, frame.Client} {
		c := frame.Checker{Role: role}
		for _, h := range []frame.Header{
			{Opcode: frame.Text}, {Fin: true, Opcode: frame.Ping, Length: 125}, {}, {Fin: true, Opcode: frame.Pong},
			{Fin: true, Opcode: frame.Close}, {Fin: true}, {Fin: true, Opcode: frame.Binary},
		} {
			h.Masked = !role.Masks()
			require.NoError(t, c.Check(&h), "%+v", h)
		}
		require.False(t, c.InMessage())
	}
}
