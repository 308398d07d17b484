// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

// scaleRun drains a topic with two tasks in a worker bound to one core, and in one that has two. The broker needs a
// part of both cores when there are no more: on such a machine the ratio shows less than the worker could.
func (b *bench) scaleRun(w *workload, peer string, run int, n int64) (result, error) {
	r := result{Records: n}
	for _, cores := range []int{1, 2} {
		rate, err := b.scaleRate(w, peer, run, n, cores)
		if err != nil {
			return result{}, fmt.Errorf("%d cores: %w", cores, err)
		}
		if cores == 1 {
			r.OneCore = rate
		} else {
			r.TwoCores = rate
		}
	}
	return r, nil
}

// scaleRate is the records per second, wall, of a fresh worker on so many cores, in its second run.
func (b *bench) scaleRate(w *workload, peer string, run int, n int64, cores int) (float64, error) {
	topic, err := b.filled(b.options.spec(w, n))
	if err != nil {
		return 0, err
	}
	worker, err := b.start(peer, "GOMAXPROCS="+strconv.Itoa(cores))
	if err != nil {
		return 0, err
	}
	defer b.stop(peer)
	if err := bindTo(worker.PID(), cores); err != nil {
		return 0, err
	}
	rate := 0.0
	for _, part := range []string{"warm", "counts"} {
		name := fmt.Sprintf("%s-%d-%s", runName(w, peer, run), cores, part)
		samples, _, err := b.drain(worker, name, with(w.config, map[string]string{"tasks.max": "2"}), topic, n)
		if err != nil {
			return 0, err
		}
		rate = float64(n) / window(samples).Seconds()
	}
	return rate, nil
}

// bindTo keeps all threads of a process, and those they start, on the first so many cores that this process may use.
func bindTo(pid, cores int) error {
	var mask, want [16]uint64
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask))); errno != 0 {
		return fmt.Errorf("ask for the cores of this process: %w", errno)
	}
	found := 0
	for cpu := 0; cpu < len(mask)*64 && found < cores; cpu++ {
		if mask[cpu/64]&(1<<(cpu%64)) != 0 {
			want[cpu/64] |= 1 << (cpu % 64)
			found++
		}
	}
	if found < cores {
		return fmt.Errorf("this machine gives %d cores", found)
	}
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return err
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		_, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, uintptr(id), unsafe.Sizeof(want), uintptr(unsafe.Pointer(&want)))
		if errno != 0 && errno != syscall.ESRCH {
			return fmt.Errorf("bind thread %d: %w", id, errno)
		}
	}
	return nil
}
