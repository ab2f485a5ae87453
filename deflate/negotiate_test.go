package deflate

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// parameters reads "name=value; name" as the parser of the header hands it over.
func parameters(s string) []Parameter {
	var out []Parameter
	for part := range strings.SplitSeq(s, ";") {
		if part = strings.TrimSpace(part); part != "" {
			name, value, has := strings.Cut(part, "=")
			out = append(out, Parameter{Name: name, Value: value, HasValue: has})
		}
	}
	return out
}

func inHeader(ps []Parameter) string {
	var parts []string
	for _, p := range ps {
		parts = append(parts, p.String())
	}
	return strings.Join(parts, "; ")
}

var (
	noTakeover = Direction{NoContextTakeover: true}
	tenBits    = Direction{WindowBits: 10}
	full       = Params{ServerMaxWindowBits: 15, ClientMaxWindowBits: 15}
)

func TestAClientOffersWhatTheOptionsAskFor(t *testing.T) {
	for _, c := range []struct {
		options Options
		offer   string
	}{
		{Options{}, "client_max_window_bits"},
		{Options{Outgoing: Direction{WindowBits: 15}, Incoming: Direction{WindowBits: 15}}, "client_max_window_bits"},
		{Options{Outgoing: noTakeover}, "client_no_context_takeover; client_max_window_bits"},
		{Options{Incoming: noTakeover}, "server_no_context_takeover; client_max_window_bits"},
		{Options{Outgoing: tenBits}, "client_max_window_bits=10"},
		{Options{Incoming: tenBits}, "server_max_window_bits=10; client_max_window_bits, client_max_window_bits"},
		{Options{Incoming: tenBits, RequireWindow: true}, "server_max_window_bits=10; client_max_window_bits"},
		{Options{RequireWindow: true}, "client_max_window_bits"},
		{Options{Incoming: Direction{true, 8}, Outgoing: Direction{true, 9}},
			"server_no_context_takeover; client_no_context_takeover; server_max_window_bits=8; client_max_window_bits=9, " +
				"server_no_context_takeover; client_no_context_takeover; client_max_window_bits=9"},
	} {
		var offers []string
		for _, offer := range c.options.Offers() {
			offers = append(offers, inHeader(offer))
		}
		require.Equal(t, c.offer, strings.Join(offers, ", "))
	}
}

func TestAServerAcceptsWhatItIsAskedAndAddsWhatItMay(t *testing.T) {
	for _, c := range []struct {
		name          string
		options       Options
		offer, answer string
		params        Params
	}{
		{"nothing asked", Options{}, "", "", full},
		{"the server gives up its context when asked", Options{}, "server_no_context_takeover", "server_no_context_takeover", Params{true, false, 15, 15}},
		{"the client's hint saves memory", Options{}, "client_no_context_takeover", "client_no_context_takeover", Params{false, true, 15, 15}},
		{"the server's window is as small as asked", Options{}, "server_max_window_bits=8", "server_max_window_bits=8", Params{false, false, 8, 15}},
		{"or smaller", Options{Outgoing: tenBits}, "server_max_window_bits=12", "server_max_window_bits=10", Params{false, false, 10, 15}},
		{"15 is answered too when it is asked", Options{}, "server_max_window_bits=15", "server_max_window_bits=15", full},
		{"the server may say its window unasked", Options{Outgoing: tenBits}, "", "server_max_window_bits=10", Params{false, false, 10, 15}},
		{"and that it takes nothing over", Options{Outgoing: noTakeover}, "", "server_no_context_takeover", Params{true, false, 15, 15}},
		{"and that the client shall not", Options{Incoming: noTakeover}, "", "client_no_context_takeover", Params{false, true, 15, 15}},
		{"a client's window is left alone if it may be any", Options{}, "client_max_window_bits", "", full},
		{"or limited", Options{Incoming: tenBits}, "client_max_window_bits", "client_max_window_bits=10", Params{false, false, 15, 10}},
		{"a hint at its window saves memory", Options{}, "client_max_window_bits=9", "client_max_window_bits=9", Params{false, false, 15, 9}},
		{"the smaller one counts", Options{Incoming: tenBits}, "client_max_window_bits=12", "client_max_window_bits=10", Params{false, false, 15, 10}},
		{"a hint of 15 needs no answer", Options{}, "client_max_window_bits=15", "", full},
		{"who does not offer its window cannot be limited", Options{Incoming: tenBits}, "", "", full},
		{"all at once, in any order", Options{},
			"client_max_window_bits=11; server_max_window_bits=12; client_no_context_takeover; server_no_context_takeover",
			"server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12; client_max_window_bits=11",
			Params{true, true, 12, 11}},
	} {
		t.Run(c.name, func(t *testing.T) {
			params, answer, ok := c.options.Accept(parameters(c.offer))
			require.True(t, ok)
			require.Equal(t, c.answer, inHeader(answer))
			require.Equal(t, c.params, params)
		})
	}
}

