package wstest

import "github.com/seed60239977/websocket/internal/pipe"

// PipeBuffer is how many bytes a [Pipe] holds in each direction before writes wait, unless a test says otherwise.
const PipeBuffer = pipe.DefaultSize

// End is one end of a [Pipe].
type End = pipe.End

// Pipe returns two connected ends; see [pipe.New].
func Pipe(size int) (*End, *End) { return pipe.New(size) }
