package main

import (
	"context"
	"errors"
	"io"
	"net"

	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/stage/sockets"
	"example.com/tlslab/kvs/store"
	"github.com/spf13/cobra"
)

func (r *stageRun) serveSockets(ctx context.Context, listener net.Listener) (err error) {
	version, _ := sockets.ParseVersion(r.name)
	server := &sockets.Server{Version: version, Lang: r.sentence.Lang(), Screen: r.out, Shared: r.shared || r.db != ""}
	if r.db != "" {
		pairs, err := store.Open(r.db, store.Options{})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, pairs.Close()) }()
		server.Store = pairs
	}
	return server.Kernel().Serve(ctx, listener)
}

func (r *stageRun) talkToSockets(ctx context.Context, words []string) error {
	version, _ := sockets.ParseVersion(r.name)
	conn, err := r.dial(ctx)
	if err != nil {
		return err
	}
	client := sockets.NewClient(version, conn)
	client.Lang = r.sentence.Lang()
	if version > sockets.V2 { // before, what is said is any text
		for i, word := range words {
			words[i] = kvs.Quote([]byte(word))
		}
	}
	err = r.converse(ctx, words, func(in io.Reader) error { return client.Run(ctx, in, r.out) })
	if err != nil {
		return failed(sockets.Explain(r.sentence, err), err)
	}
	return r.failedIf(client.Refused(), words)
}

// warmUp is the exercise on concurrency that comes before the last version.
func (p *program) warmUp() *cobra.Command {
	return &cobra.Command{
		Use:                   "warm-up",
		Short:                 p.say("cmd_stage_warm_up_short"),
		Long:                  p.say("cmd_stage_warm_up_long"),
		Args:                  p.noArgs,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := (&sockets.WarmUp{Lang: p.sentence.Lang(), Screen: p.out}).Run(cmd.Context())
			if cmd.Context().Err() != nil {
				return nil // the user has seen enough
			}
			return err
		},
	}
}
