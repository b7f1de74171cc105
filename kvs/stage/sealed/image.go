package sealed

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"example.com/tlslab/kvs/store"
)

// MaxImage is how many bytes an image has at most.
const MaxImage = 16 << 20

// An Image is what the space of every new container begins with. In the original it was
// the ISO image of a virtual machine; here it is a file of JSON lines, one pair each:
//
//	{"key": "nome", "value": "ana"}
//
// Empty lines are passed over. A nil Image is an empty one.
type Image struct {
	sum   [sha256.Size]byte
	pairs []imagePair
}

type imagePair struct {
	Key   *string `json:"key"`
	Value *string `json:"value"`
}

// An ImageError says what is wrong with an image, and where.
type ImageError struct {
	Name string // the file's
	Line int    // from 1; 0 if the file as a whole is to blame
	Err  error
}

func (e *ImageError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.Name, e.Err)
	}
	return fmt.Sprintf("%s:%d: %v", e.Name, e.Line, e.Err)
}

// Unwrap returns the cause.
func (e *ImageError) Unwrap() error { return e.Err }

// What can be wrong with an image, besides its pairs being no pairs of package store.
var (
	ErrImageLine  = errors.New(`a line must be {"key": "...", "value": "..."}`)
	ErrImageTwice = errors.New("the key stood before")
	ErrImageSize  = fmt.Errorf("an image has at most %d bytes", MaxImage)
)

// OpenImage reads an image from a file. The error is an *[ImageError].
func OpenImage(path string) (*Image, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, &ImageError{Name: path, Err: err}
	}
	defer file.Close()
	return ReadImage(path, file)
}

// ReadImage reads an image; the name is for errors, which are *[ImageError].
func ReadImage(name string, r io.Reader) (*Image, error) {
	content, err := io.ReadAll(io.LimitReader(r, MaxImage+1))
	if err == nil && len(content) > MaxImage {
		err = ErrImageSize
	}
	if err != nil {
		return nil, &ImageError{Name: name, Err: err}
	}
	image := &Image{sum: sha256.Sum256(content)}
	seen := make(map[string]bool)
	lines := bufio.NewScanner(bytes.NewReader(content))
	lines.Buffer(nil, MaxImage+1)
	for number := 1; lines.Scan(); number++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		pair, err := readPair(lines.Bytes())
		if err == nil && seen[*pair.Key] {
			err = ErrImageTwice
		}
		if err != nil {
			return nil, &ImageError{name, number, err}
		}
		seen[*pair.Key] = true
		image.pairs = append(image.pairs, pair)
	}
	return image, nil
}

func readPair(line []byte) (imagePair, error) {
	var pair imagePair
	if !utf8.Valid(line) { // which encoding/json would make something else of
		return pair, ErrImageLine
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&pair); err != nil || pair.Key == nil || pair.Value == nil {
		return pair, ErrImageLine
	}
	if _, err := decoder.Token(); err != io.EOF {
		return pair, ErrImageLine
	}
	if len(*pair.Key) > store.MaxKey || len(*pair.Value) > store.MaxValue {
		return pair, store.ErrTooLarge
	}
	return pair, nil
}

// SHA256 returns the digest of the file, in hex.
func (i *Image) SHA256() string {
	if i == nil {
		return fmt.Sprintf("%x", sha256.Sum256(nil))
	}
	return fmt.Sprintf("%x", i.sum)
}

// fill puts the pairs into a space.
func (i *Image) fill(space store.Store) error {
	if i == nil {
		return nil
	}
	for _, pair := range i.pairs {
		if err := store.Create(space, []byte(*pair.Key), []byte(*pair.Value)); err != nil {
			return err
		}
	}
	return nil
}
