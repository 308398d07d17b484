// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/penstock-io/penstock/connectors"
)

// Profile says where the time of a task goes. Times are seconds of wall clock; those of one lane add up to the time
// that the lane has run.
type Profile struct {
	Task    int           `json:"task"`
	State   State         `json:"state"`
	BoundBy Bound         `json:"bound_by"`
	Records ProfileCount  `json:"records"`
	Queues  ProfileQueues `json:"queues"`
	Stages  []StageTime   `json:"stages"`
}

// Bound names what keeps a task from going faster.
type Bound struct {
	// Stage is "" when the task has nothing to do.
	Stage string `json:"stage"`
	// Share of its lane's time that the stage took, 0 to 1.
	Share float64 `json:"share"`
	// Why is a sentence for people.
	Why string `json:"why"`
}

// ProfileCount counts records.
type ProfileCount struct {
	Total      int64 `json:"total"`
	LastMinute int64 `json:"last_minute"`
}

// ProfileQueues are depths at the moment of asking.
type ProfileQueues struct {
	// Batches is how many batches the task may have at once, InUse how many are not free, Ready how many wait for the sink.
	Batches int `json:"batches"`
	InUse   int `json:"batches_in_use"`
	Ready   int `json:"batches_ready_to_put"`
	// Records taken in and neither put nor acknowledged yet.
	Records int64 `json:"records_active"`
	// Bytes of memory that the task's batches hold, MaxBytes its share of the worker's budget now.
	Bytes    int64 `json:"bytes"`
	MaxBytes int64 `json:"bytes_max"`
}

// StageTime is one stage of a task.
type StageTime struct {
	Stage string `json:"stage"`
	// Class is the Java class name at work, "" for the engine's own stages.
	Class string `json:"class,omitempty"`
	// Lane is the goroutine; stages of one lane follow each other, lanes overlap.
	Lane string `json:"lane"`
	// Role is work, input (waits for records too), wait (for another lane) or aside (beside the lane).
	Role       string    `json:"role"`
	Total      TimeSpent `json:"total"`
	LastMinute TimeSpent `json:"last_minute"`
	Calls      int64     `json:"calls"`
	MaxMillis  float64   `json:"max_ms"`
	// NowSeconds is how long the lane has been in this stage; 0 when it is in another.
	NowSeconds float64 `json:"now_seconds"`
}

// TimeSpent is time with what it means.
type TimeSpent struct {
	Seconds       float64 `json:"seconds"`
	Share         float64 `json:"share"`         // of the lane's time
	NanosOfRecord float64 `json:"ns_per_record"` // 0 without records
}

// Profile takes the task's clocks off.
func (t *Task) Profile() Profile {
	now := nanos()
	p := Profile{Task: t.o.Task, State: t.State(), Queues: t.queues()}
	t.lanesMu.Lock()
	defer t.lanesMu.Unlock()
	for i, l := range t.lanes {
		if i == 0 {
			p.Records = ProfileCount{l.rows.total.Load(), l.rows.recent(now)}
		}
		for _, c := range l.stages {
			p.Stages = append(p.Stages, l.view(c, now, p.Records))
		}
	}
	p.BoundBy = bound(t.o.Plugin.Kind, &p)
	return p
}

// view is one stage at the time now, the call under way included.
func (l *lane) view(c *stageClock, now int64, n ProfileCount) StageTime {
	open := int64(0)
	if l.current.Load() == c {
		open = max(now-l.since.Load(), 0)
	}
	span := window(l.from, now)
	return StageTime{
		Stage: c.name, Class: c.class, Lane: c.lane, Role: c.role.String(), Calls: c.calls.Load(),
		MaxMillis: round(float64(c.longest.Load()) / 1e6), NowSeconds: round(float64(open) / 1e9),
		Total:      spent(c.spent.total.Load()+open, now-l.from, n.Total),
		LastMinute: spent(min(c.spent.recent(now)+open, max(span, c.spent.recent(now))), span, n.LastMinute),
	}
}

func spent(nanos, of, records int64) TimeSpent {
	return TimeSpent{round(float64(nanos) / 1e9), round(ratio(nanos, of)), round(ratio(nanos, records))}
}

// round keeps what a reader can use.
func round(f float64) float64 { return float64(int64(f*1e4+0.5)) / 1e4 }

// bound finds the stage that takes the greatest share of its lane over the last minute. Waiting for another lane is that
// lane's fault and does not count, what runs beside a lane only shows as somebody's waiting.
func bound(kind connectors.Kind, p *Profile) Bound {
	var top *StageTime
	for i := range p.Stages {
		s := &p.Stages[i]
		if s.Role == roleWait.String() || s.Role == roleAside.String() || p.Records.LastMinute == 0 && s.Role == roleInput.String() {
			continue
		}
		if top == nil || s.LastMinute.Share > top.LastMinute.Share {
			top = s
		}
	}
	switch {
	case top == nil, p.Records.LastMinute == 0 && top.LastMinute.Share < 0.01:
		return Bound{Why: "no records in the last minute: the task waits for something to do"}
	case top.NowSeconds > 5 && top.Role == roleWork.String():
		return Bound{top.Stage, top.LastMinute.Share, fmt.Sprintf("one call has been in %s for %.0f s", top.Stage, top.NowSeconds)}
	}
	return Bound{top.Stage, top.LastMinute.Share, why(kind, top)}
}

