package handshake

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"strings"
)

// guid is the constant of §1.3 that a server appends to the key.
const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

const (
	keyLen    = 24 // 16 bytes in base64
	acceptLen = 28 // 20 bytes in base64
)

// NewKey returns a value for Sec-WebSocket-Key: 16 bytes from crypto/rand in base64 (§4.1).
func NewKey() string {
	var nonce [16]byte
	rand.Read(nonce[:]) // never fails: the program crashes instead
	return base64.StdEncoding.EncodeToString(nonce[:])
}

// ValidKey reports whether key is 16 bytes in base64. The four bits of the last character that encode nothing may have
// any value, as in the RFC's own example (§4.1).
func ValidKey(key string) bool {
	body, padded := strings.CutSuffix(key, "==")
	if !padded || len(key) != keyLen {
		return false
	}
	for i := range len(body) {
		switch c := body[i]; {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '+', c == '/':
		default:
			return false
		}
	}
	return true
}

// AppendAccept appends the Sec-WebSocket-Accept value that answers a valid key (§4.2.2): 28 bytes.
func AppendAccept(dst []byte, key string) []byte {
	var buf [keyLen + len(guid)]byte
	sum := sha1.Sum(append(append(buf[:0], key...), guid...))
	return base64.StdEncoding.AppendEncode(dst, sum[:])
}
