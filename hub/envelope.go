package hub

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/seed60239977/websocket/conn"
)

// Envelope is a wire form for what a hub and its clients tell each other: messages with their topic and position, and what
// a client wants to get. docs/scaling.md describes both forms for those who write clients in other languages.
type Envelope uint8

// The envelopes.
const (
	NoEnvelope     Envelope = iota // messages go out as they were published
	JSONEnvelope                   // a text message with one JSON object
	BinaryEnvelope                 // a binary message: a few bytes, then the data
)

// Kind is what an [Item] is.
type Kind uint8

// The kinds of items. A server sends the first two, a client the others.
const (
	KindMessage     Kind = 1 + iota // Topic, Position, Type, Data
	KindSubscribed                  // Topic, Position, Recovered, Missed: the answer to KindSubscribe, once all that was before is sent
	KindSubscribe                   // Topic, Position (zero: from now on), Last
	KindUnsubscribe                 // Topic
)

// Item is what an envelope contains.
type Item struct {
	Kind      Kind             // says which of the other fields count
	Topic     string           // what it is about
	Position  Position         // of the message, of the topic, or of the client
	Type      conn.MessageType // of the message: Text or Binary
	Data      []byte           // of the message
	Recovered bool             // see [Recovery]
	Missed    uint64           // see [Recovery]
	Last      int              // see [From]
}

// ErrEnvelope is wrapped by all errors of [Envelope.Parse]. A connection on which that happens is best closed with
// StatusPolicyViolation.
var ErrEnvelope = errors.New("websocket: no such envelope")

// MessageType returns the type of messages in this form.
func (e Envelope) MessageType() conn.MessageType {
	if e == BinaryEnvelope {
		return conn.Binary
	}
	return conn.Text
}

// Append appends the wire form of an item to dst. Topics, and the data of texts, must be UTF-8.
// In [JSONEnvelope], text that is JSON becomes a value, and white space around it is not kept.
func (e Envelope) Append(dst []byte, i Item) []byte {
	if e == BinaryEnvelope {
		return appendBinary(dst, i)
	}
	return appendJSON(dst, i)
}

// Parse returns the item that a message contains. Its Data may refer to data. Errors wrap [ErrEnvelope].
func (e Envelope) Parse(typ conn.MessageType, data []byte) (Item, error) {
	if typ != e.MessageType() {
		return Item{}, fmt.Errorf("%w: a message of the other type", ErrEnvelope)
	}
	parse := parseJSON
	if e == BinaryEnvelope {
		parse = parseBinary
	}
	i, err := parse(data)
	if err == nil && (i.Position.Epoch > maxNumber || i.Position.Offset > maxNumber || i.Missed > maxNumber || i.Last < 0) {
		err = errors.New("a number out of range")
	}
	if err != nil {
		return Item{}, fmt.Errorf("%w: %w", ErrEnvelope, err)
	}
	return i, nil
}

// encode returns what a message looks like on the wire.
func (h *Hub) encode(m *Message) *conn.Prepared {
	e := h.options.Envelope
	if e == NoEnvelope {
		return conn.Prepare(m.Type, m.Data)
	}
	i := Item{Kind: KindMessage, Topic: m.Topic, Position: m.Position, Type: m.Type, Data: m.Data}
	return conn.Prepare(e.MessageType(), e.Append(make([]byte, 0, len(m.Topic)+len(m.Data)+64), i))
}

// itemJSON is the JSON form. Which of the fields are there says what it is.
type itemJSON struct {
	Topic       *string         `json:"topic,omitempty"`
	Epoch       uint64          `json:"epoch,omitempty"`
	Offset      uint64          `json:"offset,omitempty"`
	Data        json.RawMessage `json:"data,omitempty"`
	Text        *string         `json:"text,omitempty"`
	Binary      *string         `json:"binary,omitempty"`
	Recovered   *bool           `json:"recovered,omitempty"`
	Missed      uint64          `json:"missed,omitempty"`
	Subscribe   *string         `json:"subscribe,omitempty"`
	Last        int             `json:"last,omitempty"`
	Unsubscribe *string         `json:"unsubscribe,omitempty"`
}

func appendJSON(dst []byte, i Item) []byte {
	dst = append(dst, '{')
	switch i.Kind {
	case KindSubscribe:
		dst = appendString(dst, `"subscribe":`, i.Topic)
	case KindUnsubscribe:
		return append(appendString(dst, `"unsubscribe":`, i.Topic), '}')
	default:
		dst = appendString(dst, `"topic":`, i.Topic)
	}
	if !i.Position.IsZero() {
		dst = strconv.AppendUint(append(dst, `,"epoch":`...), i.Position.Epoch, 10)
		dst = strconv.AppendUint(append(dst, `,"offset":`...), i.Position.Offset, 10)
	}
	switch i.Kind {
	case KindMessage:
		dst = appendData(dst, i)
	case KindSubscribed:
		dst = strconv.AppendBool(append(dst, `,"recovered":`...), i.Recovered)
		if i.Missed > 0 {
			dst = strconv.AppendUint(append(dst, `,"missed":`...), i.Missed, 10)
		}
	case KindSubscribe:
		if i.Last > 0 {
			dst = strconv.AppendInt(append(dst, `,"last":`...), int64(i.Last), 10)
		}
	}
	return append(dst, '}')
}

