package main

import (
	"errors"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var checkTime = flag.Duration("check", time.Minute, "for how long things break, for each broker")

func TestMain(m *testing.M) {
	if role(os.Args[1:]) {
		return
	}
	os.Exit(m.Run())
}

func TestEveryMessageIsAccountedForWhateverBreaks(t *testing.T) {
	for _, broker := range []string{"memory", "nats", "redis"} {
		t.Run(broker, func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			err := run(t.Context(), config{
				broker: broker, time: *checkTime, processes: 3, publishers: 6, subscribers: 8, topics: 4, seed: seed, log: t.Logf,
			})
			if errors.Is(err, errNoServer) {
				require.NotEqual(t, "true", os.Getenv("CI"), err)
				t.Skip(err)
			}
			require.NoError(t, err)
		})
	}
}
