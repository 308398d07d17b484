// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package assignor

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/penstock-io/penstock/internal/e2e/stack"
	"github.com/penstock-io/penstock/worker/group"
)

// judge is Kafka's assignor in a JVM.
type judge struct {
	in  *bufio.Writer
	out *bufio.Reader
}

func startJudge(t *testing.T) *judge {
	t.Helper()
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(root, "scripts", "jvm-connect")
	classes := t.TempDir()
	run := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), script, args...).Output()
		if err != nil {
			t.Fatalf("%s %v: %v", script, args, err)
		}
		return strings.TrimSpace(string(out))
	}
	run("fetch")
	run("compile", classes, filepath.Join(root, "internal/e2e/assignor/java/AssignorPeer.java"))
	java := os.Getenv("PENSTOCK_JAVA")
	if java == "" {
		java = "java"
	}
	cmd := exec.CommandContext(t.Context(), java, "-Xmx256m", "-cp", classes+string(os.PathListSeparator)+run("classpath"),
		"org.apache.kafka.connect.runtime.distributed.AssignorPeer")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	return &judge{bufio.NewWriter(in), bufio.NewReader(out)}
}

// history is a cluster that things happen to.
type history struct {
	r          *rand.Rand
	ours       *group.Cooperative
	maxDelay   time.Duration
	now        int64
	configured map[string]int // tasks by connector
	members    map[string]group.Work
	gone       map[string]group.Work // crashed, with what they ran
	generation int32
	completed  int32
	next       int
}

func newHistory(r *rand.Rand) *history {
	h := &history{r: r, now: 1_000_000, configured: map[string]int{}, members: map[string]group.Work{}, gone: map[string]group.Work{}, completed: -1}
	h.maxDelay = []time.Duration{0, time.Millisecond, time.Second, 5 * time.Minute}[r.IntN(4)]
	for range 1 + r.IntN(3) {
		h.join()
	}
	for range r.IntN(4) {
		h.create()
	}
	return h
}

func (h *history) elect() {
	h.ours = group.NewCooperative(h.maxDelay, func() time.Time { return time.UnixMilli(h.now) })
}

func (h *history) join() {
	h.next++
	h.members[fmt.Sprintf("connect-%d-%x", h.next, h.r.Uint32())] = group.Work{}
}

func (h *history) create() {
	h.next++
	h.configured[fmt.Sprintf("%c-%d", 'a'+rune(h.r.IntN(26)), h.next)] = h.r.IntN(7)
}

func pick[V any](r *rand.Rand, m map[string]V) string {
	names := slices.Sorted(maps.Keys(m))
	if len(names) == 0 {
		return ""
	}
	return names[r.IntN(len(names))]
}

// event is what happens between two rounds.
func (h *history) event(elect func()) {
	switch name := pick(h.r, h.members); h.r.IntN(12) {
	case 0:
		h.join()
	case 1: // a worker is gone, with its work
		if len(h.members) > 1 {
			h.gone[name] = h.members[name]
			delete(h.members, name)
		}
	case 2: // one comes back, as somebody new or still running
		if name := pick(h.r, h.gone); name != "" {
			w := h.gone[name]
			delete(h.gone, name)
			if h.r.IntN(2) == 0 {
				w = group.Work{}
			}
			h.members[name] = w
		}
	case 3, 4:
		h.create()
	case 5:
		delete(h.configured, pick(h.r, h.configured))
	case 6:
		if c := pick(h.r, h.configured); c != "" {
			h.configured[c] = h.r.IntN(7)
		}
	case 7: // a worker lost its work without leaving
		h.members[name] = group.Work{}
	case 8: // and one runs what another does
		h.members[name] = h.members[name].Plus(h.members[pick(h.r, h.members)])
	case 9:
		elect()
	default:
		h.now += h.r.Int64N(1 + 2*h.maxDelay.Milliseconds())
	}
}

func (h *history) work() group.Work {
	var w group.Work
	for _, name := range slices.Sorted(maps.Keys(h.configured)) {
		w.Connectors = append(w.Connectors, name)
		for id := range h.configured[name] {
			w.Tasks = append(w.Tasks, group.TaskID{Connector: name, Task: int32(id)})
		}
	}
	return w
}

func items(w group.Work) []string {
	out := slices.Clone(w.Connectors)
	for _, t := range w.Tasks {
		out = append(out, t.Connector+":"+strconv.Itoa(int(t.Task)))
	}
	return out
}

// round plays one round to both and compares. The text is what was asked.
func (h *history) round(j *judge) (asked, ours, theirs string, err error) {
	h.generation++
	var ask strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h.configured)) {
		fmt.Fprintf(&ask, "c %s %d\n", name, h.configured[name])
	}
	ids := slices.Sorted(maps.Keys(h.members))
	var members []group.Running
	for _, id := range ids {
		members = append(members, group.Running{ID: id, Work: h.members[id]})
		fmt.Fprintf(&ask, "m %s %s\n", id, strings.Join(items(h.members[id]), ","))
	}
	fmt.Fprintf(&ask, "go %d %d %d\n", h.now, h.completed, h.generation)
	if _, err = j.in.WriteString(ask.String()); err == nil {
		err = j.in.Flush()
	}
	if err == nil {
		theirs, err = j.out.ReadString('\n')
	}
	r := h.ours.Assign(h.work(), h.completed, h.generation, members)
	text := func(w group.Work) string {
		all := items(w)
		slices.Sort(all)
		return strings.Join(all, ",")
	}
	var b strings.Builder
	fmt.Fprint(&b, r.Delay)
	for _, id := range ids {
		fmt.Fprintf(&b, ";%s|%s|%s", id, text(r.Assigned[id]), text(r.Revoked[id]))
	}
	if h.r.IntN(12) > 0 { // otherwise nobody is told
		for _, id := range ids {
			h.members[id] = h.members[id].Minus(r.Revoked[id]).Plus(r.Assigned[id])
		}
		h.completed = h.generation
	}
	return ask.String(), b.String(), strings.TrimSuffix(theirs, "\n"), err
}

func number(t *testing.T, key string, otherwise int) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv(key))
	if os.Getenv(key) == "" {
		return otherwise
	}
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return n
}

func TestBesideKafka(t *testing.T) {
	j := startJudge(t)
	seed := uint64(number(t, "E2E_SEED", 1))
	histories, rounds := number(t, "E2E_HISTORIES", 2000), 0
	for n := range histories {
		h := newHistory(rand.New(rand.NewPCG(seed, uint64(n))))
		elect := func() {
			h.elect()
			fmt.Fprintf(j.in, "new %d\n", h.maxDelay.Milliseconds())
		}
		elect()
		var past strings.Builder
		for range 2 + h.r.IntN(20) {
			asked, ours, theirs, err := h.round(j)
			if err != nil {
				t.Fatalf("the JVM: %v", err)
			}
			rounds++
			fmt.Fprintf(&past, "%s= %s\n", asked, theirs)
			if ours != theirs {
				t.Fatalf("E2E_SEED=%d, history %d, max delay %v, round %d:\n%sours:   %s\ntheirs: %s", seed, n, h.maxDelay, h.generation, past.String(), ours, theirs)
			}
			for range h.r.IntN(3) {
				h.event(elect)
			}
		}
	}
	t.Logf("%d histories, %d rounds: equal", histories, rounds)
}
