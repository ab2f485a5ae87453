package conn_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// agreements are ways in which both ends may have agreed to compress.
var agreements = map[string]deflate.Params{
	"takeover":              {},
	"no takeover":           {ServerNoContextTakeover: true, ClientNoContextTakeover: true},
	"takeover one way":      {ServerNoContextTakeover: true, ClientMaxWindowBits: 9},
	"the smallest windows":  {ServerMaxWindowBits: 8, ClientMaxWindowBits: 8},
	"windows of both sizes": {ServerMaxWindowBits: 15, ClientMaxWindowBits: 10},
}

var compressAll = &deflate.Options{MinSize: -1}

// deflatePair returns both ends of a connection that compresses.
func deflatePair(params deflate.Params) (client, server *conn.Conn) {
	near, far := wstest.Pipe(0)
	cfg := &setup{Negotiated: conn.Negotiated{Deflate: &params, DeflateOptions: compressAll}}
	return open(near, frame.Client, cfg), open(far, frame.Server, cfg)
}

func TestCompressedMessagesArriveAsTheyWereSent(t *testing.T) {
	messages := []got{
		{conn.Text, ""}, {conn.Text, "Hello"}, {conn.Text, "Hello"}, {conn.Binary, "\x00\xff"},
		{conn.Text, strings.Repeat("日本語のテキスト, ", 5000)}, {conn.Binary, strings.Repeat("abcdefghij", 90_000)},
		{conn.Text, "the end"},
	}
	for name, params := range agreements {
		for way, read := range ways {
			t.Run(name+" "+way, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					client, server := deflatePair(params)
					defer client.CloseNow()
					defer server.CloseNow()
					for _, ends := range [][2]*conn.Conn{{client, server}, {server, client}} {
						go func() {
							for i, m := range messages {
								if i%2 == 0 {
									ends[0].Write(t.Context(), m.typ, []byte(m.data))
									continue
								}
								w, _ := ends[0].Writer(t.Context(), m.typ)
								for part := range strings.SplitSeq(m.data, "e") {
									fmt.Fprint(w, part, "e")
								}
								w.Close()
							}
						}()
						for i, want := range messages {
							m, err := read(t.Context(), ends[1])
							require.NoError(t, err)
							if i%2 == 1 {
								want.data += "e"
							}
							require.Equal(t, want, m)
						}
					}
				})
			})
		}
	}
}

func TestPreparedMessagesAreCompressedOnceForAll(t *testing.T) {
	message := strings.Repeat(`{"symbol":"ABC","price":12.5}`, 40)
	p := conn.Prepare(conn.Text, []byte(message))
	for name, params := range agreements {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := deflatePair(params)
				defer client.CloseNow()
				defer server.CloseNow()
				for _, ends := range [][2]*conn.Conn{{client, server}, {server, client}} {
					for range 3 {
						require.NoError(t, ends[0].WritePrepared(t.Context(), p))
						require.NoError(t, ends[0].SendPrepared(p))
						require.NoError(t, ends[0].Write(t.Context(), conn.Text, []byte("plain "+message)))
						for _, want := range []string{message, message, "plain " + message} {
							_, data, err := ends[1].Read(t.Context())
							require.NoError(t, err)
							require.Equal(t, want, string(data))
						}
					}
				}
			})
		})
	}
}

func TestShortMessagesGoOutPlain(t *testing.T) {
	withDrivers(t, &setup{Negotiated: conn.Negotiated{Deflate: &deflate.Params{}}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		require.NoError(t, c.Write(t.Context(), conn.Text, []byte("short")))
		peer.Expect(text("short"))
		long := strings.Repeat("long ", 100)
		require.NoError(t, c.Write(t.Context(), conn.Text, []byte(long)))
		f := peer.Receive()
		require.Equal(t, frame.RSV1, f.RSV)
		require.Less(t, len(f.Payload), 50)
		require.NoError(t, c.Write(t.Context(), conn.Text, []byte("short")))
		peer.Expect(text("short"))
	})
}

