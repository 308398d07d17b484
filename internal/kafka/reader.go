// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ReaderOptions configures OpenReader.
type ReaderOptions struct {
	// Start is where each partition begins; NoOffset leaves it to auto.offset.reset.
	Start map[TopicPartition]int64
	// Path of PollRows; "" is PathClient.
	Path Path
	// Log may be nil.
	Log *slog.Logger
}

// Reader reads given partitions without a consumer group: what KafkaConsumer.assign is in Java. One goroutine calls
// PollRows, the other methods may be called from any.
type Reader struct {
	client *kgo.Client
	rows   rowSource

	mu         sync.Mutex
	held       map[TopicPartition]bool
	assignment uint64
	closed     atomic.Bool
}

// OpenReader opens a reader with the properties of cfg (a RoleConsumer; its group.id is not used). It connects in the
// background; ctx is only for the call.
func OpenReader(ctx context.Context, cfg *ClientConfig, o ReaderOptions) (*Reader, error) {
	if cfg.Role != RoleConsumer {
		return nil, errors.New("a reader needs consumer properties")
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	alone := *cfg
	alone.extra = alone.ungrouped
	var opts []kgo.Opt
	if o.Path != PathBatch {
		opts = append(opts, kgo.WithPools(newRecordPool()))
	}
	client, err := kgo.NewClient(alone.options(o.Log, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("open reader: %w", err)
	}
	r := &Reader{client: client, held: map[TopicPartition]bool{}}
	if o.Path == PathBatch {
		r.rows = newRowFetcher(&alone, client, o.Log)
	} else {
		r.rows = &recordRows{client: client, gate: &sync.RWMutex{}}
	}
	r.Assign(o.Start)
	return r, nil
}

// Assign adds partitions, each beginning at an offset or, for NoOffset, where auto.offset.reset says. Those that are read
// already begin anew.
func (r *Reader) Assign(starts map[TopicPartition]int64) {
	if len(starts) == 0 {
		return
	}
	var again []TopicPartition
	from := make(map[TopicPartition]Offset, len(starts))
	r.mu.Lock()
	defer r.mu.Unlock()
	for tp, o := range starts {
		if r.held[tp] {
			again = append(again, tp)
		}
		r.held[tp] = true
		from[tp] = Offset{Offset: max(o, NoOffset), LeaderEpoch: -1}
	}
	if len(again) > 0 {
		r.rows.remove(again)
	}
	r.assignment++
	r.rows.add(r.assignment, from)
}

// Unassign stops reading partitions.
func (r *Reader) Unassign(tps ...TopicPartition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, tp := range tps {
		delete(r.held, tp)
	}
	r.rows.remove(tps)
}

// PollRows is Consumer.PollRows.
func (r *Reader) PollRows(ctx context.Context, dst *RowSet, maxRows, maxBytes int) error {
	if r.closed.Load() {
		return ErrClosed
	}
	err := r.rows.pollRows(ctx, dst, maxRows, maxBytes)
	if r.closed.Load() {
		return ErrClosed
	}
	return err
}

// Wake makes PollRows return soon without rows, the call under way or the next one.
func (r *Reader) Wake() { r.rows.wake() }

// Seek moves positions. What was fetched and not yet returned is dropped; partitions that are not read are ignored.
func (r *Reader) Seek(offsets map[TopicPartition]int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	held := make(map[TopicPartition]int64, len(offsets))
	for tp, o := range offsets {
		if r.held[tp] {
			held[tp] = o
		}
	}
	r.rows.seek(held)
}

// Pause stops partitions from being returned by PollRows.
func (r *Reader) Pause(tps ...TopicPartition) { r.rows.pause(tps, true) }

// Resume undoes Pause.
func (r *Reader) Resume(tps ...TopicPartition) { r.rows.pause(tps, false) }

// Close closes the connections. PollRows in another goroutine returns ErrClosed.
func (r *Reader) Close() {
	if r.closed.Swap(true) {
		return
	}
	r.rows.wake()
	r.client.Close()
	r.rows.close()
}
