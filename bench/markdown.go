// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// page is what BENCHMARKS.md is written from: of each workload the newest report that has it.
type page struct {
	newest map[string]*report
	imgs   string // folder of the charts
	base   string // folder of the page
}

// renderAll writes the page and its chart from the raw files. Only they decide what it says.
func renderAll(results, path string) error {
	if path == "" {
		return errors.New("say -md FILE")
	}
	reports, err := readReports(results)
	if err != nil {
		return err
	}
	p := &page{newest: map[string]*report{}, base: filepath.Dir(path)}
	p.imgs = filepath.Join(p.base, "docs", "img")
	for _, r := range reports {
		for _, x := range r.Results {
			if x.Peer == ours {
				p.newest[x.Workload] = r
			}
		}
	}
	if len(p.newest) == 0 {
		return fmt.Errorf("no figures in %s", results)
	}
	if err := os.MkdirAll(p.imgs, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(p.imgs, "bench.svg"), []byte(p.chart()), 0o644); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(p.text()), 0o644)
}

// shown are the workloads of a group that have figures, in the order of the table.
func (p *page) shown(group string) (out []*workload) {
	for _, w := range workloads {
		if w.group == group && p.newest[w.name] != nil {
			out = append(out, w)
		}
	}
	return out
}

func (p *page) text() string {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\nWritten by `bench` from the raw figures in [bench/results](bench/results); how it measures: [docs/bench.md](docs/bench.md).\n" +
		"Ratios of one run are what counts: the machine is shared with the broker, and with whoever else uses it.\n" +
		"A ratio over 1 is a win for penstock, whatever the row counts.\n\n![Records per CPU-second, penstock over its peers](docs/img/bench.svg)\n")
	p.figures(&b)
	p.limits(&b)
	p.losses(&b)
	for _, group := range []string{"shapes", "sizes", "partitions"} {
		p.sweep(&b, group)
	}
	b.WriteString("\n## Each workload\n")
	for _, w := range workloads {
		r := p.newest[w.name]
		if r == nil {
			continue
		}
		b.WriteString(r.table(w))
		fmt.Fprintf(&b, "\n`%s` · %s\n", rerun(w, r), r.origin())
		if flame := filepath.Join("docs", "img", "flame-"+w.name+".svg"); exists(filepath.Join(p.base, flame)) {
			fmt.Fprintf(&b, "[Flamegraph](%s)\n", filepath.ToSlash(flame))
		}
	}
	return b.String()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// rerun is the command that measures one workload again.
func rerun(w *workload, r *report) string {
	command := "go run ./bench -run " + w.name
	if r.Meta.Size != "small" {
		command += " -size " + r.Meta.Size
	}
	return command
}

// origin says where and when a report was made.
func (r *report) origin() string {
	m := r.Meta
	return fmt.Sprintf("commit %s · %s · size %s · %s · load before %s · %s · jvm: %s · jvm-best: %s, `%s` · %s · %s mode", m.Commit, m.Time.Format("2006-01-02 15:04"),
		m.Size, m.Machine, m.Load, m.Go, m.Java, m.BestJava, m.BestProps, m.Kafka, m.Mode)
}

// verdict is a target held against figures.
type verdict struct {
	target target
	value  float64
	known  bool
	ok     bool
	stands string // the peer that stood for the target's
}

// judge holds a workload's targets against a report. Where there is no jvm-best the default JVM stands for it.
func (r *report) judge(w *workload) (out []verdict) {
	mine := r.of(w, ours)
	for _, t := range w.targets {
		v := verdict{target: t}
		i := slices.IndexFunc(rows(w.kind), func(x row) bool { return x.name == t.what })
		x := rows(w.kind)[i]
		if t.peer == "" {
			v.value = x.figure(mine)
			v.known = len(counted(mine)) > 0 && (v.value >= 0 || w.kind == latencyKind)
			v.ok = v.known && (t.most > 0 && v.value <= t.most || t.least > 0 && v.value >= t.least)
			out = append(out, v)
			continue
		}
		peer := r.of(w, t.peer)
		if t.peer == bestPeer && len(counted(peer)) == 0 {
			peer, v.stands = r.of(w, jvmPeer), " (here: jvm)"
		}
		v.value = x.ratioTo(mine, peer)
		v.known = v.value > 0
		v.ok = v.known && v.value >= t.least
		out = append(out, v)
	}
	return out
}

