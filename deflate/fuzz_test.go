package deflate

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzRoundTrip sends messages through both directions' codec: what the compressor
// makes is decoded by the reference, which refuses distances beyond the window, by the
// standard library, and by the decompressor in pieces.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("Hello"), uint64(1), uint8(15), uint8(0), true)
	f.Add(jsonStream(1, 3000)[0], uint64(2), uint8(8), uint8(1), true)
	f.Add(bytes.Repeat([]byte("abcabcd"), 200), uint64(3), uint8(9), uint8(2), false)
	f.Add(noise(700), uint64(4), uint8(10), uint8(0), true)
	f.Fuzz(func(t *testing.T, data []byte, seed uint64, bits, level uint8, takeover bool) {
		bits = minWindowBits + bits%8
		r := rand.New(rand.NewPCG(seed, 7692))
		p := serverToClient(int(bits), takeover)
		c := p.Compressor(true, &Options{Level: Level(level % 3)})
		d := p.Decompressor(false)
		ref := &reference{window: 1 << bits, takeover: takeover}
		for _, message := range randomMessages(r, data) {
			payload := compressSomehow(r, c, message)
			history := bytes.Clone(ref.history)

			got, err := ref.message(payload)
			require.NoError(t, err)
			requireSame(t, message, got)
			got, err = standardInflate(payload, history)
			require.NoError(t, err)
			requireSame(t, message, got)
			got, err = decompress(d, payload, 1+r.IntN(len(payload)), 1+r.IntN(len(message)+300))
			require.NoError(t, err)
			requireSame(t, message, got)
		}
	})
}

// randomMessages cuts data, and repeats pieces of it, so that there is something to find.
func randomMessages(r *rand.Rand, data []byte) [][]byte {
	var messages [][]byte
	for range 1 + r.IntN(4) {
		var m []byte
		for range r.IntN(4) {
			from := r.IntN(len(data) + 1)
			to := from + r.IntN(len(data)-from+1)
			m = append(m, bytes.Repeat(data[from:to], 1+r.IntN(3)*r.IntN(40)/max(1, (to-from)/100))...)
		}
		messages = append(messages, m[:min(len(m), 20_000)])
	}
	return messages
}

// compressSomehow compresses a message whole, as a draft, or in parts.
func compressSomehow(r *rand.Rand, c *Compressor, message []byte) []byte {
	switch r.IntN(3) {
	case 0:
		return c.Append(nil, message)
	case 1:
		payload := c.Draft(nil, message)
		c.Commit(message)
		return payload
	}
	var payload []byte
	for rest := message; ; {
		n := r.IntN(len(rest) + 1)
		final := n == len(rest)
		payload = c.AppendPart(payload, rest[:n], final)
		if rest = rest[n:]; final {
			return payload
		}
	}
}

// FuzzDecompress gives arbitrary bytes to the decompressor as two messages. Whole and
// in pieces, and for the reference, they mean the same, and never more than there is
// room for comes out at once. The standard library agrees as far as it goes.
func FuzzDecompress(f *testing.F) {
	for _, seed := range []string{
		"\xf2\x48\xcd\xc9\xc9\x07\x00", "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00",
		"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "\x00", "",
	} {
		f.Add([]byte(seed), uint8(7), uint8(3), uint16(5), true)
	}
	c := Params{}.Compressor(true, &Options{Level: Smallest})
	for _, m := range jsonStream(3, 900) {
		f.Add(c.Append(nil, m), uint8(200), uint8(1), uint16(100), true)
	}
	f.Add(Params{}.Compressor(true, nil).Append(nil, bytes.Repeat([]byte("ab"), 3000)), uint8(0), uint8(0), uint16(300), false)
	f.Fuzz(func(t *testing.T, data []byte, cut, bits uint8, room uint16, takeover bool) {
		if len(data) > 1<<12 {
			return
		}
		size := minWindowBits + int(bits%8)
		p := clientToServer(size, takeover)
		whole, pieces := p.Decompressor(true), p.Decompressor(true)
		ref := &reference{window: 1 << size, takeover: takeover}
		at := min(int(cut), len(data))
		for _, payload := range [][]byte{data[:at], data[at:]} {
			history := bytes.Clone(ref.history)
			want, wantErr := ref.message(payload)
			got, err := decompress(whole, payload, 1<<20, 1<<20)
			piecewise, err2 := decompress(pieces, payload, 1, 1+int(room%1000))
			standard, standardErr := standardInflate(payload, history)
			requireSame(t, got, piecewise)
			require.Equal(t, err, err2)
			require.Equal(t, wantErr == nil, err == nil, "the reference says %v, this is %v", wantErr, err)
			if err != nil {
				require.ErrorAs(t, err, new(*CorruptError))
				if standardErr == nil {
					requireStandardIsLenient(t, payload, history, err)
				}
				return
			}
			requireSame(t, want, got)
			require.NoError(t, standardErr)
			require.True(t, bytes.HasPrefix(got, standard), "it stops after the first final block")
		}
	})
}

