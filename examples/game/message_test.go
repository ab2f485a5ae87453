package main

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// append is parse the other way round: what the page does.
func (q request) append(dst []byte) []byte {
	dst = append(dst, q.kind)
	switch q.kind {
	case kindJoin:
		return append(append(dst, q.token[:]...), q.name...)
	case kindInput:
		dash := byte(0)
		if q.input.dash {
			dash = 1
		}
		return append(binary.BigEndian.AppendUint16(dst, q.input.seq), byte(q.input.dx), byte(q.input.dy), dash)
	case kindAlive:
		return append(dst, q.alive[:]...)
	}
	return dst
}

// seen is what a page reads from a state message.
type seen struct {
	tick    uint32
	gems    []point
	players []shown
}

type shown struct {
	id, ack, score uint16
	body           body
	away           bool
}

// readState is what the page does with a state message.
func readState(t *testing.T, m []byte) (s seen) {
	t.Helper()
	require.EqualValues(t, kindState, m[0])
	at := 1
	u16 := func() uint16 { at += 2; return binary.BigEndian.Uint16(m[at-2:]) }
	s.tick = uint32(u16())<<16 | uint32(u16())
	at++
	for range m[5] {
		s.gems = append(s.gems, point{int(u16()), int(u16())})
	}
	for at < len(m) {
		p := shown{id: u16()}
		p.body = body{x: int(u16()), y: int(u16()), vx: int(int16(u16())), vy: int(int16(u16()))}
		p.ack, p.score = u16(), u16()
		p.body.pause, p.away = int(m[at]), m[at+1] == 1
		at += 2
		s.players = append(s.players, p)
	}
	require.Equal(t, len(m), at)
	return s
}

// readNames is what the page does with a names message.
func readNames(t *testing.T, m []byte) map[uint16]string {
	t.Helper()
	require.EqualValues(t, kindNames, m[0])
	all := map[uint16]string{}
	for m = m[1:]; len(m) > 0; m = m[3+m[2]:] {
		all[binary.BigEndian.Uint16(m)] = string(m[3 : 3+m[2]])
	}
	return all
}

func TestAStateHasAllThatThePageShows(t *testing.T) {
	w := seeded(3)
	ada, ben := w.join(token{1}, "Ada"), w.join(token{2}, "Bén 🚀")
	ada.body = body{x: 1, y: height, vx: -1, vy: 1 << 20, pause: dashPause}
	ada.score, ada.last.seq, ada.silent = 65535, 40000, ticksPerSecond+1
	w.tick = 1<<32 - 1
	s := readState(t, w.appendState(nil))
	require.Equal(t, uint32(1<<32-1), s.tick)
	require.Equal(t, w.gems[:], s.gems)
	require.Equal(t, []shown{
		{id: ada.id, ack: 40000, score: 65535, away: true, body: body{x: 1, y: height, vx: -1, vy: maxSpeed, pause: dashPause}},
		{id: ben.id, body: ben.body},
	}, s.players)
	require.Equal(t, map[uint16]string{ada.id: "Ada", ben.id: "Bén 🚀"}, readNames(t, w.names()))
	require.Equal(t, []byte{kindNames}, seeded(1).names())
}

func TestWhatPagesSendIsUnderstood(t *testing.T) {
	for _, q := range []request{
		{kind: kindJoin, token: token{1, 2, 3, 4, 5, 6, 7, 8}, name: "Ada"},
		{kind: kindJoin, name: strings.Repeat("🚀", maxName)},
		{kind: kindInput, input: input{seq: 65535, dx: -127, dy: 0, dash: true}},
		{kind: kindInput, input: input{seq: 1, dx: 90, dy: -90}},
		{kind: kindLeave},
		{kind: kindAlive, alive: [4]byte{1, 2, 3, 4}},
	} {
		data := q.append(nil)
		require.LessOrEqual(t, int64(len(data)), maxMessage)
		got, err := parse(data)
		require.NoError(t, err)
		require.Equal(t, q, got)
	}
}

// nonsense is what no page sends.
var nonsense = map[string][]byte{
	"nothing":             {},
	"unknown kind":        {99},
	"the server's":        {kindState, 0, 0, 0, 0, 0},
	"no name":             {kindJoin, 1, 2, 3, 4, 5, 6, 7, 8},
	"short token":         {kindJoin, 1, 2, 3},
	"name of blanks":      append([]byte{kindJoin, 1, 2, 3, 4, 5, 6, 7, 8}, "  "...),
	"name not UTF-8":      {kindJoin, 1, 2, 3, 4, 5, 6, 7, 8, 0xff},
	"long name":           append([]byte{kindJoin, 1, 2, 3, 4, 5, 6, 7, 8}, strings.Repeat("x", maxName+1)...),
	"short input":         {kindInput, 0, 1, 0, 0},
	"long input":          {kindInput, 0, 1, 0, 0, 0, 0},
	"faster than allowed": {kindInput, 0, 1, 127, 127, 0},
	"most negative":       {kindInput, 0, 1, 0x80, 0x80, 0},
	"half a dash":         {kindInput, 0, 1, 0, 0, 2},
	"long leave":          {kindLeave, 0},
	"short alive":         {kindAlive, 0},
	"long alive":          {kindAlive, 0, 0, 0, 0, 0},
}

func TestNonsenseIsToldFromWhatPagesSend(t *testing.T) {
	for name, data := range nonsense {
		q, err := parse(data)
		require.ErrorIs(t, err, errNonsense, name)
		require.Zero(t, q, name)
	}
}

// FuzzParse holds parse against the page: what is accepted is what the page would have written for it.
func FuzzParse(f *testing.F) {
	for _, data := range nonsense {
		f.Add(data)
	}
	f.Add(request{kind: kindJoin, token: token{1}, name: "Ada"}.append(nil))
	f.Add(request{kind: kindInput, input: input{seq: 1, dx: 90, dy: -90, dash: true}}.append(nil))
	f.Add(request{kind: kindLeave}.append(nil))
	f.Add(request{kind: kindAlive}.append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		q, err := parse(data)
		if err != nil {
			require.Equal(t, errNonsense, err)
			require.Zero(t, q)
			return
		}
		require.Equal(t, data, q.append(nil))
		in := q.input
		require.LessOrEqual(t, int(in.dx)*int(in.dx)+int(in.dy)*int(in.dy), maxVector*maxVector)
	})
}

// FuzzState plays a game by what it is given, and holds each state message against the world that it tells about.
func FuzzState(f *testing.F) {
	f.Add(uint64(1), []byte("join, and go on"))
	f.Add(uint64(2), []byte{0, 0, 0, 1, 0xff, 0x7f, 0x01, 9, 9, 9, 200, 201, 202})
	f.Fuzz(func(t *testing.T, seed uint64, moves []byte) {
		w := seeded(seed)
		for i, m := range moves[:min(len(moves), 500)] {
			if m%16 == 0 || len(w.players) == 0 {
				w.join(token{m}, "p")
			}
			p := w.players[i%len(w.players)]
			w.input(p, input{seq: uint16(i), dx: int8(m&0x7f) - 64, dy: 64 - int8(m&0x7f), dash: m > 127})
			w.step()
			s := readState(t, w.appendState(nil))
			require.Equal(t, w.tick, s.tick)
			require.Equal(t, w.gems[:], s.gems)
			require.Len(t, s.players, len(w.players))
			for i, p := range w.players {
				require.Equal(t, shown{p.id, p.last.seq, uint16(p.score), p.body, p.away()}, s.players[i])
			}
		}
	})
}
