// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

// Result is what became of the records of a case.
type Result struct {
	Case Case
	// Topic is what sources did, Sink what sinks did; Records is 0 for what a case does not have.
	Topic, Sink Finding
	// TornMay is how many torn lines the rules allow. DisorderMay is whether records of sources may be out of order.
	TornMay     int
	DisorderMay bool
	// Expelled is how often brokers removed a sink from its group because they had not heard of it for a session. Each
	// is a reason to repeat; beyond faults that cut sinks off, a machine that is too busy does it.
	Expelled int
	// Struck counts the faults, SlowRecovery is the longest time from the end of one until everything had arrived.
	Struck       map[Kind]int
	SlowRecovery time.Duration
	Took         time.Duration
	// Unfinished is set when the case ended early: what is counted as lost may be underway.
	Unfinished bool
}

// mayRepeat tells which faults let which side repeat records: at most what had arrived from one flush interval (and
// flushSlack) before the fault on.
//
// A source repeats only after kill -9, or beside a second worker that took it for dead: its producer is idempotent, and
// offsets of what was acknowledged are stored by every orderly stop. With exactly-once support it repeats nothing.
// A sink repeats when its member loses the group or dies between a write and the commit of its offset; an orderly stop
// commits, and a new leader or coordinator does not end a member's session.
func (c Case) mayRepeat(k Kind) (source, sink bool) {
	switch k {
	case KillWorker, Zombie:
		return !c.ExactlyOnce, true
	case StopWorker, MoveLeaders:
		return false, false
	default:
		return false, true
	}
}

// excuses lists the reasons that a way's source and sink had to repeat records.
func (r *run) excuses(w *way, gone map[string][]time.Time) (source, sink []excuse) {
	end := time.Now()
	stalled := time.Time{}
	for i, s := range r.strikes {
		e := excuse{s.start, end, s.start.Add(-flushInterval - flushSlack)}
		// Nothing could be stored while an earlier fault held things up, and the interval after that is not over.
		if i > 0 && !r.strikes[i-1].recovered.Before(e.oldest) {
			e.oldest = stalled
		}
		stalled = e.oldest
		if i+1 < len(r.strikes) {
			e.to = r.strikes[i+1].start
		}
		ofSource, ofSink := r.mayRepeat(s.kind)
		if ofSource {
			source = append(source, e)
		}
		if ofSink {
			sink = append(sink, e)
		}
	}
	expelled := func(at time.Time, session time.Duration) excuse {
		silent := at.Add(-session)
		return excuse{silent, at.Add(2 * session), silent.Add(-flushInterval - flushSlack)}
	}
	for _, at := range gone["connect-"+w.sink] {
		sink = append(sink, expelled(at, session))
	}
	for _, at := range gone[r.group()] {
		e := expelled(at, clusterSession)
		sink = append(sink, e)
		if !r.ExactlyOnce {
			source = append(source, e)
		}
	}
	return source, sink
}

func (r *run) result() *Result {
	out := &Result{Case: r.Case, Struck: map[Kind]int{}, Took: time.Since(r.started)}
	for _, s := range r.strikes {
		out.Struck[s.kind]++
		out.SlowRecovery = max(out.SlowRecovery, s.recovered.Sub(s.until))
		// What was in flight to one partition comes again, perhaps in another, behind what had arrived there.
		if again, _ := r.mayRepeat(s.kind); again {
			out.DisorderMay = true
		}
		// A write that a kill or a full disk ends halfway leaves the beginning of a line.
		if s.kind == KillWorker || s.kind == FullDisk {
			out.TornMay += len(r.sinks())
		}
	}
	gone := r.sys.expelled(r.started)
	for _, w := range r.ways {
		source, sink := r.excuses(w, gone)
		out.Expelled += len(gone["connect-"+w.sink])
		if w.source != "" {
			f := w.inTopic.judgeTopic(int(w.load.made.Load()))
			if w.partitions == 1 && f.Disordered > 0 {
				out.DisorderMay = false // with one partition nothing can overtake
			}
			f.explain(w.inTopic, nil, source)
			f.Examples = named(w.topic, f.Examples)
			out.Topic.add(f)
		}
		if w.sink != "" {
			f := w.inFile.judgeSink(w.inTopic)
			f.explain(w.inFile, w.inTopic, sink)
			f.Examples = named(w.sink, f.Examples)
			out.Sink.add(f)
		}
	}
	return out
}

func named(name string, texts []string) []string {
	for i := range texts {
		texts[i] = name + ": " + texts[i]
	}
	return texts
}

