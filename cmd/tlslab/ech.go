package main

import (
	"crypto/tls"

	"github.com/spf13/cobra"

	"example.com/tlslab/kvs/stage"
)

// The words of --ech, and what they ask of the stage.
var echWords = map[string]stage.ECH{"": stage.NoECH, "accepted": stage.AcceptedECH, "rejected": stage.RejectedECH}

// flagECH gives lab the flag --ech, whose word can be left out.
func (r *labRun) flagECH(cmd *cobra.Command) {
	r.ech = newChoice("", "accepted", "rejected")
	choose(cmd, r.ech, "ech", r.say("cmd_flag_ech"))
	cmd.Flags().Lookup("ech").NoOptDefVal = "accepted"
}

// noArgs refuses words, among them one that was meant for --ech.
func (r *labRun) noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 && echWords[args[0]] != stage.NoECH && cmd.Flags().Changed("ech") {
		return usage(r.say("cmd_ech_equals", "word", args[0]))
	}
	return r.program.noArgs(cmd, args)
}

// offerECH has the stage do what --ech asks for.
func (r *labRun) offerECH(kv *stage.KV) error {
	kv.ECH = echWords[r.ech.value]
	if kv.ECH != stage.NoECH && kv.MaxVersion == tls.VersionTLS12 {
		return usage(r.say("cmd_ech_wants_13"))
	}
	return nil
}

// explainRejection says what it means that the server rejected ECH (RFC 9849
// section 6.1.6).
func (p *program) explainRejection(err *tls.ECHRejectionError) string {
	if len(err.RetryConfigList) == 0 {
		return p.say("cmd_ech_rejection_without_retry")
	}
	return p.say("cmd_ech_rejection")
}

// echNotice says what --ech shows.
func (r *labRun) echNotice(kv *stage.KV) []string {
	names := []any{"public", stage.PublicName, "hidden", stage.HiddenName}
	switch kv.ECH {
	case stage.AcceptedECH:
		return []string{r.say("cmd_ech_accepted", names...)}
	case stage.RejectedECH:
		return []string{r.say("cmd_ech_rejected", names...)}
	}
	return nil
}
