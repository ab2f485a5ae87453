package wstest

import "os"

// All says that tests do all they can. Otherwise those that would take long for what more they could find do less: go test ./... is
// for every change. WEBSOCKET_TESTS=all asks for it, CI=true and the race detector do, too.
func All() bool {
	return Racing || os.Getenv("CI") == "true" || os.Getenv("WEBSOCKET_TESTS") == "all"
}
