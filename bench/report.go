// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

// meta says what was measured, on what and how, so that a figure can be questioned and repeated.
type meta struct {
	Time       time.Time `json:"time"`
	Commit     string    `json:"commit"`
	Machine    string    `json:"machine"`
	Load       string    `json:"load"` // averages of the machine at the start: others may have used it
	Go         string    `json:"go"`
	Java       string    `json:"java"`
	BestJava   string    `json:"best_java"`
	BestProps  string    `json:"best_props"`
	Kafka      string    `json:"kafka"`
	Mode       string    `json:"mode"`
	Size       string    `json:"size"`
	Options    string    `json:"options"` // what differs from the defaults
	WarmRuns   int       `json:"warm_runs"`
	Repeat     int       `json:"repeat"`
	BudgetSecs float64   `json:"budget_s"`
}

// failure is why a workload, or a peer in it, has no figures.
type failure struct {
	Workload string `json:"workload"`
	Error    string `json:"error"`
}

// report is everything of one invocation; its JSON form is the raw file.
type report struct {
	Meta     meta      `json:"meta"`
	Results  []result  `json:"results"`
	Failures []failure `json:"failures,omitempty"`

	path string // of its file, once it has one
}

func (b *bench) meta() meta {
	o := b.options
	m := meta{
		Time: time.Now().UTC().Truncate(time.Second), Commit: commit(), Machine: machine(), Go: runtime.Version(), Java: "none", BestJava: "none",
		BestProps: o.bestProps, Kafka: "at " + b.brokers, Mode: o.mode, Size: o.size, WarmRuns: o.warm, Repeat: o.repeat, BudgetSecs: o.budget.Seconds(),
		Options: fmt.Sprintf("tasks %d, partitions %d, shape %s, seed %d", o.tasks, o.partitions, o.shape, o.seed),
	}
	if o.records > 0 {
		m.Options += fmt.Sprintf(", records %d", o.records)
	}
	if o.workerProps != "" {
		m.Options += ", " + o.workerProps
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load = strings.Join(strings.Fields(string(text))[:3], " ")
	}
	named := func(java string) string {
		if java == "" {
			java = "java"
		}
		return javaLine(java)
	}
	if slices.Contains(b.peers, jvmPeer) {
		m.Java = named(o.jvmJava)
	}
	if slices.Contains(b.peers, bestPeer) {
		m.BestJava = named(b.best)
	}
	if b.broker != nil {
		m.Kafka = "Apache Kafka 4.3.1, one node on the same machine"
	}
	return m
}

// commit is what was measured, as git says.
func commit() string {
	root, err := stack.Root()
	if err != nil {
		return "unknown"
	}
	git := func(args ...string) string {
		cmd := exec.Command("git", args...)
		cmd.Dir = root
		out, _ := cmd.Output() // no git, no commit
		return strings.TrimSpace(string(out))
	}
	id := git("rev-parse", "--short=12", "HEAD")
	switch {
	case id == "":
		return "unknown"
	case git("status", "--porcelain", "--untracked-files=no", "--", "*.go", "go.mod") != "":
		return id + " with changes"
	}
	return id
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
			memory = fmt.Sprintf(", %d GiB", (kib+1<<19)>>20)
		}
	}
	return fmt.Sprintf("%d × %s%s, %s", runtime.NumCPU(), model, memory, runtime.GOOS)
}

// of lists the runs of a peer in a workload.
func (r *report) of(w *workload, peer string) (out []result) {
	for _, x := range r.Results {
		if x.Workload == w.name && x.Peer == peer {
			out = append(out, x)
		}
	}
	return out
}

// save writes the raw figures into -results, each invocation into a file of its own.
func (r *report) save(o *options) error {
	if o.results == "" {
		return nil
	}
	if err := os.MkdirAll(o.results, 0o755); err != nil {
		return err
	}
	if r.path == "" {
		id, _, _ := strings.Cut(r.Meta.Commit, " ")
		r.path = filepath.Join(o.results, r.Meta.Time.Format("2006-01-02-150405")+"-"+id+".json")
	}
	return writeJSON(r.path, r)
}

// writeJSON writes v with a run on each line: small files, and a difference that can be read.
func writeJSON(path string, r *report) error {
	var b strings.Builder
	line := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			return "null"
		}
		return string(text)
	}
	list := func(name string, n int, at func(i int) any) {
		fmt.Fprintf(&b, ",\n%q: [", name)
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString("\n " + line(at(i)))
		}
		b.WriteString("\n]")
	}
	b.WriteString(`{"meta": ` + line(r.Meta))
	list("results", len(r.Results), func(i int) any { return r.Results[i] })
	list("failures", len(r.Failures), func(i int) any { return r.Failures[i] })
	b.WriteString("}\n")
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

