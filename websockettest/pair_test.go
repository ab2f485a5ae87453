package websockettest

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

func TestBothEndsOfAPairTalkInFakeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := Pair(t, nil)
		ends := []*websocket.Conn{client, server}
		for i, from := range ends {
			to := ends[1-i]
			require.NoError(t, from.Write(t.Context(), websocket.Text, []byte("Hello")))
			typ, data, err := to.Read(t.Context())
			require.NoError(t, err)
			require.Equal(t, websocket.Text, typ)
			require.Equal(t, "Hello", string(data))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		_, _, err := client.Read(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Hour, time.Since(start))
		go server.Read(t.Context())
		require.NoError(t, client.Close(websocket.StatusNormalClosure, "bye"))
		<-server.Done()
		require.Equal(t, websocket.StateClosed, server.State())
	})
}

func TestAPairIsMadeByTheOptionsOfBothEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := Pair(t, &Options{
			Dial: &websocket.DialOptions{
				Subprotocols: []string{"b", "a"},
				Header:       http.Header{"Origin": {"https://page.example"}},
				Deflate:      &websocket.DeflateOptions{},
			},
			Accept: &websocket.AcceptOptions{
				Subprotocols:   []string{"a"},
				AllowedOrigins: []string{"page.example"},
				Deflate:        &websocket.DeflateOptions{},
				Config:         websocket.Config{ReadLimit: 100},
			},
		})
		require.Equal(t, "a", client.Subprotocol())
		require.Equal(t, "a", server.Subprotocol())
		go client.Read(t.Context())
		require.NoError(t, client.Write(t.Context(), websocket.Text, bytes.Repeat([]byte("a"), 101)))
		_, _, err := server.Read(t.Context())
		require.ErrorIs(t, err, websocket.ErrMessageTooBig)
	})
}

func TestAPeerThatDoesNotReadMakesTheOtherWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := Pair(t, &Options{Buffer: 1000})
		require.NoError(t, client.Send(websocket.Binary, make([]byte, 10_000)))
		synctest.Wait()
		require.Greater(t, client.BufferedAmount(), int64(8000))
	})
}

// recorder is a test that fails without failing this one.
type recorder struct {
	testing.TB
	failed   strings.Builder
	cleanups []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Fatalf(format string, args ...any) {
	r.failed.WriteString(format)
	for _, a := range args {
		if err, ok := a.(error); ok {
			r.failed.WriteString(err.Error())
		}
	}
	runtime.Goexit()
}

func TestAPairThatDoesNotMeetFailsTheTest(t *testing.T) {
	for name, c := range map[string]struct {
		options Options
		says    string
	}{
		"the server refuses":   {Options{Dial: &websocket.DialOptions{Header: http.Header{"Origin": {"https://evil.example"}}}}, "403"},
		"the client withdraws": {Options{Dial: &websocket.DialOptions{Subprotocols: []string{"not a token"}}}, "subprotocol"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &recorder{TB: t}
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					Pair(r, &c.options)
				}()
				<-ended
				require.Contains(t, r.failed.String(), c.says)
				for _, f := range r.cleanups {
					f()
				}
			})
		})
	}
}

func TestAPipeIsANetworkConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pipe(0)
		go func() {
			c, _, err := websocket.AcceptConn(context.Background(), b, nil)
			if assert.NoError(t, err) {
				c.Close(websocket.StatusGoingAway, "")
			}
		}()
		c, _, err := websocket.Dial(t.Context(), URL, &websocket.DialOptions{
			NetDial: func(context.Context, string, string) (net.Conn, error) { return a, nil },
		})
		require.NoError(t, err)
		_, _, err = c.Read(t.Context())
		require.Equal(t, websocket.StatusGoingAway, websocket.CloseStatus(err))
		synctest.Wait() // for the end of TCP, which the client need not wait for
		_, err = a.Read(make([]byte, 1))
		require.NotErrorIs(t, err, io.EOF)
		require.Error(t, err)
		c.CloseNow()
	})
}
