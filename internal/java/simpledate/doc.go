// SPDX-License-Identifier: Apache-2.0

// Package simpledate gives java.text.SimpleDateFormat of the locale en_US: pattern letters, lenient parsing, and the
// calendar behind it, which is Julian before 15 October 1582.
//
//	pattern --New--> program of fields and literals --AppendFormat--> text     (no allocation)
//	                                                --Parse--> field settings --calendar--> milliseconds
//
// Rules, all Java's: parsing is lenient (month 13 is January of the next year) and ignores what follows the match;
// fields that touch ("yyyyMMdd") take exactly their width; of fields that contradict each other the last ones set win;
// two-digit years fall between 80 years before and 20 years after the creation of the format.
// A zone named in the text wins over the format's own.
//
// Zone names come from the JVM (zones.tsv). What a zone's rules were at some time comes from Go's time package; where
// a system has no zone database the zone's present standard offset is used.
//
// Known differences: week years before Christ, and moments beyond what 64 bits of milliseconds hold.
package simpledate
