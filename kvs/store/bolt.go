package store

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	boltErrors "go.etcd.io/bbolt/errors"
)

const (
	// LockWait is how long Open waits for another process to let go of the file.
	LockWait = time.Second
	// DefaultFileLimit is how many bytes of pairs a [Bolt] takes when Options say nothing.
	DefaultFileLimit = 1 << 30
	// MaxFile is how large the file of a Bolt grows, in bytes; past it writes
	// return ErrFull, as they do past the limit of its pairs.
	MaxFile = 1<<31 - 1
)

// Sync is when a write is on the disk.
type Sync int

const (
	// Always has every write on the disk (fsync) before Update returns. Writers that come while the disk is busy share the
	// next fsync.
	Always Sync = iota
	// Interval lets Update return at once, and puts what was written on the disk every SyncInterval, in one piece. The danger: when the process is killed or
	// the machine stops, the writes of the last SyncInterval are lost, though they were answered; what is older is there, and the
	// file is in order. A disk that fails is told of by the next Update, or by Close, when it is too late for those writes.
	Interval
)

// SyncInterval is how often a store with Interval writes to the disk, at least.
const SyncInterval = time.Second

// Options are how a file is opened. The zero value is the safe one.
type Options struct {
	Sync Sync
	// Limit is how many bytes of pairs it takes, 0 for DefaultFileLimit. A pair counts its key, its
	// value and PairOverhead. Past it, Put returns ErrFull.
	Limit int64
	// Told, if it is not nil, is called when the disk begins to fail, with a *[DiskError], and with nil when it takes a write
	// again; not for each write between the two. It should be quick, since others wait for it, and must not use the store.
	Told func(err error)
}

// Bolt is a store in one file, an embedded database with transactions. Views run while an Update waits for the disk, and see only
// what is on it (with [Interval] they take turns with Updates, and see what was answered).
//
// An Update that fails for the disk's sake returns a *[DiskError]: of what it did, and of what those did who shared its
// fsync, nothing may be relied upon; all that was acknowledged before is there.
type Bolt struct {
	db      *bbolt.DB
	options Options

	expiring atomic.Bool // there is, or was, a pair that expires
	sweeper  sweeper

	waiting atomic.Int32 // Updates that have yet to have their turn
	mu      sync.Mutex   // whose turn it is
	group   *group       // of those that had it since the last commit; nil if none
	careful bool         // the last commit failed: each Update is committed by itself until one succeeds
	failed  error        // what the next Update must be told
	broken  bool         // and every one after it
	ailing  *DiskError   // what Told was told last
	closed  bool
	flush   *time.Timer
}

// A group is the Updates that one commit makes durable.
type group struct {
	tx      *bbolt.Tx
	pairs   *boltTx
	updates int
	awaited bool          // somebody waits for its end
	left    chan struct{} // one who waits is to see to it, since who came last does not
	done    chan struct{} // closed once err is set
	err     error
}

// The most that goes into one commit, so that nobody waits long and memory is bounded.
const (
	groupUpdates = 10_000
	groupBytes   = 16 << 20
)

// Open opens the store in the file at path, and makes the file (mode 0600) when
// there is none. The folder must exist.
//
// A file that is there is read through before anything is written to it.
// Open returns a *[LockedError] when another process still holds the file after
// [LockWait], a *[DamagedError] when it is not a store in order, and otherwise
// what the operating system said.
func Open(path string, options Options) (*Bolt, error) {
	deadline := time.Now().Add(LockWait)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist): // made below
	case err == nil && info.Mode().IsRegular() && info.Size() == 0: // filled below
	default:
		if _, err := Verify(path); err != nil {
			return nil, err
		}
	}
	// Never zero, which would mean to wait for ever.
	wait := max(time.Until(deadline), 100*time.Millisecond)
	db, err := openFile(path, bbolt.Options{
		Timeout: wait, MaxSize: MaxFile, InitialMmapSize: mapped(), FreelistType: bbolt.FreelistMapType, NoStatistics: true,
	})
	if err != nil {
		return nil, err
	}
	db.AllocSize = growth(0)
	options.Limit = cmp.Or(options.Limit, DefaultFileLimit)
	b := &Bolt{db: db, options: options}
	var due moment
	err = db.Update(func(tx *bbolt.Tx) (err error) {
		due, err = prepare(tx)
		return err
	})
	if err == nil && info == nil {
		err = syncFolder(path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the database %s: %w", path, err), db.Close())
	}
	b.expiring.Store(due != 0)
	b.sweeper.wake(due, b.sweep)
	return b, nil
}

