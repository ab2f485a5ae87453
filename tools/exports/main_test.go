package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEverythingThatUsersSeeIsListed(t *testing.T) {
	got, err := exported(".", "./testdata/original")
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"Answer":                `const original.Number = 42`,
		"Number":                "type int",
		"original.Number.Str":   "func() string",
		"*original.Number.Str":  "func() string",
		"Options":               "type struct",
		"Options.Callback":      "field func(original.Number) error",
		"*original.Options.Set": "func(any, ...original.Number)",
		"Go":                    "*types.Func func(original.Number) (*original.Options, error)",
		"Err":                   "*types.Var error",
	}, got)
}

func TestAnAliasIsWhatItStandsFor(t *testing.T) {
	original, err := exported(".", "./testdata/original")
	require.NoError(t, err)
	alias, err := exported("testdata/alias", ".")
	require.NoError(t, err)
	require.Equal(t, original, alias)
}

func TestAPackageThatIsNotThereIsAnError(t *testing.T) {
	_, err := exported("testdata", "./none")
	require.ErrorContains(t, err, "go list")
}
