// SPDX-License-Identifier: Apache-2.0

// Package configcase runs golden vectors of the ops cfg.parse and cfg.validate
// against package config. The format is described in config/testdata/vectors.
package configcase

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/config/kafkadefs"
)

// Ops are the ops that Run knows.
var Ops = []string{"cfg.parse", "cfg.validate"}

// testCase is one line of a vector file.
type testCase struct {
	Def    []keyCase          `json:"def"`
	Class  string             `json:"class"`
	Config map[string]*string `json:"config"`
	Expect json.RawMessage    `json:"expect"`
}

// keyCase is a key of a definition made for a case.
type keyCase struct {
	Name              string          `json:"name"`
	Type              string          `json:"type"`
	Default           json.RawMessage `json:"default"`
	Range             []json.Number   `json:"range"`
	In                []string        `json:"in"`
	CIIn              []string        `json:"ciIn"`
	NonEmpty          bool            `json:"nonEmpty"`
	NonEmptyNoControl bool            `json:"nonEmptyNoControl"`
	NonNull           bool            `json:"nonNull"`
}

// Run runs one line of a vector file and compares the outcome with the line's own
// "expect". got is our outcome in the format of "expect". The error tells that the
// line cannot be run at all: an unknown op or class, or broken JSON.
func Run(op string, line []byte) (pass bool, got string, err error) {
	var c testCase
	if err := json.Unmarshal(line, &c); err != nil {
		return false, "", fmt.Errorf("read the case: %w", err)
	}
	def, err := c.def()
	if err != nil {
		return false, "", err
	}
	var out outcome
	switch op {
	case "cfg.parse":
		out = runParse(def, c.Config)
	case "cfg.validate":
		out = runValidate(def, c.Config)
	default:
		return false, "", fmt.Errorf("unknown op %q", op)
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return false, "", err
	}
	pass, err = same(c.Expect, raw)
	return pass, string(raw), err
}

func (c *testCase) def() (config.Def, error) {
	if c.Def == nil {
		d, ok := kafkadefs.Get(c.Class)
		if !ok {
			return nil, fmt.Errorf("unknown class %q", c.Class)
		}
		return d, nil
	}
	var d config.Def
	for i := range c.Def {
		k, err := c.Def[i].key()
		if err != nil {
			return nil, err
		}
		d = append(d, k)
	}
	return d, nil
}

func (k *keyCase) key() (*config.Key, error) {
	t, ok := config.ParseType(k.Type)
	if !ok {
		return nil, fmt.Errorf("unknown type %q", k.Type)
	}
	info := config.KeyInfo{Name: k.Name, Type: t, Required: k.Default == nil, DisplayName: k.Name, Order: -1}
	if !info.Required {
		var err error
		if info.Default, err = k.defaultValue(t); err != nil {
			return nil, err
		}
	}
	vs, err := k.validators()
	if err != nil {
		return nil, err
	}
	if len(vs) > 0 {
		info.Validator = config.All(vs...)
	}
	return config.NewKey(info), nil
}

// defaultValue parses a default as ConfigDef does: text by the rules of the type,
// anything else as it stands.
func (k *keyCase) defaultValue(t config.Type) (any, error) {
	var v any
	if err := json.Unmarshal(k.Default, &v); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []any:
		list := make([]string, len(v))
		for i, it := range v {
			list[i] = fmt.Sprint(it)
		}
		return list, nil
	case string:
		return parsed(k.Name, v, t)
	default:
		return parsed(k.Name, string(k.Default), t)
	}
}

func parsed(name, text string, t config.Type) (any, error) {
	v, err := config.ParseValue(name, text, t, kafkadefs.Class)
	if err != nil {
		return nil, err
	}
	return v, nil
}

func (k *keyCase) validators() ([]config.Validator, error) {
	var vs []config.Validator
	if len(k.Range) > 0 {
		v, err := rangeOf(k.Range)
		if err != nil {
			return nil, err
		}
		vs = append(vs, v)
	}
	if k.In != nil {
		vs = append(vs, config.OneOf(k.In...))
	}
	if k.CIIn != nil {
		vs = append(vs, config.OneOfAnyCase(k.CIIn...))
	}
	if k.NonEmpty {
		vs = append(vs, config.NonEmptyString)
	}
	if k.NonEmptyNoControl {
		vs = append(vs, config.NonEmptyStringWithoutControlChars)
	}
	if k.NonNull {
		vs = append(vs, config.NonNull)
	}
	return vs, nil
}

func rangeOf(ends []json.Number) (config.Validator, error) {
	var whole [2]int64
	for i, n := range ends {
		var err error
		if i > 1 {
			return nil, errors.New("a range has two ends")
		}
		if whole[i], err = strconv.ParseInt(n.String(), 10, 64); err != nil {
			return fractionalRange(ends)
		}
	}
	if len(ends) == 1 {
		return config.AtLeast(whole[0]), nil
	}
	return config.Between(whole[0], whole[1]), nil
}

func fractionalRange(ends []json.Number) (config.Validator, error) {
	low, err := ends[0].Float64()
	if err != nil || len(ends) == 1 {
		return config.AtLeast(low), err
	}
	high, err := ends[1].Float64()
	return config.Between(low, high), err
}
