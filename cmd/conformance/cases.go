// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/penstock-io/penstock/codec/codeccase"
	"github.com/penstock-io/penstock/config/configcase"
	"github.com/penstock-io/penstock/smt/smtcase"
)

// runner runs the line of a case and says whether it passed, and if not, what was expected and what came.
type runner func(op string, line []byte) (pass bool, detail string)

// runners are the runners of each op, or of each family of ops, which ends in a dot.
var runners = map[string]runner{
	"smt":       smtRunner,
	"predicate": smtRunner,
	"chain":     smtRunner,
	"cfg.":      configRunner,

	"conv.":   codecRunner,
	"hconv.":  codecRunner,
	"values.": codecRunner,
	"project": codecRunner,
	"schema.": codecRunner,
	"avro.":   codecRunner,
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
	return run(op, line)
}

func codecRunner(_ string, line []byte) (bool, string) { return codeccase.Run(line) }

func smtRunner(_ string, line []byte) (bool, string) { return smtcase.Run(line) }

func configRunner(op string, line []byte) (bool, string) {
	pass, got, err := configcase.Run(op, line)
	switch {
	case err != nil:
		return false, err.Error()
	case pass:
		return true, ""
	}
	return false, "got " + got
}
