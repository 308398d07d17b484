// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Usage is what the kernel says of a process at one moment.
type Usage struct {
	At time.Time
	// CPU is user plus system time of all threads, in the kernel's ticks of 10 ms.
	CPU time.Duration
}

// ReadUsage reads the CPU time that process pid has used.
func ReadUsage(pid int) (Usage, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Usage{}, err
	}
	// The command's name in parentheses may hold spaces and parentheses of its own: fields count from the last one.
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 13 {
		return Usage{}, fmt.Errorf("read CPU time of %d: %q", pid, b)
	}
	user, err1 := strconv.ParseInt(f[11], 10, 64)
	system, err2 := strconv.ParseInt(f[12], 10, 64)
	if err1 != nil || err2 != nil {
		return Usage{}, fmt.Errorf("read CPU time of %d: %q", pid, b)
	}
	return Usage{time.Now(), time.Duration(user+system) * 10 * time.Millisecond}, nil
}

// Memory reads the resident memory of process pid now and its peak since the start or the last ResetPeak, in KiB.
func Memory(pid int) (rssKiB, peakKiB int64) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		n, _ := strconv.ParseInt(f[1], 10, 64) // other lines hold words
		switch f[0] {
		case "VmRSS:":
			rssKiB = n
		case "VmHWM:":
			peakKiB = n
		}
	}
	return rssKiB, peakKiB
}

// ResetPeak makes the kernel count the peak of process pid's resident memory from now on. A kernel that refuses
// leaves the peak since its start, which is never too small.
func ResetPeak(pid int) { _ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0) }
