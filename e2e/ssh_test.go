package e2e

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/seed60239977/websocket"
)

// newSSH returns the client's end of an SSH connection. Its server opens TCP connections for the client (ssh -L, -D) and
// listens for it (ssh -R). The channels have no deadlines.
func newSSH(t *testing.T) *ssh.Client {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	signer, err := ssh.NewSignerFromKey(key)
	require.NoError(t, err)
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(signer)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	t.Cleanup(serving.Wait)
	t.Cleanup(func() { l.Close() })
	serving.Go(func() {
		nc, err := l.Accept()
		if !assert.NoError(t, err) {
			return
		}
		c, channels, requests, err := ssh.NewServerConn(nc, config)
		if assert.NoError(t, err) {
			(&sshServer{conn: c}).serve(channels, requests)
		}
	})
	client, err := ssh.Dial("tcp", l.Addr().String(), &ssh.ClientConfig{HostKeyCallback: ssh.FixedHostKey(signer.PublicKey())})
	require.NoError(t, err)
	t.Cleanup(func() { client.Close() })
	return client
}

// sshServer serves one SSH connection.
type sshServer struct {
	conn *ssh.ServerConn
	work sync.WaitGroup
}

// address is where a client wants to be listened for (RFC 4254 §7.1).
type address struct {
	Host string
	Port uint32
}

// serve returns when the connection has ended, and all that it was used for.
func (s *sshServer) serve(channels <-chan ssh.NewChannel, requests <-chan *ssh.Request) {
	s.work.Go(func() { s.listen(requests) })
	for nc := range channels {
		s.work.Go(func() { s.open(nc) })
	}
	s.work.Wait()
}

// open connects a channel to where the client wants to be.
func (s *sshServer) open(asked ssh.NewChannel) {
	var to struct { // RFC 4254 §7.2
		Host     string
		Port     uint32
		FromHost string
		FromPort uint32
	}
	if asked.ChannelType() != "direct-tcpip" || ssh.Unmarshal(asked.ExtraData(), &to) != nil {
		asked.Reject(ssh.UnknownChannelType, "direct-tcpip alone")
		return
	}
	nc, err := net.Dial("tcp", net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))))
	if err != nil {
		asked.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	channel, requests, err := asked.Accept()
	if err != nil {
		nc.Close()
		return
	}
	s.work.Go(func() { ssh.DiscardRequests(requests) })
	splice(nc, channel)
}

// listen listens where the client asks for it.
func (s *sshServer) listen(requests <-chan *ssh.Request) {
	var listeners []net.Listener
	for r := range requests {
		var at address
		if r.Type != "tcpip-forward" || ssh.Unmarshal(r.Payload, &at) != nil {
			r.Reply(r.Type == "cancel-tcpip-forward", nil)
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort(at.Host, strconv.Itoa(int(at.Port))))
		if err != nil {
			r.Reply(false, nil)
			continue
		}
		listeners = append(listeners, l)
		at.Port = uint32(l.Addr().(*net.TCPAddr).Port)
		r.Reply(true, ssh.Marshal(struct{ Port uint32 }{at.Port}))
		s.work.Go(func() { s.forward(l, at) })
	}
	for _, l := range listeners {
		l.Close()
	}
}

// forward hands connections to the client.
func (s *sshServer) forward(l net.Listener, at address) {
	for {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		channel, requests, err := s.conn.OpenChannel("forwarded-tcpip", ssh.Marshal(struct {
			Host     string
			Port     uint32
			FromHost string
			FromPort uint32
		}{at.Host, at.Port, "127.0.0.1", uint32(nc.RemoteAddr().(*net.TCPAddr).Port)}))
		if err != nil {
			nc.Close()
			continue
		}
		s.work.Go(func() { ssh.DiscardRequests(requests) })
		s.work.Go(func() { splice(nc, channel) })
	}
}

