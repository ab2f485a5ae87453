package protocol_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/protocol"
)

func TestAHeartbeatPingsWhileNothingArrives(t *testing.T) {
	h := protocol.Heartbeat{Interval: time.Minute}
	now := h.Start(1)
	require.InDelta(t, float64(57*time.Second), float64(now), float64(3*time.Second))
	pings := 0
	for now < 20*time.Minute {
		do, after := h.Tick(now, 1, 1)
		require.NotEqual(t, protocol.PeerGone, do, "there is no limit")
		if do == protocol.SendPing {
			pings++
		}
		require.Positive(t, after)
		now += after
	}
	require.InDelta(t, 21, pings, 2)
}

func TestAHeartbeatDoesNotPingAPeerThatSends(t *testing.T) {
	h := protocol.Heartbeat{Interval: time.Minute}
	for now := h.Start(1); now < time.Hour; {
		do, after := h.Tick(now, now-time.Second, now-time.Second) // a byte came a second ago
		require.Equal(t, protocol.NoBeat, do)
		now += after
	}
}

func TestAHeartbeatPingsAsSoonAsNothingHasComeForItsInterval(t *testing.T) {
	h := protocol.Heartbeat{Interval: 9} // too short for chance
	require.EqualValues(t, 9, h.Start(1))
	do, after := h.Tick(9, 1, 1)
	require.Equal(t, protocol.NoBeat, do)
	require.EqualValues(t, 1, after)
	do, after = h.Tick(10, 1, 1)
	require.Equal(t, protocol.SendPing, do)
	require.EqualValues(t, 9, after)
}

func TestAHeartbeatPingsWhileNobodyReads(t *testing.T) {
	h := protocol.Heartbeat{Interval: time.Minute, Timeout: time.Second}
	now := h.Start(1)
	for pings := 0; pings < 3; {
		do, after := h.Tick(now, 0, 0)
		require.NotEqual(t, protocol.PeerGone, do, "nobody knows what has arrived")
		require.Positive(t, after)
		if do == protocol.SendPing {
			pings++
		}
		now += after
	}
}

func TestAHeartbeatLooksAgainWhenThePeerMayBeGone(t *testing.T) {
	for _, interval := range []time.Duration{0, time.Minute} {
		h := protocol.Heartbeat{Interval: interval, Timeout: 10 * time.Second}
		require.Equal(t, 10*time.Second, h.Start(1))
		_, after := h.Tick(5*time.Second, 0, 0)
		require.Equal(t, 10*time.Second, after, "nobody waits yet")
		_, after = h.Tick(5*time.Second, 2*time.Second, 2*time.Second)
		require.Equal(t, 7*time.Second, after)
	}
}

func TestAPeerIsGoneWhenSomebodyWaitedForItAllTheTime(t *testing.T) {
	const timeout = 10 * time.Second
	cases := []struct {
		name                string
		now, waiting, began time.Duration
		doubted             bool
		want                protocol.Beat
	}{
		{"waited long", 20 * time.Second, 10 * time.Second, 10 * time.Second, false, protocol.PeerGone},
		{"not quite", 20 * time.Second, 10*time.Second + 1, 10 * time.Second, false, protocol.NoBeat},
		{"nobody waits", 20 * time.Second, 0, 0, false, protocol.NoBeat},
		{"in several calls", 20 * time.Second, 5 * time.Second, 19 * time.Second, false, protocol.PeerGone},
		{"the last of which has just begun", 20 * time.Second, 5 * time.Second, 20*time.Second - time.Millisecond, false, protocol.NoBeat},
		{"or has not any more", 20 * time.Second, 5 * time.Second, 20*time.Second - protocol.JustBegun, false, protocol.PeerGone},
		{"for the second time", 20 * time.Second, 5 * time.Second, 20*time.Second - time.Millisecond, true, protocol.PeerGone},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			h := protocol.Heartbeat{Timeout: timeout}
			h.Start(1)
			if tc.doubted {
				do, after := h.Tick(tc.now-protocol.JustBegun, tc.waiting, tc.now-protocol.JustBegun-1)
				require.Equal(t, protocol.NoBeat, do)
				require.Equal(t, protocol.JustBegun, after)
			}
			do, _ := h.Tick(tc.now, tc.waiting, tc.began)
			require.Equal(t, tc.want, do)
		})
	}
}