// squeeze returns message as the frame of a peer that compresses without context.
func squeeze(message []byte) wstest.Frame {
	params := deflate.Params{ServerNoContextTakeover: true}
	return wstest.Frame{Fin: true, RSV: frame.RSV1, Opcode: frame.Binary, Payload: params.Compressor(true, compressAll).Append(nil, message)}
}

func TestABombIsStoppedAtTheReadLimit(t *testing.T) {
	bomb := squeeze(make([]byte, 64<<20))
	require.Less(t, len(bomb.Payload), 128<<10)
	const limit = 100_000
	half := len(bomb.Payload) / 2
	cases := map[string][]wstest.Frame{
		"in one frame": {bomb},
		"in fragments around a ping": {
			{RSV: frame.RSV1, Opcode: frame.Binary, Payload: bomb.Payload[:half]}, ping("!"),
			{Fin: true, Opcode: frame.Continuation, Payload: bomb.Payload[half:]},
		},
	}
	for name, frames := range cases {
		t.Run(name, func(t *testing.T) {
			inAllWays(t, &setup{Config: conn.Config{ReadLimit: limit}, Negotiated: conn.Negotiated{Deflate: &deflate.Params{}}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer, read func(context.Context, *conn.Conn) (got, error)) {
				go func() {
					peer.Conn().Write(peer.Encode(frames...))
					peer.Conn().Close()
				}()
				_, err := read(t.Context(), c)
				require.ErrorIs(t, err, conn.ErrMessageTooBig)
			})
		})
	}
}

func TestALimitIsOfTheMessageAsItIsRead(t *testing.T) {
	message := bytes.Repeat([]byte("0123456789"), 1000)
	for limit, want := range map[int64]error{9999: conn.ErrMessageTooBig, 10_000: nil, -1: nil} {
		withDrivers(t, &setup{Config: conn.Config{ReadLimit: limit}, Negotiated: conn.Negotiated{Deflate: &deflate.Params{}}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
			peer.Send(squeeze(message))
			go peer.Conn().Close()
			_, data, err := receive(t.Context(), c)
			require.ErrorIs(t, err, want)
			if want == nil {
				require.Equal(t, message, data)
			}
		})
	}
}

func TestWhatIsWrongWithCompressionIsToldWithTheRightCode(t *testing.T) {
	good := squeeze(bytes.Repeat([]byte("x"), 1000))
	cases := map[string]struct {
		cfg    setup
		frames []wstest.Frame
		code   conn.StatusCode
	}{
		"not agreed to":        {setup{}, []wstest.Frame{good}, conn.StatusProtocolError},
		"on a continuation":    {setup{Negotiated: conn.Negotiated{Deflate: &deflate.Params{}}}, []wstest.Frame{wstest.Part(frame.Text, false, ""), {Fin: true, RSV: frame.RSV1, Opcode: frame.Continuation}}, conn.StatusProtocolError},
		"on a ping":            {setup{Negotiated: conn.Negotiated{Deflate: &deflate.Params{}}}, []wstest.Frame{{Fin: true, RSV: frame.RSV1, Opcode: frame.Ping}}, conn.StatusProtocolError},
		"another bit":          {setup{Negotiated: conn.Negotiated{Deflate: &deflate.Params{}}}, []wstest.Frame{{Fin: true, RSV: frame.RSV2, Opcode: frame.Text}}, conn.StatusProtocolError},
		"corrupt":              {setup{Negotiated: conn.Negotiated{Deflate: &deflate.Params{}}}, []wstest.Frame{{Fin: true, RSV: frame.RSV1, Opcode: frame.Binary, Payload: []byte{0xff, 0xff, 0xff}}}, conn.StatusInvalidPayload},
		"truncated":            {setup{Negotiated: conn.Negotiated{Deflate: &deflate.Params{}}}, []wstest.Frame{{Fin: true, RSV: frame.RSV1, Opcode: frame.Binary, Payload: good.Payload[:len(good.Payload)/2]}}, conn.StatusInvalidPayload},
		"text that is no text": {setup{Negotiated: conn.Negotiated{Deflate: &deflate.Params{}}}, []wstest.Frame{{Fin: true, RSV: frame.RSV1, Opcode: frame.Text, Payload: squeeze([]byte("\xff\xff\xff\xff")).Payload}}, conn.StatusInvalidPayload},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			inAllWays(t, &tc.cfg, func(t *testing.T, c *conn.Conn, peer *wstest.Peer, read func(context.Context, *conn.Conn) (got, error)) {
				peer.Send(tc.frames...)
				go peer.Conn().Close()
				_, err := read(t.Context(), c)
				var closed *conn.CloseError
				require.True(t, errors.As(err, &closed), "%v", err)
				require.Equal(t, tc.code, closed.Code)
			})
		})
	}
}

