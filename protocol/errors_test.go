package protocol_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/protocol"
)

func TestWhatAPeerDidWrongHasACode(t *testing.T) {
	for err, code := range map[error]protocol.StatusCode{
		protocol.ErrMessageTooBig: 1009, protocol.ErrTooManyFragments: 1008, protocol.ErrInvalidUTF8: 1007, errRule: 1002, errNetwork: 1011,
	} {
		got, reason := protocol.Violation(err)
		require.Equal(t, code, got, err)
		require.LessOrEqual(t, len(reason), frame.MaxCloseReason)
	}
}

func TestACloseFrameTakesWhatFits(t *testing.T) {
	long := strings.Repeat("é", 62)
	for _, tc := range []struct {
		code   protocol.StatusCode
		reason string
		fits   protocol.StatusCode
		cut    string
		wrong  bool
	}{
		{1000, "bye", 1000, "bye", false},
		{1005, "", 1005, "", false},
		{1005, "why?", 1005, "", true},
		{1006, "gone", 1011, "gone", true},
		{1015, "", 1011, "", true},
		{0, "", 1011, "", true},
		{5000, "x", 1011, "x", true},
		{1011, long, 1011, long[:122], true},
		{1006, long[:122] + "!", 1011, long[:122] + "!", true},
		{1000, "bad \xff byte", 1000, "bad \uFFFD byte", true},
	} {
		code, reason, wrong := protocol.FitClose(tc.code, tc.reason)
		require.Equal(t, tc.fits, code)
		require.Equal(t, tc.cut, reason)
		require.Equal(t, tc.wrong, wrong != nil)
		s := protocol.NewSender(protocol.Options{})
		require.NoError(t, s.Close(code, reason))
	}
}
