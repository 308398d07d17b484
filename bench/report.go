// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

// meta says what was measured, on what and how, so that a table can be questioned and repeated.
type meta struct {
	Command  string `json:"command"`
	Commit   string `json:"commit"`
	Date     string `json:"date"`
	Machine  string `json:"machine"`
	Go       string `json:"go"`
	Java     string `json:"java"`
	Kafka    string `json:"kafka"`
	Mode     string `json:"mode"`
	WarmRuns int    `json:"warm_runs"`
	Runs     int    `json:"runs"`
}

// report is everything of one invocation; its JSON form is the raw file.
type report struct {
	Meta    meta     `json:"meta"`
	Results []result `json:"results"`

	ran []*workload
}

func (b *bench) meta(args []string) meta {
	m := meta{
		Command: "go run ./bench " + strings.Join(args, " "), Commit: "unknown", Date: time.Now().UTC().Format("2006-01-02"),
		Machine: machine(), Go: runtime.Version(), Java: "none", Kafka: "at " + b.brokers,
		Mode: b.options.mode, WarmRuns: b.options.warm, Runs: b.options.runs,
	}
	if root, err := stack.Root(); err == nil {
		git := func(args ...string) string {
			cmd := exec.Command("git", args...)
			cmd.Dir = root
			out, _ := cmd.Output() // no git, no commit
			return strings.TrimSpace(string(out))
		}
		if commit := git("rev-parse", "--short=12", "HEAD"); commit != "" {
			m.Commit = commit
			if git("status", "--porcelain", "--untracked-files=no") != "" {
				m.Commit += " with changes"
			}
		}
	}
	if slices.Contains(b.peers, jvmPeer) {
		java := b.options.jvmJava
		if java == "" {
			java = "java"
		}
		if out, err := exec.Command(java, "-version").CombinedOutput(); err == nil {
			m.Java, _, _ = strings.Cut(string(out), "\n")
		}
	}
	if b.broker != nil {
		m.Kafka = "Apache Kafka 4.3.1, one node on the same machine"
	}
	return m
}

// machine is the processor, how many of them, and memory.
func machine() string {
	model, memory := runtime.GOARCH, ""
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kib int64
		if _, err := fmt.Sscanf(string(b), "MemTotal: %d kB", &kib); err == nil {
			memory = fmt.Sprintf(", %d GiB", (kib+512*1024)/(1024*1024))
		}
	}
	return fmt.Sprintf("%d × %s%s, %s", runtime.NumCPU(), model, memory, runtime.GOOS)
}

func (r *report) add(w *workload, results []result) {
	r.ran = append(r.ran, w)
	r.Results = append(r.Results, results...)
}

// of returns a peer's runs of a workload, warm-up runs only when all is set.
func (r *report) of(w *workload, peer string, all bool) []result {
	var out []result
	for _, x := range r.Results {
		if x.Workload == w.name && x.Peer == peer && (all || x.Counted) {
			out = append(out, x)
		}
	}
	return out
}

