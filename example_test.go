package websocket_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/seed60239977/websocket"
)

// echo serves a connection until its end.
func echo(ctx context.Context, c *websocket.Conn) {
	for m, err := range c.Messages(ctx) {
		if err != nil || c.Write(ctx, m.Type, m.Data) != nil {
			return
		}
	}
}

func ExampleHandler() {
	server := httptest.NewServer(websocket.Handler(func(ctx context.Context, c *websocket.Conn) {
		for m, err := range c.Messages(ctx) {
			if err != nil {
				return
			}
			c.Write(ctx, m.Type, []byte(strings.ToUpper(string(m.Data))))
		}
	}, nil))
	defer server.Close()

	ctx := context.Background()
	c, _, err := websocket.Dial(ctx, server.URL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	c.Write(ctx, websocket.Text, []byte("hello"))
	_, reply, err := c.Read(ctx)
	fmt.Printf("%s %v\n", reply, err)
	// Output: HELLO <nil>
}

// An echo server without a goroutine for each connection, and without net/http. Loop.Handler is for one that has other pages too.
func ExampleLoop() {
	loop, err := websocket.NewLoop(nil)
	if err != nil {
		log.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		served <- loop.Serve(ln, websocket.Events{
			Message: func(c *websocket.Conn, m websocket.Message) error {
				return c.Write(context.Background(), m.Type, m.Data)
			},
		}, nil)
	}()

	ctx := context.Background()
	c, _, err := websocket.Dial(ctx, "ws://"+ln.Addr().String(), nil)
	if err != nil {
		log.Fatal(err)
	}
	c.Write(ctx, websocket.Text, []byte("hello"))
	_, reply, _ := c.Read(ctx)
	fmt.Printf("%s\n", reply)
	c.Close(websocket.StatusNormalClosure, "")
	fmt.Println(loop.Shutdown(ctx))
	fmt.Println(<-served)
	// Output:
	// hello
	// <nil>
	// websocket: the event loop is shut down
}

// A program keeps what it knows of a connection with that, and finds it in every callback.
func ExampleConn_SetValue() {
	type nameKey struct{}
	type visitor struct {
		name string
		said int
	}
	loop, err := websocket.NewLoop(nil)
	if err != nil {
		log.Fatal(err)
	}
	left := make(chan string, 1)
	server := httptest.NewServer(loop.Handler(websocket.Events{
		Open: func(ctx context.Context, c *websocket.Conn) {
			name, _ := ctx.Value(nameKey{}).(string)
			c.SetValue(&visitor{name: name})
		},
		Message: func(c *websocket.Conn, m websocket.Message) error {
			c.Value().(*visitor).said++
			return nil
		},
		Close: func(c *websocket.Conn, _ error) {
			v := c.Value().(*visitor)
			left <- fmt.Sprintf("%s has said %d things", v.name, v.said)
		},
	}, &websocket.AcceptOptions{ConnContext: func(r *http.Request) context.Context {
		return context.WithValue(context.Background(), nameKey{}, r.FormValue("name"))
	}}))
	defer server.Close()

	ctx := context.Background()
	c, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(server.URL, "http")+"?name=Ada", nil)
	if err != nil {
		log.Fatal(err)
	}
	c.Write(ctx, websocket.Text, []byte("hello"))
	c.Write(ctx, websocket.Text, []byte("bye"))
	c.Close(websocket.StatusNormalClosure, "")
	fmt.Println(<-left)
	fmt.Println(loop.Shutdown(ctx))
	// Output:
	// Ada has said 2 things
	// <nil>
}

func ExampleAccept() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{
			Subprotocols:   []string{"chat.v1"},
			AllowedOrigins: []string{"https://*.example.com"},
		})
		if err != nil {
			return // the client has got an answer
		}
		defer c.CloseNow()
		echo(context.WithoutCancel(r.Context()), c)
	}))
	defer server.Close()

	ctx := context.Background()
	c, _, err := websocket.Dial(ctx, server.URL, &websocket.DialOptions{
		Subprotocols: []string{"chat.v2", "chat.v1"},
		Header:       http.Header{"Origin": {"https://app.example.com"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	fmt.Println(c.Subprotocol())
	// Output: chat.v1
}

func ExampleAcceptConn() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer listener.Close()
	go func() {
		for {
			nc, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil { // such as too many open files
				log.Print(err)
				<-time.After(100 * time.Millisecond)
				continue
			}
			go func() {
				ctx := context.Background()
				c, r, err := websocket.AcceptConn(ctx, nc, nil)
				if err != nil {
					return // the client has got an answer
				}
				defer c.CloseNow()
				c.Write(ctx, websocket.Text, []byte("this is "+r.URL.Path))
				echo(ctx, c)
			}()
		}
	}()

	ctx := context.Background()
	c, _, err := websocket.Dial(ctx, "ws://"+listener.Addr().String()+"/room/7", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	_, greeting, err := c.Read(ctx)
	fmt.Printf("%s %v\n", greeting, err)
	// Output: this is /room/7 <nil>
}

func ExampleDial() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "members only", http.StatusForbidden)
	}))
	defer server.Close()

	c, response, err := websocket.Dial(context.Background(), server.URL, nil)
	if err == nil {
		defer c.CloseNow()
	}
	var refused *websocket.HandshakeError
	if errors.As(err, &refused) {
		fmt.Println(refused.Status)
	}
	if response != nil {
		body, _ := io.ReadAll(response.Body)
		fmt.Printf("%s", body)
	}
	// Output:
	// 403
	// members only
}