// requireStandardIsLenient checks that there is a reason why the standard library
// takes what was refused: it stops at a final block, knows no smaller window, and is
// given more of a tail, in which a block may end.
func requireStandardIsLenient(t *testing.T, payload, history []byte, err error) {
	r := &reference{window: maxWindow, history: history}
	_, refErr := r.message(payload)
	final := false
	for at := range payload { // some prefix is a stream with an end
		prefix := &reference{window: maxWindow, history: history}
		prefix.message(payload[:at+1])
		final = final || prefix.sawFinal
	}
	require.True(t, refErr == nil || final || errors.Is(err, errMessageEnds), "%x: %v", payload, err)
}

// FuzzNegotiate lets a server answer arbitrary offers and a client judge arbitrary
// answers.
func FuzzNegotiate(f *testing.F) {
	f.Add("client_max_window_bits", uint16(0))
	f.Add("server_no_context_takeover; server_max_window_bits=10; client_max_window_bits=09", uint16(77))
	f.Add("client_no_context_takeover=1; x", uint16(1000))
	all := allOptions()
	f.Fuzz(func(t *testing.T, s string, pick uint16) {
		o := all[int(pick)%len(all)]
		o.RequireWindow = pick >= 1<<15
		offer := parameters(s)
		params, answer, ok := o.Accept(offer)
		require.Equal(t, wellFormed(offer, false), ok)
		if ok {
			requireAgreed(t, params)
			require.True(t, wellFormed(answer, true))
			// Whoever asks for this can only be content with the answer.
			asked := named(offer)
			answered := named(answer)
			require.False(t, asked[serverNoContextTakeover].Name != "" && answered[serverNoContextTakeover].Name == "")
			require.False(t, asked[serverMaxWindowBits].Name != "" && answered[serverMaxWindowBits].Name == "")
			require.False(t, asked[clientMaxWindowBits].Name == "" && answered[clientMaxWindowBits].Name != "")
			// What is agreed follows from offer and answer alone.
			confirmed, err := (&Options{Outgoing: Direction{asked[clientNoContextTakeover].Name != "", 0}}).Confirm(answer)
			require.NoError(t, err)
			require.Equal(t, params, confirmed)
		}
		params, err := o.Confirm(offer)
		if err != nil {
			require.ErrorAs(t, err, new(*NegotiationError))
			require.Zero(t, params)
			return
		}
		require.True(t, wellFormed(offer, true))
		requireAgreed(t, params)
		require.True(t, params.ServerMaxWindowBits <= o.Incoming.windowBits() || !o.RequireWindow)
		require.LessOrEqual(t, params.ClientMaxWindowBits, o.Outgoing.windowBits())
		require.True(t, params.ServerNoContextTakeover || !o.Incoming.NoContextTakeover)
	})
}

func requireAgreed(t *testing.T, p Params) {
	require.True(t, validBits(p.ServerMaxWindowBits) && validBits(p.ClientMaxWindowBits))
}

func named(ps []Parameter) map[string]Parameter {
	m := map[string]Parameter{}
	for _, p := range ps {
		m[p.Name] = p
	}
	return m
}

// wellFormed is section 7.1 as a list of all that is allowed.
func wellFormed(ps []Parameter, answer bool) bool {
	allowed := map[string]bool{"server_no_context_takeover": true, "client_no_context_takeover": true, "client_max_window_bits": !answer}
	for _, bits := range []string{"8", "9", "10", "11", "12", "13", "14", "15"} {
		allowed["server_max_window_bits="+bits] = true
		allowed["client_max_window_bits="+bits] = true
	}
	for _, p := range ps {
		if !allowed[p.String()] {
			return false
		}
	}
	return len(named(ps)) == len(ps)
}
