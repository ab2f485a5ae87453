package frame_test

import (
	"errors"
	"fmt"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/mask"
)

func ExampleParse() {
	// A masked text message, from §5.7.
	wire := []byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}

	h, n, err := frame.Parse(wire)
	if err != nil {
		fmt.Println(err)
		return
	}
	payload := wire[n : n+int(h.Length)]
	mask.XOR(h.Key, 0, payload)
	fmt.Printf("%v, fin %t, %q\n", h.Opcode, h.Fin, payload)
	// Output: text, fin true, "Hello"
}

func ExampleHeader_Append() {
	payload := "Hello"
	h := frame.Header{Fin: true, Opcode: frame.Text, Length: int64(len(payload))}
	wire := append(h.Append(nil), payload...)
	fmt.Printf("% x\n", wire)
	// Output: 81 05 48 65 6c 6c 6f
}

func ExampleChecker() {
	server := frame.Checker{Role: frame.Server}
	for _, h := range []frame.Header{
		{Opcode: frame.Text, Masked: true},
		{Opcode: frame.Ping, Masked: true, Fin: true},
		{Opcode: frame.Text, Masked: true, Fin: true},
	} {
		fmt.Println(h.Opcode, server.Check(&h))
	}
	// Output:
	// text <nil>
	// ping <nil>
	// text websocket: new message before the end of a fragmented one (RFC 6455 section 5.4)
}

func ExampleParseClose() {
	code, reason, err := frame.ParseClose([]byte("\x03\xe8bye"))
	fmt.Println(code, reason, err)

	_, _, err = frame.ParseClose([]byte("\x03\xee")) // 1006 is for local use
	var broken *frame.ProtocolError
	if errors.As(err, &broken) {
		fmt.Println("close with", broken.Code)
	}
	// Output:
	// 1000 normal closure bye <nil>
	// close with 1002 protocol error
}

func ExampleAppendClose() {
	body, err := frame.AppendClose(nil, frame.StatusGoingAway, "restart")
	fmt.Printf("%q %v\n", body, err)
	// Output: "\x03\xe9restart" <nil>
}
