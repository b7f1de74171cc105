package sockets

import (
	"errors"

	"example.com/tlslab/kvs/store"
)

// MaxList is how many bytes of products a list in memory takes, and MaxAnswer how long the
// JSON text of any list may be.
const (
	MaxList   = 1 << 20
	MaxAnswer = 4 << 20
)

// A database keeps products, each as a pair of its code and its JSON text, in the order
// of the codes.
type database struct{ pairs store.Store }

// newDatabase returns the database in a store; nil is one in memory.
func newDatabase(pairs store.Store) database {
	if pairs == nil {
		pairs = &store.Memory{Limit: MaxList}
	}
	return database{pairs}
}

func (d database) add(p Product) error {
	err := store.Create(d.pairs, []byte(p.Code), p.json())
	switch {
	case errors.Is(err, store.ErrExists):
		return refuse("sockets_code_exists", "code", shown([]byte(p.Code)))
	case errors.Is(err, store.ErrFull), errors.Is(err, store.ErrTooLarge):
		return refuse("sockets_list_full")
	}
	return failedDatabase(err)
}

// all returns the products as the JSON text of an array.
func (d database) all() (string, error) {
	list := []byte{'['}
	err := store.Each(d.pairs, func(_, product []byte) error {
		if len(list) > 1 {
			list = append(list, ',')
		}
		product, err := checked(product)
		if err != nil {
			return err
		}
		if list = append(list, product...); len(list) >= MaxAnswer {
			return refuse("sockets_list_too_long", "limit", MaxAnswer)
		}
		return nil
	})
	return string(append(list, ']')), failedDatabase(err)
}

// find returns the product of that code as a JSON text.
func (d database) find(code string) (string, error) {
	product, err := store.Read(d.pairs, []byte(code))
	if errors.Is(err, store.ErrNotFound) {
		return "", refuse("sockets_no_such_product", "code", shown([]byte(code)))
	}
	if err == nil {
		product, err = checked(product)
	}
	return string(product), failedDatabase(err)
}

// checked returns a product as it is kept, if it is one: a file of pairs may have been filled by another program.
func checked(text []byte) ([]byte, error) {
	product, err := ParseProduct(text)
	if err != nil {
		return nil, errNoProduct
	}
	return product.json(), nil
}

var errNoProduct = errors.New("the store has a pair in it that is no product")

// A databaseError is a fault of the server's, of which its client need not know more.
type databaseError struct{ error }

func (e *databaseError) Unwrap() error { return e.error }

func failedDatabase(err error) error {
	if err == nil || errors.As(err, new(*RequestError)) {
		return err
	}
	return &databaseError{err}
}
