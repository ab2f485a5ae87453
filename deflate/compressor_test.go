package deflate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/wstest"
)

// contents are messages of every kind in a size.
func contents(size int) map[string][]byte {
	return map[string][]byte{
		"json":    jsonStream(1, max(size, 64))[0][:size],
		"chinese": chinese(size),
		"noise":   noise(size),
		"run":     bytes.Repeat([]byte{'a'}, size),
		"period":  bytes.Repeat([]byte("abcdefghijk"), size/11+1)[:size],
		"mixed":   slices.Concat(jsonStream(1, max(size, 64))[0][:size/2], noise(size-size/2)),
	}
}

func TestWhatIsCompressedComesOutOfTheStandardInflater(t *testing.T) {
	messages := map[int]map[string][]byte{} // by size and kind
	sizes := []int{
		0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 63, 64, 65, 127, 258, 259, 1000, 4096, 32767, 32768, 32769,
		maxBlock - 1, maxBlock, maxBlock + 1, maxJoined, maxJoined + 1, 200_000,
	}
	if wstest.All() {
		sizes = append(sizes, 1<<20)
	}
	for _, size := range sizes {
		messages[size] = contents(size)
	}
	for _, level := range levelsToTest {
		t.Run(level.String(), func(t *testing.T) {
			for size, kinds := range messages {
				for kind, message := range kinds {
					payload := Params{}.Compressor(true, &Options{Level: level}).Append(nil, message)
					got, err := standardInflate(payload, nil)
					require.NoError(t, err, "%s of %d", kind, size)
					requireSame(t, message, got)
					require.LessOrEqual(t, len(payload), size+6*(1+size/(16<<10)), "%s of %d", kind, size)
				}
			}
		})
	}
}

func TestBothRolesUnderstandEachOtherWithEveryWindowLevelAndTakeover(t *testing.T) {
	messages := append(jsonStream(12, 700), []byte{}, []byte("x"), noise(300), chinese(2000), bytes.Repeat([]byte("ab"), 40_000), jsonStream(1, 50_000)[0])
	for bits := minWindowBits; bits <= maxWindowBits; bits++ {
		for _, level := range levelsToTest {
			for _, takeover := range []bool{false, true} {
				for _, server := range []bool{false, true} {
					t.Run(fmt.Sprintf("%d bits, %s, takeover %t, server %t", bits, level, takeover, server), func(t *testing.T) {
						p := clientToServer(bits, takeover)
						if server {
							p = serverToClient(bits, takeover)
						}
						c := p.Compressor(server, &Options{Level: level})
						d := p.Decompressor(!server)
						ref := &reference{window: 1 << bits, takeover: takeover}
						var payload []byte
						for _, m := range messages {
							payload = c.Append(payload[:0], m)
							want, err := ref.message(payload)
							require.NoError(t, err)
							requireSame(t, m, want)
							got, err := decompress(d, payload, 100, 333)
							require.NoError(t, err)
							requireSame(t, m, got)
						}
						require.Greater(t, ref.farthest, 1<<bits/8*7, "the window is made use of")
					})
				}
			}
		}
	}
}

func TestAWindowIsUsedToItsLastByte(t *testing.T) {
	for bits := minWindowBits; bits <= maxWindowBits; bits++ {
		for _, level := range levelsToTest {
			unit := noise(60)
			gap := bytes.Repeat([]byte{'a'}, 1<<bits-len(unit))
			message := slices.Concat(unit, gap, unit)
			payload := serverToClient(bits, false).Compressor(true, &Options{Level: level}).Append(nil, message)
			ref := &reference{window: 1 << bits}
			got, err := ref.message(payload)
			require.NoError(t, err)
			requireSame(t, message, got)
			require.Equal(t, 1<<bits, ref.farthest)

			tooFar := slices.Concat(unit, gap, []byte{'a'}, unit)
			longer := serverToClient(bits, false).Compressor(true, &Options{Level: level}).Append(nil, tooFar)
			got, err = ref.message(longer)
			require.NoError(t, err)
			requireSame(t, tooFar, got)
			require.Greater(t, len(longer), len(payload)+30, "one byte further it is out of reach")
		}
	}
}

