// SPDX-License-Identifier: Apache-2.0

// Package offsetfile keeps the source offsets of a standalone worker in the file format of the JVM worker, so that
// either can take over from the other: a Java serialisation of HashMap<byte[],byte[]>.
//
//	AC ED 00 05                                       magic, version
//	73 72 "java.util.HashMap" uid 03 00 02            object of a class with two fields
//	   F "loadFactor"  I "threshold"  78 70           the fields; no annotation, no superclass
//	3F400000 <threshold>                              0.75; 0 for an empty map
//	77 08 <buckets> <size>                            block data
//	size times key, value:                            70 null, 71 <handle> an earlier array, or
//	   75 72 "[B" uid 02 00 00 78 70 <len> <bytes>    the first array
//	   75 71 007E0002                <len> <bytes>    the others
//	78                                                end
//
// Keys are the JSON ["connector",{partition}], values the JSON of the offset. The JVM finds offsets by the bytes of
// the key, which depend on the order of a Java map. Store finds them by content, and writes the bytes it has read.
//
// Rules: a missing, empty or cut file holds no offsets, as in the JVM; any other damage is an error. A flush replaces
// the file as a whole: a crash leaves the old one or the new one.
package offsetfile
