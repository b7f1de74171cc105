package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"example.com/tlslab/kvs/store"
	"github.com/spf13/cobra"
)

// defaultDB is where serve keeps the pairs if nothing else is said.
func defaultDB() string { return filepath.Join(dataDir(), "pairs.db") }

func (p *program) store() *cobra.Command {
	cmd := p.group("store", "cmd_store_short", "cmd_store_long", "cmd_store_example")
	replace := false
	load := p.storeCommand("import", p.say("cmd_store_file_args"), 0, func(db, file string) error { return p.importPairs(db, file, replace) })
	load.Flags().BoolVar(&replace, "replace", false, p.say("cmd_flag_store_replace"))
	cmd.AddCommand(
		p.storeCommand("verify", "", 0, p.verifyStore),
		p.storeCommand("backup", p.say("cmd_file_arg"), 1, p.backupStore),
		p.storeCommand("compact", "", 0, p.compactStore),
		p.storeCommand("export", p.say("cmd_store_file_args"), 0, p.exportPairs),
		load,
	)
	return cmd
}

// storeCommand is a command on the file of --db, and on another one that may be named, or must be.
func (p *program) storeCommand(name, arg string, least int, do func(db, file string) error) *cobra.Command {
	about := map[string][2]string{
		"verify":  {p.say("cmd_store_verify_short"), p.say("cmd_store_verify_long")},
		"backup":  {p.say("cmd_store_backup_short"), p.say("cmd_store_backup_long")},
		"compact": {p.say("cmd_store_compact_short"), p.say("cmd_store_compact_long")},
		"export":  {p.say("cmd_store_export_short"), p.say("cmd_store_export_long")},
		"import":  {p.say("cmd_store_import_short"), p.say("cmd_store_import_long")},
	}[name]
	use := name
	if arg != "" {
		use += " " + arg
	}
	var db string
	cmd := &cobra.Command{
		Use: use + " " + p.say("cmd_options"), Short: about[0], Long: about[1], DisableFlagsInUseLine: true,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case arg == "":
				return p.noArgs(cmd, args)
			case len(args) > 1:
				return usage(p.say("cmd_too_many_words", "command", name, "word", safe(args[1])))
			case len(args) < least:
				return usage(p.say("cmd_store_wants_file", "command", name))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if db == "" {
				db = defaultDB()
			}
			return do(db, append(args, "")[0])
		},
	}
	cmd.Flags().StringVar(&db, "db", "", p.say("cmd_flag_store_db"))
	return cmd
}

func (p *program) verifyStore(db, _ string) error {
	found, err := store.Verify(db)
	if err != nil {
		return p.inUse(err)
	}
	fmt.Fprintln(p.out, p.say("cmd_store_verified", "path", safe(db)))
	p.fact("cmd_store_pairs", fmt.Sprint(found.Pairs))
	p.fact("cmd_store_expiring", fmt.Sprint(found.Expiring))
	p.fact("cmd_store_bytes", fmt.Sprint(found.Bytes))
	p.fact("cmd_store_file_bytes", fmt.Sprint(found.File))
	p.fact("cmd_store_free_bytes", fmt.Sprint(found.Free))
	return nil
}

func (p *program) backupStore(db, file string) error {
	return p.withStore(db, func(pairs *store.Bolt) error {
		if err := pairs.BackupFile(file); err != nil {
			return err
		}
		fmt.Fprintln(p.out, p.say("cmd_store_backed_up", "path", safe(db), "file", safe(file)))
		return nil
	})
}

func (p *program) compactStore(db, _ string) error {
	before, after, err := store.Compact(db)
	if err != nil {
		return p.inUse(err)
	}
	fmt.Fprintln(p.out, p.say("cmd_store_compacted", "path", safe(db), "before", before.File, "after", after.File))
	return nil
}

// exportPairs writes to a new file, or to standard output if none is named.
func (p *program) exportPairs(db, file string) error {
	return p.withStore(db, func(pairs *store.Bolt) error {
		if file == "" || file == "-" {
			return store.Export(pairs, p.out)
		}
		out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		if err := errors.Join(store.Export(pairs, out), out.Sync(), out.Close()); err != nil {
			return errors.Join(err, os.Remove(file))
		}
		return nil
	})
}

// importPairs reads a file, or standard input if none is named, into a store that is made if there is none.
func (p *program) importPairs(db, file string, replace bool) error {
	var in io.Reader = p.in
	if file != "" && file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return err
		}
		defer opened.Close()
		in = opened
	}
	if db == defaultDB() {
		if err := os.MkdirAll(dataDir(), 0o700); err != nil {
			return err
		}
	}
	pairs, err := store.Open(db, store.Options{})
	if err != nil {
		return p.inUse(err)
	}
	n, err := store.Import(pairs, in, replace)
	if err := errors.Join(err, pairs.Close()); err != nil {
		return failed(p.say("cmd_store_import_failed", "reason", p.explain(err), "count", n), err)
	}
	fmt.Fprintln(p.out, p.say("cmd_store_imported", "path", safe(db), "count", n))
	return nil
}

// withStore opens a store that is there.
func (p *program) withStore(db string, do func(*store.Bolt) error) error {
	if _, err := os.Stat(db); err != nil {
		return err
	}
	pairs, err := store.Open(db, store.Options{})
	if err != nil {
		return p.inUse(err)
	}
	return errors.Join(do(pairs), pairs.Close())
}

// inUse says besides what can be done about a store that a server has open.
func (p *program) inUse(err error) error {
	if locked := (*store.LockedError)(nil); errors.As(err, &locked) {
		return failed(p.say("cmd_store_in_use", "path", safe(locked.Path)), err)
	}
	return err
}

// backupPause is how long serve --backup waits from one copy to the next.
const backupPause = time.Hour

// backUp copies the pairs to a file, again and again, until done is called, which does it for the last time. What was
// there is replaced in one step, if it is a store.
func (r *serveRun) backUp(ctx context.Context, pairs store.Store) (done func() error, err error) {
	if r.backup == "" {
		return func() error { return nil }, nil
	}
	file, ok := pairs.(*store.Bolt)
	if !ok {
		return nil, usage(r.say("cmd_backup_of_memory"))
	}
	if _, err := store.Verify(r.backup); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := r.copyPairs(file); err != nil {
		return nil, err
	}
	log := r.told.Out
	if r.onScreen() {
		log = io.Discard // nothing is written over the screen; the last copy fails again
	}
	ctx, stop := context.WithCancel(ctx)
	var copying sync.WaitGroup
	copying.Go(func() {
		ticker := time.NewTicker(backupPause)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if err := r.copyPairs(file); err != nil {
					fmt.Fprintln(log, r.say("cmd_backup_failed", "reason", r.explain(err)))
				}
			}
		}
	})
	return func() error {
		stop()
		copying.Wait()
		return r.copyPairs(file)
	}, nil
}

func (r *serveRun) copyPairs(pairs *store.Bolt) error {
	backup := r.backup
	if real, err := filepath.EvalSymlinks(backup); err == nil {
		backup = real // where a link leads is replaced, and not the link
	}
	fresh := backup + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) { // from a run that was killed
		return err
	}
	if err := pairs.BackupFile(fresh); err != nil {
		return err
	}
	return os.Rename(fresh, backup)
}
