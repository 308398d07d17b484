// SPDX-License-Identifier: Apache-2.0

// Package offsetfile keeps source offsets of a standalone worker in the JVM worker's own file format.
package offsetfile

import "io"

// Entry is one pair of the map; nil is Java null, empty is not.
type Entry struct{ Key, Value []byte }

// Read reads a serialised HashMap<byte[],byte[]>. An empty or end-truncated stream gives no entries.
func Read(r io.Reader) ([]Entry, error) { panic("BUG: stub") }

// Append appends the stream that the JVM would write for entries in this order.
func Append(dst []byte, entries []Entry) []byte { panic("BUG: stub") }

// Store is the set of offsets of one standalone worker. Safe for concurrent use.
type Store struct{}

// Open reads the file (a missing one is empty).
func Open(path string) (*Store, error) { panic("BUG: stub") }

// Get gives the offset JSON stored for a connector and partition (JSON object text or null); nil when none.
func (s *Store) Get(connector string, partition []byte) (offset []byte, err error) {
	panic("BUG: stub")
}

// Set stores; nil offset deletes. In memory until Flush.
func (s *Store) Set(connector string, partition, offset []byte) error { panic("BUG: stub") }

// Offset is one listed pair, both JSON texts.
type Offset struct{ Partition, Offset []byte }

// List gives the connector's offsets ordered by canonical partition.
func (s *Store) List(connector string) []Offset { panic("BUG: stub") }

// Flush replaces the file atomically; nothing is done when nothing changed.
func (s *Store) Flush() error { panic("BUG: stub") }