// dialEcho connects to a server that echoes.
func dialEcho() (c *websocket.Conn, closeBoth func()) {
	server := httptest.NewServer(websocket.Handler(echo, nil))
	c, _, err := websocket.Dial(context.Background(), server.URL, nil)
	if err != nil {
		panic(err)
	}
	return c, func() {
		c.CloseNow()
		server.Close()
	}
}

func ExampleConn_Messages() {
	c, done := dialEcho()
	defer done()

	ctx := context.Background()
	for _, word := range []string{"one", "two", "three"} {
		c.Write(ctx, websocket.Text, []byte(word))
	}
	for m, err := range c.Messages(ctx) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(m.Type, string(m.Data)) // m.Data is good until the next iteration
		if string(m.Data) == "three" {
			break
		}
	}
	// Output:
	// text one
	// text two
	// text three
}

func ExampleConn_Reader() {
	c, done := dialEcho()
	defer done()

	ctx := context.Background()
	w, err := c.Writer(ctx, websocket.Text) // for a message whose length is not known yet
	if err != nil {
		fmt.Println(err)
		return
	}
	for n := range 3 {
		fmt.Fprintln(w, "line", n)
	}
	w.Close()

	_, r, err := c.Reader(ctx) // for a message that need not be in memory as a whole
	if err != nil {
		fmt.Println(err)
		return
	}
	for lines := bufio.NewScanner(r); lines.Scan(); {
		fmt.Println(lines.Text())
	}
	// Output:
	// line 0
	// line 1
	// line 2
}

func ExampleConn_Close() {
	server := httptest.NewServer(websocket.Handler(func(ctx context.Context, c *websocket.Conn) {
		c.Close(websocket.StatusTryAgainLater, "the house is full")
	}, nil))
	defer server.Close()

	ctx := context.Background()
	c, _, err := websocket.Dial(ctx, server.URL, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _, err = c.Read(ctx)
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		fmt.Println(uint16(closed.Code), closed.Reason, closed.Remote, closed.WasClean)
	}
	fmt.Println(websocket.CloseStatus(err) == websocket.StatusTryAgainLater, c.Close(websocket.StatusNormalClosure, ""))
	// Output:
	// 1013 the house is full true true
	// true <nil>
}

// A program that needs the tunnel through its user's proxy, TLS included, for something that is not a WebSocket.
func ExampleConnect() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello")
	}))
	defer server.Close()

	nc, err := websocket.Connect(context.Background(), server.URL, &websocket.DialOptions{
		ProxyHeader: http.Header{"X-Tenant": {"example"}}, // if there is a proxy
	})
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	io.WriteString(nc, "GET / HTTP/1.0\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		log.Fatal(err)
	}
	io.Copy(os.Stdout, response.Body)
	// Output: hello
}

// Both WebSockets share a connection if the server has extended CONNECT.
func ExampleHTTP2Pool() {
	var pool websocket.HTTP2Pool
	defer pool.Close()
	for _, room := range []string{"garden", "kitchen"} {
		c, resp, err := websocket.Dial(context.Background(), "wss://chat.example/"+room, &websocket.DialOptions{HTTP2: &pool})
		if err != nil {
			log.Print(err)
			return
		}
		defer c.CloseNow()
		log.Printf("%s: HTTP/%d", room, resp.ProtoMajor)
	}
}

// A server that writes down who connects, and who is gone. Package observe has observers that count, log and trace.
func ExampleObserver() {
	var gone sync.WaitGroup
	gone.Add(1)
	server := httptest.NewServer(websocket.Handler(func(ctx context.Context, c *websocket.Conn) {
		c.Serve(ctx, func(c *websocket.Conn, m websocket.Message) error { return c.Write(ctx, m.Type, m.Data) })
	}, &websocket.AcceptOptions{Config: websocket.Config{Observer: &websocket.Observer{
		Handshake: func(h *websocket.Handshake) { fmt.Println(h.Path, h.Status, h.Err) },
		Received:  func(_ *websocket.Conn, m websocket.MessageSize) { fmt.Println("received", m.Type, m.Bytes) },
		Sent:      func(_ *websocket.Conn, m websocket.MessageSize) { fmt.Println("sent", m.Type, m.Bytes) },
		Ended: func(_ *websocket.Conn, e *websocket.CloseError) {
			fmt.Println(e)
			gone.Done()
		},
	}}}))
	defer server.Close()

	ctx := context.Background()
	c, _, err := websocket.Dial(ctx, server.URL+"/chat", nil)
	if err != nil {
		log.Fatal(err)
	}
	c.Write(ctx, websocket.Text, []byte("Hello"))
	c.Read(ctx)
	c.Close(websocket.StatusNormalClosure, "bye")
	gone.Wait()
	// Output:
	// /chat 101 <nil>
	// received text 5
	// sent text 5
	// websocket: closed by the peer: 1000 normal closure: bye
}
