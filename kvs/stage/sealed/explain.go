package sealed

import (
	"errors"
	"io"
	"os"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/kernel"
)

// Reason implements kernel.Reasoner: how a key exchange that failed is counted.
func (e *Error) Reason() string {
	switch {
	case errors.Is(e.Err, io.ErrUnexpectedEOF):
		return kernel.ReasonLeft
	case errors.Is(e.Err, ErrPin):
		return "pin"
	case errors.Is(e.Err, ErrRefused):
		return "refused"
	case e.Step == ReceiveKey:
		return "public_key"
	case e.Step == ReceiveSecret:
		return "secret"
	}
	return kernel.ReasonOther
}

// Explain says in a language what an error of this package, or of one under it,
// means: one line, safe to show.
func Explain(say *docs.Sentences, err error) string {
	var (
		failed  *Error
		image   *ImageError
		refusal *Refusal
		misuse  *CommandError
	)
	switch {
	case errors.As(err, &misuse):
		return say.Say(misuse.id)
	case errors.As(err, &image):
		return explainImage(say, image)
	case errors.As(err, &refusal):
		return kvs.Explain(say, refusal)
	case errors.Is(err, ErrLogin):
		return say.Say("sealed_login")
	case errors.As(err, &failed):
		return say.Say("sealed_failed", "step", explainStep(say, failed.Step), "reason", explainCause(say, failed.Err))
	}
	return explainCause(say, err)
}

func explainStep(say *docs.Sentences, step Step) string {
	switch step {
	case ReceiveKey:
		return say.Say("sealed_step_receive_key")
	case SendKey:
		return say.Say("sealed_step_send_key")
	case ReceiveSecret:
		return say.Say("sealed_step_receive_secret")
	case SendSecret:
		return say.Say("sealed_step_send_secret")
	case ReceiveMessage:
		return say.Say("sealed_step_receive_message")
	}
	return say.Say("sealed_step_send_message")
}

// causes are the sentences of the errors of the channel.
var causes = []struct {
	err error
	id  string
}{
	{ErrLength, "sealed_length"},
	{ErrTooLong, "sealed_message_too_long"},
	{ErrRefused, "sealed_refused"},
	{ErrAck, "sealed_ack"},
	{ErrKey, "sealed_key"},
	{ErrPin, "sealed_pin"},
	{ErrSecret, "sealed_secret"},
	{ErrEcho, "sealed_echo"},
	{ErrPadding, "sealed_padding"},
	{ErrTag, "sealed_tag"},
	{ErrAnswer, "sealed_answer"},
	{io.ErrUnexpectedEOF, "sealed_left"},
	{io.EOF, "sealed_no_answer"},
	{os.ErrDeadlineExceeded, "sealed_timeout"},
}

func explainCause(say *docs.Sentences, err error) string {
	for _, cause := range causes {
		if errors.Is(err, cause.err) {
			return say.Say(cause.id)
		}
	}
	return kvs.Explain(say, err)
}

func explainImage(say *docs.Sentences, err *ImageError) string {
	reason := ""
	switch {
	case errors.Is(err.Err, ErrImageLine):
		reason = say.Say("sealed_image_line")
	case errors.Is(err.Err, ErrImageTwice):
		reason = say.Say("sealed_image_twice")
	case errors.Is(err.Err, ErrImageSize):
		reason = say.Say("sealed_image_size", "limit", MaxImage)
	default:
		reason = kvs.Explain(say, err.Err)
	}
	name := kvs.Explain(say, errors.New(err.Name)) // safe to show
	if err.Line == 0 {
		return say.Say("sealed_image", "path", name, "reason", reason)
	}
	return say.Say("sealed_image_at", "path", name, "line", err.Line, "reason", reason)
}
