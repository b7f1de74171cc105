package store

import (
	"bytes"
	"encoding/binary"
	"iter"

	"go.etcd.io/bbolt"
)

// The buckets of the file. The k stands before a key since the format has no empty ones. Moments are 8 bytes,
// big-endian, so that the first is the earliest.
var (
	pairsBucket  = []byte("pairs")  // k, key -> value
	expiryBucket = []byte("expiry") // k, key -> moment, of pairs that expire
	dueBucket    = []byte("due")    // moment, key -> nothing, of the same
	sumsBucket   = []byte("sums")   // sums -> how many pairs, and their size (8 bytes each, big-endian)

	keyPrefix = []byte{'k'}
	sumsKey   = []byte("sums")
)

const (
	momentSize = 8
	sumsSize   = 16
)

// prepare makes what a new file lacks, or one from before there was expiry. It returns when the first pair expires.
func prepare(tx *bbolt.Tx) (due moment, err error) {
	for _, name := range [][]byte{pairsBucket, expiryBucket, dueBucket, sumsBucket} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return 0, err
		}
	}
	t := writing(tx, 0)
	if t.sums.Get(sumsKey) == nil {
		for pair := range t.Scan(nil) {
			t.count++
			t.size += sizeOf(pair.Key, pair.Value)
		}
		if err := t.putSums(); err != nil {
			return 0, err
		}
	}
	return t.nextDue(), nil
}

// boltTx is the store as a View or a group of Updates has it.
type boltTx struct {
	pairs       *bbolt.Bucket
	expiry, due *bbolt.Bucket // nil to a View of a store in which nothing expires
	sums        *bbolt.Bucket
	expiring    bool // something may expire

	count, size, limit int64
	clock
	undo    []boltChange // of the Update that runs
	written int64        // bytes, by the group
	changes int
}

// A boltPair is what stands under a key; value is nil where nothing does.
type boltPair struct {
	value   []byte
	expires moment
}

// size is what a pair counts under its key in the file.
func (p boltPair) size(name []byte) int64 {
	if p.value == nil {
		return 0
	}
	return sizeOf(name[len(keyPrefix):], p.value)
}

// A boltChange is what a pair was before.
type boltChange struct {
	key []byte // as in the file
	was boltPair
}

func reading(tx *bbolt.Tx, expiring bool) *boltTx {
	t := &boltTx{pairs: tx.Bucket(pairsBucket), expiring: expiring}
	if expiring {
		t.expiry, t.due = tx.Bucket(expiryBucket), tx.Bucket(dueBucket)
	}
	return t
}

func writing(tx *bbolt.Tx, limit int64) *boltTx {
	t := reading(tx, true)
	t.limit, t.expiring = limit, t.nextDue() != 0
	t.readSums()
	return t
}

func (t *boltTx) readSums() {
	t.sums = t.pairs.Tx().Bucket(sumsBucket)
	if sums := t.sums.Get(sumsKey); len(sums) == sumsSize {
		t.count, t.size = int64(binary.BigEndian.Uint64(sums)), int64(binary.BigEndian.Uint64(sums[8:]))
	}
}

// reader is the same at this moment.
func (t *boltTx) reader() *boltTx {
	r := *t
	r.clock = clock{}
	return &r
}

// run does one Update.
func (t *boltTx) run(do func(Writer) error) error {
	kept := false
	t.clock, t.undo = clock{}, t.undo[:0]
	defer func() {
		if !kept {
			t.takeBack()
		}
		clear(t.undo)
	}()
	err := do(t)
	kept = err == nil
	return err
}

// takeBack undoes what an Update has done, the latest first.
func (t *boltTx) takeBack() {
	undo := t.undo
	for i := len(undo) - 1; i >= 0; i-- {
		key, was := undo[i].key, undo[i].was
		if was.value != nil {
			t.set(key, t.at(key), was)
		} else {
			t.remove(key, t.at(key))
		}
	}
}

// changed reports whether the group has something to keep.
func (t *boltTx) changed() bool { return t.changes > 0 }

func (t *boltTx) putSums() error {
	sums := binary.BigEndian.AppendUint64(nil, uint64(t.count))
	return t.sums.Put(sumsKey, binary.BigEndian.AppendUint64(sums, uint64(t.size)))
}

func fileKey(key []byte) []byte {
	return append(keyPrefix[:1:1], key...)
}

func dueKey(expires moment, fileKey []byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(expires)), fileKey[len(keyPrefix):]...)
}

// expires returns when a pair does, 0 for never.
func (t *boltTx) expires(fileKey []byte) moment {
	if !t.expiring {
		return 0
	}
	if at := t.expiry.Get(fileKey); len(at) == momentSize {
		return moment(binary.BigEndian.Uint64(at))
	}
	return 0
}

