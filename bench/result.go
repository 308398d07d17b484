// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A result is one run of one peer. Figures that a kind of workload or a peer does not have stay zero.
type result struct {
	Workload string `json:"workload"`
	Peer     string `json:"peer"`
	Run      int    `json:"run"`     // from 1
	Counted  bool   `json:"counted"` // false: a warm-up run, or one for allocations only
	Records  int64  `json:"records,omitempty"`
	// WallSeconds is the time of the work itself: without waits for the connector's start and its last commit.
	WallSeconds      float64 `json:"wall_s,omitempty"`
	CPUSeconds       float64 `json:"cpu_s,omitempty"`
	BrokerCPUSeconds float64 `json:"broker_cpu_s,omitempty"`
	PeakRSSMiB       float64 `json:"peak_rss_mib,omitempty"`
	// HeapAllocs and HeapBytes are all of the run's allocations in penstock's heap, its start included; the steady
	// state's share of a record is the slope between two runs of different length.
	HeapAllocs float64 `json:"heap_allocs,omitempty"`
	HeapBytes  float64 `json:"heap_bytes,omitempty"`
	// HeapRecords is what HeapAllocs and HeapBytes belong to.
	HeapRecords int64 `json:"heap_records,omitempty"`
	// Parity says how the destination differed from the truth; a run with it does not count. Verified: it was looked at.
	Parity   string `json:"parity,omitempty"`
	Verified bool   `json:"verified,omitempty"`
	// Startup and idle.
	StartSeconds float64 `json:"start_s,omitempty"`
	IdleRSSMiB   float64 `json:"idle_rss_mib,omitempty"`
	IdlePercent  float64 `json:"idle_cpu_percent,omitempty"`
	// Latency, in milliseconds: of the sink, of the raw consumer of the same records, and the difference of the two
	// at the same quantile.
	P50      float64 `json:"p50_ms,omitempty"`
	P99      float64 `json:"p99_ms,omitempty"`
	P999     float64 `json:"p999_ms,omitempty"`
	Max      float64 `json:"max_ms,omitempty"`
	RawP50   float64 `json:"raw_p50_ms,omitempty"`
	RawP99   float64 `json:"raw_p99_ms,omitempty"`
	RawP999  float64 `json:"raw_p999_ms,omitempty"`
	AddedP99 float64 `json:"added_p99_ms,omitempty"`
	// ApartP50 and ApartP99 are quantiles of the difference record by record.
	ApartP50 float64 `json:"apart_p50_ms,omitempty"`
	ApartP99 float64 `json:"apart_p99_ms,omitempty"`
	// Scaling: records a second, wall, on one core and on two.
	OneCore  float64 `json:"one_core_per_s,omitempty"`
	TwoCores float64 `json:"two_cores_per_s,omitempty"`
}

// perCPU is the figure to compare: records per CPU-second.
func (r result) perCPU() float64 { return over(float64(r.Records), r.CPUSeconds) }

