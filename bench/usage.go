// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

// usage reads the CPU time that a process has used. The kernel's clock of another process counts nanoseconds, where
// /proc counts ticks of 10 ms: a run of a third of a second wants the former. Without that clock it is /proc.
func usage(pid int) (stack.Usage, error) {
	var ts syscall.Timespec
	// clock_getcpuclockid(3): the complement of the id, and CPUCLOCK_SCHED (2).
	id := uintptr(int32(^pid<<3 | 2))
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, id, uintptr(unsafe.Pointer(&ts)), 0); errno == 0 {
		return stack.Usage{At: time.Now(), CPU: time.Duration(ts.Nano())}, nil
	}
	return stack.ReadUsage(pid)
}

// brokerCPU is what the broker has used; 0 when it is not ours.
func (b *bench) brokerCPU() time.Duration {
	if b.broker == nil {
		return 0
	}
	s, err := usage(b.broker.PID())
	if err != nil {
		return 0
	}
	return s.CPU
}

// window is the wall time in which the middle 98 % of the CPU time was spent, scaled to all of it: the time of the
// work itself, without the waits for a connector's start and for its last commit.
func window(samples []stack.Usage) time.Duration {
	first, last := samples[0].CPU, samples[len(samples)-1].CPU
	var from, to time.Time
	for _, s := range samples {
		if from.IsZero() && s.CPU >= first+(last-first)/100 {
			from = s.At
		}
		if s.CPU < last-(last-first)/100 {
			to = s.At
		}
	}
	return time.Duration(float64(to.Sub(from)) / 0.98)
}

// heap is running totals of a Go process's allocations.
type heap struct {
	mallocs, bytes float64
	ok             bool
}

// readHeap asks penstock for its allocation counters: the text form of the heap profile ends with the runtime's totals.
// The JVM has no such page. The page costs time and memory itself: it is read outside of what is measured, and twice
// before a run, so that its own part is known.
func readHeap(w *stack.Worker) (h heap) {
	if w.AdminURL == "" {
		return h
	}
	client := &http.Client{Timeout: 10 * time.Second}
	resp, err := client.Get(w.AdminURL + "/debug/pprof/heap?debug=1")
	if err != nil {
		return h
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return h
	}
	return parseHeap(string(text))
}

func parseHeap(text string) (h heap) {
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "# "), " = ")
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue
		}
		switch name {
		case "Mallocs":
			h.mallocs, h.ok = v, true
		case "TotalAlloc":
			h.bytes = v
		}
	}
	return h
}

// heapMeter counts the allocations of a run without those of its own readings.
type heapMeter struct {
	worker      *stack.Worker
	self, start heap
}

func (b *bench) meterHeap(w *stack.Worker) heapMeter {
	if b.profiling {
		return heapMeter{}
	}
	first := readHeap(w)
	second := readHeap(w)
	return heapMeter{w, heap{second.mallocs - first.mallocs, second.bytes - first.bytes, first.ok && second.ok}, second}
}

// into sets the totals of a run; they stay zero when the worker does not tell.
func (m heapMeter) into(r *result) {
	if !m.self.ok {
		return
	}
	if end := readHeap(m.worker); end.ok {
		r.HeapAllocs = max(0, end.mallocs-m.start.mallocs-m.self.mallocs)
		r.HeapBytes = max(0, end.bytes-m.start.bytes-m.self.bytes)
	}
}