func TestAMatchThatIsFoundLateIsTakenFromItsBeginning(t *testing.T) {
	for _, level := range levelsToTest {
		for shift := range 300 { // bytes without a match are skipped, so that few of them are places to come back to
			unit := noise(3000)
			message := slices.Concat(unit, unit[shift:], unit)
			payload := serverToClient(15, true).Compressor(true, &Options{Level: level}).Append(nil, message)
			got, err := standardInflate(payload, nil)
			require.NoError(t, err)
			requireSame(t, message, got)
			require.Less(t, len(payload), len(message))
		}
	}
}

func TestPartsOfAMessageArriveAtOnceAndMakeOneMessage(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, level := range levelsToTest {
		for _, takeover := range []bool{false, true} {
			p := serverToClient(12, takeover)
			c, d := p.Compressor(true, &Options{Level: level}), p.Decompressor(false)
			ref := &reference{window: 1 << 12, takeover: takeover}
			for _, message := range jsonStream(20, 3000) {
				var payload, got []byte
				for rest := message; len(rest) > 0; {
					part := rest[:r.IntN(len(rest)+1)]
					rest = rest[len(part):]
					out := c.AppendPart(nil, part, false)
					require.Equal(t, len(part) == 0, len(out) == 0)
					payload = append(payload, out...)
					buf := make([]byte, len(part)+300)
					n, used, err := d.Decompress(buf, out)
					require.NoError(t, err)
					require.Equal(t, len(out), used)
					requireSame(t, part, buf[:n])
					got = append(got, buf[:n]...)
				}
				out := c.AppendPart(nil, nil, true)
				require.Equal(t, []byte{0}, out)
				payload = append(payload, out...)
				rest, err := decompress(d, out, 1, 1)
				require.NoError(t, err)
				require.Empty(t, rest)
				requireSame(t, message, got)

				whole, err := ref.message(payload)
				require.NoError(t, err)
				requireSame(t, message, whole)
			}
			if !takeover {
				require.Nil(t, c.history.buf)
				require.Nil(t, d.history.buf)
			}
		}
	}
}

func TestAppendKeepsWhatIsInFront(t *testing.T) {
	c := Params{}.Compressor(true, nil)
	payload := c.Append([]byte("front"), []byte("Hello"))
	require.Equal(t, "front\xf2\x48\xcd\xc9\xc9\x07\x00", string(payload))
}

func TestADraftLeavesTheContextUntilItIsCommitted(t *testing.T) {
	p := serverToClient(15, true)
	c, d := p.Compressor(true, &Options{}), p.Decompressor(false)
	messages := jsonStream(6, 800)
	for i, m := range messages {
		payload := c.Draft(nil, m)
		require.Equal(t, payload, c.Draft(nil, m))
		if i%2 == 1 { // sent plain, or not at all
			continue
		}
		c.Commit(m)
		got, err := decompress(d, payload, 1000, 1000)
		require.NoError(t, err)
		requireSame(t, m, got)
	}
	require.Less(t, len(c.Draft(nil, messages[4])), 20)
	require.Greater(t, len(c.Draft(nil, messages[5])), 100, "it never became part of the context")

	c = serverToClient(15, false).Compressor(true, &Options{})
	c.Commit(messages[0])
	require.Nil(t, c.history.buf)
}

func TestTakeoverMakesMessagesSmaller(t *testing.T) {
	for _, level := range levelsToTest {
		total := map[bool]int{}
		for _, takeover := range []bool{false, true} {
			c := serverToClient(15, takeover).Compressor(true, &Options{Level: level})
			for _, m := range jsonStream(50, 1024) {
				total[takeover] += len(c.Append(nil, m))
			}
		}
		require.Less(t, total[true]*10, total[false]*7, level.String())
	}
}

