// SPDX-License-Identifier: Apache-2.0

package regex

import (
	_ "embed" // blocks.tsv
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// The classes that Java spells with a backslash.
var (
	asciiDigit = set{{'0', '9'}}
	asciiWord  = newSet(span{'0', '9'}, span{'A', 'Z'}, span{'_', '_'}, span{'a', 'z'})
	asciiSpace = set{{'\t', '\r'}, {' ', ' '}}
	horizontal = runes("\t \u00A0\u1680\u180E\u202F\u205F\u3000").union(set{{0x2000, 0x200A}})
	vertical   = set{{'\n', '\r'}, {0x85, 0x85}, {0x2028, 0x2029}}
	lineEnds   = runes("\n\r\u0085\u2028\u2029")
	anything   = set{{0, maxRune}}
	letters    = newSet(span{'A', 'Z'}, span{'a', 'z'})
	graphs     = set{{'!', '~'}}
)

// posix are the classes of \p{Alpha} and so on without (?U).
var posix = map[string]set{
	"ASCII": {{0, 0x7F}}, "Alnum": letters.union(asciiDigit), "Alpha": letters, "Blank": runes(" \t"),
	"Cntrl": {{0, 0x1F}, {0x7F, 0x7F}}, "Digit": asciiDigit, "Graph": graphs, "Lower": {{'a', 'z'}}, "Print": {{' ', '~'}},
	"Punct": graphs.and(letters.union(asciiDigit).negate()), "Space": asciiSpace, "Upper": {{'A', 'Z'}},
	"XDigit": newSet(span{'0', '9'}, span{'A', 'F'}, span{'a', 'f'}), "L1": {{0, 0xFF}}, "all": anything,
}

//go:embed blocks.tsv
var blockTable string

var blocks = sync.OnceValue(func() map[string]span {
	m := map[string]span{}
	for line := range strings.Lines(blockTable) {
		cols := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		lo, err1 := strconv.ParseInt(cols[0], 16, 32)
		hi, err2 := strconv.ParseInt(cols[1], 16, 32)
		if err1 != nil || err2 != nil {
			panic("BUG: bad table of blocks")
		}
		for _, name := range cols[2:] {
			m[name] = span{rune(lo), rune(hi)}
		}
	}
	return m
})

func blockSet(name string) (set, bool) {
	r, ok := blocks()[squeeze(name)]
	return set{r}, ok
}

// squeeze lets "Latin-1 Supplement", "LATIN_1_SUPPLEMENT" and "Latin-1Supplement" be one name.
func squeeze(name string) string {
	return strings.NewReplacer(" ", "", "_", "").Replace(strings.ToUpper(name))
}

func scriptSet(name string) (set, bool) {
	for n, t := range unicode.Scripts {
		if strings.EqualFold(n, name) {
			return fromTable(t), true
		}
	}
	return nil, false
}

var assigned = sync.OnceValue(func() set {
	return fromTable(unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs)
})

// property is \p{name} without prefix: a general category, a POSIX class or one of the java... methods.
func property(name string, fold bool) (set, bool) {
	if s, ok := posix[name]; ok {
		if fold && (name == "Lower" || name == "Upper") {
			s = letters
		}
		return s, true
	}
	switch name {
	case "Cn":
		return assigned().negate(), true
	case "C":
		return fromTable(unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs).union(assigned().negate()), true
	case "LC":
		return fromTable(unicode.Lu, unicode.Ll, unicode.Lt), true
	case "LD":
		return fromTable(unicode.L, unicode.Nd), true
	case "Lu", "Ll", "Lt":
		if fold {
			return fromTable(unicode.Lu, unicode.Ll, unicode.Lt), true
		}
	}
	if len(name) <= 2 {
		if t, ok := unicode.Categories[name]; ok {
			return fromTable(t), true
		}
	}
	if rest, ok := strings.CutPrefix(name, "java"); ok {
		return javaProperty(rest, fold)
	}
	return nil, false
}

func javaProperty(name string, fold bool) (set, bool) {
	if fold && (name == "LowerCase" || name == "UpperCase" || name == "TitleCase") {
		return lowerCase().union(upperCase()).union(fromTable(unicode.Lt)), true
	}
	ignorable := set{{0, 8}, {0x0E, 0x1B}, {0x7F, 0x9F}}.union(fromTable(unicode.Cf))
	start := fromTable(unicode.L, unicode.Nl)
	switch name {
	case "LowerCase":
		return lowerCase(), true
	case "UpperCase":
		return upperCase(), true
	case "TitleCase":
		return fromTable(unicode.Lt), true
	case "Alphabetic":
		return alphabetic(), true
	case "Ideographic":
		return fromTable(unicode.Ideographic), true
	case "Digit":
		return fromTable(unicode.Nd), true
	case "Defined":
		return assigned(), true
	case "Letter":
		return fromTable(unicode.L), true
	case "LetterOrDigit":
		return fromTable(unicode.L, unicode.Nd), true
	case "SpaceChar":
		return fromTable(unicode.Z), true
	case "Whitespace":
		return fromTable(unicode.Z).and(runes("\u00A0\u2007\u202F").negate()).union(set{{9, 13}, {0x1C, 0x1F}}), true
	case "ISOControl":
		return set{{0, 0x1F}, {0x7F, 0x9F}}, true
	case "IdentifierIgnorable":
		return ignorable, true
	case "JavaIdentifierStart":
		return start.union(fromTable(unicode.Sc, unicode.Pc)), true
	case "JavaIdentifierPart":
		return start.union(fromTable(unicode.Sc, unicode.Pc, unicode.Nd, unicode.Mc, unicode.Mn)).union(ignorable), true
	case "UnicodeIdentifierStart":
		return start.union(fromTable(unicode.Other_ID_Start)), true
	case "UnicodeIdentifierPart":
		return start.union(fromTable(unicode.Other_ID_Start, unicode.Other_ID_Continue, unicode.Pc, unicode.Nd, unicode.Mc, unicode.Mn)).union(ignorable), true
	}
	return nil, false
}

func lowerCase() set  { return fromTable(unicode.Ll, unicode.Other_Lowercase) }
func upperCase() set  { return fromTable(unicode.Lu, unicode.Other_Uppercase) }
func alphabetic() set { return fromTable(unicode.L, unicode.Nl, unicode.Other_Alphabetic) }

// unicodeWord is \w under (?U).
func unicodeWord() set {
	return alphabetic().union(fromTable(unicode.M, unicode.Nd, unicode.Pc, unicode.Join_Control))
}

// unicodeProperty is a binary property, \p{IsAlphabetic}.
func unicodeProperty(name string, fold bool) (set, bool) {
	name = strings.ToUpper(name)
	if fold && (name == "LOWERCASE" || name == "UPPERCASE" || name == "TITLECASE") {
		return lowerCase().union(upperCase()).union(fromTable(unicode.Lt)), true
	}
	notGraph := fromTable(unicode.Z, unicode.Cc, unicode.Cs).union(assigned().negate())
	blank := fromTable(unicode.Zs).union(runes("\t"))
	switch name {
	case "ALPHABETIC":
		return alphabetic(), true
	case "LETTER":
		return fromTable(unicode.L), true
	case "IDEOGRAPHIC":
		return fromTable(unicode.Ideographic), true
	case "LOWERCASE":
		return lowerCase(), true
	case "UPPERCASE":
		return upperCase(), true
	case "TITLECASE":
		return fromTable(unicode.Lt), true
	case "WHITE_SPACE", "WHITESPACE":
		return fromTable(unicode.White_Space), true
	case "CONTROL":
		return fromTable(unicode.Cc), true
	case "PUNCTUATION":
		return fromTable(unicode.P), true
	case "HEX_DIGIT", "HEXDIGIT":
		return fromTable(unicode.Nd, unicode.Hex_Digit), true
	case "ASSIGNED":
		return assigned(), true
	case "NONCHARACTER_CODE_POINT", "NONCHARACTERCODEPOINT":
		return fromTable(unicode.Noncharacter_Code_Point), true
	case "DIGIT":
		return fromTable(unicode.Nd), true
	case "ALNUM":
		return alphabetic().union(fromTable(unicode.Nd)), true
	case "BLANK":
		return blank, true
	case "GRAPH":
		return notGraph.negate(), true
	case "PRINT":
		return notGraph.negate().union(blank).and(fromTable(unicode.Cc).negate()), true
	case "WORD":
		return unicodeWord(), true
	case "JOIN_CONTROL", "JOINCONTROL":
		return fromTable(unicode.Join_Control), true
	}
	return nil, false
}

// unicodePosix is what \p{Alpha} and so on become under (?U).
func unicodePosix(name string, fold bool) (set, bool) {
	switch name {
	case "Alpha":
		name = "ALPHABETIC"
	case "Lower":
		name = "LOWERCASE"
	case "Upper":
		name = "UPPERCASE"
	case "Space":
		name = "WHITE_SPACE"
	case "Punct":
		name = "PUNCTUATION"
	case "XDigit":
		name = "HEX_DIGIT"
	case "Cntrl":
		name = "CONTROL"
	case "Alnum", "Digit", "Blank", "Graph", "Print":
	default:
		return nil, false
	}
	return unicodeProperty(name, fold)
}

// lookupProperty resolves the name in \p{...}.
func lookupProperty(name string, flags flags) (set, bool) {
	fold := flags&flagFold != 0
	if key, value, ok := strings.Cut(name, "="); ok {
		switch strings.ToLower(key) {
		case "sc", "script":
			return scriptSet(value)
		case "blk", "block":
			return blockSet(value)
		case "gc", "general_category":
			return property(value, fold)
		}
		return nil, false
	}
	if rest, ok := strings.CutPrefix(name, "In"); ok {
		return blockSet(rest)
	}
	if rest, ok := strings.CutPrefix(name, "Is"); ok {
		if s, ok := unicodeProperty(rest, fold); ok {
			return s, true
		}
		if s, ok := property(rest, fold); ok {
			return s, true
		}
		return scriptSet(rest)
	}
	if flags&flagUnicodeClass != 0 {
		if s, ok := unicodePosix(name, fold); ok {
			return s, true
		}
	}
	return property(name, fold)
}
