package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"syscall"

	"go.etcd.io/bbolt"
)

// The database maps its file into memory and trusts every offset in it; its
// own check does so too, and a damaged file then ends the process with a memory
// fault. So the file is first read here, with bounds, page by page.
//
// A file is pages of one size. The first two are metas, of which the valid one with the
// higher transaction counts. It names the root, a B+ tree of branch and leaf
// pages, and the list of free pages. A page is a header of 16 bytes, elements of 16 bytes, and
// the keys and values that the elements point to. Numbers are in the
// machine's byte order.

const (
	pageHeader = 16
	element    = 16

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10

	bucketElement = 0x01

	metaMagic    = 0xed0cdaed
	metaVersion  = 2
	metaChecksum = 56 // offset of the sum, which covers what stands before it
)

var order = binary.NativeEndian

// A Summary is what a file holds.
type Summary struct {
	Pairs    int64 // those that have expired and are not yet removed included
	Expiring int64 // of which that many expire
	Bytes    int64 // of keys and values
	File     int64 // bytes of the file
	Free     int64 // of which that many wait to be used again
}

// Verify reads the whole file of a store that nobody has open, and changes nothing. It returns a *[LockedError], a
// *[DamagedError], or what the operating system said. It finds every damage of the structure, and none inside a value.
func Verify(path string) (Summary, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return Summary{}, fmt.Errorf("open the database: %w", err)
	case info.IsDir():
		return Summary{}, fmt.Errorf("open the database: %w", &fs.PathError{Op: "open", Path: path, Err: syscall.EISDIR})
	case !info.Mode().IsRegular():
		return Summary{}, &DamagedError{path, ErrNotFile}
	case info.Size() == 0:
		return Summary{}, &DamagedError{path, ErrEmpty}
	}
	return verify(path)
}

// verify reads the file under the database's own lock. Opening it for
// reading looks at nothing but the metas.
func verify(path string) (Summary, error) {
	db, err := openFile(path, bbolt.Options{Timeout: LockWait, ReadOnly: true})
	if err != nil {
		return Summary{}, err
	}
	defer db.Close()
	file, err := os.Open(path)
	if err != nil {
		return Summary{}, fmt.Errorf("open the database: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Summary{}, fmt.Errorf("open the database: %w", err)
	}
	v := verifier{file: file, size: info.Size(), pageSize: int64(db.Info().PageSize), seen: map[uint64]bool{}}
	if err := v.run(); err != nil {
		return Summary{}, &DamagedError{path, err}
	}
	v.File = v.size
	return v.Summary, nil
}

type verifier struct {
	Summary
	file     io.ReaderAt
	size     int64
	pageSize int64
	pages    uint64          // in use, free ones included
	seen     map[uint64]bool // each page belongs to one owner

	expiries, dues uint64 // the sums of the hashes of what the two buckets say, which are the same
	sums           []byte // what the file says of itself; nil in one from before there was expiry
}

func (v *verifier) run() error {
	root, freelist, err := v.meta()
	if err != nil {
		return err
	}
	if v.pages > uint64(v.size/v.pageSize) {
		return fmt.Errorf("%w: it should have %d pages of %d bytes", ErrCut, v.pages, v.pageSize)
	}
	if err := v.tree(root, v.top); err != nil {
		return err
	}
	if err := v.free(freelist); err != nil {
		return err
	}
	if len(v.seen) != int(v.pages)-2 {
		return errors.New("some of its pages belong to nothing")
	}
	if v.expiries != v.dues {
		return errors.New("its two lists of what expires do not agree")
	}
	size := v.Bytes + v.Pairs*PairOverhead
	if v.sums != nil && (order64(v.sums) != v.Pairs || order64(v.sums[8:]) != size) {
		return errors.New("it holds another number of pairs than it says")
	}
	return nil
}

func order64(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) }

func (v *verifier) meta() (root, freelist uint64, err error) {
	var newest uint64
	found := false
	for page := range int64(2) {
		m := make([]byte, 64)
		if _, err := v.file.ReadAt(m, page*v.pageSize+pageHeader); err != nil {
			return 0, 0, err
		}
		sum := fnv.New64a()
		sum.Write(m[:metaChecksum])
		if order.Uint32(m) != metaMagic || order.Uint32(m[4:]) != metaVersion ||
			order.Uint64(m[metaChecksum:]) != sum.Sum64() {
			continue
		}
		if txid := order.Uint64(m[48:]); !found || txid > newest {
			root, freelist, v.pages = order.Uint64(m[16:]), order.Uint64(m[32:]), order.Uint64(m[40:])
			newest, found = txid, true
		}
	}
	if !found {
		return 0, 0, ErrNoDatabase
	}
	return root, freelist, nil
}

// page reads a page with those that continue it, and marks them.
func (v *verifier) page(id uint64, kinds uint16) (page, error) {
	header := make([]byte, pageHeader)
	if id < 2 || id >= v.pages {
		return nil, fmt.Errorf("it points to page %d, which does not exist", id)
	}
	if _, err := v.file.ReadAt(header, int64(id)*v.pageSize); err != nil {
		return nil, err
	}
	flags, count := order.Uint16(header[8:]), uint64(order.Uint32(header[12:]))+1
	if order.Uint64(header) != id || flags&kinds == 0 || flags&(flags-1) != 0 || count > v.pages-id {
		return nil, fmt.Errorf("page %d is overwritten", id)
	}
	for i := range count {
		if v.seen[id+i] {
			return nil, fmt.Errorf("page %d is used twice", id+i)
		}
		v.seen[id+i] = true
	}
	p := make(page, int64(count)*v.pageSize)
	_, err := v.file.ReadAt(p, int64(id)*v.pageSize)
	return p, err
}

