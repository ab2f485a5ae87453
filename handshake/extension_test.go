package handshake

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
)

func param(name, value string) Param { return Param{Name: name, Value: value, HasValue: true} }

func TestParseExtensions(t *testing.T) {
	x := func(name string, params ...Param) Extension { return Extension{name, params} }
	for name, c := range map[string]struct {
		values []string
		want   []Extension
	}{
		"nothing":              {nil, nil},
		"an empty value":       {[]string{""}, nil},
		"a name":               {[]string{"foo"}, []Extension{x("foo")}},
		"the RFC's list":       {[]string{"foo", "bar; baz=2"}, []Extension{x("foo"), x("bar", param("baz", "2"))}},
		"the same in one line": {[]string{"foo, bar; baz=2"}, []Extension{x("foo"), x("bar", param("baz", "2"))}},
		"what browsers offer": {[]string{"permessage-deflate; client_max_window_bits"},
			[]Extension{x("permessage-deflate", Param{Name: "client_max_window_bits"})}},
		"several offers": {[]string{"permessage-deflate; server_max_window_bits=10, permessage-deflate"},
			[]Extension{x("permessage-deflate", param("server_max_window_bits", "10")), x("permessage-deflate")}},
		"a value in quotes":       {[]string{`a;b="10"`}, []Extension{x("a", param("b", "10"))}},
		"an escape in quotes":     {[]string{`a;b="1\0",c`}, []Extension{x("a", param("b", "10")), x("c")}},
		"white space everywhere":  {[]string{" a ; b\t= c ;d , e "}, []Extension{x("a", param("b", "c"), Param{Name: "d"}), x("e")}},
		"empty elements":          {[]string{",, a ,, b ,", ","}, []Extension{x("a"), x("b")}},
		"a parameter given twice": {[]string{"a;b;b=1"}, []Extension{x("a", Param{Name: "b"}, param("b", "1"))}},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := ParseExtensions(c.values)
			require.True(t, ok)
			require.Equal(t, c.want, got)
			require.True(t, validExtensions(c.values))
		})
	}
}

func TestParseExtensionsRefusesWhatTheGrammarDoesNotAllow(t *testing.T) {
	for _, value := range []string{
		";", "=", "a;", "a;;b", "a b", "a;b=", "a;=b", `a;b=""`, `a;b="`, `a;b="c`, `a;b="c\`, `a;b="c d"`, `a;b="c,d"`,
		`a;b="c"d`, `"a"`, "a=b", "a;b=c=d", "a;b c", "a\x00", "a\r\nb", "é", "a;b=\"\\\"\"", "a,b;", "a/b",
	} {
		got, ok := ParseExtensions([]string{"fine", value})
		require.False(t, ok, "%q", value)
		require.Nil(t, got)
		require.False(t, validExtensions([]string{"fine", value}))
	}
}

// The grammar of §9.1 as regular expressions, which see each byte many times over.
const (
	tcharPattern  = "[!#$%&'*+.^_`|~0-9A-Za-z-]"
	valuePattern  = `(?:` + tcharPattern + `+|"(?:` + tcharPattern + `|\\` + tcharPattern + `)+")`
	paramPattern  = `[ \t]*;[ \t]*(` + tcharPattern + `+)[ \t]*(?:=[ \t]*(` + valuePattern + `))?`
	extPattern    = `(` + tcharPattern + `+)((?:` + paramPattern + `)*)`
	elemPattern   = `[ \t]*(?:` + extPattern + `)?[ \t]*`
	listPattern   = `^` + elemPattern + `(?:,` + elemPattern + `)*$`
	escapePattern = `\\(.)`
)

var (
	listRegexp   = regexp.MustCompile(listPattern)
	extRegexp    = regexp.MustCompile(extPattern)
	paramRegexp  = regexp.MustCompile(paramPattern)
	escapeRegexp = regexp.MustCompile(escapePattern)
)

// slowExtensions is what ParseExtensions is held against.
func slowExtensions(value string) (list []Extension, ok bool) {
	if !listRegexp.MatchString(value) {
		return nil, false
	}
	for _, m := range extRegexp.FindAllStringSubmatch(value, -1) {
		e := Extension{Name: m[1]}
		for _, p := range paramRegexp.FindAllStringSubmatch(m[2], -1) {
			v := escapeRegexp.ReplaceAllString(strings.Trim(p[2], `"`), "$1")
			e.Params = append(e.Params, Param{Name: p[1], Value: v, HasValue: p[2] != ""})
		}
		list = append(list, e)
	}
	return list, true
}

func FuzzParseExtensions(f *testing.F) {
	f.Add(`permessage-deflate; server_max_window_bits="1\0"; client_max_window_bits, foo`)
	f.Add(`,, a ; b = "c" ,d;e`)
	f.Fuzz(func(t *testing.T, value string) {
		got, ok := ParseExtensions([]string{value})
		want, wantOK := slowExtensions(value)
		require.Equal(t, wantOK, ok)
		require.Equal(t, want, got)
		require.Equal(t, ok, validExtensions([]string{value}))
		if ok {
			again, ok := ParseExtensions([]string{string(AppendExtensions(nil, got))})
			require.True(t, ok)
			require.Equal(t, got, again)
		}
	})
}

func BenchmarkParseExtensions(b *testing.B) {
	values := []string{"permessage-deflate; client_max_window_bits"}
	b.ReportAllocs()
	for b.Loop() {
		ParseExtensions(values)
	}
}

func TestAnAnswerThatIsNotAboutDeflateIsNotTakenForOne(t *testing.T) {
	for _, o := range []*deflate.Options{nil, {}} {
		agreed, err := confirmDeflate(o, []Extension{{Name: "x-other"}})
		require.Nil(t, err)
		require.Nil(t, agreed)
	}
}
