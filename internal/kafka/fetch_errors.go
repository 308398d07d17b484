// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// CorruptError is a record batch that cannot be read: its checksum is wrong, its length, a record in it, or it unpacks to
// more than the limit. It comes as the reason of a *PartitionError, and the partition stands still until Seek. It
// is org.apache.kafka.common.KafkaException in Java, which fails the task.
type CorruptError struct {
	// Offset is the position that cannot be passed: the records before it were delivered.
	Offset int64
	// Base is the offset that the batch says it begins at.
	Base int64
	// Next is where reading may go on: behind the batch, as far as can be told.
	Next int64
	// Err is what is wrong.
	Err error
}

// Error names the offsets and the reason.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("org.apache.kafka.common.KafkaException: record batch at offset %d is invalid (position %d, next batch expected at %d), cause: %v",
		e.Base, e.Offset, e.Next, e.Err)
}

// Unwrap returns what is wrong.
func (e *CorruptError) Unwrap() error { return e.Err }

// partitionError deals with the error of a partition in a fetch response, as Java's FetchCollector does. mu is held.
func (f *rowFetcher) partitionError(p *fetchPart, err error) {
	switch err {
	case kerr.OffsetOutOfRange:
		f.outOfRange(p)
	case kerr.TopicAuthorizationFailed:
		f.fail(p, fmt.Errorf("org.apache.kafka.common.errors.TopicAuthorizationException: Not authorized to access topics: [%s]: %w", p.Topic, err))
	case kerr.CorruptMessage:
		f.fail(p, &CorruptError{Offset: p.pos, Base: p.pos, Next: p.pos + 1, Err: fmt.Errorf("the broker refuses to read it: %w", err)})
	case kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.InconsistentTopicID, kerr.UnknownServerError:
		f.log.Warn("cannot fetch; trying again", "partition", p.String(), "err", err)
		f.again(p)
	default:
		if ke, ok := err.(*kerr.Error); ok && ke.Retriable {
			f.log.Debug("fetch is refused; looking for the leader", "partition", p.String(), "err", err)
			f.again(p)
			return
		}
		f.fail(p, fmt.Errorf("fetch at offset %d: %w", p.pos, err))
	}
}

// again hands a partition to the keeper after the backoff.
func (f *rowFetcher) again(p *fetchPart) {
	p.tries++
	p.replica = -1
	f.lose(p, f.cfg.backoff(p.tries))
}

// outOfRange resets the position as auto.offset.reset says. A follower may just be behind.
func (f *rowFetcher) outOfRange(p *fetchPart) {
	if p.replica >= 0 {
		f.again(p)
		return
	}
	if f.rules.reset.kind == resetNone {
		f.fail(p, fmt.Errorf("org.apache.kafka.clients.consumer.OffsetOutOfRangeException: Fetch position %d is out of range for partition %s: %w",
			p.pos, p.String(), kerr.OffsetOutOfRange))
		return
	}
	f.log.Info("fetch position is out of range; resetting it", "partition", p.String(), "offset", p.pos)
	p.pos, p.epoch = -1, -1
	f.lose(p, 0)
}

// moveTo goes on with the replica that the broker prefers for this client's rack (KIP-392).
func (f *rowFetcher) moveTo(p *fetchPart, node int32) {
	p.replica, p.replicaEnds = node, time.Now().Add(max(f.cfg.MetadataMaxAge, metadataMinAge))
	f.log.Debug("reading from a replica", "partition", p.String(), "broker", node)
	f.attach(p, node)
}
