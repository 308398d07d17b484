// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// trimAfter is when the pages that only the start needed are given back.
var trimAfter = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second}

// trimLater takes the pages of the program itself that are not used any more out of the process. Starting touches most of a large
// binary (tables of types and functions, the initialisation of every package), and Linux maps what lies around each page
// touched; a worker at rest runs on a tenth of it. What is used again comes from the page cache, without reading the disk.
func trimLater() {
	for _, d := range trimAfter {
		time.AfterFunc(d, trim)
	}
}

func trim() {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(maps)) {
		f := strings.Fields(line)
		// Only what can never differ from the file: code and read-only data.
		if len(f) != 6 || f[5] != self || f[1] != "r-xp" && f[1] != "r--p" {
			continue
		}
		lo, hi, _ := strings.Cut(f[0], "-")
		from, err1 := strconv.ParseUint(lo, 16, 64)
		to, err2 := strconv.ParseUint(hi, 16, 64)
		if err1 == nil && err2 == nil && to > from {
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, uintptr(from), uintptr(to-from), syscall.MADV_DONTNEED)
		}
	}
}
