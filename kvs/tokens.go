package kvs

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"sync"
	"time"
)

// MaxTokens is the largest file of tokens that is read, in bytes: some thousands of tokens.
const MaxTokens = 1 << 20

// tokenSize is how many random bytes a token is made of. That many can neither be guessed nor tried one by one, so what is
// kept is their plain SHA-256: salt and a slow hash protect passwords, which people choose and can be guessed.
const tokenSize = 32

// Tokens is a file of tokens, which stand for names and roles. Of a token only its SHA-256 is in it. The file (mode 0600) is
// appended to and never rewritten, a JSON object a line, so that several processes may use it at once. It is read again when
// it has grown. Methods may be called from several goroutines.
type Tokens struct {
	path string

	mu   sync.Mutex
	read fs.FileInfo // of the file when it was read last
	list []Token
}

// A Token is what the file says of one.
type Token struct {
	Name  string
	Role  Role
	Since time.Time

	hash [sha256.Size]byte
}

// tokenLine is a line of the file: a token, or that it was revoked.
type tokenLine struct {
	Name    string     `json:"name"`
	Role    string     `json:"role,omitempty"`
	Hash    string     `json:"sha256,omitempty"`
	Since   time.Time  `json:"since,omitzero"`
	Revoked *time.Time `json:"revoked,omitempty"`
}

// The errors of [Tokens.Add] and [Tokens.Revoke].
var (
	ErrTokenName    = errors.New("not a name for a token: use 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit, and not \"default\"")
	ErrTokenExists  = errors.New("there is a token of that name already: revoke it first")
	ErrTokenMissing = errors.New("there is no token of that name")
)

// A TokensError says that a file is not one of tokens. Nobody is let in by such a file.
type TokensError struct {
	Path string
	Line int // that is to blame, from 1; 0 if the file is too large
}

func (e *TokensError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s has more than %d bytes: it is not a file of tokens", e.Path, MaxTokens)
	}
	return fmt.Sprintf("%s: line %d is not that of a token: put the file aside, and make the tokens anew", e.Path, e.Line)
}

// OpenTokens returns the tokens in a file, which need not be there yet.
func OpenTokens(path string) *Tokens { return &Tokens{path: path} }

// Path returns where the file is.
func (t *Tokens) Path() string { return t.path }

// Exists reports whether the file is there, even if every token in it was revoked. When that cannot be found out, it is taken
// to be.
func (t *Tokens) Exists() bool {
	_, err := os.Stat(t.path)
	return !errors.Is(err, fs.ErrNotExist)
}

var tokenName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Add makes a token, 64 hexadecimal digits, that stands for a name and a role. It can be read here, and never again.
func (t *Tokens) Add(name string, role Role) (secret string, err error) {
	if !tokenName.MatchString(name) || name == defaultUser {
		return "", ErrTokenName
	}
	list, err := t.List()
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(list, func(token Token) bool { return token.Name == name }) {
		return "", ErrTokenExists
	}
	random := make([]byte, tokenSize)
	rand.Read(random)
	secret = hex.EncodeToString(random)
	hash := sha256.Sum256([]byte(secret))
	return secret, t.append(tokenLine{Name: name, Role: role.String(), Hash: hex.EncodeToString(hash[:]), Since: time.Now().UTC().Truncate(time.Second)})
}

// Revoke makes the token of a name worthless.
func (t *Tokens) Revoke(name string) error {
	list, err := t.List()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(token Token) bool { return token.Name == name }) {
		return ErrTokenMissing
	}
	now := time.Now().UTC().Truncate(time.Second)
	return t.append(tokenLine{Name: name, Revoked: &now})
}

// append adds a line in one write; if it fails half-way, the file is cut to what it was. What was left of a line that was cut off
// itself is removed first.
func (t *Tokens) append(line tokenLine) error {
	content, err := json.Marshal(line)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(t.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	size, ended, err := endLine(file)
	if err == nil {
		content = append(content, '\n')
		if !ended {
			content = append([]byte{'\n'}, content...)
		}
		if n, failed := file.Write(content); failed != nil && n > 0 {
			err = errors.Join(failed, file.Truncate(size))
		} else if err = failed; err == nil {
			err = file.Sync()
		}
	}
	return errors.Join(err, file.Close())
}

// endLine cuts a last line off that has no end and is not whole. It returns the file's size then, and whether its last line has an end.
func endLine(file *os.File) (size int64, ended bool, err error) {
	content, err := io.ReadAll(io.LimitReader(file, MaxTokens+1))
	size = int64(len(content))
	last := content[bytes.LastIndexByte(content, '\n')+1:]
	switch {
	case err != nil || len(last) == 0 || size > MaxTokens:
		return size, true, err
	case json.Valid(last):
		return size, false, nil
	}
	size -= int64(len(last))
	return size, true, file.Truncate(size)
}

// List returns the tokens that are good, the oldest first.
func (t *Tokens) List() ([]Token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	file, err := os.Open(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		t.read, t.list = nil, nil
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case t.read != nil && os.SameFile(info, t.read) && info.Size() == t.read.Size() && info.ModTime().Equal(t.read.ModTime()):
		return slices.Clone(t.list), nil
	}
	content, err := io.ReadAll(io.LimitReader(file, MaxTokens+1))
	switch {
	case err != nil:
		return nil, err
	case len(content) > MaxTokens:
		return nil, &TokensError{Path: t.path}
	}
	list, line := parseTokens(content)
	if line > 0 {
		return nil, &TokensError{t.path, line}
	}
	t.read, t.list = info, list
	return slices.Clone(list), nil
}

// parseTokens returns the tokens, and the number of the first line that is none, or 0. A last line that is not whole is being
// written at this moment, and does not count.
func parseTokens(content []byte) (list []Token, wrong int) {
	number := 0
	for line := range bytes.Lines(content) {
		number++
		if !bytes.HasSuffix(line, []byte{'\n'}) && !json.Valid(line) {
			break
		}
		var l tokenLine
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		if decoder.Decode(&l) != nil || decoder.More() || !tokenName.MatchString(l.Name) {
			return nil, number
		}
		list = slices.DeleteFunc(list, func(token Token) bool { return token.Name == l.Name })
		if l.Revoked != nil {
			continue
		}
		token := Token{Name: l.Name, Role: ParseRole(l.Role), Since: l.Since}
		hash, err := hex.DecodeString(l.Hash)
		if err != nil || len(hash) != len(token.hash) || token.Role == Anyone {
			return nil, number
		}
		copy(token.hash[:], hash)
		list = append(list, token)
	}
	return list, 0
}

// find returns the token with that hash, of that name if one is given. It takes as long for each that is not there, whatever
// they have in common with those that are.
func (t *Tokens) find(name string, hash [sha256.Size]byte) (token Token, found bool, err error) {
	list, err := t.List()
	at := -1
	for i := range list {
		same := subtle.ConstantTimeCompare(hash[:], list[i].hash[:])
		at = subtle.ConstantTimeSelect(same, i, at)
	}
	if err != nil || at < 0 || name != "" && list[at].Name != name {
		return Token{}, false, err
	}
	return list[at], true, nil
}
