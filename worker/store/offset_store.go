// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/kafka"
	"github.com/penstock-io/penstock/worker/offsetkey"
)

// OffsetStore is the offsets topic (KafkaOffsetBackingStore). The JVM finds an offset by the bytes of its key, so a
// partition that is known keeps the bytes it was last stored under, in whatever order of members; this store finds it by
// what it means. Get and List read to the end of the topic first, as another worker may have written. It implements
// engine.OffsetStore and is safe for concurrent use.
type OffsetStore struct {
	log    *kafka.TopicLog
	logger *slog.Logger

	mu      sync.RWMutex
	entries map[offsetID]*offsetEntry
}

type offsetID struct{ connector, partition string } // canonical

// offsetEntry is what is stored of a partition. When two spellings of one partition are in the topic, the one written
// last counts, and the other is kept in stale, to be removed with the next write.
type offsetEntry struct {
	key, partition, offset []byte
	stale                  [][]byte
}

func newOffsetStore(logger *slog.Logger) *OffsetStore {
	return &OffsetStore{logger: logger, entries: map[offsetID]*offsetEntry{}}
}

// openWait is how long OpenOffsetStore waits for transactions that are open.
const openWait = time.Second

// OpenOffsetStore makes sure of the topic and reads it to its end.
//
// A killed worker leaves the transactions of its exactly-once sources open until tasks with their ids start, or they time out. A
// worker that starts must not wait for that, as it may be the one that starts the tasks: with isolation.level=read_committed
// what comes behind an open transaction is left to Get and List.
func OpenOffsetStore(ctx context.Context, c Clients, t Topic) (*OffsetStore, error) {
	s := newOffsetStore(c.Log)
	var err error
	if s.log, _, err = t.open(ctx, c, "offsets", func(r *kafka.Record) { s.apply(r.Key, r.Value) }); err != nil {
		return nil, err
	}
	wait := ctx
	committed := c.Consumer["isolation.level"] == "read_committed"
	if committed {
		var cancel context.CancelFunc
		wait, cancel = context.WithTimeout(ctx, openWait)
		defer cancel()
	}
	err = s.log.ReadToEnd(wait)
	if committed && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		c.Log.Info("the offsets topic has open transactions: it is read on as they end", slog.String("topic", t.Name))
		err = nil
	}
	if err != nil {
		s.log.Close()
		return nil, err
	}
	return s, nil
}

// Close stops reading.
func (s *OffsetStore) Close() { s.log.Close() }

// apply takes one record.
func (s *OffsetStore) apply(key, value []byte) {
	id, partition, err := parseOffsetKey(key)
	if err != nil {
		s.logger.Warn("a record of the offsets topic is ignored: its key is not [connector, partition]",
			slog.String("key", string(key)), slog.Any("err", err))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[id]
	if value == nil {
		switch {
		case e == nil:
		case bytes.Equal(e.key, key):
			delete(s.entries, id)
		default:
			e.stale = slices.DeleteFunc(e.stale, func(k []byte) bool { return bytes.Equal(k, key) })
		}
		return
	}
	if e == nil {
		e = &offsetEntry{}
		s.entries[id] = e
	}
	if e.key != nil && !bytes.Equal(e.key, key) {
		e.stale = append(slices.DeleteFunc(e.stale, func(k []byte) bool { return bytes.Equal(k, key) }), e.key)
	}
	e.key, e.partition, e.offset = key, partition, value
}

func parseOffsetKey(key []byte) (offsetID, []byte, error) {
	connector, partition, err := offsetkey.Split(key)
	if err != nil {
		return offsetID{}, nil, err
	}
	text, err := offsetkey.Canonical(partition)
	return offsetID{connector, text}, partition, err
}

// Get implements engine.OffsetStore. An offset that is not JSON is an error: to start from scratch without a word would
// be worse.
func (s *OffsetStore) Get(ctx context.Context, connector string, partition json.RawMessage) (json.RawMessage, error) {
	text, err := offsetkey.Canonical(partition)
	if err != nil {
		return nil, fmt.Errorf("look up offset of %s: %w", connector, err)
	}
	if err := s.log.ReadToEnd(ctx); err != nil {
		return nil, err
	}
	return s.get(offsetID{connector, text})
}

func (s *OffsetStore) get(id offsetID) (json.RawMessage, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := s.entries[id]
	if e == nil {
		return nil, nil
	}
	if !json.Valid(e.offset) {
		return nil, fmt.Errorf("the offset of connector %s for partition %s in the offsets topic is not JSON: repair or remove it with "+
			"PATCH /connectors/%s/offsets", id.connector, id.partition, id.connector)
	}
	return e.offset, nil
}

// Write is one record to be written to the offsets topic.
type Write struct{ Key, Value []byte }

// Encode turns offsets into records. A partition that is known keeps the bytes of its key; other spellings of it get a
// tombstone before.
func (s *OffsetStore) Encode(connector string, offsets []connectors.PartitionOffset) ([]Write, error) {
	var out []Write
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, o := range offsets {
		text, err := offsetkey.Canonical(o.Partition)
		if err != nil {
			return nil, fmt.Errorf("store offset of %s: %w", connector, err)
		}
		e := s.entries[offsetID{connector, text}]
		if e == nil {
			out = append(out, Write{offsetkey.Append(nil, connector, o.Partition), o.Offset})
			continue
		}
		for _, k := range e.stale {
			out = append(out, Write{k, nil})
		}
		out = append(out, Write{e.key, o.Offset})
	}
	return out, nil
}

// Set implements engine.OffsetStore: it returns when all is acknowledged and this worker has read it back.
func (s *OffsetStore) Set(ctx context.Context, connector string, offsets []connectors.PartitionOffset) error {
	writes, err := s.Encode(connector, offsets)
	if err != nil {
		return err
	}
	errs := make(chan error, len(writes))
	for _, w := range writes {
		s.log.SendAsync(ctx, w.Key, w.Value, func(err error) { errs <- err })
	}
	var first error
	for range writes {
		if err := <-errs; first == nil {
			first = err
		}
	}
	if first != nil {
		return fmt.Errorf("write source offsets of %s: %w", connector, first)
	}
	// What was written is known without waiting for the reader.
	for _, w := range writes {
		s.apply(w.Key, w.Value)
	}
	return nil
}

// List implements engine.OffsetStore.
func (s *OffsetStore) List(ctx context.Context, connector string) ([]connectors.PartitionOffset, error) {
	if err := s.log.ReadToEnd(ctx); err != nil {
		return nil, err
	}
	return s.list(connector), nil
}

func (s *OffsetStore) list(connector string) []connectors.PartitionOffset {
	type item struct {
		text string
		connectors.PartitionOffset
	}
	var items []item
	s.mu.RLock()
	for id, e := range s.entries {
		if id.connector == connector && id.partition != "null" {
			items = append(items, item{id.partition, connectors.PartitionOffset{Partition: e.partition, Offset: e.offset}})
		}
	}
	s.mu.RUnlock()
	slices.SortFunc(items, func(a, b item) int { return strings.Compare(a.text, b.text) })
	out := make([]connectors.PartitionOffset, 0, len(items))
	for _, i := range items {
		out = append(out, i.PartitionOffset)
	}
	return out
}
