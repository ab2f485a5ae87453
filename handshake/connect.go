package handshake

import "net/http"

// This file has what extended CONNECT alone needs (RFC 8441 for HTTP/2, RFC 9220 for HTTP/3). What is negotiated in any
// version of HTTP is in negotiate.go.

// ConnectProtocol returns the protocol that an extended CONNECT asks for, or "" if r is another request. net/http has
// it in a header field of the name ":protocol"; quic-go, for HTTP/3, in Proto.
func ConnectProtocol(r *http.Request) string {
	if r.ProtoMajor < 2 || r.Method != http.MethodConnect {
		return ""
	}
	if values := r.Header[protocolPseudoField]; len(values) > 0 {
		return values[0]
	}
	if _, _, isVersion := http.ParseHTTPVersion(r.Proto); isVersion {
		return ""
	}
	return r.Proto
}

// protocolPseudoField is how net/http passes on :protocol. No client can send a header field of that name otherwise.
const protocolPseudoField = ":protocol"

// websocketProtocol is the value of :protocol (RFC 8441 §5).
const websocketProtocol = "websocket"

// AcceptConnect checks a request of HTTP/2 or HTTP/3 for a WebSocket by the rules of RFC 8441 §5 and decides as
// [ServerOptions.Accept] does. It refuses everything but an extended CONNECT with the protocol websocket, with status
// 501 (RFC 9220 §3). The answer to what it accepts is 200 with the fields of [Agreed.SetHeader] and
// ServerOptions.Header. All errors are [*Error].
func (o *ServerOptions) AcceptConnect(r *http.Request) (Agreed, error) {
	if o == nil {
		o = &ServerOptions{}
	}
	if err := checkConnect(r); err != nil {
		return Agreed{}, err
	}
	return o.Negotiate(r)
}

// checkConnect checks what an extended CONNECT consists of.
func checkConnect(r *http.Request) error {
	switch protocol := ConnectProtocol(r); {
	case protocol == "":
		return refuse(http.StatusNotImplemented,
			"in HTTP/%d only an extended CONNECT opens a WebSocket; or use HTTP/1.1", r.ProtoMajor)
	case protocol != websocketProtocol:
		return refuse(http.StatusNotImplemented, "protocol %.100q is not supported: only websocket is", protocol)
	case !validHost(r.Host):
		return refuse(http.StatusBadRequest, "the request has no valid :authority")
	case r.ContentLength > 0:
		return refuse(http.StatusBadRequest, "a CONNECT has no content of its own")
	}
	return nil
}

// SetConnect makes r, whose URL is set, an extended CONNECT for a WebSocket as net/http's client sends it, with the header
// fields of the offer.
func (f *Offer) SetConnect(r *http.Request) {
	r.Method = http.MethodConnect
	r.Header = f.Header()
	r.Header[protocolPseudoField] = []string{websocketProtocol}
}

// VerifyConnect checks the response to an extended CONNECT: one with a status 2xx that agrees to nothing but what was
// offered is a WebSocket (RFC 8441 §5). All errors are [*Error] with the status and the header of the response.
func (f *Offer) VerifyConnect(resp *http.Response) (Agreed, error) {
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return Agreed{}, &Error{Status: resp.StatusCode, Header: resp.Header, Reason: "the server did not accept the WebSocket"}
	}
	agreed, err := f.Confirm(resp.Header)
	if err != nil {
		e := err.(*Error)
		e.Status, e.Header = resp.StatusCode, resp.Header
		return Agreed{}, e
	}
	return agreed, nil
}
