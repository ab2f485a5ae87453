// Package original has aliases of another package.
package original

import "github.com/seed60239977/websocket/tools/exports/testdata/original"

type (
	Number  = original.Number
	Options = original.Options
)

const Answer = original.Answer

func Go(number Number) (o *Options, err error) { return original.Go(number) }

var Err = original.Err
