package websockettest_test

import "testing"

func TestTheExampleHolds(t *testing.T) { testGreet(t) }
