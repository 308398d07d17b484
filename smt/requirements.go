// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/internal/values"
)

// requireMapFault is what Requirements.requireMap throws for a value that is no map.
func requireMapFault(x any, purpose string) error {
	return batch.DataFault("Only Map objects supported in absence of schema for [" + purpose + "], found: " + values.ClassName(x))
}

// requireStructFault is what Requirements.requireStruct throws for a value that is no struct.
func requireStructFault(x any, purpose string) error {
	return batch.DataFault("Only Struct objects supported for [" + purpose + "], found: " + values.ClassName(x))
}

// requireMap is Requirements.requireMap.
func requireMap(x any, purpose string) (*batch.MapValue, error) {
	if m, ok := x.(*batch.MapValue); ok {
		return m, nil
	}
	return nil, requireMapFault(x, purpose)
}

// requireStruct is Requirements.requireStruct.
func requireStruct(x any, purpose string) (*batch.StructValue, error) {
	if s, ok := x.(*batch.StructValue); ok {
		return s, nil
	}
	return nil, requireStructFault(x, purpose)
}
