package protocol_test

import (
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
