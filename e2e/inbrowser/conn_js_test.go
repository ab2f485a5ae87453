package inbrowser

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall/js"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

func TestMessagesComeBackAsTheyWent(t *testing.T) {
	c, _ := dial(t, "/echo", nil)
	texts := []string{"Hello", "你好，世界", "👩‍🚀🚀", "a\x00b", "\ufffd"}
	for _, n := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20} {
		texts = append(texts, strings.Repeat("x", n))
	}
	for _, want := range texts {
		c.write(want)
		require.True(t, want == c.text(), "a text of %d bytes", len(want))
		data := []byte(want + "\xff\x00")[2:]
		require.NoError(t, c.Write(c.ctx, websocket.Binary, data))
		typ, got, err := c.Read(c.ctx)
		require.NoError(t, err)
		require.Equal(t, websocket.Binary, typ)
		require.True(t, bytes.Equal(data, got), "%d bytes of binary", len(data))
	}
}

func TestAByteOrderMarkIsPartOfTheText(t *testing.T) {
	const text = "\ufeffa byte order mark"
	c, _ := dial(t, "/bytes", nil)
	c.write(text)
	_, got, err := c.Read(c.ctx)
	require.NoError(t, err)
	require.Equal(t, text, string(got))

	if js.Global().Get("process").Get("versions").Type() == js.TypeObject {
		return // Node leaves it out of what comes, against the WHATWG's "UTF-8 decode without BOM"
	}
	c, _ = dial(t, "/echo", nil)
	c.write(text)
	require.Equal(t, text, c.text())
}

func TestEveryWayOfReadingAndWriting(t *testing.T) {
	c, _ := dial(t, "/echo", &websocket.DialOptions{Config: websocket.Config{FragmentSize: 100}})
	w, err := c.Writer(c.ctx, websocket.Text)
	require.NoError(t, err)
	for range 100 {
		_, err = io.WriteString(w, "ten bytes ")
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	_, r, err := c.Reader(c.ctx)
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("ten bytes ", 100), string(got))

	const many = 500
	for i := range many {
		require.NoError(t, c.Send(websocket.Text, fmt.Append(nil, i)))
	}
	require.Positive(t, c.BufferedAmount())
	require.NoError(t, c.Flush(c.ctx))
	require.Zero(t, c.BufferedAmount())
	i := 0
	for m, err := range c.Messages(c.ctx) {
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(i), string(m.Data))
		if i++; i == many {
			break
		}
	}
	require.NoError(t, c.WritePrepared(c.ctx, websocket.Prepare(websocket.Text, []byte("prepared"))))
	require.Equal(t, "prepared", c.text())
}

func TestAStreamOverABrowser(t *testing.T) {
	c, _ := dial(t, "/echo", nil)
	s := websocket.Stream(c.ctx, c.Conn, websocket.Binary)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	failed := make(chan error, 1)
	go func() {
		_, err := s.Write(sent)
		failed <- err
	}()
	got := make([]byte, len(sent))
	_, err := io.ReadFull(s, got)
	require.NoError(t, err)
	require.NoError(t, <-failed)
	require.True(t, bytes.Equal(sent, got))
	require.NoError(t, s.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
	_, err = s.Read(got)
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	require.True(t, timeout.Timeout())
	require.NoError(t, s.Close())
	require.Equal(t, "1000  true", c.ended())
}

func TestAContextCutsTheCallAndNotTheConnection(t *testing.T) {
	c, _ := dial(t, "/echo", nil)
	for range 3 {
		ctx, cancel := context.WithTimeout(c.ctx, 10*time.Millisecond)
		_, _, err := c.Read(ctx)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
	c.write("still here")
	require.Equal(t, "still here", c.text())
}

// TestAPeerThatDoesNotReadHoldsWritesBack would never end if what a browser has yet to send were no limit.
func TestAPeerThatDoesNotReadHoldsWritesBack(t *testing.T) {
	c, _ := dial(t, "/count", nil)
	const size, most = 64 << 10, 256 << 20
	accepted := 0
	for {
		message := make([]byte, size)
		copy(message, fmt.Sprintf("%8d", accepted))
		ctx, cancel := context.WithTimeout(c.ctx, time.Second)
		err := c.Write(ctx, websocket.Binary, message)
		cancel()
		if err != nil {
			require.ErrorIs(t, err, context.DeadlineExceeded)
			break
		}
		accepted++
		require.Less(t, accepted*size, most)
	}
	t.Logf("%d KiB were accepted, %d bytes wait", accepted*size>>10, c.BufferedAmount())
	start, _ := dial(t, "/start", nil)
	start.write(c.name)
	c.write("how many?") // behind what was cut
	require.Contains(t, []string{fmt.Sprint(accepted), fmt.Sprint(accepted + 1)}, c.text(), "in order, without a gap")
	require.Zero(t, c.BufferedAmount())
}

func TestWhatABrowserDoesNotSendIsATypedError(t *testing.T) {
	c, _ := dial(t, "/echo", nil)
	_, err := c.Ping(c.ctx)
	for _, err := range []error{err, c.SendPing(nil), c.Pong(c.ctx, nil), c.SendPong(nil)} {
		require.ErrorIs(t, err, errors.ErrUnsupported)
	}
	c.write("still here")
	require.Equal(t, "still here", c.text())
	require.ErrorIs(t, c.Close(websocket.StatusGoingAway, "over there"), errors.ErrUnsupported)
	require.Equal(t, "1005  true", c.ended())
}

func TestATextThatIsNotUTF8IsNotSent(t *testing.T) {
	c, _ := dial(t, "/echo", nil)
	var refused *websocket.WriteError
	require.ErrorAs(t, c.Write(c.ctx, websocket.Text, []byte("a\xffb")), &refused)
	require.ErrorContains(t, refused, "not UTF-8")
	require.NoError(t, c.CloseNow())
}
