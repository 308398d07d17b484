// SPDX-License-Identifier: Apache-2.0

package kafka

import "github.com/twmb/franz-go/pkg/kgo"

// AnyPartition in Record.Partition or Rows.Partition leaves the choice to the partitioner.
const AnyPartition int32 = -1

// partitioner is Java's rule "the record's own partition first, then the partitioner". kgo knows only one or the other.
type partitioner struct{ inner kgo.Partitioner }

func newPartitioner(inner kgo.Partitioner) kgo.Partitioner { return partitioner{inner} }

// ForTopic implements kgo.Partitioner.
func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	inner := p.inner.ForTopic(topic)
	t := topicPartitioner{inner: inner}
	if backup, ok := inner.(kgo.TopicBackupPartitioner); ok {
		return &backupPartitioner{topicPartitioner: t, backup: backup}
	}
	return &t
}

type topicPartitioner struct{ inner kgo.TopicPartitioner }

// RequiresConsistency implements kgo.TopicPartitioner: a record with a partition goes there even while it has no
// leader, as Java's does; it is not moved to a healthy one.
func (t *topicPartitioner) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition >= 0 || t.inner.RequiresConsistency(r)
}

// Partition implements kgo.TopicPartitioner. An index past n makes kgo fail the record, which is what we want for a
// partition that does not exist.
func (t *topicPartitioner) Partition(r *kgo.Record, n int) int {
	if r.Partition >= 0 {
		return int(r.Partition)
	}
	return t.inner.Partition(r, n)
}

type backupPartitioner struct {
	topicPartitioner
	backup kgo.TopicBackupPartitioner
}

// PartitionByBackup implements kgo.TopicBackupPartitioner.
func (t *backupPartitioner) PartitionByBackup(r *kgo.Record, n int, iter kgo.TopicBackupIter) int {
	if r.Partition >= 0 {
		return int(r.Partition)
	}
	return t.backup.PartitionByBackup(r, n, iter)
}

// Murmur2Partition is the partition Java's default partitioner picks for a key among n partitions.
func Murmur2Partition(key []byte, n int32) int32 {
	return int32(murmur2(key)&0x7fffffff) % n
}

// murmur2 is the 32-bit MurmurHash2 with Kafka's seed, over signed Java bytes that only matter in the tail.
func murmur2(data []byte) uint32 {
	const (
		seed = 0x9747b28c
		m    = 0x5bd1e995
	)
	h := uint32(seed) ^ uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := uint32(data[0]) | uint32(data[1])<<8 | uint32(data[2])<<16 | uint32(data[3])<<24
		k *= m
		k ^= k >> 24
		k *= m
		h = h*m ^ k
	}
	switch len(data) {
	case 3:
		h ^= uint32(data[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(data[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(data[0])) * m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}
