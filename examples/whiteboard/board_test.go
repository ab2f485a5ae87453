package main

import (
	"context"
	"encoding/binary"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/internal/programtest"
	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/websockettest"
)

// stroke returns a stroke of n points.
func stroke(id uint64, n int) []byte {
	s := append(binary.BigEndian.AppendUint64([]byte{kindStroke}, id), 1, 4)
	return append(s, make([]byte, 4*n)...)
}

// read returns the next message, which has to be binary.
func read(t *testing.T, c *websocket.Conn) []byte {
	t.Helper()
	typ, data, err := c.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, websocket.Binary, typ)
	return data
}

func write(t *testing.T, c *websocket.Conn, data ...byte) {
	t.Helper()
	require.NoError(t, c.Write(t.Context(), websocket.Binary, data))
}

// split returns the strokes of a board.
func split(t *testing.T, board []byte) (strokes [][]byte) {
	t.Helper()
	require.EqualValues(t, kindBoard, board[0])
	for rest := board[1:]; len(rest) > 0; {
		n := int(binary.BigEndian.Uint16(rest))
		strokes = append(strokes, rest[2:2+n])
		rest = rest[2+n:]
	}
	return strokes
}

// enter returns a connection, and the strokes that were on the board.
func (p *running) enter() (*websocket.Conn, [][]byte) {
	p.T.Helper()
	c := p.Dial()
	c.SetReadLimit(2 * maxBoard)
	return c, split(p.T, read(p.T, c))
}

func TestWhoComesLateGetsTheBoard(t *testing.T) {
	p := start(t, "127.0.0.1:0")
	ada, before := p.enter()
	require.Empty(t, before)
	first, second := stroke(1, 1), stroke(2, maxPoints)
	for _, s := range [][]byte{first, second} {
		write(t, ada, s...)
		require.Equal(t, s, read(t, ada))
	}
	ben, before := p.enter()
	require.Equal(t, [][]byte{first, second}, before)
	_, again := p.enter()
	require.Equal(t, before, again)

	write(t, ben, kindClear)
	require.Equal(t, []byte{kindClear}, read(t, ada))
	_, before = p.enter()
	require.Empty(t, before)
}

func TestAStrokeThatIsSentAgainIsDrawnOnce(t *testing.T) {
	p := start(t, "127.0.0.1:0")
	c, _ := p.enter()
	write(t, c, stroke(7, 2)...)
	write(t, c, stroke(7, 2)...)
	write(t, c, kindAlive)
	require.Equal(t, stroke(7, 2), read(t, c))
	require.Equal(t, []byte{kindAlive}, read(t, c))
}

func TestTheOthersSeeWhereSomebodyPointsAndThatSomebodyHasGone(t *testing.T) {
	p := start(t, "127.0.0.1:0")
	ada, _ := p.enter()
	ben, _ := p.enter()
	write(t, ben, kindCursor, 1, 2, 3, 4)
	require.Equal(t, []byte{kindCursor, 1, 2, 3, 4, 0, 0, 0, 2}, read(t, ada))
	require.NoError(t, ben.CloseNow())
	require.Equal(t, []byte{kindGone, 0, 0, 0, 2}, read(t, ada))
}

func TestTheOldestStrokesFade(t *testing.T) {
	b := newBoard()
	size := len(stroke(0, maxPoints))
	for i := range maxBoard/size + 10 {
		require.NoError(t, b.add(stroke(uint64(i), maxPoints)))
	}
	all := split(t, b.message())
	require.Len(t, all, maxBoard/size)
	require.EqualValues(t, 10, strokeID(all[0]))
	require.Len(t, b.ids, len(all))
	require.LessOrEqual(t, b.size, maxBoard)
}

// join returns a connection through a network that holds little, in a bubble of fake time.
func join(t *testing.T, b *board) *websocket.Conn {
	t.Helper()
	client, server := websockettest.Pair(t, &websockettest.Options{Buffer: 1000})
	go func() {
		b.serve(context.Background(), server)
		server.CloseNow()
	}()
	require.Empty(t, split(t, read(t, client)))
	return client
}

// scribble sends n strokes, and ten positions with each of them.
func scribble(t *testing.T, c *websocket.Conn, n int) {
	t.Helper()
	go func() {
		for range c.Messages(context.Background()) { // its own strokes
		}
	}()
	for i := range n {
		write(t, c, stroke(uint64(i), 50)...)
		for range 10 {
			write(t, c, kindCursor, 0, 0, byte(i>>8), byte(i))
		}
	}
	synctest.Wait()
}

func TestPositionsAreDroppedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard()
		slow, busy := join(t, b), join(t, b)
		const n = 100
		scribble(t, busy, n)
		strokes, positions, last := 0, 0, 0
		for strokes < n || last < n-1 {
			switch m := read(t, slow); m[0] {
			case kindStroke:
				require.EqualValues(t, strokes, strokeID(m), "no stroke is lost")
				strokes++
			case kindCursor:
				positions++
				at := int(binary.BigEndian.Uint16(m[3:]))
				require.GreaterOrEqual(t, at, last, "never an older one")
				last = at
			}
		}
		require.Less(t, positions, 10*n/2)
		require.EqualValues(t, 10*n-positions, b.hub.Stats().Dropped)
		require.NoError(t, slow.CloseNow())
		require.NoError(t, busy.CloseNow())
		synctest.Wait()
		require.Zero(t, b.hub.Count(topic))
	})
}

func TestWhatThePageWouldNotSendIsRefused(t *testing.T) {
	p := start(t, "127.0.0.1:0")
	wrongColor, wrongWidth := stroke(1, 1), stroke(1, 1)
	wrongColor[9], wrongWidth[10] = colors, 0
	for name, m := range map[string][]byte{
		"nothing":        {},
		"unknown kind":   {9},
		"the server's":   {kindBoard},
		"no points":      stroke(1, 0),
		"half a point":   append(stroke(1, 1), 0, 0),
		"short stroke":   {kindStroke, 1},
		"color":          wrongColor,
		"width":          wrongWidth,
		"short position": {kindCursor, 1},
		"long clear":     {kindClear, 0},
	} {
		c, _ := p.enter()
		write(t, c, m...)
		end := programtest.Closed(t, c)
		require.Equal(t, websocket.StatusPolicyViolation, end.Code, name)
		require.Equal(t, errNonsense.Error(), end.Reason, name)
	}
	c, _ := p.enter()
	require.NoError(t, c.Write(t.Context(), websocket.Text, []byte{kindAlive}))
	require.Equal(t, websocket.StatusPolicyViolation, programtest.Closed(t, c).Code)
	c, _ = p.enter()
	write(t, c, stroke(1, maxPoints+1)...)
	require.Equal(t, websocket.StatusMessageTooBig, programtest.Closed(t, c).Code)
}

func TestEverybodyIsToldThatTheServerGoesAway(t *testing.T) {
	p := start(t, "127.0.0.1:0")
	c, _ := p.enter()
	write(t, c, stroke(1, 2)...)
	read(t, c)
	p.Stop()
	require.Equal(t, websocket.StatusGoingAway, programtest.Closed(t, c).Code)
	p.Terminate()
}

func TestNobodyDrawsAfterTheEnd(t *testing.T) {
	b := newBoard()
	b.close()
	require.ErrorIs(t, b.add(stroke(1, 1)), hub.ErrShutdown)
}