// median is the middle of a figure over runs; of an even number the lower middle, so that it is one that was measured.
func median(runs []result, figure func(result) float64) float64 {
	if len(runs) == 0 {
		return 0
	}
	values := make([]float64, len(runs))
	for i, x := range runs {
		values[i] = figure(x)
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}

// A row is a figure of a table.
type row struct {
	name   string
	figure func(result) float64
	format func(float64) string
	// moreIsBetter makes the ratio ours/peer, otherwise it is peer/ours: above 1 is always a win for penstock.
	moreIsBetter bool
}

func whole(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func digits(n int) func(float64) string {
	return func(v float64) string { return fmt.Sprintf("%.*f", n, v) }
}

// rows are the figures that a kind of workload has.
func rows(kind string) []row {
	cpuSeconds := func(r result) float64 { return r.CPUSeconds }
	peak := row{"peak RSS, MiB", func(r result) float64 { return r.PeakRSSMiB }, whole, false}
	idle := row{"RSS at rest, MiB", func(r result) float64 { return r.IdleRSSMiB }, whole, false}
	switch kind {
	case startupKind:
		return []row{
			{"exec to GET /, s", func(r result) float64 { return r.StartSeconds }, digits(3), false},
			{"CPU by then, s", cpuSeconds, digits(2), false}, idle, peak,
		}
	case idleKind:
		return []row{{"CPU, % of a core", func(r result) float64 { return r.IdlePercent }, digits(2), false}, idle, peak}
	case latencyKind:
		return []row{
			{"p50, ms", func(r result) float64 { return r.P50 }, digits(1), false},
			{"p90, ms", func(r result) float64 { return r.P90 }, digits(1), false},
			{"p99, ms", func(r result) float64 { return r.P99 }, digits(1), false},
			{"max, ms", func(r result) float64 { return r.Max }, digits(1), false},
		}
	}
	return []row{
		{"records per CPU-second", result.perCPU, whole, true},
		{"records per second, wall", func(r result) float64 { return float64(r.Records) / r.WallSeconds }, whole, true},
		peak,
		{"heap allocations per record", func(r result) float64 { return r.AllocsPerRecord }, digits(4), false},
		{"heap bytes per record", func(r result) float64 { return r.BytesPerRecord }, digits(1), false},
	}
}

// line is a run in a few words.
func (r result) line(kind string) string {
	var parts []string
	for _, x := range rows(kind) {
		if v := x.figure(r); v > 0 {
			parts = append(parts, x.name+" "+x.format(v))
		}
	}
	return strings.Join(parts, "; ")
}

// table is a workload's comparison as a Markdown table.
func (r *report) table(w *workload) string {
	mine := r.of(w, ours, false)
	cold := r.of(w, jvmPeer, true)
	raw, jvm := r.of(w, rawPeer, false), r.of(w, jvmPeer, false)
	hot := w.kind == sinkKind || w.kind == sourceKind
	var b strings.Builder
	fmt.Fprintf(&b, "\n**%s**: %s", w.name, w.doc)
	for _, x := range slices.Concat(mine, raw, jvm) {
		if x.Records > 0 {
			fmt.Fprintf(&b, " (%s records)", whole(float64(max(x.Records, w.records))))
			break
		}
	}
	b.WriteString("\n\n| | penstock | raw client | JVM | JVM, first run | vs JVM | vs raw |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for _, x := range rows(w.kind) {
		m, p, j := median(mine, x.figure), median(raw, x.figure), median(jvm, x.figure)
		// Nothing at all is a figure only of what is counted in ticks: an idle worker may use none.
		show := func(v float64, runs []result) string {
			if len(runs) == 0 || v < 0 || v == 0 && w.kind != idleKind {
				return "–"
			}
			return x.format(v)
		}
		first := "–"
		if hot && len(cold) > 0 {
			first = show(x.figure(cold[0]), cold)
		}
		ratio := func(peer float64) string {
			if m <= 0 || peer <= 0 {
				return "–"
			}
			if x.moreIsBetter {
				return fmt.Sprintf("%.2f ×", m/peer)
			}
			return fmt.Sprintf("%.2f ×", peer/m)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", x.name, show(m, mine), show(p, raw), show(j, jvm), first, ratio(j), ratio(p))
	}
	return b.String()
}

// write writes the files that were asked for.
func (r *report) write(o *options) error {
	var errs []error
	if o.jsonFile != "" {
		b, err := json.MarshalIndent(r, "", " ")
		if err == nil {
			err = os.WriteFile(o.jsonFile, append(b, '\n'), 0o644)
		}
		errs = append(errs, err)
	}
	if o.mdFile != "" {
		errs = append(errs, r.rewrite(o.mdFile))
	}
	return errors.Join(errs...)
}

// rewrite replaces the table of each workload that ran between its markers; a workload that has none yet is appended.
func (r *report) rewrite(path string) error {
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text := string(b)
	if text == "" {
		text = "# Benchmarks\n\nWritten by `go run ./bench -md BENCHMARKS.md`; the method is in bench/doc.go.\n" +
			"In the last two columns more than 1 is a win for penstock, whatever the row counts.\n"
	}
	for _, w := range r.ran {
		if len(r.of(w, ours, true))+len(r.of(w, jvmPeer, true)) == 0 {
			continue
		}
		begin, end := "<!-- bench:begin "+w.name+" -->", "<!-- bench:end "+w.name+" -->"
		m := r.Meta
		method := fmt.Sprintf("Median of %d after %d warm-up runs in one process", m.Runs, m.WarmRuns)
		if w.kind != sinkKind && w.kind != sourceKind {
			method = "A fresh process for each run"
			if w.kind == latencyKind {
				method = "One warm-up run before"
			}
		}
		block := begin + "\n" + r.table(w) + fmt.Sprintf("\n`%s` · commit %s · %s · %s · %s · %s · %s · %s mode. %s.\n", m.Command, m.Commit, m.Date,
			m.Machine, m.Go, strings.ReplaceAll(m.Java, `"`, ""), m.Kafka, m.Mode, method) + end
		if before, rest, ok := strings.Cut(text, begin); ok {
			if _, after, ok := strings.Cut(rest, end); ok {
				text = before + block + after
				continue
			}
			return fmt.Errorf("%s: %s has no end", path, begin)
		}
		text = strings.TrimRight(text, "\n") + "\n\n" + block + "\n"
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
