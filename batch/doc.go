// SPDX-License-Identifier: Apache-2.0

// Package batch is the vocabulary of the data plane: a Batch of rows held as columns.
//
// A Batch holds rows read from one source partition, in order. Rows never move: row i is the same record from
// arrival to Release. Everything of variable length lives in one slab; a View is an offset and a length in it.
//
//	Batch
//	  Slab                      every byte string of the batch, append only
//	  Raw.Key, Raw.Value        the bytes as fetched (sink), untouched until Release
//	  Key, Value  Payload       a dense union: one Variant per schema (or shape) seen
//	    Variants[k]             Schema (nil: schemaless), Root column, Rows (position -> row, nil: identity)
//	      Root *Vec             KindWords | KindDyn | KindObject | KindStruct | KindArray | KindMap
//	  Headers, Topics, Partition, Timestamp, Offset, Marks
//	  dead bitmap               rows that were dropped or failed; Errs says why
//	  Out                       encoded bytes (source, DLQ)
//
// One cell is one 8-byte word, whatever the type (integers, float bits, 0/1, packed views). So gather, split,
// rename and constant columns are one loop for all types, and a batch holds no pointers per row.
//
//	typed column  (KindWords)  Schema says the type; Valid bitmap says null
//	dynamic column (KindDyn)   no schema: a Tag per row (or one for all) says type, null, missing, or "still JSON text"
//
// Values that fit neither (a list inside a schemaless map that did not come from JSON, a BigInteger, a value that
// contradicts its schema) are boxed: TagBoxed, the cell is an index into Batch.Boxed. Boxed is the slow, general path.
//
// Ownership: one owner at a time; handing a batch on is giving it away. A sink borrows until Put returns, unless it
// calls Retain. Slices got from the slab die with the batch.
package batch
