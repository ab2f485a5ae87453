package handshake

import (
	"net/http"
	"slices"
	"strings"
)

// offeredSubprotocols splits the client's Sec-WebSocket-Protocol fields, in its order of preference (§4.1 10).
func offeredSubprotocols(values []string) (list []string, err error) {
	if tooLong(values) {
		return nil, refuse(http.StatusRequestHeaderFieldsTooLarge, "Sec-WebSocket-Protocol is longer than %d octets", maxList)
	}
	for _, v := range values {
		for name := range strings.SplitSeq(v, ",") {
			switch name = trimOWS(name); {
			case name == "": // RFC 9110 §5.6.1.2 wants empty elements ignored
			case !isToken(name):
				return nil, refuse(http.StatusBadRequest, "subprotocol %.100q is not a token", name)
			default:
				list = append(list, name)
			}
		}
	}
	return list, nil
}

// selectSubprotocol picks the server's answer: its first preference among what was offered, "" for none of them.
func (o *ServerOptions) selectSubprotocol(r *http.Request) (string, error) {
	values := r.Header[protocolField]
	if len(values) == 0 && o.SelectSubprotocol == nil {
		return "", nil
	}
	offered, err := offeredSubprotocols(values)
	if err != nil {
		return "", err
	}
	if o.SelectSubprotocol == nil {
		for _, name := range o.Subprotocols {
			if slices.Contains(offered, name) {
				return name, nil
			}
		}
		return "", nil
	}
	name, err := o.SelectSubprotocol(r, offered)
	if err != nil {
		return "", hookError(err, http.StatusBadRequest)
	}
	// "The value MUST be one of the values the client provided" (§4.2.2): not even a hook may choose another.
	if name != "" && !slices.Contains(offered, name) {
		return "", refuse(http.StatusInternalServerError, "the server chose subprotocol %.100q, which was not offered", name)
	}
	return name, nil
}

// checkSubprotocols reports what is wrong with an option's list.
func checkSubprotocols(list []string) error {
	for i, name := range list {
		if !isToken(name) {
			return invalid("subprotocol %.100q is not a token", name)
		}
		if slices.Contains(list[:i], name) {
			return invalid("subprotocol %.100q is listed twice", name)
		}
	}
	return nil
}