// at returns what stands under a key, expired or not.
func (t *boltTx) at(name []byte) (p boltPair) {
	if p.value = t.pairs.Get(name); p.value != nil {
		p.expires = t.expires(name)
	}
	return p
}

func (t *boltTx) Get(key []byte) (Pair, bool) {
	p := t.at(fileKey(key))
	if p.value == nil || t.past(p.expires) {
		return Pair{}, false
	}
	return Pair{key, p.value, p.expires.time()}, true
}

func (t *boltTx) Scan(from []byte) iter.Seq[Pair] {
	return func(yield func(Pair) bool) {
		cursor, changes := t.pairs.Cursor(), t.changes
		for name, value := cursor.Seek(fileKey(from)); name != nil; {
			if expires := t.expires(name); !t.past(expires) && !yield(Pair{name[1:], value, expires.time()}) {
				return
			}
			if changes == t.changes {
				name, value = cursor.Next()
				continue
			}
			cursor, changes = t.pairs.Cursor(), t.changes
			name, value = cursor.Seek(append(bytes.Clone(name), 0)) // the least key after this one
		}
	}
}

func (t *boltTx) Len() int {
	if t.sums == nil {
		t.readSums()
	}
	if t.due == nil {
		return int(t.count)
	}
	expired := 0
	cursor := t.due.Cursor()
	for name, _ := cursor.First(); name != nil && t.past(momentIn(name)); name, _ = cursor.Next() {
		expired++
	}
	return int(t.count) - expired
}

func momentIn(dueKey []byte) moment { return moment(binary.BigEndian.Uint64(dueKey)) }

func (t *boltTx) Put(pair Pair) error {
	if err := check(pair); err != nil {
		return err
	}
	expires := momentOf(pair.Expires)
	if t.past(expires) {
		t.Delete(pair.Key)
		return nil
	}
	name := fileKey(pair.Key)
	was := t.at(name)
	if t.past(was.expires) {
		t.drop(name, was)
		was = boltPair{}
	}
	now := boltPair{append([]byte{}, pair.Value...), expires}
	growth := now.size(name) - was.size(name)
	for growth > 0 && t.size+growth > t.limit {
		if !t.dropDue() {
			return ErrFull
		}
	}
	t.note(name, was)
	t.set(name, was, now)
	return nil
}

func (t *boltTx) Delete(key []byte) bool {
	name := fileKey(key)
	was := t.at(name)
	if was.value == nil {
		return false
	}
	t.drop(name, was)
	return !t.past(was.expires)
}

// dropDue removes the pair that expired first, if there is one.
func (t *boltTx) dropDue() bool {
	name, _ := t.due.Cursor().First()
	if name == nil || !t.past(momentIn(name)) {
		return false
	}
	due := fileKey(name[momentSize:])
	t.drop(due, t.at(due))
	return true
}

func (t *boltTx) nextDue() moment {
	if name, _ := t.due.Cursor().First(); name != nil {
		return momentIn(name)
	}
	return 0
}

func (t *boltTx) drop(name []byte, was boltPair) {
	t.note(name, was)
	t.remove(name, was)
}

// note remembers what a pair was.
func (t *boltTx) note(name []byte, was boltPair) { t.undo = append(t.undo, boltChange{name, was}) }

// set and remove do it, where that was before. The database keeps the value's slice until the commit. It refuses only what is checked
// before: an empty key, one too long, a transaction that cannot write.

func (t *boltTx) set(name []byte, was, now boltPair) {
	t.account(name, was, now)
	t.forget(name, was, now)
	must(t.pairs.Put(name, now.value))
	if now.expires != 0 {
		t.expiring = true
		must(t.expiry.Put(name, binary.BigEndian.AppendUint64(nil, uint64(now.expires))))
		must(t.due.Put(dueKey(now.expires, name), []byte{}))
	}
}

func (t *boltTx) remove(name []byte, was boltPair) {
	t.account(name, was, boltPair{})
	t.forget(name, was, boltPair{})
	must(t.pairs.Delete(name))
}

func (t *boltTx) account(name []byte, was, now boltPair) {
	t.size += now.size(name) - was.size(name)
	if was.value != nil {
		t.count--
	}
	if now.value != nil {
		t.count++
	}
	t.changes++
	t.written += sizeOf(name, now.value)
}

// forget removes the expiry that a pair had, unless it has the same now.
func (t *boltTx) forget(name []byte, was, now boltPair) {
	if was.expires == 0 || was.expires == now.expires {
		return
	}
	must(t.due.Delete(dueKey(was.expires, name)))
	if now.expires == 0 {
		must(t.expiry.Delete(name))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
