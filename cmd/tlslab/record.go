package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
)

// A keeper keeps each session in a file of its own: the first in the one that
// --record names, later ones beside it. A nil keeper keeps nothing.
type keeper struct {
	name  string
	ready *capture.Writer // made, and not used yet

	mu      sync.Mutex
	problem error
}

// keep makes the file, so that one that is there already is an error now.
func keep(name string) (*keeper, error) {
	if name == "" {
		return nil, nil
	}
	file, err := capture.Create(name)
	if errors.Is(err, fs.ErrExist) {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	if err != nil {
		return nil, err
	}
	return &keeper{name: name, ready: file}, nil
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
		k.ready = nil
		return file, nil
	}
	extension := filepath.Ext(k.name)
	for n := 2; ; n++ {
		file, err := capture.Create(fmt.Sprintf("%s-%d%s", strings.TrimSuffix(k.name, extension), n, extension))
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

// close returns what went wrong with any of the files.
func (k *keeper) close() error {
	if k == nil {
		return nil
	}
	if k.ready != nil {
		k.failed(k.ready.Close())
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.problem
}