// String is a target and what was reached.
func (v verdict) String() string {
	var want string
	switch {
	case v.target.peer != "":
		want = fmt.Sprintf("≥ %g × %s%s", v.target.least, v.target.peer, v.stands)
	case v.target.most > 0:
		want = fmt.Sprintf("%s ≤ %g", v.target.what, v.target.most)
	default:
		want = fmt.Sprintf("%s ≥ %g", v.target.what, v.target.least)
	}
	switch {
	case !v.known:
		return want + ": not measured"
	case v.ok:
		return fmt.Sprintf("%s: %.4g", want, v.value)
	}
	return fmt.Sprintf("**%s: %.4g**", want, v.value)
}

// figures is the table of data workloads.
func (p *page) figures(b *strings.Builder) {
	b.WriteString("\n## Records per CPU-second of the worker\n\n| workload | JVM, defaults | JVM, best | raw | penstock | targets, reached (**missed**) | rerun alone |\n" +
		"| --- | ---: | ---: | ---: | ---: | --- | --- |\n")
	for _, w := range p.shown("figures") {
		if !w.isData() {
			continue
		}
		r := p.newest[w.name]
		x := rows(w.kind)[0]
		var targets []string
		for _, v := range r.judge(w) {
			if v.target.peer != "" {
				targets = append(targets, v.String())
			}
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | `%s` |\n", w.name, x.show(w, r.of(w, jvmPeer), jvmPeer), x.show(w, r.of(w, bestPeer), bestPeer),
			x.show(w, r.of(w, rawPeer), rawPeer), x.show(w, r.of(w, ours), ours), strings.Join(targets, "; "), rerun(w, r))
	}
}

// limits is the table of what must stay small: memory, allocations, starts, idle workers, latency.
func (p *page) limits(b *strings.Builder) {
	b.WriteString("\n## Limits\n\n| workload | figure | JVM, defaults | JVM, best | penstock | limit | reached | rerun alone |\n| --- | --- | ---: | ---: | ---: | ---: | --- | --- |\n")
	for _, w := range p.shown("figures") {
		r := p.newest[w.name]
		for _, v := range r.judge(w) {
			if v.target.peer != "" {
				continue
			}
			i := slices.IndexFunc(rows(w.kind), func(x row) bool { return x.name == v.target.what })
			x := rows(w.kind)[i]
			limit, reached := fmt.Sprintf("≤ %g", v.target.most), "yes"
			if v.target.most == 0 {
				limit = fmt.Sprintf("≥ %g", v.target.least)
			}
			switch {
			case !v.known:
				reached = "not measured"
			case !v.ok:
				reached = "**no**"
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | `%s` |\n", w.name, x.name, x.show(w, r.of(w, jvmPeer), jvmPeer), x.show(w, r.of(w, bestPeer), bestPeer),
				x.show(w, r.of(w, ours), ours), limit, reached, rerun(w, r))
		}
	}
}

// losses lists every target that was missed and every figure in which a JVM is ahead.
func (p *page) losses(b *strings.Builder) {
	b.WriteString("\n## Losses\n\n")
	none := true
	for _, w := range workloads {
		r := p.newest[w.name]
		if r == nil {
			continue
		}
		for _, v := range r.judge(w) {
			if v.known && !v.ok {
				none = false
				fmt.Fprintf(b, "- %s: target %s.\n", w.name, v)
			}
		}
		for _, x := range rows(w.kind) {
			for _, peer := range []string{jvmPeer, bestPeer} {
				if v := x.ratioTo(r.of(w, ours), r.of(w, peer)); x.ratio && v > 0 && v < 1 {
					none = false
					fmt.Fprintf(b, "- %s: %s is %.2f × that of %s.\n", w.name, x.name, v, peer)
				}
			}
		}
	}
	if none {
		b.WriteString("None in these runs.\n")
	}
}

// sweep is the table of a group whose members differ in one thing.
func (p *page) sweep(b *strings.Builder, group string) {
	members := p.shown(group)
	if len(members) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s%s\n\n| workload | JVM, defaults | JVM, best | raw | penstock | × JVM | × best | × raw | ns per record | ns per KiB |\n"+
		"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n", strings.ToUpper(group[:1]), group[1:])
	for _, w := range members {
		r := p.newest[w.name]
		x := rows(w.kind)[0]
		mine := r.of(w, ours)
		perByte := "–"
		cost := over(1e9, x.figure(mine))
		if w.records.size > 0 {
			perByte = digits(0)(cost * 1024 / float64(w.records.size))
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s | %.0f | %s |\n", w.name, x.show(w, r.of(w, jvmPeer), jvmPeer), x.show(w, r.of(w, bestPeer), bestPeer),
			x.show(w, r.of(w, rawPeer), rawPeer), x.show(w, mine, ours), x.ratioText(mine, r.of(w, jvmPeer)), x.ratioText(mine, r.of(w, bestPeer)),
			x.ratioText(mine, r.of(w, rawPeer)), cost, perByte)
	}
}
