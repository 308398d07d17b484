// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/penstock-io/penstock/config/configcase"
	"github.com/penstock-io/penstock/smt/smtcase"
)

// runner runs the line of a case and says whether it passed, and if not, what was expected and what came.
type runner func(line []byte) (pass bool, detail string)

// runners are the runners of each op, or of each family of ops, which ends in a dot.
var runners = map[string]runner{
	"smt":       smtcase.Run,
	"predicate": smtcase.Run,
	"chain":     smtcase.Run,
	"cfg.":      configRunner,
}

// runCase runs a case of an op. An op that this build does not know fails, and so does a runner that panics.
func runCase(op string, line []byte) (pass bool, detail string) {
	defer func() {
		if p := recover(); p != nil {
			pass, detail = false, fmt.Sprint("panic: ", p)
		}
	}()
	run := runners[op]
	if run == nil {
		family, _, _ := strings.Cut(op, ".")
		run = runners[family+"."]
	}
	if run == nil {
		return false, "op " + op + " is not implemented"
	}
	return run(line)
}

// configRunner runs the ops of package config.
func configRunner(line []byte) (bool, string) {
	op := "cfg.parse"
	if strings.Contains(string(line[:min(len(line), 200)]), `"cfg.validate"`) {
		op = "cfg.validate"
	}
	pass, got, err := configcase.Run(op, line)
	if err != nil {
		return false, err.Error()
	}
	if pass {
		return true, ""
	}
	return false, "got " + got
}
