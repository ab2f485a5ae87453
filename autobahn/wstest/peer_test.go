package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"net"

	"github.com/seed60239977/websocket/autobahn/internal/wire"
)

func acceptOf(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// serveFrames echoes every frame until a close frame, which it answers. As a
// client it first passes over the head of the answer.
func serveFrames(nc net.Conn, isServer, masked bool) {
	defer nc.Close()
	src := bufio.NewReader(nc)
	if !isServer {
		for {
			line, err := src.ReadString('\n')
			if err != nil {
				return
			}
			if line == "\r\n" {
				break
			}
		}
	}
	in := wire.NewReader(src, isServer)
	for {
		f, err := in.Next()
		if err != nil {
			return
		}
		f.Masked = masked
		if _, err := nc.Write(wire.AppendFrame(nil, f.Header, f.Payload)); err != nil {
			return
		}
		if f.Opcode == wire.Close && isServer {
			return
		}
	}
}