func TestLevelsGoFromFastestToSmallest(t *testing.T) {
	for _, takeover := range []bool{false, true} {
		last := 1 << 30
		for _, level := range levelsToTest {
			c := serverToClient(15, takeover).Compressor(true, &Options{Level: level})
			total := 0
			for _, m := range jsonStream(20, 16<<10) {
				total += len(c.Append(nil, m))
			}
			require.Less(t, total, last, level.String())
			last = total
		}
	}
}

func TestMessagesBelowMinSizeAreNotWorthwhile(t *testing.T) {
	for minSize, border := range map[int]int{0: DefaultMinSize, 1000: 1000, -1: 0} {
		c := Params{}.Compressor(false, &Options{MinSize: minSize})
		require.True(t, c.Worthwhile(border))
		require.False(t, c.Worthwhile(border-1) && border > 0)
	}
	require.Equal(t, DefaultMinSize, Params{}.Compressor(false, nil).minSize)
}

func TestBetweenMessagesAConnectionKeepsTheHistoryAlone(t *testing.T) {
	messages := jsonStream(100, 1024) // 100 KiB: all windows are full
	for _, level := range levelsToTest {
		for bits := minWindowBits; bits <= maxWindowBits; bits++ {
			p := serverToClient(bits, true)
			c, d := p.Compressor(true, &Options{Level: level}), p.Decompressor(false)
			require.Nil(t, c.history.buf)
			require.Nil(t, d.history.buf)
			for i, m := range messages {
				_, err := decompress(d, c.Append(nil, m), 2000, 2000)
				require.NoError(t, err)
				require.Nil(t, d.inflater)
				if i == 0 && bits >= 11 {
					require.Len(t, *c.history.buf, 1024, "it grows with use")
					require.Len(t, *d.history.buf, 1024, "it grows with use")
				}
			}
			require.Len(t, *c.history.buf, 1<<min(bits, levels[level].keepBits))
			require.Len(t, *d.history.buf, 1<<bits)
			c.Release()
			d.Release()
			require.Nil(t, c.history.buf)
			require.Nil(t, d.history.buf)
		}
	}
}

func TestAfterReleaseACompressorStartsAfresh(t *testing.T) {
	c := serverToClient(15, true).Compressor(true, &Options{})
	first := c.Append(nil, jsonStream(1, 1024)[0])
	c.Release()
	require.Equal(t, first, c.Append(nil, jsonStream(1, 1024)[0]))
}

func TestPlacesStartAfreshBeforeTheyOverflow(t *testing.T) {
	messages := jsonStream(8, 40_000)
	p, c := newProbe(), newChain(tuning{depth: 8, lazy: 16, nice: 64})
	for m, base := range map[matcher]*int{p: &p.base, c: &c.base} {
		e := &encoder{matcher: m}
		e.advance(maxBase - 100_000)
		require.Greater(t, *base, maxBase-200_000)
		h := newWindow(15)
		ref := &reference{window: maxWindow, takeover: true}
		for _, message := range messages {
			payload := e.message(&h, message)
			h.write(message)
			got, err := ref.message(payload)
			require.NoError(t, err)
			requireSame(t, message, got)
		}
		require.Less(t, *base, maxBase/2)
	}
}

