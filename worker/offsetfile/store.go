// SPDX-License-Identifier: Apache-2.0

package offsetfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/penstock-io/penstock/worker/offsetkey"
)

// Store is the offsets of one standalone worker: a file, and its content in memory. It is safe for concurrent use.
type Store struct {
	path string

	mu      sync.Mutex
	records map[recordKey]*record
	foreign []Entry // keys of another form, kept as they are
	order   uint64
	version uint64 // counts changes

	flushMu sync.Mutex
	flushed uint64 // the version that the file holds
}

type recordKey struct{ connector, partition string }

type record struct {
	key       []byte // as last seen: the JVM finds the offset by these bytes
	partition []byte // part of key
	offset    []byte
	order     uint64 // of first appearance, so that files change little
}

// Open reads the file; a missing one is empty. Where two keys of the file mean the same partition the later one wins.
func Open(path string) (*Store, error) {
	s := &Store{path: path, records: map[recordKey]*record{}}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open offsets: %w", err)
	}
	defer f.Close()
	entries, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, e := range entries {
		s.load(e)
	}
	return s, nil
}

func (s *Store) load(e Entry) {
	connector, partition, err := offsetkey.Split(e.Key)
	if err != nil {
		s.foreign = append(s.foreign, e)
		return
	}
	text, err := offsetkey.Canonical(partition)
	if err != nil {
		s.foreign = append(s.foreign, e)
		return
	}
	s.order++
	s.records[recordKey{connector, text}] = &record{key: e.Key, partition: partition, offset: e.Value, order: s.order}
}

// Get gives the JSON of the offset stored for a connector and a partition, which is JSON in any order of members.
// Nil tells that there is none. The result must not be changed.
func (s *Store) Get(connector string, partition []byte) (offset []byte, err error) {
	text, err := offsetkey.Canonical(partition)
	if err != nil {
		return nil, fmt.Errorf("look up offset of %s: %w", connector, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.records[recordKey{connector, text}]; r != nil {
		return r.offset, nil
	}
	return nil, nil
}

// Set stores the JSON of an offset; nil deletes. It is in memory until Flush. Both arguments are copied. A partition
// that is known keeps the bytes of its key; a new one gets those of the argument, so callers give members in the
// order that the Java connector would.
func (s *Store) Set(connector string, partition, offset []byte) error {
	text, err := offsetkey.Canonical(partition)
	if err != nil {
		return fmt.Errorf("store offset of %s: %w", connector, err)
	}
	k := recordKey{connector, text}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.records[k]
	if offset == nil {
		if r != nil {
			delete(s.records, k)
			s.version++
		}
		return nil
	}
	if r == nil {
		s.order++
		key := offsetkey.Append(nil, connector, partition)
		r = &record{key: key, partition: key[len(key)-1-len(partition) : len(key)-1], order: s.order}
		s.records[k] = r
	}
	if !equal(r.offset, offset) {
		r.offset = bytes.Clone(offset)
		s.version++
	}
	return nil
}

// Offset is one listed pair, both as JSON. They must not be changed.
type Offset struct{ Partition, Offset []byte }

// List gives the offsets of a connector in the order of their canonical partitions.
func (s *Store) List(connector string) []Offset {
	type item struct {
		text string
		Offset
	}
	s.mu.Lock()
	var items []item
	for k, r := range s.records {
		if k.connector == connector && r.offset != nil {
			items = append(items, item{k.partition, Offset{r.partition, r.offset}})
		}
	}
	s.mu.Unlock()
	slices.SortFunc(items, func(a, b item) int { return strings.Compare(a.text, b.text) })
	out := make([]Offset, 0, len(items))
	for _, i := range items {
		out = append(out, i.Offset)
	}
	return out
}

// snapshot encodes the content.
func (s *Store) snapshot() (data []byte, version uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	records := make([]*record, 0, len(s.records))
	for _, r := range s.records {
		records = append(records, r)
	}
	slices.SortFunc(records, func(a, b *record) int {
		if a.order < b.order {
			return -1
		}
		return 1
	})
	entries := slices.Clone(s.foreign)
	for _, r := range records {
		entries = append(entries, Entry{Key: r.key, Value: r.offset})
	}
	return Append(nil, entries), s.version
}

// Flush writes the file when something has changed since it was last written. The old file stays whole until the new
// one is on disk.
func (s *Store) Flush() error {
	s.flushMu.Lock()
	defer s.flushMu.Unlock()
	s.mu.Lock()
	clean := s.version == s.flushed
	s.mu.Unlock()
	if clean {
		return nil
	}
	data, version := s.snapshot()
	if err := replaceFile(s.path, data); err != nil {
		return fmt.Errorf("write offsets: %w", err)
	}
	s.flushed = version
	return nil
}

// replaceFile writes beside the file, then renames. Where that is impossible (a single file mounted into a container,
// a directory that may not be written) it writes in place, as the JVM always does.
func replaceFile(path string, data []byte) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	mode := fs.FileMode(0o644)
	info, statErr := os.Stat(path)
	if statErr == nil {
		mode = info.Mode().Perm()
	}
	err := writeAndRename(path, data, mode)
	if err == nil || statErr != nil {
		return err
	}
	f, openErr := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, mode)
	if openErr != nil {
		return errors.Join(err, openErr)
	}
	return writeSync(f, data)
}

func writeAndRename(path string, data []byte, mode fs.FileMode) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	temp := f.Name()
	if err := f.Chmod(mode); err != nil {
		f.Close()
		os.Remove(temp)
		return err
	}
	err = writeSync(f, data)
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	// The data is safe by now, only the new name may be lost with the power; some systems cannot sync a directory.
	_ = d.Sync()
	return nil
}

func writeSync(f *os.File, data []byte) error {
	_, err := f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
