// Package original has one of everything.
package original

type Number int

const Answer Number = 42

func (Number) Str() string { return "" }

type Options struct {
	Callback func(n Number) error
	hidden   int
}

func (o *Options) Set(v interface{}, more ...Number) { o.hidden++ }

func Go(n Number) (*Options, error) { return nil, nil }

func unseen() {}

var Err error

var _ = unseen
