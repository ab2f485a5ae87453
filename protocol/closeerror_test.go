package protocol_test

import (
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/protocol"
)

func TestACloseErrorSaysWhoAndWhy(t *testing.T) {
	e := &protocol.CloseError{Code: 4001, Reason: "token expired", Remote: true, Err: errNetwork}
	require.Equal(t, "websocket: closed by the peer: 4001: token expired (network gone)", e.Error())
	require.ErrorIs(t, e, errNetwork)
	require.Equal(t, "websocket: closed by this side: 1000 normal closure", (&protocol.CloseError{Code: 1000}).Error())
}

func TestACloseErrorIsOneLineOfText(t *testing.T) {
	for reason, want := range map[string]string{
		"再见 \"bye\"":               "再见 \"bye\"",
		"bye\nadmin logged in":     `"bye\nadmin logged in"`,
		"\x1b[2Jnothing happened":  `"\x1b[2Jnothing happened"`,
		"right\u202eto left":       `"right\u202eto left"`,
		"line\u2028separator":      `"line\u2028separator"`,
		"no UTF-8, of a test \xff": `"no UTF-8, of a test \xff"`,
	} {
		e := &protocol.CloseError{Code: 4001, Reason: reason, Remote: true}
		require.EqualError(t, e, "websocket: closed by the peer: 4001: "+want)
		e = &protocol.CloseError{Code: 1006, Err: errors.New(reason)}
		require.EqualError(t, e, "websocket: closed by this side: 1006 abnormal closure ("+want+")")
	}
}

func TestOnlyTheEndOfAConnectionThatThisSideHasClosedIsLocal(t *testing.T) {
	c := protocol.Closing{Local: errLocal}
	c.Sent(true, start)
	c.ReadFailed(io.EOF)
	require.ErrorIs(t, c.End(), errLocal)
	require.NotErrorIs(t, c.End(), errNetwork)
	c = protocol.Closing{Local: errLocal}
	c.ReadFailed(io.EOF)
	require.NotErrorIs(t, c.End(), errLocal)
}