// notBits are values that are not "a decimal integer value without leading zeroes
// between 8 to 15".
var notBits = []string{"=", "=0", "=7", "=16", "=08", "=010", "=+9", "=-9", "=9.", "=0x9", "=9 ", "=99", "=x", "=1", "=١٢"}

func TestAServerDeclinesAnOfferThatIsNotValid(t *testing.T) {
	offers := []string{
		"unknown", "unknown=1", "Server_no_context_takeover", "server_max_window_bits",
		"server_no_context_takeover=", "server_no_context_takeover=1", "client_no_context_takeover=true",
		"server_no_context_takeover; server_no_context_takeover",
		"client_no_context_takeover; client_no_context_takeover",
		"server_max_window_bits=10; server_max_window_bits=10",
		"client_max_window_bits; client_max_window_bits=10",
		"client_max_window_bits; unknown",
	}
	for _, value := range notBits {
		offers = append(offers, "server_max_window_bits"+value, "client_max_window_bits"+value)
	}
	for _, offer := range offers {
		ps := parameters(offer)
		if strings.HasSuffix(offer, " ") {
			ps[0].Value += " "
		}
		params, answer, ok := (&Options{}).Accept(ps)
		require.False(t, ok, offer)
		require.Zero(t, params)
		require.Nil(t, answer)
	}
}

func TestAClientConfirmsAnAnswerThatAgreesWithItsOffer(t *testing.T) {
	for _, c := range []struct {
		name    string
		options Options
		answer  string
		params  Params
	}{
		{"nothing answered", Options{}, "", full},
		{"the server volunteers", Options{}, "server_no_context_takeover; server_max_window_bits=10", Params{true, false, 10, 15}},
		{"the server restricts the client", Options{}, "client_no_context_takeover; client_max_window_bits=9", Params{false, true, 15, 9}},
		{"15 is a value", Options{}, "client_max_window_bits=15; server_max_window_bits=15", full},
		{"what was offered about the server comes back", Options{Incoming: Direction{true, 10}}, "server_no_context_takeover; server_max_window_bits=10", Params{true, false, 10, 15}},
		{"or less of it", Options{Incoming: tenBits}, "server_max_window_bits=8", Params{false, false, 8, 15}},
		{"or none of it", Options{Incoming: tenBits}, "", full},
		{"or what fits the second offer", Options{Incoming: tenBits}, "server_max_window_bits=11", Params{false, false, 11, 15}},
		{"what the client insists on", Options{Incoming: tenBits, RequireWindow: true}, "server_max_window_bits=10", Params{false, false, 10, 15}},
		{"a client's hint need not come back", Options{Outgoing: Direction{true, 10}}, "", Params{false, true, 15, 10}},
		{"a client's hint may come back smaller", Options{Outgoing: tenBits}, "client_max_window_bits=9", Params{false, false, 15, 9}},
	} {
		t.Run(c.name, func(t *testing.T) {
			params, err := c.options.Confirm(parameters(c.answer))
			require.NoError(t, err)
			require.Equal(t, c.params, params)
		})
	}
}