// appendData appends what was published: JSON as it is, other text as a string, and binary data in base64.
func appendData(dst []byte, i Item) []byte {
	switch {
	case i.Type == conn.Binary:
		dst = base64.StdEncoding.AppendEncode(append(dst, `,"binary":"`...), i.Data)
		return append(dst, '"')
	case json.Valid(i.Data) && utf8.Valid(i.Data):
		return append(append(dst, `,"data":`...), i.Data...)
	}
	return appendString(dst, `,"text":`, string(i.Data))
}

func appendString(dst []byte, name, s string) []byte {
	quoted, _ := json.Marshal(s) // of a string, that cannot fail
	return append(append(dst, name...), quoted...)
}

func parseJSON(data []byte) (Item, error) {
	var j itemJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return Item{}, err
	}
	i := Item{Position: Position{j.Epoch, j.Offset}}
	found := 0
	is := func(kind Kind, there bool) bool {
		if there {
			i.Kind = kind
			found++
		}
		return there
	}
	if is(KindMessage, j.Data != nil) {
		i.Type, i.Data = conn.Text, j.Data
	}
	if is(KindMessage, j.Text != nil) {
		i.Type, i.Data = conn.Text, []byte(*j.Text)
	}
	if is(KindMessage, j.Binary != nil) {
		var err error
		if i.Type, i.Data, err = decodeBase64(*j.Binary); err != nil {
			return Item{}, err
		}
	}
	if is(KindSubscribed, j.Recovered != nil) {
		i.Recovered, i.Missed = *j.Recovered, j.Missed
	}
	if is(KindSubscribe, j.Subscribe != nil) {
		i.Topic, i.Last = *j.Subscribe, j.Last
	}
	if is(KindUnsubscribe, j.Unsubscribe != nil) {
		i.Topic, i.Position = *j.Unsubscribe, Position{}
	}
	if i.Kind == KindMessage || i.Kind == KindSubscribed {
		if j.Topic == nil {
			return Item{}, errors.New("no topic")
		}
		i.Topic = *j.Topic
	}
	if found != 1 {
		return Item{}, errors.New("not exactly one of the fields that say what it is")
	}
	return i, nil
}

func decodeBase64(s string) (conn.MessageType, []byte, error) {
	data, err := base64.StdEncoding.DecodeString(s)
	return conn.Binary, data, err
}

// The first byte of the binary form.
const (
	tagText        = 1
	tagBinary      = 2
	tagSubscribed  = 3
	tagSubscribe   = 4
	tagUnsubscribe = 5
)

func tagOf(i Item) byte {
	switch {
	case i.Kind == KindSubscribed:
		return tagSubscribed
	case i.Kind == KindSubscribe:
		return tagSubscribe
	case i.Kind == KindUnsubscribe:
		return tagUnsubscribe
	case i.Type == conn.Binary:
		return tagBinary
	}
	return tagText
}

func appendBinary(dst []byte, i Item) []byte {
	dst = append(dst, tagOf(i))
	dst = binary.AppendUvarint(dst, uint64(len(i.Topic)))
	dst = append(dst, i.Topic...)
	if i.Kind == KindUnsubscribe {
		return dst
	}
	dst = binary.AppendUvarint(dst, i.Position.Epoch)
	dst = binary.AppendUvarint(dst, i.Position.Offset)
	switch i.Kind {
	case KindMessage:
		return append(dst, i.Data...)
	case KindSubscribed:
		recovered := byte(0)
		if i.Recovered {
			recovered = 1
		}
		return binary.AppendUvarint(append(dst, recovered), i.Missed)
	}
	return binary.AppendUvarint(dst, uint64(i.Last))
}

// cursor reads the binary form. After an error it reads nothing but zeros.
type cursor struct {
	b   []byte
	err error
}

var errShort = errors.New("it ends too early, or has a number out of range")

func (c *cursor) take(n uint64) []byte {
	if n > uint64(len(c.b)) {
		c.b, c.err = nil, errShort
		return nil
	}
	var taken []byte
	taken, c.b = c.b[:n], c.b[n:]
	return taken
}

func (c *cursor) number() uint64 {
	v, n := binary.Uvarint(c.b)
	if n <= 0 || v > maxNumber {
		c.b, c.err = nil, errShort
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) byte() byte {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func parseBinary(data []byte) (Item, error) {
	c := cursor{b: data}
	tag := c.byte()
	i := Item{Topic: string(c.take(c.number()))}
	if !utf8.ValidString(i.Topic) {
		return Item{}, errors.New("the topic is not UTF-8")
	}
	if tag != tagUnsubscribe {
		i.Position = Position{c.number(), c.number()}
	}
	switch tag {
	case tagText, tagBinary:
		i.Kind, i.Type, i.Data = KindMessage, conn.MessageType(tag), c.take(uint64(len(c.b)))
	case tagSubscribed:
		i.Kind, i.Recovered, i.Missed = KindSubscribed, c.byte() == 1, c.number()
	case tagSubscribe:
		i.Kind, i.Last = KindSubscribe, int(min(c.number(), 1<<30))
	case tagUnsubscribe:
		i.Kind = KindUnsubscribe
	default:
		return Item{}, errors.New("the first byte is none that there is")
	}
	if c.err == nil && len(c.b) > 0 {
		return Item{}, errors.New("something follows the end")
	}
	return i, c.err
}
