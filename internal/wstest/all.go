package wstest

import "os"

// All says that tests do all they can. Otherwise those that would take long for what more they could find do less: go test ./... is
// for every change. WEBSOCKET_TESTS=all asks for it, CI=true and the race detector do, too.
func All() bool {
	return Racing || os.Getenv("CI") == "true" || os.Getenv("WEBSOCKET_TESTS") == "all"
}

// Rounds returns how often a test repeats what it does with other random choices, or with luck: n times if tests do [All] they can,
// else a quarter of that.
func Rounds(n int) int {
	if All() {
		return n
	}
	return max(1, n/4)
}
