// SPDX-License-Identifier: Apache-2.0

package dlq

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/penstock-io/penstock/internal/kafka"
)

// span is a range of offsets of one partition, both ends included.
type span struct{ first, last int64 }

// marks are the letters that were replayed, per partition: spans in order that neither touch nor overlap.
type marks map[int32][]span

// has tells whether a letter was replayed.
func (m marks) has(p Place) bool {
	spans := m[p.Partition]
	i, found := slices.BinarySearchFunc(spans, p.Offset, func(s span, at int64) int {
		switch {
		case s.last < at:
			return -1
		case s.first > at:
			return 1
		}
		return 0
	})
	return found && i < len(spans)
}

// add notes a span.
func (m marks) add(partition int32, s span) {
	if s.last < s.first {
		return
	}
	spans := m[partition]
	i, _ := slices.BinarySearchFunc(spans, s.first, func(x span, at int64) int {
		if x.last < at-1 {
			return -1
		}
		return 1
	})
	j := i
	for j < len(spans) && spans[j].first <= s.last+1 {
		s.first, s.last = min(s.first, spans[j].first), max(s.last, spans[j].last)
		j++
	}
	m[partition] = slices.Replace(spans, i, j, s)
}

// markKey and markValue are key and value of a record of the marks topic. The key is unique, so that compaction keeps all.
type markKey struct {
	Queue     string `json:"queue"`
	Partition int32  `json:"partition"`
	First     int64  `json:"first"`
}

type markValue struct {
	Last      int64  `json:"last"`
	Connector string `json:"connector,omitempty"`
	How       string `json:"how,omitempty"` // "sink", "source", "topic"
	At        int64  `json:"at"`            // milliseconds since the epoch
}

// readMark adds a record of the marks topic. What is none is left out: people write to topics.
func (m marks) readMark(queue string, r *kafka.Record) {
	var k markKey
	var v markValue
	if json.Unmarshal(r.Key, &k) != nil || json.Unmarshal(r.Value, &v) != nil || k.Queue != queue || k.First < 0 {
		return
	}
	m.add(k.Partition, span{k.First, v.Last})
}

// loadMarks reads the marks topic; one that does not exist has none.
func (q *Queue) loadMarks(ctx context.Context) (marks, error) {
	m := marks{}
	err := q.scan(ctx, q.MarksTopic(), func(r *kafka.Record) error {
		m.readMark(q.Topic, r)
		return nil
	})
	if err != nil && !kafka.IsUnknownTopic(err) {
		return nil, fmt.Errorf("read which letters were replayed: %w", err)
	}
	return m, nil
}

// records turns places, all in the order of their partition, into records of the marks topic: one for each run of
// offsets. The letters between two that follow each other in the queue do not exist, so a run need not be dense: next
// tells whether one letter follows the other.
func (q *Queue) records(places []Place, follows func(a, b Place) bool, v markValue) []*kafka.Record {
	var out []*kafka.Record
	for i := 0; i < len(places); {
		j := i
		for j+1 < len(places) && follows(places[j], places[j+1]) {
			j++
		}
		key, _ := json.Marshal(markKey{q.Topic, places[i].Partition, places[i].Offset}) // cannot fail: text and numbers
		v.Last = places[j].Offset
		value, _ := json.Marshal(v)
		out = append(out, &kafka.Record{Topic: q.MarksTopic(), Partition: kafka.AnyPartition, Key: key, Value: value})
		i = j + 1
	}
	return out
}

// createMarks makes the marks topic when it is missing.
func (q *Queue) createMarks(ctx context.Context) error {
	cfg, err := kafka.Parse(kafka.RoleAdmin, q.Admin)
	if err != nil {
		return fmt.Errorf("configure the admin client: %w", err)
	}
	admin, err := kafka.NewAdmin(cfg, q.Log)
	if err != nil {
		return err
	}
	defer admin.Close()
	have, err := admin.DescribeTopics(ctx, q.Topic, q.MarksTopic())
	if err != nil {
		return err
	}
	if _, ok := have[q.MarksTopic()]; ok {
		return nil
	}
	replication := int16(kafka.BrokerDefault)
	if t, ok := have[q.Topic]; ok && t.ReplicationFactor > 0 {
		replication = int16(t.ReplicationFactor)
	}
	_, err = admin.CreateTopic(ctx, kafka.NewTopic{Name: q.MarksTopic(), Partitions: 1, ReplicationFactor: replication,
		Configs: map[string]string{"cleanup.policy": "compact"}})
	if err != nil {
		return fmt.Errorf("create the topic that says which letters were replayed: %w", err)
	}
	return nil
}
