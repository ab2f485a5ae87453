package protocol_test

import (
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
