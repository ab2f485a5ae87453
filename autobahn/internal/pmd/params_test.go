package pmd

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParametersAreParsed(t *testing.T) {
	for in, want := range map[string]Params{
		"permessage-deflate":                         {},
		"permessage-deflate; client_max_window_bits": {ClientBitsBare: true},
		` Permessage-Deflate;client_max_window_bits="10" ; server_max_window_bits=8`:                           {ClientBits: 10, ServerBits: 8},
		"permessage-deflate; server_no_context_takeover; client_no_context_takeover":                           {ServerNoTakeover: true, ClientNoTakeover: true},
		"permessage-deflate; client_no_context_takeover; client_max_window_bits=15; server_max_window_bits=15": {ClientNoTakeover: true, ClientBits: 15, ServerBits: 15},
	} {
		got, err := Parse(in, false)
		require.NoError(t, err, in)
		require.Equal(t, want, got, in)
		again, err := Parse(got.String(), false)
		require.NoError(t, err, in)
		require.Equal(t, got, again, in)
	}
}

func TestIllFormedParametersAreRefused(t *testing.T) {
	for _, in := range []string{
		"permessage-bzip2",
		"permessage-deflate; window=3",
		"permessage-deflate; server_no_context_takeover; server_no_context_takeover",
		"permessage-deflate; server_no_context_takeover=1",
		"permessage-deflate; client_no_context_takeover=true",
		"permessage-deflate; server_max_window_bits",
		"permessage-deflate; server_max_window_bits=7",
		"permessage-deflate; server_max_window_bits=16",
		"permessage-deflate; client_max_window_bits=09",
		"permessage-deflate; client_max_window_bits=",
		"permessage-deflate; ",
	} {
		_, err := Parse(in, false)
		require.Error(t, err, in)
	}
	_, err := Parse("permessage-deflate; client_max_window_bits", true)
	require.Error(t, err, "an answer without a value")
	_, err = Parse("x-webkit-deflate-frame", true)
	require.ErrorIs(t, err, ErrOther)
}

func FuzzParse(f *testing.F) {
	f.Add("permessage-deflate; client_max_window_bits", false)
	f.Add(`permessage-deflate; server_max_window_bits="10"`, true)
	f.Fuzz(func(t *testing.T, element string, isAnswer bool) {
		p, err := Parse(element, isAnswer)
		if err != nil {
			return
		}
		again, err := Parse(p.String(), isAnswer)
		require.NoError(t, err)
		require.Equal(t, p, again)
	})
}
