// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseMemory(t *testing.T) {
	f := func(text string, want int64) {
		t.Helper()
		if got, err := parseMemory(text, 1<<30); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
	f("16777216", 16<<20)
	f("20000 kB", 20000<<10)
	f("64MB", 64<<20)
	f("64m", 64<<20)
	f("64MiB", 64<<20)
	f("1.5GB", 3<<29)
	f("50%", 1<<29)
	f("100 %", 1<<30)
	f("101%", 0)
	f("1%", 0) // too little
	f("1kB", 0)
	f("-64MB", 0)
	f("lots", 0)
	f("", 0)
	f("64XB", 0)
	f("64 MB MB", 0)
	f("NaN", 0)
	f("1e30", 0)
}

func TestContainerMemory(t *testing.T) {
	f := func(want int64, files ...string) {
		t.Helper()
		root := t.TempDir()
		for _, f := range files {
			path, text, _ := strings.Cut(f, "=")
			path = filepath.Join(root, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := containerMemory(root); got != want {
			t.Errorf("%d, want %d", got, want)
		}
	}
	const v2, v1 = "proc/self/cgroup=0::/a/b\n", "proc/self/cgroup=5:cpu,cpuacct:/\n4:memory:/docker/x\n"
	f(0)
	f(0, v2, "sys/fs/cgroup/a/b/memory.max=max\n")
	f(1000, v2, "sys/fs/cgroup/a/b/memory.max=1000\n")
	f(500, v2, "sys/fs/cgroup/a/b/memory.max=1000\n", "sys/fs/cgroup/a/memory.max=500\n") // the group above
	f(700, v2, "sys/fs/cgroup/memory.max=700\n")                                          // a path of the host
	f(900, v1, "sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes=900\n")
	f(800, v1, "sys/fs/cgroup/memory/memory.limit_in_bytes=800\n")
	f(0, v1, "sys/fs/cgroup/memory/memory.limit_in_bytes=9223372036854771712\n") // v1's no limit
}
