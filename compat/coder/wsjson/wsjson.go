// Package wsjson has the API of package wsjson of github.com/coder/websocket v1.8.15: JSON values as messages.
package wsjson

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"

	websocket "github.com/seed60239977/websocket/compat/coderapi"
)

// maxKept is the largest buffer that is kept for the next call, in bytes.
const maxKept = 64 << 10

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func free(b *bytes.Buffer) {
	if b.Cap() <= maxKept {
		b.Reset()
		buffers.Put(b)
	}
}

// Read waits for the next message and decodes it into v. What is no JSON for v closes the connection with
// StatusInvalidFramePayloadData. Other errors are those of Conn.Read.
func Read(ctx context.Context, c *websocket.Conn, v any) error {
	_, r, err := c.Reader(ctx)
	if err != nil {
		return fmt.Errorf("failed to read JSON message: %w", err)
	}
	b := buffers.Get().(*bytes.Buffer)
	defer free(b)
	if _, err := b.ReadFrom(r); err != nil {
		return fmt.Errorf("failed to read JSON message: %w", err)
	}
	if err := json.Unmarshal(b.Bytes(), v); err != nil {
		c.Close(websocket.StatusInvalidFramePayloadData, "failed to unmarshal JSON")
		return fmt.Errorf("failed to read JSON message: failed to unmarshal JSON: %w", err)
	}
	return nil
}

// Write sends v in JSON as a text message, with a newline behind it. What cannot be encoded is not sent. Other errors are those
// of Conn.Write.
func Write(ctx context.Context, c *websocket.Conn, v any) error {
	b := buffers.Get().(*bytes.Buffer)
	defer free(b)
	err := json.NewEncoder(b).Encode(v)
	if err == nil {
		err = c.Write(ctx, websocket.MessageText, b.Bytes())
	}
	if err != nil {
		return fmt.Errorf("failed to write JSON message: failed to marshal JSON: %w", err)
	}
	return nil
}
