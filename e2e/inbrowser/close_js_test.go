package inbrowser

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

func TestThePeerIsToldTheCodeAndTheReason(t *testing.T) {
	for code, want := range map[websocket.StatusCode]string{
		1000: "1000 that was 好 true", 3000: "3000 that was 好 true", 4999: "4999 that was 好 true",
	} {
		c, _ := dial(t, "/echo", nil)
		require.NoError(t, c.Close(code, "that was 好"))
		require.Equal(t, websocket.StateClosed, c.State())
		_, _, err := c.Read(c.ctx)
		require.Equal(t, code, websocket.CloseStatus(err))
		require.ErrorIs(t, err, net.ErrClosed)
		require.Equal(t, want, c.ended())
	}
	c, _ := dial(t, "/echo", nil)
	c.write("before")
	require.NoError(t, c.Close(websocket.StatusNoStatus, ""))
	require.Equal(t, "1005  true", c.ended())

	c, _ = dial(t, "/echo", nil)
	c.write("what was written goes out first")
	require.NoError(t, c.SendClose(1000, ""))
	require.ErrorIs(t, c.Send(websocket.Text, nil), websocket.ErrCloseSent)
	_, _, err := c.Read(c.ctx)
	require.Equal(t, websocket.StatusNormalClosure, websocket.CloseStatus(err))
	require.Equal(t, "1000  true", c.ended())
}

func TestThePeersCodeAndReasonAreSeen(t *testing.T) {
	for _, tc := range []struct {
		path string
		want websocket.CloseError
	}{
		{"/close/1000/", websocket.CloseError{Code: 1000, Remote: true, WasClean: true}},
		{"/close/1001/going", websocket.CloseError{Code: 1001, Reason: "going", Remote: true, WasClean: true}},
		{"/close/1013/later", websocket.CloseError{Code: 1013, Reason: "later", Remote: true, WasClean: true}},
		{"/close/4321/" + strings.Repeat("x", 123), websocket.CloseError{Code: 4321, Reason: strings.Repeat("x", 123), Remote: true, WasClean: true}},
		{"/close/1005/", websocket.CloseError{Code: 1005, Remote: true, WasClean: true}},
		{"/drop", websocket.CloseError{Code: 1006, Remote: true}},
	} {
		c, _ := dial(t, tc.path, nil)
		c.write("go")
		require.Equal(t, "last words", c.text(), "what has arrived is delivered")
		_, _, err := c.Read(c.ctx)
		var closed *websocket.CloseError
		require.ErrorAs(t, err, &closed, tc.path)
		got := websocket.CloseError{Code: closed.Code, Reason: closed.Reason, Remote: closed.Remote, WasClean: closed.WasClean}
		require.Equal(t, tc.want, got, tc.path)
		require.NotErrorIs(t, err, net.ErrClosed)
		require.Equal(t, websocket.StateClosed, c.State())
		require.Error(t, c.Send(websocket.Text, []byte("too late")))
	}
}

func TestCloseNowClosesWithoutACode(t *testing.T) {
	c, _ := dial(t, "/echo", nil)
	c.write("x")
	require.NoError(t, c.CloseNow())
	_, _, err := c.Read(c.ctx)
	require.ErrorIs(t, err, websocket.ErrClosedNow)
	require.Equal(t, "1005  true", c.ended())
}

func TestAMessageThatIsTooBigEndsTheConnection(t *testing.T) {
	c, _ := dial(t, "/echo", &websocket.DialOptions{Config: websocket.Config{ReadLimit: 1000}})
	c.write(strings.Repeat("x", 1000))
	require.Len(t, c.text(), 1000)
	c.write(strings.Repeat("x", 1001))
	_, _, err := c.Read(c.ctx)
	require.ErrorIs(t, err, websocket.ErrMessageTooBig)
	require.Equal(t, websocket.StatusMessageTooBig, websocket.CloseStatus(err))
	require.Equal(t, "1005  true", c.ended())
}

func TestAPeerThatSaysNothingForTooLongIsGone(t *testing.T) {
	c, _ := dial(t, "/echo", &websocket.DialOptions{Config: websocket.Config{IdleTimeout: 50 * time.Millisecond}})
	_, _, err := c.Read(c.ctx)
	require.ErrorIs(t, err, websocket.ErrPeerTimeout)
	require.NoError(t, c.ctx.Err(), "it was not that timer which has woken the program")
}

func TestAPeerThatDoesNotAnswerACloseIsNotWaitedForForEver(t *testing.T) {
	c, _ := dial(t, "/count", &websocket.DialOptions{Config: websocket.Config{CloseTimeout: 50 * time.Millisecond}})
	require.ErrorIs(t, c.Close(1000, ""), websocket.ErrCloseTimeout)
}
