package websocket

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/interrupt"
	"github.com/seed60239977/websocket/internal/wstest"
)

// withBadDeadlines runs f in fake time over a pipe of which the near end's deadlines do not work, each time in another way.
func withBadDeadlines(t *testing.T, f func(t *testing.T, near net.Conn, far *wstest.End)) {
	for name, wrap := range wstest.BadDeadlines {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := wstest.Pipe(0)
				defer far.Close()
				f(t, wrap(near), far)
			})
		})
	}
}

// dialOver returns options that dial nc.
func dialOver(nc net.Conn) *DialOptions {
	return &DialOptions{
		HandshakeTimeout: time.Second,
		NetDial:          func(context.Context, string, string) (net.Conn, error) { return nc, nil },
	}
}

func TestDialIsBoundedWithoutDeadlines(t *testing.T) {
	for _, url := range []string{"ws://server.example", "wss://server.example"} {
		withBadDeadlines(t, func(t *testing.T, near net.Conn, far *wstest.End) {
			start := time.Now()
			_, _, err := Dial(t.Context(), url, dialOver(near))
			requireRefused(t, err, 0)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.LessOrEqual(t, time.Since(start), time.Second+interrupt.Grace)
			_, err = io.Copy(io.Discard, far)
			require.NoError(t, err, "it is closed")
		})
	}
}

func TestDialWorksWithoutDeadlines(t *testing.T) {
	withBadDeadlines(t, func(t *testing.T, near net.Conn, far *wstest.End) {
		server := make(chan *Conn, 1)
		go func() {
			c, _, err := AcceptConn(context.Background(), far, nil)
			if err != nil {
				t.Errorf("accept: %v", err)
			}
			server <- c
		}()
		c, _, err := Dial(t.Context(), "ws://server.example", dialOver(near))
		require.NoError(t, err)
		go echo(context.Background(), <-server)
		<-time.After(time.Minute) // no limit of the handshake is left
		requireEcho(t, c)
		require.NoError(t, c.Close(StatusNormalClosure, ""))
		require.NoError(t, c.CloseNow())
	})
}

func TestAcceptConnWorksWithoutDeadlines(t *testing.T) {
	withBadDeadlines(t, func(t *testing.T, near net.Conn, far *wstest.End) {
		if near.(interface{ BlocksDeadlines() bool }).BlocksDeadlines() {
			return // it is given up, see below
		}
		served := make(chan error, 1)
		go func() {
			c, _, err := AcceptConn(context.Background(), near, &AcceptOptions{HandshakeTimeout: time.Second})
			if err == nil {
				echo(context.Background(), c)
				err = c.Close(StatusNormalClosure, "")
			}
			served <- err
		}()
		c, _, err := Dial(t.Context(), "ws://server.example", dialOver(far))
		require.NoError(t, err)
		<-time.After(time.Minute)
		requireEcho(t, c)
		require.NoError(t, c.Close(StatusNormalClosure, ""))
		require.NoError(t, <-served)
		require.NoError(t, c.CloseNow())
	})
}

func TestAcceptConnGivesUpASilentClientWithoutDeadlines(t *testing.T) {
	withBadDeadlines(t, func(t *testing.T, near net.Conn, far *wstest.End) {
		start := time.Now()
		_, _, err := AcceptConn(t.Context(), near, &AcceptOptions{HandshakeTimeout: time.Second})
		requireRefused(t, err, http.StatusRequestTimeout)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.LessOrEqual(t, time.Since(start), time.Second+interrupt.Grace)
		_, err = far.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
	})
}

func TestAContextEndsAcceptConnWithoutDeadlines(t *testing.T) {
	withBadDeadlines(t, func(t *testing.T, near net.Conn, far *wstest.End) {
		if near.(interface{ BlocksDeadlines() bool }).BlocksDeadlines() {
			return
		}
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, err := AcceptConn(ctx, near, nil)
		requireRefused(t, err, 0)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.LessOrEqual(t, time.Since(start), time.Second+interrupt.Grace)
	})
}

// TestAcceptConnTellsARefusalWithoutDeadlines: a client that keeps its end open is not waited for long.
func TestAcceptConnTellsARefusalWithoutDeadlines(t *testing.T) {
	withBadDeadlines(t, func(t *testing.T, near net.Conn, far *wstest.End) {
		if near.(interface{ BlocksDeadlines() bool }).BlocksDeadlines() {
			return
		}
		io.WriteString(far, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		start := time.Now()
		_, _, err := AcceptConn(t.Context(), near, nil)
		requireRefused(t, err, http.StatusUpgradeRequired)
		require.LessOrEqual(t, time.Since(start), lingerTime+interrupt.Grace)
		resp, _ := readAnswer(t, far)
		require.Equal(t, http.StatusUpgradeRequired, resp.StatusCode)
	})
}

func TestAcceptWorksWithoutDeadlines(t *testing.T) {
	for _, kind := range []string{"fail", "do nothing"} {
		synctest.Test(t, func(t *testing.T) {
			near, far := wstest.Pipe(0)
			defer far.Close()
			c, err := Accept(hijackable{httptest.NewRecorder(), wstest.BadDeadlines[kind](near)}, goodRequest(), nil)
			require.NoError(t, err)
			require.Equal(t, upgraded, readHead(t, far))
			<-time.After(time.Minute)
			require.NoError(t, c.Write(t.Context(), Text, []byte("open")))
			require.NoError(t, c.CloseNow())
		})
	}
}

func TestAcceptIsBoundedWithoutDeadlines(t *testing.T) {
	for _, kind := range []string{"fail", "do nothing"} {
		synctest.Test(t, func(t *testing.T) {
			near, far := wstest.Pipe(1) // there is no room for the response
			defer far.Close()
			start := time.Now()
			_, err := Accept(hijackable{httptest.NewRecorder(), wstest.BadDeadlines[kind](near)}, goodRequest(), &AcceptOptions{HandshakeTimeout: time.Second})
			requireRefused(t, err, 0)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.LessOrEqual(t, time.Since(start), time.Second+interrupt.Grace)
		})
	}
}
