// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"log/slog"
	"strings"

	"github.com/penstock-io/penstock/internal/kafka"
)

// Scanned is the config topic as somebody sees it who does not take part.
type Scanned struct {
	*Configs
	// Records is how many there were; Warnings are about those that are ignored.
	Records  int
	Warnings []string
	// Leader tells how the last record that only a leader writes was written; it is LeaderUnknown without one.
	Leader LeaderWrites
}

// LeaderWrites says whether a leader writes to the config topic in transactions, which it does from
// exactly.once.source.support=preparing on.
type LeaderWrites int

// The ways in which a leader writes.
const (
	LeaderUnknown LeaderWrites = iota
	LeaderPlain
	LeaderTransactions
)

// ScanConfigs reads the config topic from its beginning to its end, and changes nothing. consumer are the properties of
// the reading client.
func ScanConfigs(ctx context.Context, consumer map[string]string, topic string, log *slog.Logger) (*Scanned, error) {
	cfg, err := kafka.Parse(kafka.RoleConsumer, consumer)
	if err != nil {
		return nil, err
	}
	out := &Scanned{}
	state := newConfigLog(ConfigEvents{}, func(text, key string) { out.Warnings = append(out.Warnings, text+": "+key) })
	err = kafka.ScanTopic(ctx, cfg, log, topic, func(r *kafka.Record) error {
		out.Records++
		if leaderOnly(string(r.Key)) {
			out.Leader = LeaderPlain
			if r.Attrs.IsTransactional() {
				out.Leader = LeaderTransactions
			}
		}
		state.apply(r.Offset, string(r.Key), r.Value)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.Configs = state.now
	return out, nil
}

// leaderOnly tells the records that only a leader writes.
func leaderOnly(key string) bool {
	for _, prefix := range [...]string{connPrefix, taskPrefix, commitPrefix, fencingPrefix, restartPrefix} {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return key == sessionKeyKey
}
