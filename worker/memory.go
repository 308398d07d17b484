// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/engine"
)

const (
	memoryKey = "penstock.memory.max"

	mib         = 1 << 20
	leastMemory = 16 * mib
	// Collections at rest are so rare that the heap may as well be kept small; at work Go's default is right.
	restGCPercent = 25
	workGCPercent = 100

	memoryFormat = "It must be a number of bytes, with kB, MB or GB behind it if you like, or a percentage such as 50%, and at least 16 MB."
)

// memoryConfig defines penstock.memory.max.
func memoryConfig() *config.Key {
	return config.String(memoryKey).Default("").Low().
		Validate(config.ValidatorFunc{Text: "bytes, kB, MB, GB or %", Check: func(key string, value any) error {
			text, _ := value.(string)
			if _, err := parseMemory(text, 1<<40); err != nil && text != "" {
				return config.Invalid(key, text, err.Error())
			}
			return nil
		}}).
		Doc("Memory that the worker may use for records on their way, all tasks together: bytes, or with kB, MB or GB, or a percentage " +
			"of the memory of the container (of the machine, without one). Empty: what the container has, less a reserve; a quarter of " +
			"the machine without a container. Also sets Go's memory limit, unless GOMEMLIMIT does. See docs/memory.md.")
}

//lint:ignore ST1005 a sentence of an answer to validation
var errMemoryFormat = errors.New(memoryFormat)

// parseMemory reads a size; of is what a percentage is about.
func parseMemory(text string, of int64) (int64, error) {
	number := strings.TrimRight(text, "%kKmMgGtTiIbB ")
	unit := strings.ToLower(strings.TrimSpace(text[len(number):]))
	f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil {
		return 0, errMemoryFormat
	}
	switch strings.TrimSuffix(strings.TrimSuffix(unit, "b"), "i") {
	case "":
	case "k":
		f *= 1 << 10
	case "m":
		f *= mib
	case "g":
		f *= 1 << 30
	case "t":
		f *= 1 << 40
	case "%":
		if f > 100 {
			return 0, errMemoryFormat
		}
		f *= float64(of) / 100
	default:
		return 0, errMemoryFormat
	}
	if !(f >= leastMemory) || f > math.MaxInt64/2 {
		return 0, errMemoryFormat
	}
	return int64(f), nil
}

// memoryMax is penstock.memory.max in bytes.
func (c *Config) memoryMax() int64 {
	container, machine := containerMemory("/"), machineMemory("/proc/meminfo")
	of := machine
	if container > 0 && (container < machine || machine == 0) {
		of = container
	}
	if text := c.Own.String(memoryKey); text != "" {
		if n, err := parseMemory(text, of); err == nil {
			return n
		}
	}
	switch {
	case of == 0:
		return 1 << 30
	case of == container: // what does not belong to records: the program, stacks, buffers of connections, garbage
		return max(of-max(of/4, 64*mib+of/10), leastMemory)
	default:
		return max(of/4, leastMemory)
	}
}

// containerMemory is the limit of the cgroup that the process is in, version 2 or 1; 0 for none. root is / but in tests.
func containerMemory(root string) int64 {
	own, _ := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	least := int64(0)
	consider := func(path string) {
		text, err := os.ReadFile(path)
		n, perr := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err == nil && perr == nil && n > 0 && n < 1<<60 && (least == 0 || n < least) {
			least = n
		}
	}
	for line := range strings.Lines(string(own)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		base, file := "", ""
		switch {
		case parts[0] == "0":
			base, file = "sys/fs/cgroup", "memory.max"
		case strings.Contains(","+parts[1]+",", ",memory,"):
			base, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		// The limit of any group above counts too. In a container the path may be that of the host: then the root is the one.
		for dir := filepath.Clean("/" + parts[2]); ; dir = filepath.Dir(dir) {
			consider(filepath.Join(root, base, dir, file))
			if dir == "/" {
				break
			}
		}
	}
	return least
}

// machineMemory is MemTotal in bytes, 0 when it is not told.
func machineMemory(path string) int64 {
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return n << 10
		}
	}
	return 0
}

// newBudget makes the budget of the worker's tasks: three quarters of penstock.memory.max. The rest is for what is made
// on the way and thrown away; the collector works harder before all of it is used.
func newBudget(c *Config) *engine.Budget {
	total := c.memoryMax()
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(total)
	}
	b := engine.NewBudget(total / 4 * 3)
	if os.Getenv("GOGC") == "" {
		b.OnRest(func(resting bool) {
			debug.SetGCPercent(map[bool]int{true: restGCPercent, false: workGCPercent}[resting])
		})
	}
	return b
}