func over(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// row is one line of a workload's table: a figure of its runs, how it is written, and which way is better.
type row struct {
	name         string
	figure       func(runs []result) float64
	format       func(float64) string
	moreIsBetter bool
	ratio        bool // whether a ratio to the peers says anything
}

// Names of rows that targets are about.
const (
	startRow   = "exec to GET /, s"
	idleRow    = "RSS at rest, MiB"
	idleCPURow = "CPU, % of a core"
	addedRow   = "p99 added to the raw client, ms"
	speedupRow = "two cores over one"
)

// middle makes the figure of one run that of many: the median of those that count.
func middle(figure func(result) float64) func([]result) float64 {
	return func(runs []result) float64 { return median(counted(runs), figure) }
}

// counted are the runs that count: warm, and their destination as it must be.
func counted(runs []result) (out []result) {
	for _, r := range runs {
		if r.Counted && r.Parity == "" {
			out = append(out, r)
		}
	}
	return out
}

// median of a figure over runs; 0 without runs.
func median(runs []result, figure func(result) float64) float64 {
	var values []float64
	for _, r := range runs {
		values = append(values, figure(r))
	}
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}

// slope is what a record costs in the steady state: the difference between runs of two lengths over the difference of
// the lengths, so that the start of connector and task falls out. -1: unknown.
func slope(runs []result, figure func(result) float64) float64 {
	var short, long []result
	for _, r := range runs {
		switch {
		case r.HeapRecords == 0 || r.Parity != "":
		case len(long) == 0 || r.HeapRecords > long[0].HeapRecords:
			short, long = append(short, long...), []result{r}
		case r.HeapRecords == long[0].HeapRecords:
			long = append(long, r)
		default:
			short = append(short, r)
		}
	}
	if len(short) == 0 || len(long) == 0 {
		return -1
	}
	n := long[0].HeapRecords - short[0].HeapRecords
	return max(0, (median(long, figure)-median(short, figure))/float64(n))
}

func digits(n int) func(float64) string {
	return func(v float64) string { return strconv.FormatFloat(v, 'f', n, 64) }
}

// whole writes a number without decimals and with commas.
func whole(v float64) string {
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// rows are the figures that a kind of workload has.
func rows(kind string) []row {
	cpu := middle(func(r result) float64 { return r.CPUSeconds })
	peak := row{peakRow, middle(func(r result) float64 { return r.PeakRSSMiB }), whole, false, true}
	idle := row{idleRow, middle(func(r result) float64 { return r.IdleRSSMiB }), whole, false, true}
	switch kind {
	case startupKind:
		return []row{
			{startRow, middle(func(r result) float64 { return r.StartSeconds }), digits(3), false, true},
			{"CPU by then, s", cpu, digits(3), false, true}, idle, peak,
		}
	case idleKind:
		return []row{{idleCPURow, middle(func(r result) float64 { return r.IdlePercent }), digits(2), false, true}, idle, peak}
	case latencyKind:
		return []row{
			{"p50, ms", middle(func(r result) float64 { return r.P50 }), digits(2), false, true},
			{"p99, ms", middle(func(r result) float64 { return r.P99 }), digits(2), false, true},
			{"p99.9, ms", middle(func(r result) float64 { return r.P999 }), digits(2), false, true},
			{"max, ms", middle(func(r result) float64 { return r.Max }), digits(2), false, false},
			{"raw client beside it, p50, ms", middle(func(r result) float64 { return r.RawP50 }), digits(2), false, false},
			{"raw client beside it, p99, ms", middle(func(r result) float64 { return r.RawP99 }), digits(2), false, false},
			{"raw client beside it, p99.9, ms", middle(func(r result) float64 { return r.RawP999 }), digits(2), false, false},
			{addedRow, middle(func(r result) float64 { return r.AddedP99 }), digits(2), false, false},
			{"later than the raw client, record by record, p50, ms", middle(func(r result) float64 { return r.ApartP50 }), digits(2), false, false},
			{"later than the raw client, record by record, p99, ms", middle(func(r result) float64 { return r.ApartP99 }), digits(2), false, false},
		}
	case scaleKind:
		return []row{
			{"records per second, one core", middle(func(r result) float64 { return r.OneCore }), whole, true, false},
			{"records per second, two cores", middle(func(r result) float64 { return r.TwoCores }), whole, true, false},
			{speedupRow, middle(func(r result) float64 { return over(r.TwoCores, r.OneCore) }), digits(2), true, false},
		}
	}
	return []row{
		{perCPURow, middle(result.perCPU), whole, true, true},
		{"records per second, wall", middle(func(r result) float64 { return over(float64(r.Records), r.WallSeconds) }), whole, true, true},
		{"broker's CPU, µs per record", middle(func(r result) float64 { return over(r.BrokerCPUSeconds*1e6, float64(r.Records)) }), digits(3), false, false},
		peak,
		{allocsRow, func(runs []result) float64 { return slope(runs, func(r result) float64 { return r.HeapAllocs }) }, digits(4), false, false},
		{bytesRow, func(runs []result) float64 { return slope(runs, func(r result) float64 { return r.HeapBytes }) }, digits(1), false, false},
	}
}

// line is a run in a few words.
func (r result) line(kind string) string {
	if r.Parity != "" {
		return "THROWN AWAY: " + r.Parity
	}
	one := r
	one.Counted = true
	var parts []string
	for _, x := range rows(kind) {
		if v := x.figure([]result{one}); v > 0 {
			parts = append(parts, x.name+" "+x.format(v))
		}
	}
	if r.HeapRecords > 0 {
		parts = append(parts, fmt.Sprintf("heap in all %s allocations, %s bytes", whole(r.HeapAllocs), whole(r.HeapBytes)))
	}
	return strings.Join(parts, "; ")
}
