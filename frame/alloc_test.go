package frame_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
)

// TestNothingAllocates covers the happy path and the refusals: a peer that breaks rules costs no memory either.
func TestNothingAllocates(t *testing.T) {
	long := frame.Header{Fin: true, Opcode: frame.Binary, Masked: true, Key: rfcKey, Length: 1 << 40}
	wire := long.Append(nil)
	dst := make([]byte, 0, 256)
	checker := frame.Checker{Role: frame.Server}
	closeBody := []byte{0x03, 0xe8}
	cases := map[string]func(){
		"parse":                func() { frame.Parse(wire) },
		"parse a cut header":   func() { frame.Parse(wire[:5]) },
		"refuse a length":      func() { frame.Parse([]byte{0x82, 126, 0, 1}) },
		"append":               func() { dst = long.Append(dst[:0]) },
		"check":                func() { checker.Check(&long) },
		"refuse a header":      func() { checker.Check(&frame.Header{Opcode: 7}) },
		"parse a close body":   func() { frame.ParseClose(closeBody) },
		"refuse a close body":  func() { frame.ParseClose(closeBody[:1]) },
		"append a close body":  func() { dst, _ = frame.AppendClose(dst[:0], frame.StatusNormalClosure, "bye") },
		"refuse a close frame": func() { dst, _ = frame.AppendClose(dst[:0], 1006, "bye") },
	}
	for name, f := range cases {
		require.Zero(t, testing.AllocsPerRun(100, f), name)
	}
}
