package conn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/seed60239977/websocket/conn"
)

// connected returns two connections whose opening handshake is done, for examples to talk over.
func connected() (client, server *conn.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		panic(err)
	}
	far, err := l.Accept()
	if err != nil {
		panic(err)
	}
	return conn.Client(near, nil, nil), conn.Server(far, nil, nil)
}

func Example() {
	client, server := connected()
	ctx := context.Background()

	go func() {
		defer server.CloseNow()
		typ, data, err := server.Read(ctx)
		if err == nil {
			server.Write(ctx, typ, data)
		}
		server.Read(ctx) // somebody should always be reading: the closing handshake needs it
	}()

	client.Write(ctx, conn.Text, []byte("Hello"))
	_, data, err := client.Read(ctx)
	fmt.Printf("%s %v\n", data, err)
	fmt.Println(client.Close(conn.StatusNormalClosure, "done"))
	// Output:
	// Hello <nil>
	// <nil>
}

func ExampleConn_Messages() {
	client, server := connected()
	defer server.CloseNow()
	ctx := context.Background()

	go func() {
		client.Write(ctx, conn.Text, []byte("one"))
		client.Write(ctx, conn.Text, []byte("two"))
		client.Close(conn.StatusNormalClosure, "done")
	}()

	for m, err := range server.Messages(ctx) {
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Printf("%v %q\n", m.Type, m.Data) // valid until the next iteration
	}
	// Output:
	// text "one"
	// text "two"
	// websocket: closed by the peer: 1000 normal closure: done
}

func ExampleConn_Serve() {
	client, server := connected()
	ctx := context.Background()

	go func() {
		defer server.CloseNow()
		server.Serve(ctx, func(c *conn.Conn, m conn.Message) error {
			return c.Write(ctx, m.Type, m.Data) // answers to a burst go out together
		})
	}()

	for n := range 3 {
		client.Send(conn.Text, fmt.Append(nil, "message ", n))
	}
	for range 3 {
		_, data, _ := client.Read(ctx)
		fmt.Printf("%s\n", data)
	}
	client.Close(conn.StatusNormalClosure, "")
	// Output:
	// message 0
	// message 1
	// message 2
}

func ExampleConn_Writer() {
	client, server := connected()
	defer client.CloseNow()
	defer server.CloseNow()
	ctx := context.Background()

	go func() {
		w, err := server.Writer(ctx, conn.Text)
		if err != nil {
			return
		}
		defer w.Close()
		fmt.Fprint(w, "as much as there is, ")
		fmt.Fprint(w, "piece by piece")
	}()

	_, r, err := client.Reader(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := io.ReadAll(r)
	fmt.Printf("%s, %v\n", data, err)
	// Output: as much as there is, piece by piece, <nil>
}

func ExampleConn_Ping() {
	client, server := connected()
	defer client.CloseNow()
	defer server.CloseNow()

	ctx := client.CloseRead(context.Background()) // sees the pong
	server.CloseRead(context.Background())        // answers the ping
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	rtt, err := client.Ping(ctx)
	fmt.Println(rtt > 0, err)
	// Output: true <nil>
}

func ExampleConn_Send() {
	client, server := connected()
	defer client.CloseNow()
	defer server.CloseNow()

	p := conn.Prepare(conn.Text, []byte("news for everybody"))
	for _, subscriber := range []*conn.Conn{server} {
		if err := subscriber.SendPrepared(p); errors.Is(err, conn.ErrQueueFull) {
			subscriber.CloseNow() // too slow
		}
	}
	_, data, _ := client.Read(context.Background())
	fmt.Printf("%s\n", data)
	// Output: news for everybody
}

func ExampleStream() {
	client, server := connected()
	ctx := context.Background()
	near, far := conn.Stream(ctx, client, conn.Binary), conn.Stream(ctx, server, conn.Binary)

	go func() {
		fmt.Fprintln(far, "any protocol that runs over a net.Conn")
		far.Close()
	}()
	data, err := io.ReadAll(near)
	fmt.Printf("%s%v\n", data, err)
	near.Close()
	// Output:
	// any protocol that runs over a net.Conn
	// <nil>
}

func ExampleCloseError() {
	client, server := connected()
	defer client.CloseNow()
	go server.Close(conn.StatusTryAgainLater, "come back in a minute")

	_, _, err := client.Read(context.Background())
	var closed *conn.CloseError
	if errors.As(err, &closed) {
		fmt.Println(closed.Code)
		fmt.Println(closed.Reason)
		fmt.Println("by the peer:", closed.Remote, "clean:", closed.WasClean)
	}
	fmt.Println(conn.CloseStatus(err) == conn.StatusTryAgainLater)
	// Output:
	// 1013 try again later
	// come back in a minute
	// by the peer: true clean: true
	// true
}

// relay passes messages on in both directions until one of the connections has ended, and then ends the other in the same
// way. It returns when both have ended.
func relay(ctx context.Context, a, b *conn.Conn) {
	var directions sync.WaitGroup
	directions.Go(func() { pass(ctx, a, b) })
	directions.Go(func() { pass(ctx, b, a) })
	directions.Wait()
}

// pass is one direction of relay.
func pass(ctx context.Context, from, to *conn.Conn) {
	code, reason := conn.StatusGoingAway, "" // if it is ctx that ends
	for m, err := range from.Messages(ctx) {
		var end *conn.CloseError
		if errors.As(err, &end) {
			code, reason = end.Code, end.Reason
		}
		if err == nil {
			to.Write(ctx, m.Type, m.Data) // an error means that to is about to end, of which the other direction hears
		}
	}
	to.Close(code, reason) // also with a code that may not travel, such as 1006: it goes out as 1011
}

// A relay between two connections passes on what is said, and how it ends.
func ExampleConn_Close_relay() {
	client, a := connected()
	b, server := connected()
	done := make(chan struct{})
	go func() {
		defer close(done)
		relay(context.Background(), a, b)
	}()

	client.Write(context.Background(), conn.Text, []byte("Hello"))
	_, data, _ := server.Read(context.Background())
	fmt.Printf("%s\n", data)
	read := make(chan error)
	go func() {
		_, _, err := client.Read(context.Background())
		read <- err
	}()
	server.Close(4001, "token expired")
	<-done
	fmt.Println(<-read)
	fmt.Println(client.CloseNow())
	// Output:
	// Hello
	// websocket: closed by the peer: 4001: token expired
	// <nil>
}
