package handshake

import (
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// offeredSubprotocols splits the client's Sec-WebSocket-Protocol fields, in its order of preference (§4.1 10).
func (o *ServerOptions) offeredSubprotocols(values []string) (list []string, err error) {
	if tooLong(values) {
		return nil, refuse(http.StatusRequestHeaderFieldsTooLarge, "Sec-WebSocket-Protocol is longer than %d bytes", maxList)
	}
	for _, v := range values {
		for name := range strings.SplitSeq(v, ",") {
			switch name = trimOWS(name); {
			case name == "": // RFC 9110 §5.6.1.2 wants empty elements ignored
			case !validSubprotocol(name, o.Lenient):
				return nil, refuse(http.StatusBadRequest, "subprotocol %.100q is not a token", name)
			default:
				list = append(list, name)
			}
		}
	}
	return list, nil
}

// selectSubprotocol picks the server's answer: its first preference among what was offered, "" for none of them.
func (o *ServerOptions) selectSubprotocol(h *head) (string, error) {
	values := h.values(protocolName)
	if len(values) == 0 && o.SelectSubprotocol == nil {
		return "", nil
	}
	offered, err := o.offeredSubprotocols(values)
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
	name, err := o.SelectSubprotocol(h.request, offered)
	if err != nil {
		return "", hookError(err, http.StatusBadRequest)
	}
	// "The value MUST be one of the values the client provided" (§4.2.2): not even a hook may choose another.
	if name != "" && !slices.Contains(offered, name) && !(o.Lenient && httpguts.ValidHeaderFieldValue(name)) {
		return "", refuse(http.StatusInternalServerError, "the server chose subprotocol %.100q, which was not offered", name)
	}
	return name, nil
}

// checkSubprotocols reports what is wrong with an option's list.
func checkSubprotocols(list []string, lenient bool) error {
	for i, name := range list {
		if !validSubprotocol(name, lenient) {
			return invalid("subprotocol %.100q is not a token", name)
		}
		if slices.Contains(list[:i], name) {
			return invalid("subprotocol %.100q is listed twice", name)
		}
	}
	return nil
}

// validSubprotocol reports whether a name is a token, or at least one that a list can hold.
func validSubprotocol(name string, lenient bool) bool {
	if !lenient {
		return isToken(name)
	}
	for i := range len(name) {
		if c := name[i]; c < ' ' || c == 0x7f || c == ',' {
			return false
		}
	}
	return name != "" && name == trimOWS(name)
}
