package handshake

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAcceptAnswersThePublishedKeys(t *testing.T) {
	for key, accept := range map[string]string{
		"dGhlIHNhbXBsZSBub25jZQ==": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", // RFC 6455 §1.3
		"sN9cRrP/n9NdMgdcy2VJFQ==": "fFBooB7FAkLlXgRSz0BT3v4hq5s=",
	} {
		require.True(t, ValidKey(key))
		require.Equal(t, "before "+accept, string(AppendAccept([]byte("before "), key)))
	}
}

func TestAcceptMakesNoGarbage(t *testing.T) {
	dst := make([]byte, 0, acceptLen)
	require.Zero(t, testing.AllocsPerRun(100, func() { AppendAccept(dst, "dGhlIHNhbXBsZSBub25jZQ==") }))
}

func TestNewKeysAreValidAndDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		key := NewKey()
		require.True(t, ValidKey(key))
		require.False(t, seen[key])
		seen[key] = true
	}
}

func TestValidKeyTakesSixteenBytesInBase64Only(t *testing.T) {
	for key, want := range map[string]bool{
		"AQIDBAUGBwgJCgsMDQ4PEC==":  true, // §4.1, with bits set that encode nothing
		"AQIDBAUGBwgJCgsMDQ4PEA==":  true,
		"++++++++++++++++//////==":  true,
		"":                          false,
		"==":                        false,
		"AQIDBAUGBwgJCgsMDQ4P":      false, // 15 bytes
		"AQIDBAUGBwgJCgsMDQ4PEBE=":  false, // 17 bytes
		"AQIDBAUGBwgJCgsMDQ4PEA":    false, // no padding
		"AQIDBAUGBwgJCgsMDQ4PEA=A":  false,
		"AQIDBAUGBwgJ-_sMDQ4PEA==":  false, // the other alphabet
		"AQIDBAUGBwgJ\r\nsMDQ4PE==": false,
		"AQIDBAUGBwgJCgsMDQ4P EA==": false,
		"AQIDBAUGBwgJCgsMDQ4Pé==":   false,
	} {
		require.Equal(t, want, ValidKey(key), "%q", key)
	}
}

func FuzzValidKey(f *testing.F) {
	f.Add("dGhlIHNhbXBsZSBub25jZQ==")
	f.Add("AQIDBAUGBwgJ\r\nsMDQ4PE==")
	f.Fuzz(func(t *testing.T, key string) {
		bytes, err := base64.StdEncoding.DecodeString(key)
		want := err == nil && len(bytes) == 16 && !strings.ContainsAny(key, "\r\n") // which DecodeString skips
		require.Equal(t, want, ValidKey(key), "%q", key)
	})
}

func BenchmarkAppendAccept(b *testing.B) {
	dst := make([]byte, 0, acceptLen)
	b.ReportAllocs()
	for b.Loop() {
		AppendAccept(dst, "dGhlIHNhbXBsZSBub25jZQ==")
	}
}
