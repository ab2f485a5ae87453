package hub

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/wstest"
)

func TestAQueueEqualsASlowReference(t *testing.T) {
	keys := []string{"", "a", "b"}
	for seed := range wstest.Rounds(200) {
		var q queue
		var model []*entry
		state := uint64(seed)*2654435761 + 1
		random := func(n int) int {
			state = state*6364136223846793005 + 1442695040888963407
			return int(state>>33) % n
		}
		for range 200 {
			m := &Message{Topic: "x", Latest: random(2) == 0, Key: keys[random(3)]}
			e := &entry{Message: m, p: padded("m", 1+random(50)), waits: true}
			same := slices.IndexFunc(model, func(o *entry) bool { return m.Latest && o.Latest && o.Key == m.Key })
			at := q.waiting(m)
			require.Equal(t, same >= 0, at != nil)
			switch {
			case at != nil && random(2) == 0:
				q.replace(at, m, e.p)
				model[same] = e
			case at != nil:
				q.remove(at)
				require.Zero(t, *at, "it holds nothing any more")
				model = slices.Delete(model, same, same+1)
			default:
				q.push(m, e.p)
				model = append(model, e)
			}
			if random(4) == 0 {
				value := slices.IndexFunc(model, func(o *entry) bool { return o.Latest })
				require.Equal(t, value >= 0, q.dropValue())
				if value >= 0 {
					model = slices.Delete(model, value, value+1)
				}
			}
			if random(3) == 0 && len(model) > 0 {
				require.Same(t, model[0].p, q.pop())
				model = model[1:]
			}
			bytes, values := 0, 0
			for _, o := range model {
				bytes += o.size()
				if o.Latest {
					values++
				}
			}
			var forward, backward []*Message
			for e := q.first; e != nil; e = e.behind {
				forward = append(forward, e.Message)
			}
			for e := q.last; e != nil; e = e.before {
				backward = append(backward, e.Message)
			}
			slices.Reverse(backward)
			require.True(t, slices.Equal(forward, backward), "forward %v, backward %v", forward, backward)
			require.Len(t, forward, len(model))
			for n, o := range model {
				require.Same(t, o.Message, forward[n])
			}
			require.Equal(t, len(model), q.len())
			require.Equal(t, bytes, q.bytes)
			require.Len(t, q.values, values)
		}
		q.clear()
		require.Zero(t, q.len()+q.bytes+len(q.values))
	}
}
