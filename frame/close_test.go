package frame_test

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
)

// onWire are the ranges of status codes that a close frame may carry (§7.4.1, §7.4.2 and the registry of §11.7).
var onWire = [][2]uint16{{1000, 1003}, {1007, 1014}, {3000, 3999}, {4000, 4999}}

func mayBeSent(code uint16) bool {
	for _, r := range onWire {
		if r[0] <= code && code <= r[1] {
			return true
		}
	}
	return false
}

func TestEveryStatusCodeIsJudgedAsTheRegistryHasIt(t *testing.T) {
	for i := range math.MaxUint16 + 1 {
		code := frame.StatusCode(i)
		valid := mayBeSent(uint16(i))
		if code.ValidOnWire() != valid {
			t.Fatalf("%d.ValidOnWire() is %t", i, !valid)
		}
		body := binary.BigEndian.AppendUint16(nil, uint16(i))
		parsed, reason, err := frame.ParseClose(body)
		appended, appendErr := frame.AppendClose(nil, code, "")
		if valid {
			if err != nil || parsed != code || reason != "" || appendErr != nil || string(appended) != string(body) {
				t.Fatalf("%d may be sent, but got %v %q %v, %x %v", i, parsed, reason, err, appended, appendErr)
			}
			continue
		}
		requireProtocolError(t, err, frame.StatusProtocolError, "7.4", "status code not allowed in a close frame")
		if parsed != 0 || reason != "" {
			t.Fatalf("%d: %v %q with an error", i, parsed, reason)
		}
		if code != frame.StatusNoStatus {
			require.Same(t, err, appendErr)
		}
	}
}

func TestStatusCodesHaveTheirRegisteredNames(t *testing.T) {
	names := map[frame.StatusCode]string{
		frame.StatusNormalClosure:      "1000 normal closure",
		frame.StatusGoingAway:          "1001 going away",
		frame.StatusProtocolError:      "1002 protocol error",
		frame.StatusUnsupportedData:    "1003 unsupported data",
		frame.StatusNoStatus:           "1005 no status received",
		frame.StatusAbnormalClosure:    "1006 abnormal closure",
		frame.StatusInvalidPayload:     "1007 invalid payload data",
		frame.StatusPolicyViolation:    "1008 policy violation",
		frame.StatusMessageTooBig:      "1009 message too big",
		frame.StatusMandatoryExtension: "1010 mandatory extension",
		frame.StatusInternalError:      "1011 internal error",
		frame.StatusServiceRestart:     "1012 service restart",
		frame.StatusTryAgainLater:      "1013 try again later",
		frame.StatusBadGateway:         "1014 bad gateway",
		frame.StatusTLSHandshake:       "1015 TLS handshake",
		0:                              "0",
		1004:                           "1004",
		3000:                           "3000",
		4999:                           "4999",
		65535:                          "65535",
	}
	for code, name := range names {
		require.Equal(t, name, code.String())
	}
}

func TestCloseBodiesGoThereAndBack(t *testing.T) {
	for _, reason := range []string{"", "x", "bye", "再见 👋", "\x00", strings.Repeat("x", frame.MaxCloseReason), strings.Repeat("é", 61)} {
		for _, code := range []frame.StatusCode{1000, 1003, 1007, 1014, 3000, 3999, 4000, 4999} {
			body, err := frame.AppendClose([]byte("before"), code, reason)
			require.NoError(t, err)
			require.NoError(t, frame.CheckClose(code, reason))
			require.Equal(t, "before"+string([]byte{byte(code >> 8), byte(code)})+reason, string(body))
			body = body[len("before"):]
			require.LessOrEqual(t, len(body), frame.MaxControlPayload)
			gotCode, gotReason, err := frame.ParseClose(body)
			require.NoError(t, err)
			require.Equal(t, code, gotCode)
			require.Equal(t, reason, gotReason)
		}
	}
}

func TestNoStatusIsAnEmptyBody(t *testing.T) {
	body, err := frame.AppendClose([]byte("before"), frame.StatusNoStatus, "")
	require.NoError(t, err)
	require.Equal(t, "before", string(body))
	require.NoError(t, frame.CheckClose(frame.StatusNoStatus, ""))
	for _, empty := range [][]byte{nil, {}} {
		code, reason, err := frame.ParseClose(empty)
		require.NoError(t, err)
		require.Equal(t, frame.StatusNoStatus, code)
		require.Empty(t, reason)
	}
}

func TestCloseBodiesThatMayNotBeSentAreRefused(t *testing.T) {
	cases := []struct {
		name   string
		code   frame.StatusCode
		reason string
		refuse frame.StatusCode
		at     string
		why    string
	}{
		{"reason without a code", frame.StatusNoStatus, "x", 1002, "5.5.1", "close reason without a status code"},
		{"local code 1006", frame.StatusAbnormalClosure, "", 1002, "7.4", "status code not allowed in a close frame"},
		{"local code 1015", frame.StatusTLSHandshake, "", 1002, "7.4", "status code not allowed in a close frame"},
		{"reserved code 1004", 1004, "", 1002, "7.4", "status code not allowed in a close frame"},
		{"no code", 0, "", 1002, "7.4", "status code not allowed in a close frame"},
		{"reason of 124 bytes", frame.StatusNormalClosure, strings.Repeat("x", 124), 1002, "5.5", "close reason longer than 123 bytes"},
		{"reason of 62 characters and 124 bytes", frame.StatusNormalClosure, strings.Repeat("é", 62), 1002, "5.5", "close reason longer than 123 bytes"},
		{"reason that is not UTF-8", frame.StatusNormalClosure, "\xff", 1007, "5.5.1", "close reason is not UTF-8"},
		{"reason cut within a character", frame.StatusNormalClosure, "€"[:2], 1007, "5.5.1", "close reason is not UTF-8"},
		{"reason with a surrogate", frame.StatusNormalClosure, "\xed\xa0\x80", 1007, "5.5.1", "close reason is not UTF-8"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			dst := []byte("before")
			body, err := frame.AppendClose(dst, tc.code, tc.reason)
			requireProtocolError(t, err, tc.refuse, tc.at, tc.why)
			require.Equal(t, err, frame.CheckClose(tc.code, tc.reason))
			require.Equal(t, "before", string(body), "dst is returned unchanged")
		})
	}
}

func TestCloseBodiesThatMayNotComeAreRefused(t *testing.T) {
	cases := []struct {
		name, body string
		code       frame.StatusCode
		at, why    string
	}{
		{"one byte", "\x03", 1002, "5.5.1", "close body of one byte"},
		{"1005", "\x03\xed", 1002, "7.4", "status code not allowed in a close frame"},
		{"1006 with a reason", "\x03\xeebye", 1002, "7.4", "status code not allowed in a close frame"},
		{"reason that is not UTF-8", "\x03\xe8\xff", 1007, "5.5.1", "close reason is not UTF-8"},
		{"reason cut within a character", "\x03\xe8ok\xe2\x82", 1007, "5.5.1", "close reason is not UTF-8"},
		{"overlong reason", "\x03\xe8\xc0\x80", 1007, "5.5.1", "close reason is not UTF-8"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			code, reason, err := frame.ParseClose([]byte(tc.body))
			requireProtocolError(t, err, tc.code, tc.at, tc.why)
			require.Zero(t, code)
			require.Empty(t, reason)
		})
	}
}

func TestAParsedReasonDoesNotChangeWithTheBuffer(t *testing.T) {
	body := []byte("\x03\xe8bye")
	_, reason, err := frame.ParseClose(body)
	require.NoError(t, err)
	copy(body, "xxxxx")
	require.Equal(t, "bye", reason)
}
