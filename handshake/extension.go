package handshake

import (
	"slices"
	"strings"

	"github.com/seed60239977/websocket/deflate"
)

// Extension is one element of Sec-WebSocket-Extensions (§9.1): an offer of the client or an answer of the server.
type Extension struct {
	Name   string  // a token
	Params []Param // in the order of the header field
}

// Param is a parameter of an [Extension]: a token, and perhaps a value that is one too, already without its quotes.
type Param = deflate.Parameter

// DeflateOptions configures permessage-deflate (RFC 7692).
type DeflateOptions = deflate.Options

// ParseExtensions parses the values of all Sec-WebSocket-Extensions fields of a message as one list, in order. Values in
// quotes, empty list elements and white space around separators are understood; ok is false for everything else that
// the grammar of §9.1 does not allow. It takes time in proportion to the length of the values.
func ParseExtensions(values []string) (list []Extension, ok bool) {
	for _, v := range values {
		p := extensionParser{rest: v}
		if list, ok = p.list(list); !ok {
			return nil, false
		}
	}
	return list, true
}

// validExtensions is ParseExtensions without the list.
func validExtensions(values []string) bool {
	for _, v := range values {
		p := extensionParser{rest: v, discard: true}
		if _, ok := p.list(nil); !ok {
			return false
		}
	}
	return true
}

// AppendExtensions appends list as the value of a Sec-WebSocket-Extensions field. The names and values must be tokens.
func AppendExtensions(dst []byte, list []Extension) []byte {
	for i, e := range list {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(dst, e.Name...)
		for _, p := range e.Params {
			dst = append(dst, "; "...)
			dst = append(dst, p.Name...)
			if p.HasValue {
				dst = append(dst, '=')
				dst = append(dst, p.Value...)
			}
		}
	}
	return dst
}

// appendExtensionsField appends the header field if there is something to say.
func appendExtensionsField(dst []byte, list []Extension) []byte {
	if len(list) == 0 {
		return dst
	}
	dst = append(dst, "Sec-WebSocket-Extensions: "...)
	dst = AppendExtensions(dst, list)
	return append(dst, "\r\n"...)
}

// valid reports whether e can be sent.
func (e *Extension) valid() bool {
	for _, p := range e.Params {
		if !isToken(p.Name) || p.HasValue != (p.Value != "") || p.HasValue && !isToken(p.Value) {
			return false
		}
	}
	return isToken(e.Name)
}

// extensionParser takes one value of the header field apart from left to right, looking at each byte once.
type extensionParser struct {
	rest    string
	discard bool // only check
}

// list parses "#extension" and appends to list.
func (p *extensionParser) list(list []Extension) ([]Extension, bool) {
	for {
		p.skipOWS()
		switch {
		case p.rest == "":
			return list, true
		case p.take(','): // an empty element: RFC 9110 §5.6.1.2 wants it ignored
			continue
		}
		e, ok := p.extension()
		if !ok || p.rest != "" && !p.take(',') {
			return nil, false
		}
		if !p.discard {
			list = append(list, e)
		}
	}
}

// extension parses extension-token *( ";" extension-param ).
func (p *extensionParser) extension() (e Extension, ok bool) {
	if e.Name, ok = p.token(); !ok {
		return e, false
	}
	for p.skipOWS(); p.take(';'); p.skipOWS() {
		param, ok := p.param()
		if !ok {
			return e, false
		}
		if !p.discard {
			e.Params = append(e.Params, param)
		}
	}
	return e, true
}

// param parses token [ "=" (token | quoted-string) ].
func (p *extensionParser) param() (param Param, ok bool) {
	p.skipOWS()
	if param.Name, ok = p.token(); !ok {
		return param, false
	}
	p.skipOWS()
	if !p.take('=') {
		return param, true
	}
	p.skipOWS()
	param.HasValue = true
	if p.take('"') {
		param.Value, ok = p.quoted()
	} else {
		param.Value, ok = p.token()
	}
	return param, ok
}

// quoted parses the rest of a quoted-string. "When using the quoted-string syntax variant, the value after
// quoted-string unescaping MUST conform to the 'token' ABNF" (§9.1).
func (p *extensionParser) quoted() (string, bool) {
	end := strings.IndexAny(p.rest, `"\`)
	if end >= 0 && p.rest[end] == '"' { // nothing escaped, nothing to copy
		value := p.rest[:end]
		p.rest = p.rest[end+1:]
		return value, isToken(value)
	}
	var b strings.Builder
	for i := 0; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			p.rest = p.rest[i+1:]
			return b.String(), isToken(b.String())
		case c == '\\' && i+1 < len(p.rest):
			i++
			b.WriteByte(p.rest[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// token parses 1*tchar.
func (p *extensionParser) token() (string, bool) {
	n := 0
	for n < len(p.rest) && isToken(p.rest[n:n+1]) {
		n++
	}
	token := p.rest[:n]
	p.rest = p.rest[n:]
	return token, n > 0
}

func (p *extensionParser) skipOWS() {
	for p.rest != "" && isOWS(p.rest[0]) {
		p.rest = p.rest[1:]
	}
}

func (p *extensionParser) take(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// named reports whether list has an extension of this name.
func named(list []Extension, name string) bool {
	return slices.ContainsFunc(list, func(e Extension) bool { return e.Name == name })
}

// without returns what is left of list, which is not changed.
func without(list []Extension, name string) []Extension {
	return slices.DeleteFunc(slices.Clone(list), func(e Extension) bool { return e.Name == name })
}

// acceptDeflate decides about the client's offers of permessage-deflate: the first that is acceptable is agreed on (RFC
// 7692 §5). It returns the answer, or nil.
func acceptDeflate(o *deflate.Options, offers []Extension) (*deflate.Params, []Extension) {
	if o == nil {
		return nil, nil
	}
	for _, offer := range offers {
		if offer.Name != deflate.ExtensionName {
			continue
		}
		if agreed, answer, ok := o.Accept(offer.Params); ok {
			return &agreed, []Extension{{Name: deflate.ExtensionName, Params: answer}}
		}
	}
	return nil, nil
}

// confirmDeflate decides about the server's answer.
func confirmDeflate(o *deflate.Options, answer []Extension) (*deflate.Params, *Error) {
	for _, e := range answer {
		if o == nil || e.Name != deflate.ExtensionName {
			continue
		}
		agreed, err := o.Confirm(e.Params)
		if err != nil {
			return nil, &Error{Reason: "the server's answer to permessage-deflate is not acceptable", Err: err}
		}
		return &agreed, nil
	}
	return nil, nil
}
