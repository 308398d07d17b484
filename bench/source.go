// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

// sourceInput is where a source's records come from and what must arrive.
type sourceInput struct {
	file  string // of the file source
	topic string // of the mirror
	truth digests
}

// sourceRuns measures one source workload.
type sourceRuns struct {
	b      *bench
	w      *workload
	inputs map[int64]sourceInput // by number of records
}

// input makes what a run of n records reads, once.
func (s *sourceRuns) input(n int64) (in sourceInput, err error) {
	if in, ok := s.inputs[n]; ok {
		return in, nil
	}
	o := s.b.options
	switch s.w.kind {
	case fileKind:
		in.file, in.truth, err = s.b.linesFile(o.spec(s.w, n))
	case genKind:
		in.truth = eventDigests(n, o.partitions, s.w.config["value.converter.schemas.enable"] == "true")
	case mirrorKind:
		if in.topic, err = s.b.filled(o.spec(s.w, n)); err == nil {
			in.truth, err = s.b.readTopic(in.topic, 0)
		}
	}
	if err == nil {
		s.inputs[n] = in
	}
	return in, err
}

// run fills a new topic with n records. Time and CPU count from the first record that is seen in the topic to the last,
// unless most were there at first sight: then from before the connector was made.
func (s *sourceRuns) run(peer string, run int, n int64) (result, error) {
	in, err := s.input(n)
	if err != nil {
		return result{}, err
	}
	b, name := s.b, runName(s.w, peer, run)
	topic, config := s.target(name, in, n, peer)
	if s.w.kind != mirrorKind || peer == rawPeer {
		partitions := int32(b.options.partitions)
		if s.w.kind == fileKind {
			partitions = 1
		}
		if err := b.createTopic(topic, partitions); err != nil {
			return result{}, err
		}
	}
	defer func() { _, _ = b.admin.DeleteTopics(context.Background(), topic) }()
	var r result
	if peer == rawPeer || peer == kgoPeer {
		args := []string{"-topic", topic, "-file", in.file}
		if s.w.kind == mirrorKind {
			args = []string{"-topic", in.topic, "-copy", topic}
		}
		r, err = b.rawRun(peer, n, args...)
	} else {
		r, err = b.fill(b.worker(peer), name, config, topic, n)
	}
	if err != nil || !b.options.parity {
		return r, err
	}
	// The lines that follow the last of a file may be there or not; the file's topic has one partition.
	limit := int64(0)
	if s.w.kind == fileKind {
		limit = n
	}
	got, err := b.readTopic(topic, limit)
	if err != nil {
		return result{}, err
	}
	r.Parity, r.Verified = in.truth.differs(got), true
	return r, nil
}

// target is where a run's records go, and the connector that brings them there.
func (s *sourceRuns) target(name string, in sourceInput, n int64, peer string) (topic string, config map[string]string) {
	set := map[string]string{"tasks.max": strconv.Itoa(s.b.options.tasks)}
	switch s.w.kind {
	case fileKind:
		set["topic"], set["file"] = name, in.file
	case genKind:
		set["topic"], set["count"] = name, strconv.FormatInt(n, 10)
	case mirrorKind:
		set["source.cluster.alias"], set["target.cluster.alias"] = name, name+"-target"
		set["source.cluster.bootstrap.servers"], set["target.cluster.bootstrap.servers"] = s.b.brokers, s.b.brokers
		set["topics"] = in.topic
		if peer != rawPeer {
			return name + "." + in.topic, with(s.w.config, set)
		}
	}
	return name, with(s.w.config, set)
}

// fill runs a source connector until its topic holds n records.
func (b *bench) fill(worker *stack.Worker, name string, config map[string]string, topic string, n int64) (result, error) {
	pid := worker.PID()
	meter := b.meterHeap(worker)
	stack.ResetPeak(pid)
	before, err := usage(pid)
	if err != nil {
		return result{}, err
	}
	brokerBefore := b.brokerCPU()
	if err := worker.Put(name, config); err != nil {
		return result{}, err
	}
	first, seen, brokerFirst := before, int64(0), brokerBefore
	last := before
	var got int64
	for check := time.Now(); got < n; time.Sleep(3 * time.Millisecond) {
		got = b.endOffset(topic)
		if last, err = usage(pid); err != nil {
			return result{}, fmt.Errorf("%w; the worker's log ends:\n%s", err, worker.Tail(30))
		}
		if seen == 0 && got > 0 {
			if seen = got; got < n/4 {
				first, brokerFirst = last, b.brokerCPU()
			} else {
				seen = -1
			}
		}
		if time.Since(check) > time.Second {
			check = time.Now()
			if err := healthy(worker, name, before.At); err != nil {
				return result{}, fmt.Errorf("%w (%d of %d records came)", err, max(0, got), n)
			}
		}
	}
	_, peak := stack.Memory(pid)
	r := result{Records: n - max(0, seen), HeapRecords: n, WallSeconds: last.At.Sub(first.At).Seconds(), CPUSeconds: (last.CPU - first.CPU).Seconds(),
		BrokerCPUSeconds: (b.brokerCPU() - brokerFirst).Seconds(), PeakRSSMiB: float64(peak) / 1024}
	meter.into(&r)
	if r.HeapAllocs == 0 {
		r.HeapRecords = 0
	}
	if err := worker.Delete(name); err != nil {
		return result{}, err
	}
	time.Sleep(300 * time.Millisecond)
	return r, nil
}
