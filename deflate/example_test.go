package deflate_test

import (
	"fmt"
	"log"

	"github.com/seed60239977/websocket/deflate"
)

// A server and a client agree, and a message goes from one to the other.
func Example() {
	client, server := &deflate.Options{}, &deflate.Options{}

	params, answer, ok := server.Accept(client.Offers()[0])
	if !ok {
		log.Fatal("the server declines")
	}
	confirmed, err := client.Confirm(answer)
	if err != nil {
		log.Fatal(err)
	}

	c := params.Compressor(true, server)
	d := confirmed.Decompressor(false)
	payload := c.Append(nil, []byte("Hello"))
	fmt.Printf("% x\n", payload)

	buf := make([]byte, 1024)
	n, _, err := d.Decompress(buf, payload)
	if err != nil {
		log.Fatal(err)
	}
	rest, _, err := d.Finish(buf[n:])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", buf[:n+rest])
	// Output:
	// f2 48 cd c9 c9 07 00
	// Hello
}

// A server keeps its own window small and tells the client to take nothing over,
// which leaves 4 KiB of memory for each idle connection.
func ExampleOptions() {
	o := &deflate.Options{
		Outgoing: deflate.Direction{WindowBits: 12},
		Incoming: deflate.Direction{NoContextTakeover: true},
	}
	_, answer, _ := o.Accept([]deflate.Parameter{{Name: "client_max_window_bits"}})
	for _, p := range answer {
		fmt.Println(p)
	}
	// Output:
	// client_no_context_takeover
	// server_max_window_bits=12
}

// A message is sent compressed only if that makes it smaller.
func ExampleCompressor_Draft() {
	c := deflate.Params{}.Compressor(true, nil)
	for _, message := range []string{"to and fro, to and fro, to and fro", "\x9d\x01\xf3"} {
		payload := c.Draft(nil, []byte(message))
		if len(payload) < len(message) {
			c.Commit([]byte(message))
			fmt.Println("compressed")
		} else {
			fmt.Println("plain")
		}
	}
	// Output:
	// compressed
	// plain
}

// A message whose size is not known beforehand goes out in fragments.
func ExampleCompressor_AppendPart() {
	c := deflate.Params{}.Compressor(false, nil)
	fmt.Printf("% x\n", c.AppendPart(nil, []byte("Hello, "), false))
	fmt.Printf("% x\n", c.AppendPart(nil, []byte("Hello!"), true))
	// Output:
	// f2 48 cd c9 c9 d7 51 00 00 00 00 ff ff
	// 02 53 8a 00 00
}