// mapped is how much of the address space is set apart for the file: where that costs nothing, all that it may ever take.
// Otherwise the database, when it grows, waits for every reader, and all others wait for it.
func mapped() int {
	if runtime.GOOS == "windows" || ^uint(0)>>32 == 0 {
		return 0
	}
	return MaxFile
}

func openFile(path string, options bbolt.Options) (*bbolt.DB, error) {
	var opened *os.File
	options.OpenFile = func(path string, flag int, mode os.FileMode) (file *os.File, err error) {
		file, err = os.OpenFile(path, flag, mode)
		opened = file
		return file, err
	}
	db, err := bbolt.Open(path, 0o600, &options)
	var pathError *fs.PathError
	switch {
	case err == nil:
		if err := replaced(path, opened); err != nil {
			return nil, errors.Join(err, db.Close())
		}
		return db, nil
	case errors.Is(err, boltErrors.ErrTimeout):
		return nil, &LockedError{path}
	case errors.As(err, &pathError), errors.As(err, new(syscall.Errno)):
		return nil, fmt.Errorf("open the database: %w", err)
	default:
		return nil, &DamagedError{path, fmt.Errorf("%w: %w", ErrNoDatabase, err)}
	}
}

// replaced refuses a file that another one has taken the place of while this process waited for its lock, as Compact does it: what
// would be written to it would be lost.
func replaced(path string, opened *os.File) error {
	here, err := opened.Stat()
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	there, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("open the database: %w", err)
	case !os.SameFile(here, there):
		return &LockedError{path}
	}
	return nil
}

// View implements [Store].
func (b *Bolt) View(do func(Reader) error) error {
	if b.options.Sync == Interval {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.group != nil {
			return do(b.group.pairs.reader())
		}
	}
	tx, err := b.db.Begin(false)
	if err != nil {
		return plain(err)
	}
	defer tx.Rollback()
	return do(reading(tx, b.expiring.Load()))
}

// Views implements [Series]: all of them find what is on the disk when it begins; with [Interval] each is a View.
func (b *Bolt) Views() (view func(do func(Reader) error) error, end func(), err error) {
	if b.options.Sync == Interval {
		return b.View, func() {}, nil
	}
	tx, err := b.db.Begin(false)
	if err != nil {
		return nil, nil, plain(err)
	}
	reader := reading(tx, b.expiring.Load())
	return func(do func(Reader) error) error { return do(reader) }, func() { tx.Rollback() }, nil
}

// Update implements [Store].
func (b *Bolt) Update(do func(Writer) error) error {
	g, err := b.join(do, false)
	if g == nil {
		return err
	}
	return cmp.Or(b.await(g), err)
}

// Later implements [Pipeline]. With [Interval] there is nothing to wait for.
func (b *Bolt) Later(do func(Writer) error) (wait func() error, err error) {
	g, err := b.join(do, true)
	if g == nil {
		return func() error { return nil }, err
	}
	return func() error {
		b.mu.Lock()
		if g.awaited = true; b.group == g {
			b.settle()
		}
		b.mu.Unlock()
		return b.await(g)
	}, err
}

// await waits until a group has ended, and returns how.
func (b *Bolt) await(g *group) error {
	for {
		select {
		case <-g.done:
			return g.err
		case <-g.left:
			b.mu.Lock()
			if b.group == g {
				b.settle()
			}
			b.mu.Unlock()
		}
	}
}

