// SPDX-License-Identifier: Apache-2.0

package dlq

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-io/penstock/internal/kafka"
)

// Filter chooses letters. Zero values choose everything.
type Filter struct {
	Connector string
	// Stage is a stage by Connect's name, in any case.
	Stage string
	// Code is a code of a Cause: the whole of it, the part before the dot, or the part after it.
	Code string
	// Since and Until bound the time of the letter: [Since, Until).
	Since, Until time.Time
	// Topic is that of the original record.
	Topic string
	// Places chooses letters by where they lie.
	Places []Place
}

// Match tells whether a letter is chosen. One without context headers matches any connector: the queue's own settings
// say whose it is.
func (f *Filter) Match(l *Letter) bool {
	switch {
	case f.Connector != "" && l.Connector != "" && l.Connector != f.Connector,
		f.Stage != "" && !strings.EqualFold(l.Stage, f.Stage),
		f.Topic != "" && l.Topic != f.Topic,
		!f.Since.IsZero() && l.Time.Before(f.Since),
		!f.Until.IsZero() && !l.Time.Before(f.Until),
		len(f.Places) > 0 && !slices.Contains(f.Places, l.Place):
		return false
	}
	if f.Code == "" || f.Code == l.Cause.Code {
		return true
	}
	stage, kind, _ := strings.Cut(l.Cause.Code, ".")
	return f.Code == stage || f.Code == kind
}

// Queue is a dead letter queue to look into.
type Queue struct {
	Topic string
	// Consumer, Producer and Admin are the clients' properties.
	Consumer, Producer, Admin map[string]string
	Log                       *slog.Logger
}

// MarksTopic is the topic that says which letters were replayed.
func (q *Queue) MarksTopic() string { return q.Topic + ".replayed" }

// TransactionalID is the one of a replay of the queue.
func (q *Queue) TransactionalID() string { return "penstock-dlq-replay-" + q.Topic }

func (q *Queue) scan(ctx context.Context, topic string, each func(*kafka.Record) error) error {
	props := map[string]string{}
	for k, v := range q.Consumer {
		props[k] = v
	}
	delete(props, "group.id")
	delete(props, "group.instance.id")
	props["isolation.level"] = "read_committed"
	cfg, err := kafka.Parse(kafka.RoleConsumer, props)
	if err != nil {
		return fmt.Errorf("configure the reader of %s: %w", topic, err)
	}
	return kafka.ScanTopic(ctx, cfg, q.Log, topic, each)
}

// Entry is a letter with what became of it.
type Entry struct {
	*Letter
	Replayed bool
}

// Each calls fn with the letters that f chooses, replayed ones included, in the order of their queue's partitions. The
// letter is fn's to keep.
func (q *Queue) Each(ctx context.Context, f Filter, fn func(Entry) error) error {
	marks, err := q.loadMarks(ctx)
	if err != nil {
		return err
	}
	return q.scan(ctx, q.Topic, func(r *kafka.Record) error {
		l := Parse(r)
		if !f.Match(l) {
			return nil
		}
		return fn(Entry{l, marks.has(l.Place)})
	})
}

// Summary counts letters.
type Summary struct {
	Letters    int            `json:"letters"`
	Replayed   int            `json:"replayed"`
	Unreplayed int            `json:"unreplayed"`
	Codes      map[string]int `json:"codes"` // of those not replayed
}

// Add counts one.
func (s *Summary) Add(e Entry) {
	s.Letters++
	if e.Replayed {
		s.Replayed++
		return
	}
	s.Unreplayed++
	if s.Codes == nil {
		s.Codes = map[string]int{}
	}
	s.Codes[e.Cause.Code]++
}

// ParseTime reads a bound of a Filter: RFC 3339, milliseconds since the epoch, or an age such as 2h that is counted back
// from now. "" is the zero time.
func ParseTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.UnixMilli(n), nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("%q is no time: write one as 2006-01-02T15:04:05Z, milliseconds since the epoch, or an age such as 2h", text)
}
