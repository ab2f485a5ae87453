// The tests of gorilla/websocket make connections without a handshake, and look at a few things that are not exported. This is
// how that is done here. own_test.go compiles it together with them.

package websocket

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/handshake"
)

const (
	minCompressionLevel = -2
	maxCompressionLevel = 9
)

var errWriteTimeout = controlTimeout{}

// newConn makes one end of a connection.
func newConn(nc net.Conn, isServer bool, _, writeBufferSize int, _ BufferPool, _ *bufio.Reader, _ []byte) *Conn {
	c := &Conn{}
	c.start(nc, isServer, writeBufferSize, conn.Negotiated{})
	return c
}

// compressed has c, which has not been used yet, compress each message by itself.
func compressed(c *Conn, isServer bool) {
	alone := &deflate.Params{ServerNoContextTakeover: true, ClientNoContextTakeover: true}
	c.start(c.NetConn(), isServer, 1024, conn.Negotiated{Deflate: alone, DeflateOptions: compression(true)})
}

func (c *Conn) start(nc net.Conn, isServer bool, writeBufferSize int, agreed conn.Negotiated) {
	if fake, ok := nc.(fakeNetConn); ok {
		if fake.Reader == nil {
			fake.Reader = new(bytes.Buffer)
		}
		if fake.Writer == nil {
			fake.Writer = io.Discard
		}
		nc = fake
	}
	cfg := c.config(writeBufferSize, false)
	if isServer {
		c.c = conn.Server(nc, &agreed, &cfg)
	} else {
		c.c = conn.Client(nc, &agreed, &cfg)
	}
}

// isUnexpectedEOF is how a peer that hangs up is told.
func isUnexpectedEOF(err error) bool {
	e, ok := err.(*CloseError)
	return ok && *e == CloseError{Code: CloseAbnormalClosure, Text: "unexpected EOF"}
}

// inPieces sends a message as frames of WriteBufferSize.
func inPieces(c *Conn, message []byte) {
	w, err := c.NextWriter(BinaryMessage)
	if err != nil {
		panic(err)
	}
	w.Write(message) // what comes of it, the other end tells
	w.Close()
}

func isImpossibleLength(err error) bool {
	return err.Error() == "websocket: payload length has its most significant bit set"
}

// unmasked returns frames without their masks, which are random.
func unmasked(frames *bytes.Buffer) string {
	var all []byte
	for p := bytes.Clone(frames.Bytes()); len(p) > 0; {
		h, n, err := frame.Parse(p)
		if err != nil {
			panic(err)
		}
		payload := p[n:][:h.Length]
		p = p[n+len(payload):]
		if h.Masked {
			for i := range payload {
				payload[i] ^= h.Key[i%4]
			}
		}
		h.Key = [4]byte{}
		all = append(h.Append(all), payload...)
	}
	return string(all)
}

func computeAcceptKey(key string) string { return string(handshake.AppendAccept(nil, key)) }

func isValidChallengeKey(key string) bool { return handshake.ValidKey(key) }

func checkSameOrigin(r *http.Request) bool { return sameHost(r) }

func tokenListContainsValue(h http.Header, name, value string) bool { return hasToken(h, name, value) }
