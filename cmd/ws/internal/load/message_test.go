package load

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestTemplatesHaveNumbersAndBytes(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"plain":                     "plain",
		"{{conn}}/{{ seq }}.":       "7/258.",
		"{{0x01ff}}x{{0x00}}":       "\x01\xffx\x00",
		"{{conn:1}}{{seq:2}}":       "\x07\x01\x02",
		"{{seq:1}}":                 "\x02", // its end, as a counter that overflows
		"{{conn:8}}":                "\x00\x00\x00\x00\x00\x00\x00\x07",
		"{ {conn} }} {{conn}}{{}}}": "",
	} {
		m, err := parseTemplate("-message", text)
		if text == "{ {conn} }} {{conn}}{{}}}" {
			require.ErrorContains(t, err, "knows no {{}}")
			continue
		}
		require.NoError(t, err)
		require.Equal(t, want, string(m.message(7, 258)), text)
	}
	for _, text := range []string{"{{seq:0}}", "{{seq:9}}", "{{seq:x}}", "{{seq:}}", "{{0x}}", "{{0x1}}", "{{0xgg}}", "{{x:1}}"} {
		_, err := parseTemplate("-hello", text)
		require.ErrorContains(t, err, "-hello knows no "+text)
	}
	m, err := parseTemplate("-message", "{{rand:3}}")
	require.NoError(t, err)
	require.Len(t, m.message(0, 0), 3)
	require.Len(t, sized(100).message(0, 0), 100)
	require.True(t, utf8.Valid(sized(0).message(0, 0)))
}
