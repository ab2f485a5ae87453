package main

import (
	"encoding/binary"
	"errors"
)

// All messages are binary: a byte for the kind, then its contents. Numbers are unsigned and big-endian. Coordinates go
// from 0 to 65535, left to right and top to bottom.
//
//	stroke   1  id (8 bytes)  color (1)  width (1)  points (x, y: 2 bytes each)   both ways
//	cursor   2  x (2)  y (2)                                                        from a page
//	         2  x (2)  y (2)  person (4)                                            to the others
//	gone     3  person (4)                                                          to the others
//	clear    4                                                                      both ways
//	alive    5                                                                      from a page, and back
//	board    6  strokes, each one after its length (2)                              to a page, as the first message
const (
	kindStroke = 1 + iota
	kindCursor
	kindGone
	kindClear
	kindAlive
	kindBoard
)

// Limits of a stroke.
const (
	strokeHeader = 11
	maxPoints    = 512
	colors       = 6
	maxWidth     = 40
)

// errNonsense is why a connection is closed.
var errNonsense = errors.New("this is not what the page sends")

// check returns the kind of a message, if it is one that pages send.
func check(data []byte) (kind byte, err error) {
	if len(data) == 0 {
		return 0, errNonsense
	}
	ok := false
	switch kind = data[0]; kind {
	case kindStroke:
		points := len(data) - strokeHeader
		ok = points >= 4 && points%4 == 0 && points <= 4*maxPoints && data[9] < colors && data[10] > 0 && data[10] <= maxWidth
	case kindCursor:
		ok = len(data) == 5
	case kindClear, kindAlive:
		ok = len(data) == 1
	}
	if !ok {
		return 0, errNonsense
	}
	return kind, nil
}

// strokeID returns the id of a stroke, which the page has made up.
func strokeID(stroke []byte) uint64 { return binary.BigEndian.Uint64(stroke[1:]) }
