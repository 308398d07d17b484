// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"math/big"

	"github.com/penstock-io/penstock/batch"
)

// javaClass is getClass().getName() of a value; "null" for null. Lists are ArrayLists, as those of the converters.
func javaClass(x any) string {
	switch y := x.(type) {
	case nil:
		return "null"
	case bool:
		return "java.lang.Boolean"
	case int8:
		return "java.lang.Byte"
	case int16:
		return "java.lang.Short"
	case int32:
		return "java.lang.Integer"
	case int64:
		return "java.lang.Long"
	case float32:
		return "java.lang.Float"
	case float64:
		return "java.lang.Double"
	case string:
		return "java.lang.String"
	case []byte:
		return "[B"
	case batch.ByteBuffer:
		return "java.nio.HeapByteBuffer"
	case batch.Decimal:
		return "java.math.BigDecimal"
	case *big.Int:
		return "java.math.BigInteger"
	case batch.Date:
		return "java.util.Date"
	case []any:
		return "java.util.ArrayList"
	case *batch.MapValue:
		if y.Hash {
			return "java.util.HashMap"
		}
		return "java.util.LinkedHashMap"
	case *batch.StructValue:
		return "org.apache.kafka.connect.data.Struct"
	}
	return "java.lang.Object"
}

// requireMapFault is what Requirements.requireMap throws for a value that is no map.
func requireMapFault(x any, purpose string) error {
	return batch.DataFault("Only Map objects supported in absence of schema for [" + purpose + "], found: " + javaClass(x))
}

// requireStructFault is what Requirements.requireStruct throws for a value that is no struct.
func requireStructFault(x any, purpose string) error {
	return batch.DataFault("Only Struct objects supported for [" + purpose + "], found: " + javaClass(x))
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

// castFault is the ClassCastException of a Java cast, which the JVM words.
func castFault(x any, want string) error {
	return batch.NewFault(batch.ClassCastException, "class "+javaClass(x)+" cannot be cast to class "+want)
}
