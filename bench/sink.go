// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

// sinkRun drains a topic of n records with a sink connector. It is done when the connector's group has committed the
// end of every partition: a worker commits what its connector took.
func (b *bench) sinkRun(w *workload, peer string, run int, n int64) (result, error) {
	topic, err := b.filled(b.options.spec(w, n))
	if err != nil {
		return result{}, err
	}
	if peer == rawPeer || peer == kgoPeer {
		return b.rawRun(peer, n, "-topic", topic)
	}
	worker := b.worker(peer)
	meter := b.meterHeap(worker)
	stack.ResetPeak(worker.PID())
	samples, broker, err := b.drain(worker, runName(w, peer, run), w.config, topic, n)
	if err != nil {
		return result{}, err
	}
	first, last := samples[0], samples[len(samples)-1]
	_, peak := stack.Memory(worker.PID())
	r := result{Records: n, HeapRecords: n, WallSeconds: window(samples).Seconds(), CPUSeconds: (last.CPU - first.CPU).Seconds(),
		BrokerCPUSeconds: broker.Seconds(), PeakRSSMiB: float64(peak) / 1024}
	meter.into(&r)
	if r.HeapAllocs == 0 {
		r.HeapRecords = 0
	}
	return r, nil
}

// drain runs a sink connector until its group has committed all of the topic, deletes it, and returns the worker's
// usage meanwhile (before the connector was made first, at the last commit last) and the broker's CPU time.
func (b *bench) drain(worker *stack.Worker, name string, config map[string]string, topic string, n int64) (samples []stack.Usage, broker time.Duration, err error) {
	first, err := usage(worker.PID())
	if err != nil {
		return nil, 0, err
	}
	brokerFirst := b.brokerCPU()
	began := time.Now()
	if err := worker.Put(name, with(map[string]string{"tasks.max": strconv.Itoa(b.options.tasks)}, config, map[string]string{"topics": topic})); err != nil {
		return nil, 0, err
	}
	samples = []stack.Usage{first}
	for next := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		s, err := usage(worker.PID())
		if err != nil {
			return nil, 0, fmt.Errorf("%w; the worker's log ends:\n%s", err, worker.Tail(30))
		}
		samples = append(samples, s)
		if time.Now().Before(next) {
			continue
		}
		next = time.Now().Add(100 * time.Millisecond)
		got := b.committed("connect-"+name, topic)
		if got > n {
			return nil, 0, fmt.Errorf("%d records committed of %d", got, n)
		}
		if got == n {
			break
		}
		if err := healthy(worker, name, began); err != nil {
			return nil, 0, fmt.Errorf("%w (%d of %d records committed)", err, got, n)
		}
	}
	broker = b.brokerCPU() - brokerFirst
	return samples, broker, b.remove(worker, name)
}

// remove deletes a connector and waits until its group has no members: what a worker does for its end must not fall
// into the next run.
func (b *bench) remove(worker *stack.Worker, name string) error {
	if err := worker.Delete(name); err != nil {
		return err
	}
	for range 50 {
		time.Sleep(100 * time.Millisecond)
		answers, err := b.admin.DeleteGroups(context.Background(), "connect-"+name)
		if err != nil {
			break
		}
		if a, ok := answers["connect-"+name]; !ok || !errors.Is(a.Err, kerr.NonEmptyGroup) {
			break
		}
	}
	return nil
}

// checkSinks has penstock and the JVM write the same records to files, with the converters and transforms of the
// workload, and compares these: every line, and the order in each partition. The null sink leaves nothing to compare.
func (r *race) checkSinks() {
	peer := r.lane(jvmPeer)
	if peer == nil {
		peer = r.lane(bestPeer)
	}
	mine := r.lane(ours)
	if !r.b.options.parity || !r.w.isSink() || peer == nil || mine == nil {
		return
	}
	const records = 20_000
	n := min(records, mine.n, peer.n)
	if r.w.records.size > 0 {
		n = min(n, max(10, 20_000_000/int64(r.w.records.size)))
	}
	want, err := r.sinkLines(peer.peer, n)
	if err != nil {
		peer.err = fmt.Errorf("comparison of contents: %w", err)
		return
	}
	got, err := r.sinkLines(ours, n)
	if err != nil {
		mine.err = fmt.Errorf("comparison of contents: %w", err)
		return
	}
	note := got.differs(want, n, r.w.config["value.converter"] == bytesConverter)
	for i := range r.results {
		if x := &r.results[i]; x.Peer == ours && x.Parity == "" {
			x.Parity, x.Verified = note, true
		}
	}
	switch {
	case note != "":
	case got.exact != want.exact && r.w.config["value.converter"] != bytesConverter:
		note = "equal but for the order of keys in printed maps"
	default:
		note = "equal"
	}
	r.b.note("%s: %d records written to files by penstock and %s: %s", r.w.name, n, peer.peer, note)
}

// sinkLines is what a peer writes of the workload's first n records.
func (r *race) sinkLines(peer string, n int64) (lines, error) {
	s := r.b.options.spec(r.w, n)
	topic, err := r.b.filled(s)
	if err != nil {
		return lines{}, err
	}
	name := runName(r.w, peer, 1_000)
	path := filepath.Join(r.b.dir, name+".out")
	defer os.Remove(path)
	if _, _, err := r.b.drain(r.b.worker(peer), name, with(r.w.config, fileSink, map[string]string{"file": path}), topic, n); err != nil {
		return lines{}, err
	}
	text, err := os.ReadFile(path)
	end := "\n"
	if s.shape == "escapes" {
		end = "}\n" // its text holds line ends, and none after a brace
	}
	return readLines(text, int64(s.partitions), end), err
}

// differs says how l differs from want, both of n records; "" when it does not. Of bytes a file sink writes only the
// object's identity, so those are counted.
func (l lines) differs(want lines, n int64, countOnly bool) string {
	switch {
	case l.count != n || want.count != n:
		return fmt.Sprintf("%d lines written of %d, by the JVM %d", l.count, n, want.count)
	case countOnly:
		return ""
	case l.badline != "":
		return "out of order: " + l.badline
	case l.sum != want.sum:
		mine, theirs := l.firstOther(want)
		return fmt.Sprintf("contents differ from the JVM's: %.600s; there: %.600s", mine, theirs)
	}
	return ""
}