// why explains a bound.
func why(kind connectors.Kind, s *StageTime) string {
	at := fmt.Sprintf("%s takes %.0f %% of the time of its goroutine: ", s.Stage, 100*s.LastMinute.Share)
	switch s.Stage {
	case stageFetch:
		return at + "the task is faster than what comes from Kafka; it has caught up, or the broker or the network is the limit"
	case stagePoll:
		return at + "the task waits for the connector's system, or the connector is slow to read it"
	case stagePut:
		return at + "the connector is slow to write, or the system behind it is"
	case stageFlush:
		return at + "the connector makes its writes durable; fewer flushes (offset.flush.interval.ms) cost less"
	case stageCommit:
		return at + "committing offsets; the group coordinator is slow, or offset.flush.interval.ms is short"
	case stageAcks:
		return at + "every batch is in flight; the brokers acknowledge slowly (acks, replicas, network)"
	case stageProduce:
		return at + "handing records to the producer; its buffer is full or its encoding is the limit"
	}
	if kind == connectors.SinkKind {
		return at + "work on records between Kafka and the connector; more tasks (tasks.max) share it"
	}
	return at + "work on records between the connector and Kafka; more tasks, if the connector can split its work, share it"
}

// WriteText writes the profile as a table for people.
func (p *Profile) WriteText(w io.Writer) error {
	bound := p.BoundBy.Stage
	if bound == "" {
		bound = "nothing"
	}
	_, _ = fmt.Fprintf(w, "task %d %s, bound by %s: %s\n", p.Task, p.State, bound, p.BoundBy.Why)
	_, _ = fmt.Fprintf(w, "records %d, %d in the last minute; batches in use %d of %d, ready to put %d; records active %d; memory %d of %d KiB\n",
		p.Records.Total, p.Records.LastMinute, p.Queues.InUse, p.Queues.Batches, p.Queues.Ready, p.Queues.Records,
		p.Queues.Bytes>>10, p.Queues.MaxBytes>>10)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "lane\tstage\trole\tlast minute\tns/record\ttotal s\tshare\tns/record\tcalls\tmax ms\tnow s\tclass\t")
	for _, s := range p.Stages {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%.1f %%\t%.0f\t%.2f\t%.1f %%\t%.0f\t%d\t%.2f\t%.1f\t%s\t\n", s.Lane, s.Stage, s.Role,
			100*s.LastMinute.Share, s.LastMinute.NanosOfRecord, s.Total.Seconds, 100*s.Total.Share, s.Total.NanosOfRecord,
			s.Calls, s.MaxMillis, s.NowSeconds, s.Class[strings.LastIndexByte(s.Class, '.')+1:])
	}
	return t.Flush()
}

// writeStages prints the clocks as metrics. Stages that were never entered are left out.
func (t *Task) writeStages(w io.Writer) {
	p := t.Profile()
	labels := fmt.Sprintf("connector=%s,task=\"%d\"", strconv.Quote(t.o.Connector), t.o.Task)
	for _, s := range p.Stages {
		if s.Calls == 0 && s.NowSeconds == 0 {
			continue
		}
		_, _ = fmt.Fprintf(w, "penstock_task_stage_seconds_total{%[1]s,lane=%[2]q,stage=%[3]s} %[4]g\n"+
			"penstock_task_stage_calls_total{%[1]s,lane=%[2]q,stage=%[3]s} %[5]d\n", labels, s.Lane, strconv.Quote(s.Stage), s.Total.Seconds, s.Calls)
	}
	q := p.Queues
	_, _ = fmt.Fprintf(w, "penstock_task_batches_in_use{%[1]s} %[2]d\npenstock_task_batches_ready{%[1]s} %[3]d\npenstock_task_memory_bytes{%[1]s} %[4]d\n",
		labels, q.InUse, q.Ready, q.Bytes)
	if p.BoundBy.Stage != "" {
		_, _ = fmt.Fprintf(w, "penstock_task_bound_by{%s,stage=%s} %g\n", labels, strconv.Quote(p.BoundBy.Stage), p.BoundBy.Share)
	}
}

// Slowest is the bound of a connector: that of the task whose bound takes the greatest share. ok is false when no task
// has anything to do.
func Slowest(tasks []Profile) (p Profile, ok bool) {
	if len(tasks) == 0 {
		return p, false
	}
	p = slices.MaxFunc(tasks, func(a, b Profile) int { return cmp.Compare(a.BoundBy.Share, b.BoundBy.Share) })
	return p, p.BoundBy.Stage != ""
}

// ProfileWindow is the length of the recent past in profiles.
const ProfileWindow = windowBuckets * time.Duration(bucketNanos)
