package main

import (
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf8"
)

// All messages are binary: a byte that says which, then what it has. Numbers are big-endian; those of a speed or a
// direction are signed.
//
//	join     1  token (8 bytes)  name                                           from a page
//	input    2  number (2)  direction (x, y: 1 each)  dash (1: 0 or 1)           from a page, one for each tick
//	leave    3                                                                  from a page
//	alive    4  anything (4)                                                    from a page, and back
//	welcome  5  player (2), or 0 if there is no room                            to the page that has joined
//	state    6  tick (4)  number of gems (1)  gems (x, y: 2 each)  players      to all, in each tick
//	names    7  for each player: id (2)  length (1)  name                       to all, when they have changed
//
// A player of state is 16 bytes: id (2), x (2), y (2), speed (x, y: 2 each), the number of the last input that counts (2),
// score (2), ticks until the next dash (1), and 1 if the player is away, or else 0 (1).
const (
	kindJoin = 1 + iota
	kindInput
	kindLeave
	kindAlive
	kindWelcome
	kindState
	kindNames
)

const (
	aliveSize   = 5
	maxMessage  = 1 + int64(len(token{})) + utf8.UTFMax*maxName // that a page may send
	maxSpeed    = 1<<15 - 1
	maxVector   = 128 // length of a direction, with what rounding may add
	playerBytes = 16
)

// errNonsense is why a connection is closed.
var errNonsense = errors.New("this is not what the page sends")

// request is a message of a page.
type request struct {
	kind  byte
	token token
	name  string
	input input
	alive [aliveSize - 1]byte
}

// parse reads a message, which has to be one that pages send.
func parse(data []byte) (q request, err error) {
	if len(data) == 0 {
		return q, errNonsense
	}
	q.kind = data[0]
	body, ok := data[1:], false
	switch q.kind {
	case kindJoin:
		if len(body) > len(q.token) {
			q.name = string(body[copy(q.token[:], body):])
			ok = validName(q.name)
		}
	case kindInput:
		if len(body) == 5 && body[4] <= 1 {
			q.input = input{binary.BigEndian.Uint16(body), int8(body[2]), int8(body[3]), body[4] == 1}
			ok = near(int(q.input.dx), int(q.input.dy), maxVector)
		}
	case kindLeave:
		ok = len(body) == 0
	case kindAlive:
		ok = len(body) == copy(q.alive[:], body) && len(body) == len(q.alive)
	}
	if !ok {
		return request{}, errNonsense
	}
	return q, nil
}

// validName reports whether a name is one that the page would send.
func validName(name string) bool {
	return utf8.ValidString(name) && name != "" && utf8.RuneCountInString(name) <= maxName && strings.TrimSpace(name) == name
}

// appendState adds the state message to dst.
func (w *world) appendState(dst []byte) []byte {
	be := binary.BigEndian
	dst = append(dst, kindState)
	dst = be.AppendUint32(dst, w.tick)
	dst = append(dst, gems)
	for _, g := range w.gems {
		dst = be.AppendUint16(be.AppendUint16(dst, uint16(g.x)), uint16(g.y))
	}
	for _, p := range w.players {
		for _, v := range [...]uint16{p.id, uint16(p.x), uint16(p.y), speed(p.vx), speed(p.vy), p.last.seq, uint16(p.score)} {
			dst = be.AppendUint16(dst, v)
		}
		away := byte(0)
		if p.away() {
			away = 1
		}
		dst = append(dst, byte(p.pause), away)
	}
	return dst
}

func speed(v int) uint16 { return uint16(int16(max(-maxSpeed, min(maxSpeed, v)))) }

// names returns the names message.
func (w *world) names() []byte {
	m := []byte{kindNames}
	for _, p := range w.players {
		m = binary.BigEndian.AppendUint16(m, p.id)
		m = append(m, byte(len(p.name)))
		m = append(m, p.name...)
	}
	return m
}