func TestAClientRefusesAnAnswerThatDoesNotAgreeWithItsOffer(t *testing.T) {
	type refusal struct {
		options        Options
		answer, reason string
	}
	refusals := []refusal{
		{Options{}, "unknown", "unknown: unknown parameter"},
		{Options{}, "server_no_context_takeover=1", "server_no_context_takeover=1: takes no value"},
		{Options{}, "client_no_context_takeover=", "client_no_context_takeover=: takes no value"},
		{Options{}, "client_no_context_takeover; client_no_context_takeover", "client_no_context_takeover: given twice"},
		{Options{}, "server_max_window_bits=9; server_max_window_bits=9", "server_max_window_bits=9: given twice"},
		{Options{}, "server_max_window_bits", "server_max_window_bits: takes a value from 8 to 15"},
		{Options{}, "client_max_window_bits", "client_max_window_bits: takes a value from 8 to 15"},
		{Options{Incoming: noTakeover}, "", "server_no_context_takeover: offered and not answered"},
		{Options{Incoming: tenBits, RequireWindow: true}, "", "server_max_window_bits: offered and not answered"},
		{Options{Incoming: tenBits, RequireWindow: true}, "server_max_window_bits=11", "server_max_window_bits=11: more than offered"},
		{Options{Outgoing: tenBits}, "client_max_window_bits=11", "client_max_window_bits=11: more than offered"},
	}
	for _, value := range notBits {
		value = strings.TrimSpace(value)
		if value == "=9" {
			continue
		}
		for _, name := range []string{"server_max_window_bits", "client_max_window_bits"} {
			refusals = append(refusals, refusal{Options{}, name + value, name + value + ": takes a value from 8 to 15"})
		}
	}
	for _, r := range refusals {
		params, err := r.options.Confirm(parameters(r.answer))
		var negotiation *NegotiationError
		require.ErrorAs(t, err, &negotiation, r.answer)
		require.Equal(t, "deflate: permessage-deflate in the answer: "+r.reason, err.Error())
		require.Zero(t, params)
	}
}

// allOptions are all that can be negotiated.
func allOptions() []Options {
	var directions []Direction
	for _, bits := range []int{0, 8, 9, 12, 14, 15} {
		directions = append(directions, Direction{false, bits}, Direction{true, bits})
	}
	var all []Options
	for _, out := range directions {
		for _, in := range directions {
			all = append(all, Options{Outgoing: out, Incoming: in})
		}
	}
	return all
}

func TestAnyServerAndAnyClientAgree(t *testing.T) {
	for _, client := range allOptions() {
		for _, server := range allOptions() {
			agreed, answer, ok := server.Accept(client.Offers()[0])
			require.True(t, ok)
			confirmed, err := client.Confirm(answer)
			require.NoError(t, err)
			require.Equal(t, agreed, confirmed, "client %+v, server %+v", client, server)

			require.Equal(t, client.Incoming.NoContextTakeover || server.Outgoing.NoContextTakeover, agreed.ServerNoContextTakeover)
			require.Equal(t, client.Outgoing.NoContextTakeover || server.Incoming.NoContextTakeover, agreed.ClientNoContextTakeover)
			require.Equal(t, min(client.Incoming.windowBits(), server.Outgoing.windowBits()), agreed.ServerMaxWindowBits)
			require.Equal(t, min(client.Outgoing.windowBits(), server.Incoming.windowBits()), agreed.ClientMaxWindowBits)
		}
	}
}

func TestOptionsOutOfRangeAreNamed(t *testing.T) {
	for _, bits := range []int{0, 8, 9, 14, 15} {
		require.NoError(t, (&Options{Level: Smallest, MinSize: -5, Outgoing: Direction{true, bits}, Incoming: Direction{true, bits}}).Validate())
	}
	for _, bits := range []int{-1, 1, 7, 16} {
		for field, o := range map[string]Options{
			"Outgoing.WindowBits": {Outgoing: Direction{WindowBits: bits}},
			"Incoming.WindowBits": {Incoming: Direction{WindowBits: bits}},
		} {
			var oops *OptionsError
			require.ErrorAs(t, o.Validate(), &oops)
			require.Equal(t, &OptionsError{field, bits}, oops)
			require.Equal(t, "deflate: option "+field+" is out of range: "+strconv.Itoa(bits), oops.Error())
		}
	}
	require.Equal(t, &OptionsError{"Level", 3}, (&Options{Level: 3}).Validate())
}

func TestLevelsHaveNames(t *testing.T) {
	require.Equal(t, "fastest balanced smallest Level(3)", Fastest.String()+" "+Balanced.String()+" "+Smallest.String()+" "+Level(3).String())
}
