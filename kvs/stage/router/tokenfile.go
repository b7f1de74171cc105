package router

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

// TokenFile is the name of the file in which a client keeps its token.
const TokenFile = "TOKEN"

var tokenForm = regexp.MustCompile(fmt.Sprintf(`^[0-9a-f]{%d}$`, TokenLength))

// SaveToken keeps a token in a folder: in TokenFile, which only the user may read (0600).
func SaveToken(folder *os.Root, token string) error {
	const draft = TokenFile + ".new"
	if err := folder.Remove(draft); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	file, err := folder.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.WriteString(file, token)
	if err = errors.Join(err, file.Close()); err == nil {
		err = folder.Rename(draft, TokenFile)
	}
	if err != nil {
		folder.Remove(draft)
	}
	return err
}

// LoadToken returns the token that was kept in a folder; "" if there is none.
func LoadToken(folder *os.Root) (string, error) {
	file, err := folder.Open(TokenFile)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 2*TokenLength))
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(text))
	if !tokenForm.MatchString(token) {
		return "", ErrTokenFile
	}
	return token, nil
}

// ErrTokenFile says that the file of the token has something else in it.
var ErrTokenFile = errors.New("the file " + TokenFile + " has no token in it: log in again")