// splice copies in both directions until both have ended.
func splice(nc net.Conn, channel ssh.Channel) {
	var back sync.WaitGroup
	back.Go(func() {
		io.Copy(nc, channel)
		nc.(*net.TCPConn).CloseWrite()
	})
	io.Copy(channel, nc)
	channel.CloseWrite()
	back.Wait()
	nc.Close()
	channel.Close()
}

// echoAll is what the servers of these tests do.
func echoAll(ctx context.Context, c *websocket.Conn) error {
	return c.Serve(ctx, func(c *websocket.Conn, m websocket.Message) error { return c.Write(ctx, m.Type, m.Data) })
}

// requireSession uses a connection to a server that echoes, and closes it.
func requireSession(t *testing.T, c *websocket.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, n := range []int{0, 5, 70_000} {
		data := make([]byte, n)
		rand.Read(data)
		require.NoError(t, c.Write(ctx, websocket.Binary, data))
		_, echoed, err := c.Read(ctx)
		require.NoError(t, err)
		require.Equal(t, string(data), string(echoed))
	}
	require.NoError(t, c.Close(websocket.StatusNormalClosure, "done"))
	require.NoError(t, c.CloseNow())
}

func TestAnSSHChannelHasNoDeadlines(t *testing.T) {
	server := httptest.NewServer(nil)
	defer server.Close()
	nc, err := newSSH(t).Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer nc.Close()
	require.Error(t, nc.SetReadDeadline(time.Now()), "or the other tests are about nothing")
}

func TestAServerBehindAnSSHListenerServes(t *testing.T) {
	client := newSSH(t)
	l, err := client.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	defer serving.Wait()
	defer l.Close()
	serving.Go(func() {
		nc, err := l.Accept()
		if !assert.NoError(t, err) {
			return
		}
		c, _, err := websocket.AcceptConn(context.Background(), nc, nil)
		if assert.NoError(t, err) {
			echoAll(context.Background(), c)
			c.CloseNow()
		}
	})
	c, _, err := websocket.Dial(t.Context(), "ws://"+l.Addr().String(), nil)
	require.NoError(t, err)
	requireSession(t, c)
}

func TestASilentClientOfAnSSHListenerIsGivenUp(t *testing.T) {
	client := newSSH(t)
	l, err := client.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	silent, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer silent.Close()
	nc, err := l.Accept()
	require.NoError(t, err)
	_, _, err = websocket.AcceptConn(t.Context(), nc, &websocket.AcceptOptions{HandshakeTimeout: 50 * time.Millisecond})
	var refused *websocket.HandshakeError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, http.StatusRequestTimeout, refused.Status)
	_, err = io.Copy(io.Discard, silent)
	require.NoError(t, err, "the client sees the end")
}

func TestAClientDialsThroughSSH(t *testing.T) {
	server := httptest.NewServer(websocket.Handler(func(ctx context.Context, c *websocket.Conn) { echoAll(ctx, c) }, nil))
	defer server.Close()
	c, _, err := websocket.Dial(t.Context(), server.URL, &websocket.DialOptions{NetDial: newSSH(t).DialContext})
	require.NoError(t, err)
	requireSession(t, c)
}

func TestLimitsHoldThroughSSH(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	require.NoError(t, err)
	defer l.Close()
	client := newSSH(t)
	o := &websocket.DialOptions{NetDial: client.DialContext, HandshakeTimeout: 50 * time.Millisecond}
	_, _, err = websocket.Dial(t.Context(), "ws://"+l.Addr().String(), o)
	require.ErrorIs(t, err, context.DeadlineExceeded)

	server := httptest.NewServer(websocket.Handler(func(ctx context.Context, c *websocket.Conn) { echoAll(ctx, c) }, nil))
	defer server.Close()
	c, _, err := websocket.Dial(t.Context(), server.URL, &websocket.DialOptions{NetDial: client.DialContext})
	require.NoError(t, err)
	defer c.CloseNow()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _, err = c.Read(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	var end *websocket.CloseError
	require.ErrorAs(t, c.Err(), &end)
	require.False(t, end.Remote)
}
