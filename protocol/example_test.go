package protocol_test

import (
	"fmt"
	"io"
	"net"
	"time"

	"github.com/seed60239977/websocket/protocol"
)

// echo is a driver: it serves one connection, whose opening handshake is done, and sends back what comes.
func echo(nc net.Conn) *protocol.CloseError {
	defer nc.Close()
	options := protocol.Options{Role: protocol.Server}
	receiver, sender := protocol.NewReceiver(options), protocol.NewSender(options)
	closing := protocol.Closing{Role: protocol.Server, Timeout: 5 * time.Second}
	buffer, unread := make([]byte, 4096), 0
	for closing.Step() != protocol.Drop {
		nc.SetDeadline(closing.Deadline())
		n, readErr := nc.Read(buffer[unread:])
		arrived := buffer[:unread+n]
		for event := (protocol.Event{Kind: protocol.Data}); event.Kind != protocol.NeedBytes && closing.Step() == protocol.ReadOn; {
			n, err := receiver.Next(arrived, &event)
			arrived = arrived[n:]
			if err != nil {
				if code, reason, send := closing.Violated(err, time.Now()); send {
					sender.Close(code, reason)
					closing.Sent(false, time.Now())
				}
				break
			}
			switch event.Kind {
			case protocol.Data:
				sender.Fragment(event.Type, event.Payload, event.Fin)
			case protocol.Ping:
				sender.Answer(event.Payload)
			case protocol.Close:
				if closing.Received(event.Code, string(event.Payload), time.Now()) {
					sender.Close(event.Code, string(event.Payload))
					closing.Sent(false, time.Now())
				}
			}
		}
		unread = copy(buffer, arrived)
		for sender.Take() && closing.Step() != protocol.Drop {
			bytes, _ := sender.Pending()
			n, err := nc.Write(bytes)
			if sender.Sent(n); err != nil {
				closing.SendFailed(err, time.Now())
				break
			}
		}
		closing.Flushed()
		if readErr != nil {
			closing.ReadFailed(readErr)
		}
	}
	return closing.End()
}

// The loop that drives a connection: read, tell the Receiver, answer, write.
func Example() {
	here, there := net.Pipe()
	ended := make(chan *protocol.CloseError)
	go func() { ended <- echo(there) }()

	client := protocol.NewSender(protocol.Options{Role: protocol.Client})
	client.Message(protocol.Text, []byte("Hello"))
	client.Close(4000, "that was all")
	client.Take()
	bytes, _ := client.Pending()
	here.Write(bytes)

	answer, _ := io.ReadAll(here)
	fmt.Printf("%q\n", answer)
	fmt.Println(<-ended)
	// Output:
	// "\x81\x05Hello\x88\x0e\x0f\xa0that was all"
	// websocket: closed by the peer: 4000: that was all
}
