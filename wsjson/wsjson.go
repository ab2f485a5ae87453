package wsjson

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"unicode/utf8"

	"github.com/seed60239977/websocket/conn"
)

// DecodeError says that a message is not JSON, or not JSON for the wanted type. The connection stays open.
type DecodeError struct {
	// Err is the error of encoding/json: a *json.SyntaxError, a *json.UnmarshalTypeError, or what an UnmarshalJSON method
	// returned.
	Err error
}

// Error says what is wrong with the message.
func (e *DecodeError) Error() string {
	return "websocket: cannot decode the message as JSON: " + e.Err.Error()
}

// Unwrap returns the error of encoding/json.
func (e *DecodeError) Unwrap() error { return e.Err }

// maxKept is the largest buffer that is kept for the next call, in bytes.
const maxKept = 64 << 10

// buffer is the memory of a message, kept between calls.
type buffer struct{ b []byte }

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// Write implements io.Writer.
func (b *buffer) Write(p []byte) (int, error) {
	b.b = append(b.b, p...)
	return len(p), nil
}

func (b *buffer) free() {
	if cap(b.b) <= maxKept {
		b.b = b.b[:0]
		buffers.Put(b)
	}
}

// Read waits for the next message, text or binary, and decodes it as [json.Unmarshal] does. Only one goroutine at a time
// may read.
//
// If the message cannot be decoded, the error is a [*DecodeError]. All other errors are those of Conn.Read: if ctx ends
// first nothing is lost, and the next call carries on where this one stopped. With an error, the value is the zero value.
func Read[T any](ctx context.Context, c *conn.Conn) (T, error) {
	var v, zero T
	b := buffers.Get().(*buffer)
	defer b.free()
	_, data, err := c.ReadAppend(ctx, b.b)
	b.b = data
	if err != nil {
		return zero, err
	}
	if err := json.Unmarshal(data, &v); err != nil { // which keeps nothing of data
		return zero, &DecodeError{err}
	}
	return v, nil
}

// Write sends v as a text message, encoded as [json.Marshal] does, except that <, > and & are not escaped. Any number of
// goroutines may write.
//
// If v cannot be encoded, nothing is sent. The error is that of encoding/json, or conn.ErrInvalidUTF8 if v contains raw
// JSON that is not UTF-8 (§8.1). All other errors are those of Conn.Write.
func Write(ctx context.Context, c *conn.Conn, v any) error {
	b := buffers.Get().(*buffer)
	defer b.free()
	data, err := encode(b, v)
	if err != nil {
		return err
	}
	return c.Write(ctx, conn.Text, data)
}

// Prepare encodes v once, as [Write] does, to be sent to any number of connections. Its errors are those of Write.
func Prepare(v any) (*conn.Prepared, error) {
	b := buffers.Get().(*buffer)
	defer b.free()
	data, err := encode(b, v)
	if err != nil {
		return nil, err
	}
	return conn.Prepare(conn.Text, data), nil
}

// encode returns the JSON of v, in the memory of b.
func encode(b *buffer, v any) ([]byte, error) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	data := bytes.TrimSuffix(b.b, []byte("\n")) // which Encode adds
	if !utf8.Valid(data) {
		return nil, conn.ErrInvalidUTF8
	}
	return data, nil
}
