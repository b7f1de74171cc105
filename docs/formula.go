package docs

import "strings"

// Formula is how a value of a kind is computed, as the standard writes it (the Formula of an inspect.Value, safe to print),
// with the words in it in the language.
func (s *Sentences) Formula(kind, formula string) string {
	group := func(text string) string {
		name, _, _ := strings.Cut(text, ",")
		return name
	}
	switch {
	case kind == "sealed.schedule_aes_key", kind == "sealed.schedule_iv":
		return s.ValueName(formula)
	case strings.HasPrefix(formula, "the key exchange of "):
		return s.Say("formula_shared", "group", group(formula[len("the key exchange of "):]))
	case strings.HasPrefix(formula, "ECDH on "):
		return s.Say("formula_pre_master", "group", group(formula[len("ECDH on "):]))
	case strings.HasPrefix(formula, "RSAES-OAEP-DECRYPT("), strings.HasPrefix(formula, "AES-256-CBC-DECRYPT("), strings.HasPrefix(formula, "HKDF-Extract(salt = transcript_hash,"), strings.HasPrefix(formula, "SHA-256(fingerprint"):
		return s.ValueName(formula)
	case strings.HasPrefix(formula, "ECDH(") && strings.Contains(formula, ") on "):
		exchange, on, _ := strings.Cut(formula, " on ")
		return s.Say("formula_on", "formula", s.ValueName(exchange), "group", group(on))
	case strings.Contains(formula, "ML-KEM.Decaps(") && strings.Contains(formula, ", where "):
		exchange, where, _ := strings.Cut(formula, ", where ")
		parts := strings.NewReplacer(" is the ", "\n", " and ", "\n", " the ", "\n").Replace(where)
		if part := strings.Split(parts, "\n"); len(part) == 4 {
			return s.Say("formula_hybrid", "formula", exchange, "first", part[0], "own", s.ValueName(part[1]), "second", part[2], "peer", s.ValueName(part[3]))
		}
	case strings.HasSuffix(formula, " of the connection that the ticket is from"):
		return s.Say("formula_ticket", "formula", strings.TrimSuffix(formula, " of the connection that the ticket is from"))
	case strings.HasPrefix(formula, "a key that both sides were given"):
		return s.Say("formula_external_psk")
	case strings.HasPrefix(formula, "zeros, as long as the hash: no PSK"):
		return s.Say("formula_no_psk")
	case strings.HasPrefix(formula, "zeros, as long as the hash: a PSK"):
		return s.Say("formula_psk_alone")
	case formula == "that of the session which is resumed":
		return s.Say("formula_resumed")
	case strings.HasPrefix(formula, "how many records"):
		return s.Say("formula_sequence_number")
	case strings.HasSuffix(formula, ", padded on the left to 12 bytes with zeros"):
		return s.Say("formula_nonce", "formula", strings.TrimSuffix(formula, ", padded on the left to 12 bytes with zeros"))
	case strings.HasSuffix(formula, ", the first 8 bytes of the fragment"):
		return s.Say("formula_nonce_explicit", "formula", strings.TrimSuffix(formula, ", the first 8 bytes of the fragment"))
	case strings.HasSuffix(formula, ", the record's header"):
		return s.Say("formula_header", "formula", strings.TrimSuffix(formula, ", the record's header"))
	case strings.HasSuffix(formula, ", the length in clear"):
		return s.Say("formula_length", "formula", strings.TrimSuffix(formula, ", the length in clear"))
	}
	return formula
}

// ValueName is the name of a value, or of what a formula names (safe to print), with the words for whose it is in the
// language.
func (s *Sentences) ValueName(name string) string {
	var words []string
	for side, whose := range map[string]string{"client": s.Say("report_client"), "server": s.Say("report_server")} {
		words = append(words,
			side+"'s private key", s.Say("formula_private_key_of", "side", whose),
			side+"'s public key", s.Say("formula_public_key_of", "side", whose),
			side+"'s key share", s.Say("formula_key_share_of", "side", whose),
			"("+side+")", "("+whose+")",
		)
	}
	if before, ticket, ok := strings.Cut(name, " (of ticket "); ok {
		name = before + " (" + s.Say("formula_of_ticket", "number", strings.TrimSuffix(ticket, ")")) + ")"
	}
	return strings.NewReplacer(words...).Replace(name)
}