// Verdict is what breaks the rules; empty is good.
func (r *Result) Verdict() []string {
	var out []string
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	side := func(name string, f Finding) {
		bad(f.Lost > 0, "%s: %d lost", name, f.Lost)
		bad(f.Unexcused > 0, "%s: %d of %d duplicates are not explained by a fault and one flush interval", name, f.Unexcused, f.Duplicated)
		bad(f.Corrupt > 0, "%s: %d corrupt", name, f.Corrupt)
	}
	side("source", r.Topic)
	side("sink", r.Sink)
	bad(r.Topic.Disordered > 0 && !r.DisorderMay, "source: %d out of order", r.Topic.Disordered)
	bad(r.Sink.Disordered > 0, "sink: %d out of order", r.Sink.Disordered)
	bad(r.Topic.Torn > 0, "source: %d torn", r.Topic.Torn)
	bad(r.Sink.Torn > r.TornMay, "sink: %d torn, %d allowed", r.Sink.Torn, r.TornMay)
	if len(out) > 0 {
		out = append(append(out, r.Topic.Examples...), r.Sink.Examples...)
	}
	return out
}

// Summary is one line with all counts.
func (r *Result) Summary() string {
	var struck []string
	n := 0
	for _, k := range slices.Sorted(maps.Keys(r.Struck)) {
		struck = append(struck, fmt.Sprintf("%d %s", r.Struck[k], k))
		n += r.Struck[k]
	}
	side := func(name string, f Finding) string {
		if f.Records == 0 {
			return ""
		}
		return fmt.Sprintf("; %s: %d records, %d lost, %d duplicated (%d unexcused), %d out of order, %d corrupt, %d torn",
			name, f.Records, f.Lost, f.Duplicated, f.Unexcused, f.Disordered, f.Corrupt, f.Torn)
	}
	early := ""
	if r.Unfinished {
		early = "UNFINISHED, "
	}
	return early + fmt.Sprintf("%s seed %d: %d faults (%s)%s%s, %d times expelled; slowest recovery %s, %s in all", r.Case.Name, r.Case.Seed, n, strings.Join(struck, ", "),
		side("source", r.Topic), side("sink", r.Sink), r.Expelled, r.SlowRecovery.Round(10*time.Millisecond), r.Took.Round(time.Second))
}

// repeated counts what has arrived more than once so far. While a record is between topic and file the second number may
// be too small, never too large.
func (r *run) repeated() again {
	var out again
	for _, w := range r.ways {
		_, topic := w.inTopic.counts()
		if w.source != "" {
			out.topic += topic
		}
		if w.inFile != nil {
			_, file := w.inFile.counts()
			out.file += file - topic
		}
	}
	return out
}

// evidence keeps what explains a failure outside the folders that are removed, and says where: the logs, and what every
// goroutine of the worker does.
func (r *run) evidence() string {
	dir, err := os.MkdirTemp("", "penstock-faults-"+r.Name+"-")
	if err != nil {
		return err.Error()
	}
	keep := func(prefix, folder string, patterns ...string) {
		for _, pattern := range patterns {
			found, _ := filepath.Glob(filepath.Join(folder, pattern)) // the patterns are well formed
			for _, path := range found {
				if b, err := os.ReadFile(path); err == nil {
					_ = os.WriteFile(filepath.Join(dir, prefix+filepath.Base(path)), b, 0o644)
				}
			}
		}
	}
	keep("", r.dir, "*.json")
	client := http.Client{Timeout: 10 * time.Second}
	for _, m := range r.members {
		keep(m.name+"-", m.spec.Dir, "*.log", "*.properties")
		if m.worker == nil || !m.worker.Alive() || r.sys.Kind != stack.Penstock {
			continue
		}
		if resp, err := client.Get(m.worker.AdminURL + "/debug/pprof/goroutine?debug=2"); err == nil {
			b, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			_ = os.WriteFile(filepath.Join(dir, m.name+"-goroutines.txt"), b, 0o644)
		}
	}
	keep("", r.sys.Dir, "*.log")
	var strikes []string
	for _, s := range r.strikes {
		strikes = append(strikes, fmt.Sprintf("%s %s (%s), over %s, recovered %s", s.start.Format("15:04:05.000"), s.kind, s.detail,
			s.until.Format("15:04:05.000"), s.recovered.Format("15:04:05.000")))
	}
	return "logs: " + dir + "\n" + strings.Join(strikes, "\n")
}
