package websocket

import (
	"crypto/tls"
	"net"
	"net/http/httptrace"
)

// The hooks of an httptrace.ClientTrace, which may be nil or have gaps. net.Dialer calls those of its own.

func getConn(trace *httptrace.ClientTrace, address string) {
	if trace != nil && trace.GetConn != nil {
		trace.GetConn(address)
	}
}

func gotConn(trace *httptrace.ClientTrace, nc net.Conn) {
	if trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{Conn: nc})
	}
}

// reusedConn is gotConn for a connection that others have, too.
func reusedConn(trace *httptrace.ClientTrace, nc net.Conn) {
	if trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{Conn: nc, Reused: true})
	}
}

func tlsHandshakeStart(trace *httptrace.ClientTrace) {
	if trace != nil && trace.TLSHandshakeStart != nil {
		trace.TLSHandshakeStart()
	}
}

func tlsHandshakeDone(trace *httptrace.ClientTrace, state tls.ConnectionState, err error) {
	if trace != nil && trace.TLSHandshakeDone != nil {
		trace.TLSHandshakeDone(state, err)
	}
}

func wroteRequest(trace *httptrace.ClientTrace, err error) {
	if trace == nil {
		return
	}
	if err == nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	if trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{Err: err})
	}
}

func gotFirstResponseByte(trace *httptrace.ClientTrace) {
	if trace != nil && trace.GotFirstResponseByte != nil {
		trace.GotFirstResponseByte()
	}
}
