// SPDX-License-Identifier: Apache-2.0

// Package values is org.apache.kafka.connect.data.Values and its neighbours, over single values: what the Java classes
// of values are called and print, parsing of texts whose type is not known, conversion between types, inference of
// schemas, projection between schemas, and validation of a value against its schema.
//
//	text --Parse--> schema, value --ToLong, ToDate, ToDecimal...--> value --Text--> text
//	value --Infer--> schema        value, schema --Validate--> error        --Project--> value under another schema
//
// It is the slow, exact path: header converters, casts of odd values, error messages. Errors are *batch.Fault with the
// class and message of Java's exception. Values are those of package batch; none is changed.
package values
