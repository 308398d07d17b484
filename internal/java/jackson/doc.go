// SPDX-License-Identifier: Apache-2.0

// Package jackson writes JSON text byte for byte as Jackson's generator does under Connect's JsonConverter.
//
//	text         raw UTF-8; beyond the basic plane escaped as a pair, \uD83D\uDE00; controls \b \t \n \f \r, else \u001F
//	double       Java text, 1.0E10; NaN and the infinities in quotes
//	bytes        base64 with padding
//	map          members in the order of a java.util.HashMap
//
// Strings are WTF-8 (see internal/java/text). Nothing here allocates when dst has room, maps excepted.
package jackson