func readReport(path string) (*report, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &report{path: path}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// readReports reads the raw figures of a folder, the oldest first.
func readReports(dir string) (out []*report, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		r, err := readReport(f)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b *report) int { return a.Meta.Time.Compare(b.Meta.Time) })
	return out, nil
}

// table is a workload's comparison as Markdown.
func (r *report) table(w *workload) string {
	columns := []string{ours, rawPeer, kgoPeer, jvmPeer, bestPeer}
	columns = slices.DeleteFunc(columns, func(p string) bool { return p != ours && len(r.of(w, p)) == 0 })
	mine := r.of(w, ours)
	var b strings.Builder
	fmt.Fprintf(&b, "\n**%s**: %s\n\n| |", w.name, w.doc)
	for _, p := range columns {
		b.WriteString(" " + p + " |")
	}
	for _, p := range columns[1:] {
		b.WriteString(" × " + p + " |")
	}
	b.WriteString("\n| --- |" + strings.Repeat(" ---: |", 2*len(columns)-1) + "\n")
	for _, x := range rows(w.kind) {
		b.WriteString("| " + x.name + " |")
		for _, p := range columns {
			b.WriteString(" " + x.show(w, r.of(w, p), p) + " |")
		}
		for _, p := range columns[1:] {
			b.WriteString(" " + x.ratioText(mine, r.of(w, p)) + " |")
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "\n%s\n", r.footnote(w, columns))
	for _, f := range r.Failures {
		if f.Workload == w.name {
			fmt.Fprintf(&b, "\nNot measured: %s\n", strings.ReplaceAll(firstLines(f.Error, 3), "\n", "; "))
		}
	}
	return b.String()
}

// show is a figure of a peer, or a dash.
func (x row) show(w *workload, runs []result, peer string) string {
	v := x.figure(runs)
	heapRow := x.name == allocsRow || x.name == bytesRow
	switch {
	case len(counted(runs)) == 0, v < 0 && w.kind != latencyKind, heapRow && peer != ours:
		return "–"
	case v == 0 && w.kind != idleKind && !heapRow:
		return "–"
	}
	return x.format(v)
}

// ratioTo is how many times better ours is than a peer; 0 when that cannot be said.
func (x row) ratioTo(mine, peer []result) float64 {
	m, p := x.figure(mine), x.figure(peer)
	if m <= 0 || p <= 0 {
		return 0
	}
	if x.moreIsBetter {
		return m / p
	}
	return p / m
}

func (x row) ratioText(mine, peer []result) string {
	if v := x.ratioTo(mine, peer); x.ratio && v > 0 {
		return digits(2)(v)
	}
	return "–"
}

// footnote says how the figures came about: runs, warm-up, the first run of a cold JVM, parity.
func (r *report) footnote(w *workload, columns []string) string {
	var parts []string
	for _, p := range columns {
		runs := r.of(w, p)
		all := counted(runs)
		thrown, verified := 0, 0
		for _, x := range runs {
			if x.Parity != "" {
				thrown++
			}
			if x.Verified && x.Parity == "" {
				verified++
			}
		}
		if len(runs) == 0 {
			continue
		}
		text := fmt.Sprintf("%s: median of %d", p, len(all))
		if len(all) > 0 && all[0].Records > 0 {
			text += fmt.Sprintf(" of %s records", whole(float64(all[0].Records)))
		}
		if w.isData() && (p == jvmPeer || p == bestPeer) {
			text += fmt.Sprintf(" (after %d warm-up runs; first run, cold: %s per CPU-second)", len(runs)-len(all)-thrown, whole(runs[0].perCPU()))
		}
		if verified > 0 {
			text += fmt.Sprintf(", %d verified", verified)
		}
		if thrown > 0 {
			text += fmt.Sprintf(", **%d thrown away: %s**", thrown, firstParity(runs))
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ") + "."
}

func firstParity(runs []result) string {
	for _, x := range runs {
		if x.Parity != "" {
			return x.Parity
		}
	}
	return ""
}

// firstLines is the first n lines of a text: of a stack trace more is too much.
func firstLines(text string, n int) string {
	lines := strings.SplitN(strings.TrimSpace(text), "\n", n+1)
	return strings.Join(lines[:min(n, len(lines))], "\n")
}