func TestWindowsStayInStepWhenWritesAreCut(t *testing.T) {
	for name, params := range agreements {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := wstest.Pipe(100)
				cfg := &setup{Negotiated: conn.Negotiated{Deflate: &params, DeflateOptions: compressAll}}
				client, server := open(near, frame.Client, cfg), open(far, frame.Server, cfg)
				defer client.CloseNow()
				defer server.CloseNow()
				var sent []string
				cutOff := 0
				for i := range 20 { // the pipe is full after a few
					m := fmt.Sprint(strings.Repeat("context ", 20), i*i*i*7919)
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					if client.Write(ctx, conn.Text, []byte(m)) != nil {
						cutOff++
					}
					cancel()
					sent = append(sent, m)
				}
				require.Greater(t, cutOff, 5)
				go client.Write(t.Context(), conn.Text, []byte("last"))
				for {
					_, data, err := server.Read(t.Context())
					require.NoError(t, err)
					if string(data) == "last" {
						break
					}
					i := slices.Index(sent, string(data))
					require.GreaterOrEqual(t, i, 0)
					sent = sent[i+1:]
				}
			})
		})
	}
}

func TestCompressionMayChangeFromMessageToMessage(t *testing.T) {
	for name, params := range agreements {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := deflatePair(params)
				defer client.CloseNow()
				defer server.CloseNow()
				for i, level := range []deflate.Level{deflate.Smallest, deflate.Fastest, deflate.Fastest, deflate.Balanced, deflate.Smallest} {
					for _, enabled := range []bool{true, false, true} {
						message := strings.Repeat(fmt.Sprint("context ", i), 5000)
						for from, to := range map[*conn.Conn]*conn.Conn{client: server, server: client} {
							require.NoError(t, from.SetWriteCompression(enabled, level))
							require.NoError(t, from.Send(conn.Text, []byte(message)))
							require.NoError(t, from.SendPrepared(conn.Prepare(conn.Text, []byte(message))))
							for range 2 {
								_, data, err := to.Read(t.Context())
								require.NoError(t, err)
								require.Equal(t, message, string(data))
							}
							require.NoError(t, from.Flush(t.Context()))
						}
					}
				}
				require.ErrorAs(t, client.SetWriteCompression(true, 99), new(*deflate.OptionsError))
			})
		})
	}
}

