package router

import (
	"errors"
	"strings"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs"
)

// Explain says in a language what an error of this package, or of one under it, means, and what
// to do: one line, safe to show.
func Explain(say *docs.Sentences, err error) string {
	var (
		command *CommandError
		failed  *AnswerError
	)
	switch {
	case errors.As(err, &command):
		return explainCommand(say, command)
	case errors.As(err, &failed):
		return say.Say("router_failed", "code", failed.Answer.Code, "message", safe(say, failed.Message))
	case errors.Is(err, ErrAnswer):
		return say.Say("router_bad_answer")
	case errors.Is(err, ErrPackage):
		return say.Say("router_no_package")
	case errors.Is(err, ErrTokenFile):
		return say.Say("router_token_file", "file", TokenFile)
	}
	if id := packageSentence(err); id != "" {
		return say.Say(id, "depth", MaxDepth)
	}
	return kvs.Explain(say, err)
}

func explainCommand(say *docs.Sentences, err *CommandError) string {
	switch {
	case err.Command != nil:
		return say.Say("router_usage", "usage", safe(say, err.Command.Usage()))
	case err.Err != nil:
		return Explain(say, err.Err)
	}
	var all []string
	for _, command := range Commands() {
		all = append(all, command.Usage())
	}
	return say.Say("router_no_command", "commands", strings.Join(all, ", "))
}

// safe is a peer's text as it can be shown.
func safe(say *docs.Sentences, text string) string { return kvs.Explain(say, errors.New(text)) }
