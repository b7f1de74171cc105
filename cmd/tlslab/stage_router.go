package main

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/stage/router"
)

func (r *stageRun) serveRouter(ctx context.Context, listener net.Listener) error {
	if r.folder == "" {
		return usage(r.say("cmd_stage_wants_folder"))
	}
	folder, err := os.OpenRoot(r.folder)
	if err != nil {
		return err
	}
	defer folder.Close()
	server := router.NewServer(folder)
	server.Lang, server.Out, server.Flawed = r.sentence.Lang(), r.out, r.flawed
	return server.Serve(ctx, listener)
}

func (r *stageRun) talkToRouter(ctx context.Context, words []string) error {
	if r.tokens == "" {
		r.tokens = filepath.Join(dataDir(), "router")
	}
	if err := os.MkdirAll(r.tokens, 0o700); err != nil {
		return err
	}
	tokens, err := os.OpenRoot(r.tokens)
	if err != nil {
		return err
	}
	defer tokens.Close()
	conn, err := r.dial(ctx)
	if err != nil {
		return err
	}
	client := router.NewClient(conn)
	client.Lang, client.Tokens = r.sentence.Lang(), tokens
	if len(words) > 1 || len(words) == 1 && !strings.HasPrefix(words[0], "{") { // a package stands as it is
		for i, word := range words {
			words[i] = kvs.Quote([]byte(word))
		}
	}
	err = r.converse(ctx, words, func(in io.Reader) error { return client.Run(ctx, in, r.out) })
	if err != nil {
		return failed(router.Explain(r.sentence, err), err)
	}
	return r.failedIf(client.Refused(), words)
}