// TestResetServesTheNextConnection: what was compressed before is forgotten, and so is an error.
func TestResetServesTheNextConnection(t *testing.T) {
	message := bytes.Repeat([]byte("again and "), 50)
	c, d := new(Compressor), new(Decompressor)
	for _, p := range []Params{{}, {ServerNoContextTakeover: true}, {ServerMaxWindowBits: 9}, {}} {
		for _, level := range levelsToTest {
			c.Reset(p, true, &Options{Level: level, MinSize: 10})
			d.Reset(p, false)
			fresh := p.Compressor(true, &Options{Level: level})
			for range 2 {
				packed := c.Append(nil, message)
				require.Equal(t, fresh.Append(nil, message), packed)
				got, err := decompress(d, packed, 1<<20, 1<<20)
				require.NoError(t, err)
				require.Equal(t, message, got)
			}
			require.True(t, c.Worthwhile(10))
			require.False(t, c.Worthwhile(9))
			_, _, err := d.Decompress(make([]byte, 10), []byte("\xff\xff"))
			require.Error(t, err)
		}
	}
	c.Reset(Params{}, true, nil)
	require.False(t, c.Worthwhile(DefaultMinSize-1))
}

// later returns bytes with matches of 4 to 63 bytes, behind whose first byte a longer one begins.
func later(seed uint64) []byte {
	next := draw(seed)
	var b, end []byte
	for n := 4; n < 64; n++ {
		unit := make([]byte, n+9)
		for i := range unit {
			unit[i] = byte(next(256))
		}
		b = append(append(b, unit[:n]...), byte(next(256)))
		b = append(append(b, unit[1:]...), byte(next(256)))
		end = append(end, unit...)
	}
	return append(b, end...)
}

// pairs returns all pairs of 16 letters, in which no four letters come twice.
func pairs() []byte {
	var b []byte
	for i := range byte(16) {
		for j := range byte(16) {
			b = append(b, 'a'+i, 'a'+j)
		}
	}
	return b
}

// TestWhatEachLevelSaves has the size of what each level makes of some messages, which are sent one after the other. Whoever
// changes how matches are looked for, or how blocks are written, sees here what that gains or costs.
func TestWhatEachLevelSaves(t *testing.T) {
	for name, c := range map[string]struct {
		messages                    [][]byte
		fastest, balanced, smallest int
	}{
		"sentences":                     {[][]byte{prose(300, 1), prose(3000, 2), prose(30_000, 3)}, 5685, 4922, 4339},
		"a long text":                   {[][]byte{prose(400_000, 4)}, 87_921, 77_133, 62_964},
		"short messages that are alike": {slices.Collect(slices.Chunk(prose(8000, 5), 80)), 2091, 1551, 1478},
		"few repetitions":               {[][]byte{skewed(100_000, 6), skewed(65, 7)}, 80_196, 80_474, 80_474},
		"what comes again":              {[][]byte{slices.Concat(skewed(30_000, 8), skewed(30_000, 9), skewed(30_000, 8))}, 72_224, 72_469, 72_469},
		"one byte":                      {[][]byte{[]byte("a"), []byte("aaaaaaa"), bytes.Repeat([]byte("a"), 1000)}, 16, 16, 16},
		"four bytes":                    {[][]byte{[]byte("wxyz\x00bcd"), []byte("\x00bcd")}, 14, 14, 14},
		"a run":                         {[][]byte{append(pairs(), bytes.Repeat([]byte("!"), 100)...)}, 290, 283, 283},
		"longer matches one byte on":    {[][]byte{later(10)}, 3192, 3189, 3122},
		"periods":                       {[][]byte{bytes.Repeat([]byte("abcdefg"), 1000), bytes.Repeat([]byte("abcdefghijklmno"), 5000)}, 516, 223, 223},
	} {
		for level, size := range map[Level]int{Fastest: c.fastest, Balanced: c.balanced, Smallest: c.smallest} {
			compressor, d := Params{}.Compressor(true, &Options{Level: level}), Params{}.Decompressor(false)
			got := 0
			for _, m := range c.messages {
				payload := compressor.Append(nil, m)
				back, err := decompress(d, payload, 1000, 1000)
				require.NoError(t, err)
				requireSame(t, m, back)
				got += len(payload)
			}
			require.Equal(t, size, got, "%s, %s", name, level)
		}
	}
}
