package deflate

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The examples of RFC 7692, section 7.2.3. Their payloads are compressed messages
// "Hello", without masks.
func TestExamplesOfTheRFCAreUnderstood(t *testing.T) {
	for _, example := range []struct {
		section  string
		payloads []string
		messages []string
	}{
		{"7.2.3.1: a message compressed using one compressed DEFLATE block", []string{"\xf2\x48\xcd\xc9\xc9\x07\x00"}, []string{"Hello"}},
		{"7.2.3.2: sharing LZ77 sliding window", []string{"\xf2\x48\xcd\xc9\xc9\x07\x00", "\xf2\x00\x11\x00\x00"}, []string{"Hello", "Hello"}},
		{"7.2.3.3: using a DEFLATE block with no compression", []string{"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"}, []string{"Hello"}},
		{"7.2.3.4: using a DEFLATE block with BFINAL set to 1", []string{"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"}, []string{"Hello"}},
		{"7.2.3.4: the same, without the byte that follows", []string{"\xf3\x48\xcd\xc9\xc9\x07\x00"}, []string{"Hello"}},
		{"7.2.3.4: and another stream in the message", []string{"\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x48\xcd\xc9\xc9\x07\x00"}, []string{"HelloHello"}},
		{"7.2.3.4: and another message", []string{"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "\xf2\x00\x11\x00\x00"}, []string{"Hello", "Hello"}},
		{"7.2.3.5: two DEFLATE blocks in one message", []string{"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"}, []string{"Hello"}},
		{"7.2.3.6: generating an empty fragment", []string{"\x00", "\x00"}, []string{"", ""}},
	} {
		t.Run(example.section, func(t *testing.T) {
			for step := 1; step < 20; step++ {
				for room := 1; room < 20; room++ {
					d := Params{}.Decompressor(true)
					ref := &reference{window: maxWindow, takeover: true}
					for i, payload := range example.payloads {
						got, err := decompress(d, []byte(payload), step, room)
						require.NoError(t, err)
						require.Equal(t, example.messages[i], string(got))
						got, err = ref.message([]byte(payload))
						require.NoError(t, err)
						require.Equal(t, example.messages[i], string(got))
					}
				}
			}
		})
	}
}

func TestExamplesOfTheRFCAreWhatIsSent(t *testing.T) {
	for _, level := range levelsToTest {
		c := Params{}.Compressor(true, &Options{Level: level})
		require.Equal(t, "\xf2\x48\xcd\xc9\xc9\x07\x00", string(c.Append(nil, []byte("Hello"))), "section 7.2.3.1")
		require.Equal(t, "\x00", string(c.Append(nil, nil)), "section 7.2.3.6")
		second := c.Append(nil, []byte("Hello"))
		require.LessOrEqual(t, len(second), 5, "section 7.2.3.2: the window is shared")
	}
	require.Equal(t, "permessage-deflate", ExtensionName)
}
