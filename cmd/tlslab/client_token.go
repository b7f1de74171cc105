package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"example.com/tlslab/kvs"
)

// tokenVariable is the environment variable that holds a token, where no file is named.
const tokenVariable = "TLSLAB_TOKEN"

// longestToken bounds a token, in bytes.
const longestToken = 4 << 10

// readToken returns the token that was given, in a file or in the environment: never in an argument, which others on the
// computer can read.
func (r *clientRun) readToken() ([]byte, error) {
	if r.tokenFile == "" {
		return bytes.TrimSpace([]byte(os.Getenv(tokenVariable))), nil
	}
	file, err := os.Open(r.tokenFile)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, longestToken+1))
	if err != nil {
		return nil, err
	}
	token := bytes.TrimSpace(text)
	if len(token) == 0 || len(text) > longestToken || bytes.ContainsAny(token, " \n") {
		return nil, failed(r.say("client_token_none", "path", safe(r.tokenFile)), nil)
	}
	return token, nil
}

// identify says who the client is, before anything else is asked.
func (r *clientRun) identify(ctx context.Context) error {
	if len(r.token) == 0 {
		return nil
	}
	err := r.askFirst(ctx, "auth "+kvs.Quote(r.token))
	var no *kvs.AnswerError
	if errors.As(err, &no) {
		err = failed(r.say("client_token_refused", "addr", safe(r.addr), "answer", safe(strings.TrimPrefix(strings.TrimPrefix(no.Answer, "Error: "), "Erro: "))), err)
		r.hangUp(ctx)
	}
	return err
}

// speakAsBefore asks a server that was lost for the language again in which its answers came. One that does not know it answers in its own.
func (r *clientRun) speakAsBefore(ctx context.Context) error {
	if r.language == "" {
		return nil
	}
	err := r.askFirst(ctx, r.language)
	if errors.As(err, new(*kvs.AnswerError)) {
		return nil
	}
	return err
}

// askFirst sends a request of the client's own on a new connection. The error is an answer's, or that of the connection, which is of no more
// use then.
func (r *clientRun) askFirst(ctx context.Context, line string) error {
	err := r.attend(ctx, r.timeout, func(ctx context.Context) error {
		_, err := r.link.do(ctx, line)
		return err
	})
	if err != nil && !errors.As(err, new(*kvs.AnswerError)) {
		err = r.unanswered(ctx, line, err)
		r.drop(ctx)
	}
	return err
}
