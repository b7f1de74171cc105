package report

import (
	"strings"

	"example.com/tlslab/inspect"
)

// Formula is how a value is computed, as the standard writes it, with the words in it as say has them in its language.
// It is safe to print.
func Formula(say func(id string, pairs ...any) string, v *inspect.Value) string {
	group := func(text string) string {
		name, _, _ := strings.Cut(text, ",")
		return inspect.Safe(name)
	}
	switch formula := v.Formula; {
	case v.Kind == "sealed.schedule_aes_key", v.Kind == "sealed.schedule_iv":
		return NameOf(say, formula)
	case strings.HasPrefix(formula, "the key exchange of "):
		return say("tui_formula_shared", "group", group(formula[len("the key exchange of "):]))
	case strings.HasPrefix(formula, "ECDH on "):
		return say("tui_formula_pre_master", "group", group(formula[len("ECDH on "):]))
	case strings.HasPrefix(formula, "RSAES-OAEP-DECRYPT("), strings.HasPrefix(formula, "AES-256-CBC-DECRYPT("), strings.HasPrefix(formula, "HKDF-Extract(salt = transcript_hash,"), strings.HasPrefix(formula, "SHA-256(fingerprint"):
		return NameOf(say, formula)
	case strings.HasPrefix(formula, "ECDH(") && strings.Contains(formula, ") on "):
		exchange, on, _ := strings.Cut(formula, " on ")
		return say("tui_formula_on", "formula", NameOf(say, exchange), "group", group(on))
	case strings.Contains(formula, "ML-KEM.Decaps(") && strings.Contains(formula, ", where "):
		exchange, where, _ := strings.Cut(formula, ", where ")
		parts := strings.NewReplacer(" is the ", "\n", " and ", "\n", " the ", "\n").Replace(where)
		if part := strings.Split(parts, "\n"); len(part) == 4 {
			return say("tui_formula_hybrid", "formula", inspect.Safe(exchange), "first", part[0], "own", NameOf(say, part[1]), "second", part[2], "peer", NameOf(say, part[3]))
		}
	case strings.HasSuffix(formula, " of the connection that the ticket is from"):
		return say("tui_formula_ticket", "formula", inspect.Safe(strings.TrimSuffix(formula, " of the connection that the ticket is from")))
	case strings.HasPrefix(formula, "a key that both sides were given"):
		return say("tui_formula_external_psk")
	case strings.HasPrefix(formula, "zeros, as long as the hash: no PSK"):
		return say("tui_formula_no_psk")
	case strings.HasPrefix(formula, "zeros, as long as the hash: a PSK"):
		return say("tui_formula_psk_alone")
	case formula == "that of the session which is resumed":
		return say("tui_formula_resumed")
	case strings.HasPrefix(formula, "how many records"):
		return say("tui_formula_sequence_number")
	case strings.HasSuffix(formula, ", padded on the left to 12 bytes with zeros"):
		return say("tui_formula_nonce", "formula", inspect.Safe(strings.TrimSuffix(formula, ", padded on the left to 12 bytes with zeros")))
	case strings.HasSuffix(formula, ", the first 8 bytes of the fragment"):
		return say("tui_formula_nonce_explicit", "formula", inspect.Safe(strings.TrimSuffix(formula, ", the first 8 bytes of the fragment")))
	case strings.HasSuffix(formula, ", the record's header"):
		return say("tui_formula_header", "formula", inspect.Safe(strings.TrimSuffix(formula, ", the record's header")))
	case strings.HasSuffix(formula, ", the length in clear"):
		return say("tui_formula_length", "formula", inspect.Safe(strings.TrimSuffix(formula, ", the length in clear")))
	}
	return inspect.Safe(v.Formula)
}

// NameOf is the name of a value, or of what a formula names, with the words for whose it is as say has them in its
// language. It is safe to print.
func NameOf(say func(id string, pairs ...any) string, name string) string {
	whose := [...]string{inspect.Client: say("report_client"), inspect.Server: say("report_server")}
	var words []string
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		words = append(words,
			side.String()+"'s private key", say("tui_private_key_of", "side", whose[side]),
			side.String()+"'s public key", say("tui_public_key_of", "side", whose[side]),
			side.String()+"'s key share", say("tui_key_share_of", "side", whose[side]),
			"("+side.String()+")", "("+whose[side]+")",
		)
	}
	if before, ticket, ok := strings.Cut(name, " (of ticket "); ok {
		name = before + " (" + say("tui_of_ticket", "number", strings.TrimSuffix(ticket, ")")) + ")"
	}
	return strings.NewReplacer(words...).Replace(inspect.Safe(name))
}
