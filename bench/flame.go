// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// flame runs penstock once more under its CPU profiler and draws where the time went.
func (r *race) flame() {
	l := r.lane(ours)
	if r.b.options.flames == "" || l == nil {
		return
	}
	seconds := 2
	for _, x := range r.of(ours) {
		seconds = max(seconds, min(30, int(x.WallSeconds)+2))
	}
	profile := filepath.Join(r.b.dir, r.w.name+".pprof")
	done := make(chan error, 1)
	admin := r.b.worker(ours).AdminURL
	go func() {
		done <- fetchProfile(fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", admin, seconds), profile)
	}()
	l.runs++
	r.b.profiling = true
	defer func() { r.b.profiling = false }()
	_, err := r.measure(ours, l.runs, l.n)
	if e := <-done; err == nil {
		err = e
	}
	if err == nil {
		err = drawFlame(profile, r.b.options.flames, r.w)
	}
	if err != nil {
		r.b.note("%s: no flamegraph: %v", r.w.name, err)
	}
}

func fetchProfile(url, path string) error {
	client := &http.Client{Timeout: time.Minute}
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return os.WriteFile(path, text, 0o644)
}

func drawFlame(profile, dir string, w *workload) error {
	out, err := exec.Command("go", "tool", "pprof", "-traces", profile).Output()
	if err != nil {
		return fmt.Errorf("go tool pprof: %w", err)
	}
	root := parseTraces(string(out))
	if root.total == 0 {
		return fmt.Errorf("the profile of %s is empty", w.name)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "flame-"+w.name+".svg"), []byte(root.svg(w.name+": "+w.doc)), 0o644)
}

// frame is a function in a stack and all the time spent in it and below.
type frame struct {
	name  string
	total time.Duration
	kids  map[string]*frame
}

func (f *frame) kid(name string) *frame {
	k := f.kids[name]
	if k == nil {
		k = &frame{name: name, kids: map[string]*frame{}}
		f.kids[name] = k
	}
	return k
}

// parseTraces reads what go tool pprof -traces prints: stacks parted by lines of dashes, the leaf first, its time
// before it.
func parseTraces(text string) *frame {
	root := &frame{name: "all", kids: map[string]*frame{}}
	var stack []string
	var took time.Duration
	flush := func() {
		if took > 0 {
			root.total += took
			at := root
			for _, name := range slices.Backward(stack) {
				at = at.kid(name)
				at.total += took
			}
		}
		stack, took = nil, 0
	}
	begun := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "-----------+---") {
			flush()
			begun = true
			continue
		}
		if !begun {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if d, err := time.ParseDuration(fields[0]); err == nil && len(fields) > 1 && took == 0 && len(stack) == 0 {
			took, fields = d, fields[1:]
		} else if took == 0 {
			continue // a label of the sample
		}
		stack = append(stack, strings.TrimSuffix(strings.Join(fields, " "), " (inline)"))
	}
	flush()
	return root
}

const (
	flameWidth = 1200.0
	flameRow   = 17.0
)

// svg draws the stacks as an icicle: callers above, width for time. Hovering tells the rest.
func (f *frame) svg(title string) string {
	depth := f.depth(f.total)
	var s svg
	s.open(flameWidth, 40+flameRow*float64(depth))
	s.text(8, 20, "start", fmt.Sprintf("%s · %s of CPU time", title, f.total))
	f.draw(&s, 0, 30, f.total)
	s.WriteString("</svg>\n")
	return s.String()
}

// thin is what part of the whole is too little to be drawn.
const thin = 0.001

func (f *frame) depth(all time.Duration) int {
	deepest := 0
	for _, k := range f.kids {
		if float64(k.total) >= thin*float64(all) {
			deepest = max(deepest, k.depth(all))
		}
	}
	return deepest + 1
}

func (f *frame) draw(s *svg, x, y float64, all time.Duration) {
	width := flameWidth * float64(f.total) / float64(all)
	s.rect(x, y, max(0.5, width-0.5), flameRow-1, colour(f.name), fmt.Sprintf("%s %s, %.1f %%", f.name, f.total, 100*float64(f.total)/float64(all)))
	if room := int(width / 7.2); room > 3 {
		name := f.name[strings.LastIndexByte(f.name, '/')+1:]
		if len(name) > room {
			name = name[:room-1] + "…"
		}
		s.text(x+3, y+12, "start", name)
	}
	kids := slices.SortedFunc(maps.Values(f.kids), func(a, b *frame) int { return cmp.Or(cmp.Compare(b.total, a.total), strings.Compare(a.name, b.name)) })
	for _, k := range kids {
		if float64(k.total) < thin*float64(all) {
			break
		}
		k.draw(s, x, y+flameRow, all)
		x += flameWidth * float64(k.total) / float64(all)
	}
}

// colour tells packages apart: ours warm, the runtime grey, others cool; the same name always the same.
func colour(name string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	shade := h.Sum32() % 40
	switch {
	case strings.Contains(name, "penstock"):
		return fmt.Sprintf("#f%01x%02x%02x", 8+shade%8, 140+shade, 70+shade)
	case strings.HasPrefix(name, "runtime.") || name == "all":
		return fmt.Sprintf("#%02x%02x%02x", 190+shade, 190+shade, 195+shade)
	}
	return fmt.Sprintf("#%02x%02x%02x", 150+shade, 190+shade, 215+shade%30)
}
