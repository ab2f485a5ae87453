package hub

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAQueueEqualsASlowReference(t *testing.T) {
	keys := []string{"", "a", "b"}
	for seed := range 200 {
		var q queue
		var model []message
		state := uint64(seed)*2654435761 + 1
		random := func(n int) int {
			state = state*6364136223846793005 + 1442695040888963407
			return int(state>>33) % n
		}
		for range 200 {
			m := message{topic: "x", p: padded("m", 1+random(50)), latest: random(2) == 0, key: keys[random(3)]}
			same := slices.IndexFunc(model, func(o message) bool { return m.latest && o.latest && o.key == m.key })
			at := q.waiting(&m)
			require.Equal(t, same >= 0, at != nil)
			switch {
			case at != nil && random(2) == 0:
				q.replace(at, &m)
				model[same] = m
			case at != nil:
				require.False(t, q.remove(at).waits)
				model = slices.Delete(model, same, same+1)
			default:
				q.push(&m)
				model = append(model, m)
			}
			if random(4) == 0 {
				value := slices.IndexFunc(model, func(o message) bool { return o.latest })
				require.Equal(t, value >= 0, q.dropValue())
				if value >= 0 {
					model = slices.Delete(model, value, value+1)
				}
			}
			if random(3) == 0 && len(model) > 0 {
				require.Equal(t, model[0], q.pop().message)
				model = model[1:]
			}
			octets, values := 0, 0
			for _, o := range model {
				octets += o.size()
				if o.latest {
					values++
				}
			}
			require.Equal(t, len(model), q.len())
			require.Equal(t, octets, q.octets)
			require.Len(t, q.values, values)
		}
		q.clear()
		require.Zero(t, q.len()+q.octets+len(q.values))
	}
}
