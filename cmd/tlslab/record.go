package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
	"github.com/spf13/cobra"
)

// A keeper keeps each session in a file of its own: the first in the one that
// --record names, later ones beside it. A nil keeper keeps nothing.
type keeper struct {
	*program
	name      string
	noSecrets bool
	alone     bool            // nobody else reads the recordings
	ready     *capture.Writer // made, and not used yet
	written   []recordedFile

	mu      sync.Mutex
	problem error
}

// A recordedFile is one that holds a session.
type recordedFile struct {
	name string
	*capture.Writer
}

// flagRecord gives cmd the flags for a file that keeps its session.
func (p *program) flagRecord(cmd *cobra.Command, name *string, noSecrets *bool) {
	cmd.Flags().StringVar(name, "record", "", p.say("cmd_flag_record"))
	cmd.Flags().BoolVar(noSecrets, "no-secrets", false, p.say("cmd_flag_record_no_secrets"))
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if *noSecrets && *name == "" {
			return usage(p.say("cmd_no_secrets_without_record"))
		}
		return nil
	}
}

// keep makes the file, so that one that is there already is an error now.
func (p *program) keep(name string, noSecrets bool) (*keeper, error) {
	if name == "" {
		return nil, nil
	}
	k := &keeper{program: p, name: name, noSecrets: noSecrets}
	var err error
	k.ready, err = create(name, noSecrets, p.sentence)
	return k, err
}

// create makes a file for a session, whose comments are in a language.
func create(name string, noSecrets bool, sentence *docs.Sentences) (*capture.Writer, error) {
	file, err := capture.Create(name)
	if errors.Is(err, fs.ErrExist) {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	if err != nil {
		return nil, err
	}
	file.NoSecrets, file.Say = noSecrets, sentence.Say
	return file, nil
}

// saveRecording keeps what a recording has come to in a new file. It says so in a language, or what went wrong.
func saveRecording(recording *inspect.Recording, name string, noSecrets bool, lang string) (said string, err error) {
	p := &program{sentence: docs.For(lang)}
	file, err := create(name, noSecrets, p.sentence)
	if err != nil {
		return "", errors.New(p.explain(err))
	}
	if err := errors.Join(file.Extend(recording), file.Close()); err != nil {
		return "", errors.New(p.explain(errors.Join(err, os.Remove(name))))
	}
	return p.sayWritten(name, file.HoldsSecrets()), nil
}

// sayWritten says that a file is there, and whether it holds secrets.
func (p *program) sayWritten(name string, secrets bool) string {
	if secrets {
		return p.say("export_written_secrets", "path", safe(name))
	}
	return p.say("export_written", "path", safe(name))
}

// follow writes a recording while it grows, until done is called.
func (k *keeper) follow(recording *inspect.Recording) (done func()) {
	if k == nil {
		return func() {}
	}
	file, err := k.next()
	if err != nil {
		k.failed(err)
		return func() {}
	}
	file.Alone = k.alone
	ctx, stop := context.WithCancel(context.Background())
	var following sync.WaitGroup
	following.Go(func() {
		k.failed(file.Follow(ctx, recording))
		k.failed(file.Close())
	})
	return func() {
		stop()
		following.Wait()
	}
}

// next returns the file for one more session: FILE, FILE-2, FILE-3 and so on.
func (k *keeper) next() (*capture.Writer, error) {
	if file := k.ready; file != nil {
		k.ready, k.written = nil, append(k.written, recordedFile{k.name, file})
		return file, nil
	}
	extension := filepath.Ext(k.name)
	for n := 2; ; n++ {
		name := fmt.Sprintf("%s-%d%s", strings.TrimSuffix(k.name, extension), n, extension)
		file, err := create(name, k.noSecrets, k.sentence)
		if err == nil {
			k.written = append(k.written, recordedFile{name, file})
		}
		if !errors.Is(err, fs.ErrExist) {
			return file, err
		}
	}
}

func (k *keeper) failed(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.problem == nil {
		k.problem = err
	}
}

// close says which files there are, and returns what went wrong with any of them.
func (k *keeper) close() error {
	if k == nil {
		return nil
	}
	if k.ready != nil {
		k.failed(k.ready.Close())
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, file := range k.written {
		fmt.Fprintln(k.err, k.sayWritten(file.name, file.HoldsSecrets()))
	}
	return k.problem
}
