// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// subject is what a case tests: a Java class in one of the groups of the table.
type subject struct {
	group int // index into groups
	name  string
}

// groups are the parts of the table, in their order.
var groups = []string{"Transforms", "Predicates", "Chains", "Converters", "Header converters", "Values and schemas", "Configuration", "Avro", "Other"}

const (
	groupTransforms = iota
	groupPredicates
	groupChains
	groupConverters
	groupHeaders
	groupValues
	groupConfig
	groupAvro
	groupOther
)

// subjectOf says what a case of an op tests, class being the one that the case names.
func subjectOf(op, class string) subject {
	switch op {
	case "smt":
		return subject{groupTransforms, class}
	case "predicate":
		return subject{groupPredicates, class}
	case "chain":
		return subject{groupChains, "org.apache.kafka.connect.runtime.TransformationChain"}
	case "conv.from", "conv.to":
		return subject{groupConverters, class}
	case "hconv.from", "hconv.to":
		return subject{groupHeaders, class}
	case "values.parse":
		return subject{groupValues, "org.apache.kafka.connect.data.Values.parseString"}
	case "values.convert":
		return subject{groupValues, "org.apache.kafka.connect.data.Values.convertTo…"}
	case "values.infer":
		return subject{groupValues, "org.apache.kafka.connect.data.Values.inferSchema"}
	case "project":
		return subject{groupValues, "org.apache.kafka.connect.data.SchemaProjector"}
	case "schema.validate":
		return subject{groupValues, "org.apache.kafka.connect.data.ConnectSchema.validateValue"}
	case "cfg.parse":
		return subject{groupConfig, "org.apache.kafka.common.config.ConfigDef.parse"}
	case "cfg.validate":
		return subject{groupConfig, "org.apache.kafka.common.config.ConfigDef.validate"}
	}
	if family, rest, _ := strings.Cut(op, "."); family == "avro" {
		return subject{groupAvro, "AvroData, " + rest}
	}
	return subject{groupOther, op}
}

func (t *tally) addSubject(s subject, id string, pass bool) {
	c := t.subjects[s]
	if c == nil {
		c = &count{}
		t.subjects[s] = c
	}
	switch {
	case pass:
		c.passed++
	case known[id] != "":
		c.failed++
		c.known++
	default:
		c.failed++
	}
}

// table is the Markdown table of everything counted, by group and class.
func (t *tally) table() string {
	order := slices.SortedFunc(maps.Keys(t.subjects), func(a, b subject) int {
		return cmp.Or(cmp.Compare(a.group, b.group), strings.Compare(a.name, b.name))
	})
	var sum count
	var w strings.Builder
	w.WriteString("| class | cases | passed | failed | knowingly different |\n| --- | ---: | ---: | ---: | ---: |\n")
	for i, s := range order {
		if i == 0 || order[i-1].group != s.group {
			fmt.Fprintf(&w, "| **%s** | | | | |\n", groups[s.group])
		}
		c := t.subjects[s]
		fmt.Fprintf(&w, "| `%s` | %d | %d | %d | %d |\n", s.name, c.passed+c.failed, c.passed, c.failed-c.known, c.known)
		sum.passed += c.passed
		sum.failed += c.failed
		sum.known += c.known
	}
	fmt.Fprintf(&w, "| **all** | %d | %d | %d | %d |\n", sum.passed+sum.failed, sum.passed, sum.failed-sum.known, sum.known)
	return w.String()
}

// The markers that the table stands between.
const (
	tableBegin = "<!-- conformance: begin -->\n"
	tableEnd   = "<!-- conformance: end -->\n"
)

// rewriteTable puts the table between the markers of a file.
func rewriteTable(path, table string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok := bytes.Cut(text, []byte(tableBegin))
	_, tail, ok2 := bytes.Cut(rest, []byte(tableEnd))
	if !ok || !ok2 {
		return errors.New(path + ": no lines " + strings.TrimSpace(tableBegin) + " and " + strings.TrimSpace(tableEnd))
	}
	out := slices.Concat(head, []byte(tableBegin), []byte(table), []byte(tableEnd), tail)
	return os.WriteFile(path, out, 0o644)
}
