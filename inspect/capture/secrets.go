package capture

import (
	"bufio"
	"io"
	"regexp"
	"strings"

	"example.com/tlslab/inspect"
)

// ReadSecrets reads the secrets of a file that is given for them: a key log, see
// [ParseKeyLog], or a pcapng file with Decryption Secrets Blocks, of which the
// packets are passed over. Of what is neither, the error says what it is.
func ReadSecrets(r io.Reader) ([]inspect.LoggedSecret, error) {
	in := &input{r: bufio.NewReaderSize(r, 64<<10)}
	head, _ := in.r.Peek(16 << 10)
	if len(head) == 0 {
		return nil, nil
	}
	source, err := open(in)
	switch {
	case err == nil:
		return secretsOf(source)
	case err != errNoCapture:
		return nil, err
	}
	if text, isText := plainText(head); !isText || !isKeyLog(text) {
		if what := noSecrets(head, text); what != nil {
			return nil, what
		}
	}
	return ParseKeyLog(in.r)
}

// secretsOf reads the secrets of a capture.
func secretsOf(source source) (secrets []inspect.LoggedSecret, err error) {
	var problems Problems
	for {
		b, err := source.next()
		if err != nil {
			if err != io.EOF {
				problems.Add(ends(err))
			}
			break
		}
		log := keyLog{
			learn: func(secret inspect.LoggedSecret) {
				secret.Line = 0 // of a block, which nobody counts lines of
				secrets = append(secrets, secret)
			},
			told: func(p *Problem) { problems.Add(&Problem{Offset: b.offset, Key: "secrets", Err: p}) },
		}
		log.Write(b.secrets)
		log.end()
	}
	if len(secrets) == 0 {
		problems.Add(trouble("capture_bare_of_secrets"))
	}
	return secrets, problems.Err()
}

// noSecrets says what a file is that is no key log, if it begins like something known.
func noSecrets(head []byte, text string) error {
	if strings.Contains(text, "PRIVATE KEY-----") || contentOf(head) == asPrivate {
		return trouble("secrets_private")
	}
	if strings.Contains(text, "-----BEGIN ") {
		return trouble("secrets_pem")
	}
	return madeHere(text)
}

// itemTold is the first item of a session that is told as text.
var itemTold = regexp.MustCompile(`^#1 [^\n]*(?: → | -> )[^\n]*: `)

// madeHere says of text that this program has written for others that it is
// that, and of a page of HTML; nil if it is neither.
func madeHere(text string) error {
	begin := strings.TrimSpace(text[:min(len(text), 4<<10)])
	switch lower := strings.ToLower(begin[:min(len(begin), 16)]); {
	case strings.HasPrefix(begin, `{"kind":"session","schema":`):
		return trouble("made_json")
	case strings.HasPrefix(begin, "row,conn,time,protocol,"):
		return trouble("made_csv")
	case strings.HasPrefix(lower, "<!doctype html"), strings.HasPrefix(lower, "<html"):
		return trouble("made_html")
	case itemTold.MatchString(begin):
		return trouble("made_text")
	}
	return nil
}