// join has do done in the group that is open, and returns the group if its end must be awaited. More says that the caller comes
// again before he waits for that.
//
// There is no one who commits: whoever finds nobody behind him does it for all before him. While he waits for the disk, those
// who come queue up for their turn, and are the next group. Who comes again leaves the group open; but what he does before may take
// long, or wait for those who wait for the group, so one of these then looks after it.
func (b *Bolt) join(do func(Writer) error, more bool) (g *group, err error) {
	b.waiting.Add(1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting.Add(-1)
	if err := b.begin(); err != nil {
		return nil, err
	}
	g = b.group
	stays := false
	defer func() {
		if !stays || b.isFull() {
			b.settle()
		}
	}()
	g.updates++
	if err = g.pairs.run(do); b.options.Sync == Interval && !b.careful {
		return nil, err
	}
	g.awaited = g.awaited || !more
	if stays = more; stays && g.awaited {
		select {
		case g.left <- struct{}{}:
		default: // he has been told
		}
	}
	return g, err
}

// begin opens a group if there is none.
func (b *Bolt) begin() error {
	if b.closed {
		return ErrClosed
	}
	if err := b.failed; err != nil {
		if !b.broken {
			b.failed = nil
		}
		return err
	}
	if b.group != nil {
		return nil
	}
	tx, err := b.db.Begin(true)
	if err != nil {
		return plain(err)
	}
	b.group = &group{tx: tx, pairs: writing(tx, b.options.Limit), left: make(chan struct{}, 1), done: make(chan struct{})}
	return nil
}

// settle ends the group after an Update, unless it should grow.
func (b *Bolt) settle() {
	switch full := b.isFull(); {
	case !full && b.waiting.Load() > 0: // the next one settles
	case !full && b.options.Sync == Interval && b.group.pairs.changed():
		if b.flush == nil {
			b.flush = time.AfterFunc(SyncInterval, b.flushNow)
		}
	default:
		b.commit()
	}
}

// isFull reports whether the group must not grow.
func (b *Bolt) isFull() bool {
	return b.careful || b.group.updates >= groupUpdates || b.group.pairs.written >= groupBytes
}

func (b *Bolt) flushNow() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.flush = nil; b.group != nil {
		b.commit()
	}
}

var errUnfinished = errors.New("the commit was not finished")

// commit ends the group, and tells those who wait for it.
func (b *Bolt) commit() {
	g := b.group
	b.group, g.err = nil, errUnfinished
	defer close(g.done)
	changed, due := g.pairs.changed(), g.pairs.nextDue()
	if due != 0 {
		b.expiring.Store(true)
	}
	g.err = g.keep()
	untold := b.options.Sync == Interval && !b.careful // they were answered before
	b.careful = g.err != nil
	var disk *DiskError
	if errors.As(g.err, &disk) {
		if disk.Path = b.db.Path(); untold {
			disk.Lost = g.updates
		}
		if disk.Broken {
			b.failed, b.broken = g.err, true
		}
	}
	if disk != nil || changed && g.err == nil {
		b.tell(disk)
	}
	if g.err != nil && untold {
		b.failed = g.err
	}
	if changed && g.err == nil {
		b.sweeper.wake(due, b.sweep)
	}
}

// tell says how the disk is, unless it was as bad, or as well, the last time.
func (b *Bolt) tell(disk *DiskError) {
	was := b.ailing
	b.ailing = disk
	switch {
	case b.options.Told == nil:
	case disk == nil && was != nil:
		b.options.Told(nil)
	case disk != nil && (was == nil || disk.Broken != was.Broken):
		b.options.Told(disk)
	}
}

func (g *group) keep() error {
	if !g.pairs.changed() {
		return g.tx.Rollback()
	}
	if err := g.pairs.putSums(); err != nil {
		return errors.Join(plain(err), g.tx.Rollback())
	}
	g.tx.DB().AllocSize = growth(g.tx.Size())
	return plain(g.tx.Commit())
}

// growth is by how much a file grows when it must: each time costs one more fsync.
func growth(size int64) int { return int(min(max(size/4, 64<<10), 16<<20)) }

// Close implements [Store]. With [Interval], it first writes what is not yet on the disk; the error says that this, or the last
// time before, failed.
func (b *Bolt) Close() error {
	b.sweeper.end()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	if b.closed = true; b.flush != nil {
		b.flush.Stop()
	}
	if b.group != nil {
		b.commit()
	}
	return errors.Join(b.failed, b.db.Close())
}

// sweep removes some of what has expired.
func (b *Bolt) sweep() (next moment) {
	err := b.Update(func(w Writer) error {
		tx := w.(*boltTx)
		for range sweepPairs {
			if !tx.dropDue() {
				break
			}
		}
		next = tx.nextDue()
		return nil
	})
	if err != nil {
		return 0 // who writes is told; the next write that succeeds has it done
	}
	return next
}

// plain replaces the database's words by those of this package.
func plain(err error) error {
	var path *fs.PathError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, boltErrors.ErrDatabaseNotOpen):
		return ErrClosed
	case errors.Is(err, boltErrors.ErrMaxSizeReached):
		return fmt.Errorf("%w (its file may have %d bytes)", ErrFull, MaxFile)
	case errors.As(err, &path) && path.Op == "write", strings.HasPrefix(err.Error(), "file resize error"):
		// Pages that are in use are never written to, so the file is as it was.
		return &DiskError{Err: err}
	default:
		// After an fsync that failed, the next one succeeds and says nothing of what the failed one left out.
		return &DiskError{Err: err, Broken: true}
	}
}