// tree visits the leaves' elements, whose keys must rise.
func (v *verifier) tree(root uint64, visit visitor) error {
	return v.subtree(root, &rising{visit: visit}, nil)
}

func (v *verifier) subtree(id uint64, r *rising, lowest []byte) error {
	p, err := v.page(id, branchPage|leafPage)
	if err != nil {
		return err
	}
	if p.flags() == leafPage {
		return p.leaf(r, lowest)
	}
	if p.count() == 0 {
		return fmt.Errorf("page %d is empty", id)
	}
	for i := range p.count() {
		key, child, err := p.branchElement(i)
		if err != nil {
			return err
		}
		if bytes.Compare(key, lowest) < 0 || r.any && bytes.Compare(key, r.last) <= 0 {
			return errOrder
		}
		if err := v.subtree(child, r, key); err != nil {
			return err
		}
	}
	return nil
}

type visitor func(flags uint32, key, value []byte) error

// rising passes on elements whose keys rise.
type rising struct {
	visit visitor
	last  []byte
	any   bool
}

var errOrder = errors.New("its keys are out of order")

func (r *rising) next(flags uint32, key, value []byte) error {
	if r.any && bytes.Compare(key, r.last) <= 0 {
		return errOrder
	}
	r.last, r.any = key, true
	return r.visit(flags, key, value)
}

// top visits the root's elements: none in a new file, else our buckets.
func (v *verifier) top(flags uint32, key, value []byte) error {
	visit := map[string]visitor{
		string(pairsBucket): v.pair, string(expiryBucket): v.expiry, string(dueBucket): v.due, string(sumsBucket): v.sum,
	}[string(key)]
	if flags != bucketElement || visit == nil || len(value) < 16 {
		return ErrTheirs
	}
	if root := order.Uint64(value); root != 0 {
		return v.tree(root, visit)
	}
	inline := page(value[16:]) // a small bucket stands in its parent's page
	if len(inline) < pageHeader || inline.flags() != leafPage {
		return errBounds
	}
	return inline.leaf(&rising{visit: visit}, nil)
}

func (v *verifier) pair(flags uint32, key, value []byte) error {
	if flags != 0 || !bytes.HasPrefix(key, keyPrefix) {
		return ErrTheirs
	}
	v.Pairs++
	v.Bytes += int64(len(key) - len(keyPrefix) + len(value))
	return nil
}

func (v *verifier) expiry(flags uint32, key, value []byte) error {
	if flags != 0 || !bytes.HasPrefix(key, keyPrefix) || len(value) != momentSize {
		return ErrTheirs
	}
	v.Expiring++
	v.expiries += hash(value, key[len(keyPrefix):])
	return nil
}

func (v *verifier) due(flags uint32, key, value []byte) error {
	if flags != 0 || len(key) < momentSize || len(value) != 0 {
		return ErrTheirs
	}
	v.dues += hash(key)
	return nil
}

func (v *verifier) sum(flags uint32, key, value []byte) error {
	if flags != 0 || !bytes.Equal(key, sumsKey) || len(value) != sumsSize {
		return ErrTheirs
	}
	v.sums = bytes.Clone(value)
	return nil
}

func hash(parts ...[]byte) uint64 {
	sum := fnv.New64a()
	for _, part := range parts {
		sum.Write(part)
	}
	return sum.Sum64()
}

func (v *verifier) free(id uint64) error {
	p, err := v.page(id, freelistPage)
	if err != nil {
		return err
	}
	ids := p[pageHeader:]
	count := uint64(p.count())
	if count == 0xffff { // the real count comes first
		count, ids = order.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return errBounds
	}
	for i := range count {
		id := order.Uint64(ids[8*i:])
		if id < 2 || id >= v.pages || v.seen[id] {
			return fmt.Errorf("page %d is wrongly in its list of free pages", id)
		}
		v.seen[id] = true
	}
	v.Free = int64(count) * v.pageSize
	return nil
}

// page is the bytes of a page, at least its header.
type page []byte

var errBounds = errors.New("it points outside of a page")

func (p page) flags() uint16 { return order.Uint16(p[8:]) }
func (p page) count() int    { return int(order.Uint16(p[10:])) }

func (p page) leaf(r *rising, lowest []byte) error {
	for i := range p.count() {
		e := pageHeader + i*element
		if e+element > len(p) {
			return errBounds
		}
		flags, start := order.Uint32(p[e:]), uint64(e)+uint64(order.Uint32(p[e+4:]))
		keyEnd := start + uint64(order.Uint32(p[e+8:]))
		end := keyEnd + uint64(order.Uint32(p[e+12:]))
		if end > uint64(len(p)) {
			return errBounds
		}
		key := p[start:keyEnd]
		if bytes.Compare(key, lowest) < 0 {
			return errOrder
		}
		if err := r.next(flags, key, p[keyEnd:end]); err != nil {
			return err
		}
	}
	return nil
}

func (p page) branchElement(i int) (key []byte, child uint64, err error) {
	e := pageHeader + i*element
	if e+element > len(p) {
		return nil, 0, errBounds
	}
	start := uint64(e) + uint64(order.Uint32(p[e:]))
	end := start + uint64(order.Uint32(p[e+4:]))
	if end > uint64(len(p)) {
		return nil, 0, errBounds
	}
	return p[start:end], order.Uint64(p[e+8:]), nil
}
