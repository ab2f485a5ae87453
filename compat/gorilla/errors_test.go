package websocket

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAPeerThatHangsUpIs1006(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		require.NoError(t, far.NetConn().(*net.TCPConn).CloseWrite())
		_, _, err := near.ReadMessage()
		code, text, ok := lib.closed(err)
		require.True(t, ok, err)
		require.Equal(t, CloseAbnormalClosure, code)
		require.Equal(t, "unexpected EOF", text)
		require.EqualError(t, err, "websocket: close 1006 (abnormal closure): unexpected EOF")
	})
}

func TestTLSThatIsCutOffIsAnUnexpectedEOF(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := lib.upgrade(upgrading{}, w, r, nil); err == nil {
				raw := c.UnderlyingConn().(*tls.Conn).NetConn()
				raw.Write([]byte{23, 3, 3, 0, 50}) // a record that does not come
				raw.Close()
			}
		}))
		defer s.Close()
		dial := func(network, addr string) (net.Conn, error) {
			return net.Dial(network, strings.TrimPrefix(s.URL, "https://"))
		}
		c, err := dialInsecure(t, lib, dial)
		require.NoError(t, err)
		defer c.Close()
		require.IsType(t, &tls.Conn{}, c.UnderlyingConn())
		_, _, err = c.ReadMessage()
		require.Equal(t, io.ErrUnexpectedEOF, err)
	})
}

func TestALongMessageFailsReadingAndThePeerIsTold(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		near.SetReadLimit(10)
		require.NoError(t, far.WriteMessage(TextMessage, make([]byte, 10)))
		_, _, err := near.ReadMessage()
		require.NoError(t, err)
		require.NoError(t, far.WriteMessage(TextMessage, make([]byte, 11)))
		told := reading(far)
		_, _, err = near.ReadMessage()
		require.Equal(t, lib.readLimit, err)
		require.EqualError(t, <-told, "websocket: close 1009 (message too big)")
	})
}

func TestAfterAMessageThatIsTooLongNothingIsSent(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		near.SetReadLimit(10)
		require.NoError(t, far.WriteMessage(TextMessage, make([]byte, 11)))
		_, _, err := near.ReadMessage() // the peer neither reads nor closes
		require.Equal(t, lib.readLimit, err)
		require.Equal(t, lib.closeSent, near.WriteMessage(TextMessage, nil))
		require.Equal(t, lib.closeSent, near.WriteControl(PingMessage, nil, time.Now().Add(patience)))
		_, _, err = near.ReadMessage()
		require.Equal(t, lib.readLimit, err)
		_, _, err = far.ReadMessage()
		code, _, _ := lib.closed(err)
		require.Equal(t, CloseMessageTooBig, code)
	})
}

func TestAResetHasTheFormThatPackageNetGivesIt(t *testing.T) {
	inBothRoles(t, func(t *testing.T, _ library, near, far connection) {
		require.NoError(t, far.NetConn().(*net.TCPConn).SetLinger(0))
		require.NoError(t, far.NetConn().Close())
		_, _, err := near.ReadMessage()
		var failed *net.OpError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, "read", failed.Op)
		require.Equal(t, near.RemoteAddr(), failed.Addr)
		require.Equal(t, near.LocalAddr(), failed.Source)
		require.IsType(t, &os.SyscallError{}, failed.Err)
		require.ErrorIs(t, err, syscall.ECONNRESET)
		err = near.WriteMessage(TextMessage, nil)
		require.ErrorAs(t, err, &failed)
		require.Equal(t, "write", failed.Op)
	})
}

// TestAfterACorruptMessageNothingCanBeSent: the peer was told. gorilla goes on with the next message, whose window is a guess.
func TestAfterACorruptMessageNothingCanBeSent(t *testing.T) {
	client, server := pair(t, libraries["ours"], upgrading{EnableCompression: true}, dialing{EnableCompression: true})
	_, err := client.NetConn().Write([]byte("\xc1\x81\x00\x00\x00\x00\xff"))
	require.NoError(t, err)
	_, _, err = server.ReadMessage()
	require.ErrorContains(t, err, "corrupt")
	require.Equal(t, ErrCloseSent, server.WriteMessage(TextMessage, nil))
}
