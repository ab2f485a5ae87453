package handshake_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/seed60239977/websocket/handshake"
)

// A server that reads from a connection of its own, without net/http.
func ExampleRequestParser() {
	arrived := "GET /chat HTTP/1.1\r\n" +
		"Host: server.example.com\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
		"Sec-WebSocket-Version: 13\r\n\r\n"
	var p handshake.RequestParser
	var request *http.Request
	for n := 0; request == nil; n = min(n+50, len(arrived)) {
		r, _, err := p.Parse(context.Background(), []byte(arrived[:n]))
		if err != nil {
			fmt.Println(err)
			return
		}
		request = r
	}
	response, err := new(handshake.ServerOptions).Accept(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(strings.ReplaceAll(string(response.AppendResponse(nil)), "\r\n", "\n"))
	// Output:
	// HTTP/1.1 101 Switching Protocols
	// Upgrade: websocket
	// Connection: Upgrade
	// Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
}

func ExampleServerOptions_Accept() {
	r, _ := http.NewRequest(http.MethodGet, "http://server.example.com/chat", nil)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Key", handshake.NewKey())
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Protocol", "chat.v1, chat.v2")
	r.Header.Set("Origin", "https://evil.example")

	options := &handshake.ServerOptions{Subprotocols: []string{"chat.v2", "chat.v1"}}
	_, err := options.Accept(r)
	fmt.Println(err)

	options.AllowedOrigins = []string{"*.example"}
	response, err := options.Accept(r)
	fmt.Println(response.Subprotocol, err)
	// Output:
	// websocket: handshake: origin "https://evil.example" is not allowed to connect to "server.example.com" (403 Forbidden)
	// chat.v2 <nil>
}

func ExampleClientOptions_NewRequest() {
	u, err := handshake.ParseURL("wss://server.example.com/chat")
	if err != nil {
		fmt.Println(err)
		return
	}
	request, err := (&handshake.ClientOptions{Subprotocols: []string{"chat"}}).NewRequest(u)
	if err != nil {
		fmt.Println(err)
		return
	}
	line, _, _ := strings.Cut(string(request.AppendRequest(nil)), "\r\n")
	fmt.Println(handshake.Address(u), line)

	answer := "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
	response, _ := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
	_, err = request.Verify(response)
	fmt.Println(err)
	// Output:
	// server.example.com:443 GET /chat HTTP/1.1
	// websocket: handshake: the server did not switch protocols (403 Forbidden)
}

// What HTTP/2 and HTTP/3 need, where there is neither an Upgrade nor a key.
func ExampleServerOptions_Negotiate() {
	u, err := handshake.ParseURL("wss://server.example.com/chat")
	if err != nil {
		fmt.Println(err)
		return
	}
	offer, err := (&handshake.ClientOptions{Subprotocols: []string{"chat.v1", "chat.v2"}}).NewOffer(u)
	if err != nil {
		fmt.Println(err)
		return
	}
	request := &http.Request{
		Method: http.MethodConnect, ProtoMajor: 2, Host: handshake.HostField(u),
		Header: offer.Header(), // and ":protocol: websocket"
	}
	agreed, err := (&handshake.ServerOptions{Subprotocols: []string{"chat.v2"}}).Negotiate(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	response := http.Header{}
	agreed.SetHeader(response) // of the 200
	confirmed, err := offer.Confirm(response)
	fmt.Println(confirmed.Subprotocol, err)
	// Output: chat.v2 <nil>
}

func ExampleParseExtensions() {
	offers, ok := handshake.ParseExtensions([]string{`permessage-deflate; server_max_window_bits="10"; client_max_window_bits`})
	fmt.Println(ok, offers[0].Name)
	for _, p := range offers[0].Params {
		fmt.Println(p.Name, p.HasValue, p.Value)
	}
	// Output:
	// true permessage-deflate
	// server_max_window_bits true 10
	// client_max_window_bits false
}

// The same without a request of net/http's, where only the answer matters.
func ExampleServer_Answer() {
	server := handshake.NewServer(&handshake.ServerOptions{Subprotocols: []string{"chat"}})
	request := []byte("GET /chat HTTP/1.1\r\n" +
		"Host: server.example.com\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
		"Sec-WebSocket-Protocol: chat, superchat\r\n" +
		"Sec-WebSocket-Version: 13\r\n\r\n")

	var parser handshake.RequestParser
	for arrived := 1; arrived <= len(request); arrived++ { // however it comes
		resp, n, err := server.Answer(&parser, request[:arrived])
		if err != nil { // AppendResponse of the *handshake.Error tells the client
			fmt.Println(err)
			return
		}
		if n > 0 {
			fmt.Print(strings.ReplaceAll(string(resp.AppendResponse(nil)), "\r\n", "\n"))
		}
	}
	// Output:
	// HTTP/1.1 101 Switching Protocols
	// Upgrade: websocket
	// Connection: Upgrade
	// Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
	// Sec-WebSocket-Protocol: chat
}