func TestAChangeOfLevelIsAsIfTheConnectionHadBegunWithIt(t *testing.T) {
	message := []byte(strings.Repeat(`{"symbol":"ABC","price":12.5,"at":[1,2,3]} `, 400) + string(pattern(5000)))
	levels := []deflate.Level{deflate.Fastest, deflate.Balanced, deflate.Smallest}
	for _, role := range roles {
		synctest.Test(t, func(t *testing.T) {
			packed := func(begin, then deflate.Level) string {
				c, peer := newConn(t, role, &setup{Negotiated: conn.Negotiated{Deflate: &deflate.Params{}, DeflateOptions: &deflate.Options{Level: begin}}})
				defer peer.Conn().Close()
				defer c.CloseNow()
				if then != begin {
					require.NoError(t, c.Write(t.Context(), conn.Binary, message))
					peer.Receive()
					require.NoError(t, c.SetWriteCompression(true, then))
				}
				require.NoError(t, c.Write(t.Context(), conn.Binary, message))
				return string(peer.Receive().Payload)
			}
			for _, to := range levels {
				want := packed(to, to)
				for _, from := range levels {
					require.Equal(t, want, packed(from, to), "from level %d to %d", from, to)
				}
			}
			require.NotEqual(t, packed(deflate.Fastest, deflate.Fastest), packed(deflate.Smallest, deflate.Smallest))
		})
	}
}

func TestAWritersMessageKeepsTheCompressionItBeganWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := deflatePair(deflate.Params{})
		defer client.CloseNow()
		defer server.CloseNow()
		go func() {
			w, err := client.Writer(context.Background(), conn.Text)
			if err == nil {
				w.Write([]byte("begun "))
				w.Flush()
				client.SetWriteCompression(false, deflate.Smallest)
				client.Send(conn.Text, []byte("behind"))
				w.Write([]byte("and ended"))
				w.Close()
			}
		}()
		for _, want := range []string{"begun and ended", "behind"} {
			_, data, err := server.Read(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, string(data))
		}
	})
}

func TestAConnectionTellsWhatWasAgreedTo(t *testing.T) {
	want := deflate.Params{ServerNoContextTakeover: true, ClientMaxWindowBits: 10}
	for _, role := range roles {
		near, _ := wstest.Pipe(0)
		c := open(near, role, &setup{Negotiated: conn.Negotiated{Deflate: &want}})
		params, ok := c.Deflate()
		require.True(t, ok)
		require.Equal(t, want, params)
		c.CloseNow()
		c = open(near, role, nil)
		_, ok = c.Deflate()
		require.False(t, ok)
		require.NoError(t, c.SetWriteCompression(true, deflate.Smallest))
		c.CloseNow()
	}
}

func TestCompressionMayBeSwitchedOffAndOn(t *testing.T) {
	withDriversOver(t, &setup{Negotiated: conn.Negotiated{Deflate: &deflate.Params{}}}, 1<<10, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		for _, enabled := range []bool{true, false, false, true} {
			require.NoError(t, c.SetWriteCompression(enabled, deflate.Fastest))
			require.NoError(t, c.Write(t.Context(), conn.Text, bytes.Repeat([]byte("x"), 200)))
			require.Equal(t, enabled, peer.Receive().RSV == frame.RSV1)
		}
	})
}

// What is compressed sensibly is hardly longer than before; see SECURITY.md for blocks that come to nothing.
func TestACompressedMessageHasTwiceTheLimitAndASlack(t *testing.T) {
	const limit = 10_000
	for _, role := range roles {
		for over, tooBig := range map[int64]bool{0: false, 1: true} {
			synctest.Test(t, func(t *testing.T) {
				near, far := wstest.Pipe(1 << 10)
				defer far.Close()
				c := open(near, role, &setup{Config: conn.Config{ReadLimit: limit}, Negotiated: conn.Negotiated{Deflate: &deflate.Params{}}})
				defer c.CloseNow()
				h := frame.Header{Fin: true, RSV: frame.RSV1, Opcode: frame.Binary, Length: 2*limit + 64<<10 + over, Masked: !role.Masks()}
				wstest.NewPeer(t, far, other(role)).SendRaw(h.Append(nil))
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				_, _, err := receive(ctx, c)
				require.Equal(t, tooBig, errors.Is(err, conn.ErrMessageTooBig), err)
			})
		}
	}
}
