package sealed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"example.com/tlslab/docs"
)

// The verbs that every server of the service answers.
const (
	VerbStat    = "STAT"
	VerbCreate  = "CREATE"
	VerbDestroy = "DESTROY"
)

// The messages of an answer. A reason may follow, in brackets.
const (
	MessageOK            = "OK"
	MessageBadAuth       = "Bad authentication"
	MessageBadRequest    = "Bad request"
	MessageRefused       = "Refused request"
	MessageUnavailable   = "Unavailable"
	MessageInternalError = "Internal error"
)

// A Request is what a client asks for: JSON in one message, and one of them a connection.
type Request struct {
	Verb       string         `json:"verb"` // capital letters A to Z
	Parameters map[string]any `json:"parameters"`
}

// An Answer is what a server says to it.
type Answer struct {
	Success bool           `json:"success"`
	Message string         `json:"message"`
	Data    map[string]any `json:"data"`
}

// The forms of what stands in requests and answers.
var (
	verbForm     = regexp.MustCompile(`^[A-Z]+$`)
	uuidForm     = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	tokenForm    = regexp.MustCompile(fmt.Sprintf(`^[0-9A-Za-z_-]{%d}$`, TokenSize))
	sumForm      = regexp.MustCompile(`^[0-9a-f]{64}$`)
	usernameForm = regexp.MustCompile(`^user_[0-9]{5}$`)
	passwordForm = regexp.MustCompile(`^[0-9A-Za-z]+$`)
)

// The names of parameters, and of what stands in an answer's data.
const (
	fieldUUID     = "container_uuid"
	fieldToken    = "client_token"
	fieldImage    = "container_iso_sha256"
	fieldUsername = "container_username"
	fieldPassword = "container_password"
	fieldPort     = "container_listen_port"
)

// parseRequest reads a request. If errs is not nil, it says what is wrong by field; "" is the
// request as a whole. What the service does not know it leaves to custom verbs.
func parseRequest(message []byte, say *docs.Sentences) (request Request, errs map[string]string) {
	fields, ok := parseObject(message)
	if !ok {
		return request, map[string]string{"": say.Say("sealed_not_object")}
	}
	errs = make(map[string]string)
	switch verb, isText := fields["verb"].(string); {
	case fields["verb"] == nil:
		errs["verb"] = say.Say("sealed_field_missing")
	case !isText || !verbForm.MatchString(verb):
		errs["verb"] = say.Say("sealed_verb_form")
	default:
		request.Verb = verb
	}
	switch parameters, isObject := fields["parameters"].(map[string]any); {
	case fields["parameters"] == nil:
		errs["parameters"] = say.Say("sealed_field_missing")
	case !isObject:
		errs["parameters"] = say.Say("sealed_parameters_form")
	default:
		request.Parameters = parameters
		checkParameters(parameters, errs, say)
	}
	if len(errs) > 0 {
		return request, errs
	}
	return request, nil
}

// checkParameters checks those that the service itself knows.
func checkParameters(parameters map[string]any, errs map[string]string, say *docs.Sentences) {
	for _, p := range []struct {
		name, needs, sentence string
		form                  *regexp.Regexp
	}{
		{fieldUUID, fieldToken, "sealed_uuid_form", uuidForm},
		{fieldToken, fieldUUID, "sealed_token_form", tokenForm},
	} {
		value, given := parameters[p.name]
		if !given {
			continue
		}
		text, isText := value.(string)
		if _, other := parameters[p.needs]; !other {
			errs[p.name] = say.Say("sealed_needs", "field", p.needs)
		}
		if !isText || !p.form.MatchString(text) {
			errs[p.name] = say.Say(p.sentence, "count", TokenSize)
		}
	}
}

// parseObject reads one JSON object, and nothing behind it.
func parseObject(text []byte) (fields map[string]any, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if decoder.Decode(&fields) != nil || fields == nil {
		return nil, false
	}
	_, err := decoder.Token()
	return fields, err == io.EOF
}

// reasons puts what is wrong on one line, by field.
func reasons(errs map[string]string) string {
	var all []string
	for _, field := range slices.Sorted(maps.Keys(errs)) {
		reason := errs[field]
		if field != "" {
			reason = field + ": " + reason
		}
		all = append(all, reason)
	}
	return strings.Join(all, "; ")
}

// A Refusal is the error of a handler that the client is to be told of.
type Refusal struct {
	Message string // one of the messages
	Reason  string // "" if there is nothing to add
}

func (e *Refusal) Error() string {
	if e.Reason == "" {
		return e.Message
	}
	return e.Message + " (" + e.Reason + ")"
}

// answer is what the client is told.
func (e *Refusal) answer() Answer {
	return Answer{Message: e.Error(), Data: map[string]any{}}
}
