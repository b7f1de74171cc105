package sockets

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs"
)

// A Product is what clients send: as a gob in V3, as JSON in V4 and V5. In JSON its price has two decimals or more, as
// prices are written: 2.50.
type Product struct {
	Code  string  `json:"code"`
	Name  string  `json:"name"`
	Price float64 `json:"price"`
}

// productType is what the definition of the type says in a gob.
const productType = "Product{Code string, Name string, Price float}"

// shown returns the product as a person reads it in a language, safe to show.
func (p Product) shown(lang string) string {
	return inspect.Safe(p.Code) + ", " + inspect.Safe(p.Name) + ", " + decimal(p.Price, 2, lang)
}

// decimal writes a number with so many decimals, as the language does.
func decimal(number float64, decimals int, lang string) string {
	text := strconv.FormatFloat(number, 'f', decimals, 64)
	if docs.For(lang).Lang() == docs.Portuguese {
		return strings.Replace(text, ".", ",", 1)
	}
	return text
}

// check reports what is wrong with the product.
func (p Product) check() *RequestError {
	switch {
	case p.Code == "" || p.Name == "" || !utf8.ValidString(p.Code) || !utf8.ValidString(p.Name):
		return malformed("sockets_product_text")
	case math.IsNaN(p.Price) || math.IsInf(p.Price, 0) || p.Price < 0:
		return malformed("sockets_product_price")
	}
	return nil
}

// MarshalJSON implements [json.Marshaler].
func (p Product) MarshalJSON() ([]byte, error) {
	price, err := json.Marshal(p.Price)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err = encoder.Encode(struct {
		Code  string      `json:"code"`
		Name  string      `json:"name"`
		Price json.Number `json:"price"`
	}{p.Code, p.Name, json.Number(withCents(string(price)))})
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), err
}

// withCents gives a decimal number two decimals, if it has fewer; one with an exponent stays as it is.
func withCents(number string) string {
	whole, decimals, _ := strings.Cut(number, ".")
	if len(decimals) >= 2 || strings.ContainsAny(number, "eE") {
		return number
	}
	return whole + "." + decimals + strings.Repeat("0", 2-len(decimals))
}

// json returns the product, which is in order, as a JSON text on one line.
func (p Product) json() []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(p); err != nil {
		panic(err) // check lets no value pass that JSON does not have
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

// ParseProduct reads a product from a JSON text: an object with code, name and price, and with nothing
// else. The error is a *[RequestError].
func ParseProduct(text []byte) (Product, error) {
	var members struct {
		Code  *string
		Name  *string
		Price *float64
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&members)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return Product{}, malformed("sockets_not_json", "at", syntax.Offset)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Product{}, malformed("sockets_not_json", "at", len(text))
	case err != nil, members.Code == nil, members.Name == nil, members.Price == nil, decoder.Decode(new(any)) != io.EOF:
		return Product{}, malformed("sockets_product_form")
	}
	product := Product{*members.Code, *members.Name, *members.Price}
	if err := product.check(); err != nil {
		return Product{}, err
	}
	return product, nil
}

// parseWords makes a product of the words of a command: adicionar CODE NAME PRICE, where the price may have a
// decimal comma. The error is a *UsageError.
func parseWords(words []string) (Product, error) {
	if len(words) != 4 {
		return Product{}, misuse("sockets_usage_add")
	}
	price, err := strconv.ParseFloat(strings.Replace(words[3], ",", ".", 1), 64)
	if err != nil {
		return Product{}, misuse("sockets_usage_price", "price", shown([]byte(words[3])))
	}
	product := Product{words[1], words[2], price}
	if err := product.check(); err != nil {
		return Product{}, misuse(err.id)
	}
	return product, nil
}

// split cuts a command into words, of which there is at least one; one that has spaces stands in double quotes.
func split(command string) ([]string, error) {
	words, err := kvs.Split([]byte(command))
	if err != nil {
		return nil, err
	}
	if len(words) == 0 {
		return nil, misuse("sockets_usage_empty")
	}
	all := make([]string, len(words))
	for i, word := range words {
		all[i] = string(word)
	}
	return all, nil
}
