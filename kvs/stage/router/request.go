package router

import (
	"encoding/json"
	"errors"
	"strings"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs/kernel"
)

// The urls that every server has.
const (
	URLLogin  = "/login"         // hostname
	URLHashes = "/get_hashes"    // token
	URLFile   = "/get_file_data" // token, name
)

// The codes of an answer.
const (
	CodeOK       = 200
	CodeBad      = 400 // there is an error in the package, perhaps a wrong url
	CodeInternal = 500 // an error on the side of the server
)

// The reasons of an answer that is not CodeOK.
const (
	ReasonPackage   = "bad_package"
	ReasonURL       = "wrong_url"
	ReasonToken     = "wrong_token"
	ReasonParameter = "bad_parameter"
	ReasonFile      = "no_file"
	ReasonTooLarge  = "too_large"
	ReasonInternal  = "internal"
)

// A Request is a package that was understood.
type Request struct {
	URL     string
	Members map[string]json.RawMessage // all of them, by name
}

// parseRequest reads a package, or returns why it is refused.
func parseRequest(object []byte, depth int, say *docs.Sentences) (request *Request, refused *Refusal) {
	all, err := members(object)
	if depth > MaxDepth {
		err = errTooDeep
	}
	if err != nil {
		return nil, refusePackage(say, err)
	}
	request = &Request{Members: all}
	if _, there := all["url"]; !there {
		return nil, &Refusal{ReasonPackage, say.Say("router_no_url")}
	}
	if request.URL, err = request.Text("url"); err != nil {
		return nil, &Refusal{ReasonPackage, say.Say("router_url_form", "example", `{"url": "`+URLHashes+`"}`)}
	}
	return request, nil
}

var errNoText = errors.New("not a string")

// Text returns a member that is a string. The error says that there is none, or that it is something else.
func (r *Request) Text(name string) (string, error) {
	var text *string
	if raw, there := r.Members[name]; !there || json.Unmarshal(raw, &text) != nil || text == nil {
		return "", errNoText
	}
	return *text, nil
}

// A Refusal is the error of a handler that the client is to be told of: an answer with CodeBad.
type Refusal struct {
	Reason  string // one of the reasons, or a custom handler's own
	Message string // for a person, in the server's language
}

func (e *Refusal) Error() string { return e.Reason + ": " + e.Message }

// packageSentences are the ids of the sentences that say what is wrong with a package.
var packageSentences = []struct {
	err error
	id  string
}{
	{errNoObject, "router_no_object"},
	{errTooLong, "router_too_long"},
	{errUnfinished, "router_unfinished"},
	{kernel.ErrSlow, "router_slow"},
	{errTooDeep, "router_too_deep"},
	{errUTF8, "router_utf8"},
	{errSyntax, "router_syntax"},
	{errTwice, "router_twice"},
}

// packageSentence returns the id of the sentence that says what is wrong with a package; "" if err is another error.
func packageSentence(err error) string {
	for _, sentence := range packageSentences {
		if errors.Is(err, sentence.err) {
			return sentence.id
		}
	}
	return ""
}

// refusePackage returns how a package is refused that err is wrong with; nil if err is another error.
func refusePackage(say *docs.Sentences, err error) *Refusal {
	id := packageSentence(err)
	if id == "" {
		return nil
	}
	return &Refusal{ReasonPackage, say.Say(id, "depth", MaxDepth)}
}

// A reply is an answer as it is written: its members, code among them.
type reply map[string]any

// refusal returns the answer that says that a request failed, and whether the server's
// operator must be told why.
func (s *Server) refusal(err error) (answer reply, report bool) {
	say := docs.For(s.Lang)
	code, reason, message := CodeBad, "", ""
	var (
		refusal  *Refusal
		panicked *kernel.PanicError
	)
	switch {
	case errors.As(err, &refusal):
		reason, message = refusal.Reason, refusal.Message
	case errors.Is(err, kernel.ErrUnknownVerb):
		reason, message = ReasonURL, say.Say("router_wrong_url", "urls", strings.Join(s.verbs.Names(), ", "))
	case errors.Is(err, errNoFile):
		reason, message = ReasonFile, say.Say("router_no_file", "url", URLHashes)
	case errors.Is(err, errTooLarge):
		reason, message = ReasonTooLarge, say.Say("router_too_large", "limit", s.maxFile())
	default:
		code, reason, message = CodeInternal, ReasonInternal, say.Say("router_internal")
		report = !errors.As(err, &panicked) // which the kernel has told of
	}
	return reply{"code": code, "reason": reason, "message": message}, report
}
