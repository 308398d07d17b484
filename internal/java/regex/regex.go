// SPDX-License-Identifier: Apache-2.0

package regex

import (
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"

	"github.com/penstock-io/penstock/internal/java/text"
)

// matchLimit bounds one match of the backtracking engine. Far beyond what a sane pattern needs on a record.
const matchLimit = 10 * time.Second

// stackSlots bounds the memory of one match; Java would overflow its stack long before.
const stackSlots = 4 << 20

// Regex is a compiled java.util.regex.Pattern. It is safe for concurrent use.
type Regex struct {
	pattern   string
	groups    int
	names     map[string]int
	find      *regexp.Regexp // nil: the standard engine cannot do it
	whole     *regexp.Regexp
	plainOnly bool // the standard engine is right only for inputs without line ends
	looksLeft bool
	backFind  *lazyBack
	backWhole *lazyBack
}

// lazyBack compiles for regexp2 when first needed: most patterns never are.
type lazyBack struct {
	source string
	once   sync.Once
	re     *regexp2.Regexp
	err    error
}

func (l *lazyBack) get() (*regexp2.Regexp, error) {
	l.once.Do(func() {
		l.re, l.err = regexp2.Compile(l.source, regexp2.None, regexp2.OptionMaxBacktrackingStackSize(stackSlots))
		if l.err == nil {
			l.re.MatchTimeout = matchLimit
		}
	})
	return l.re, l.err
}

// SyntaxError is java.util.regex.PatternSyntaxException. Index is in UTF-16 units, -1 when unknown.
type SyntaxError struct {
	Description string
	Pattern     string
	Index       int
}

// Error gives getMessage(): several lines, with the pattern and a caret under the place.
func (e *SyntaxError) Error() string { return e.message() }

// JavaClass names the exception's class.
func (e *SyntaxError) JavaClass() string { return "java.util.regex.PatternSyntaxException" }

// MatchError tells that a match ran over its limit of time or memory, where Java would go on or overflow its stack.
type MatchError struct {
	Pattern string
	Err     error
}

// Error tells pattern and reason, not the input.
func (e *MatchError) Error() string { return "match " + e.Pattern + ": " + e.Err.Error() }

// Unwrap gives the engine's error.
func (e *MatchError) Unwrap() error { return e.Err }

// JavaClass names what comes nearest in Java.
func (e *MatchError) JavaClass() string { return "java.lang.StackOverflowError" }

// Compile is Pattern.compile(pattern). The error is *SyntaxError.
func Compile(pattern string) (re *Regex, err error) {
	p := &parser{pattern: pattern}
	defer func() {
		if r := recover(); r != nil {
			se, ok := r.(*SyntaxError)
			if !ok {
				panic(r)
			}
			re, err = nil, se
		}
	}()
	tree := p.parse()
	re = &Regex{pattern: pattern, groups: p.groups, names: p.names}
	lin := &emitter{linear: true, ok: true, groups: p.groups}
	lin.node(tree)
	re.plainOnly, re.looksLeft = lin.plainOnly, lin.looksLeft
	if lin.ok {
		re.compileLinear(string(lin.out))
	}
	back := &emitter{ok: true, groups: p.groups}
	back.node(tree)
	re.backFind = &lazyBack{source: string(back.out)}
	re.backWhole = &lazyBack{source: `\A(?:` + string(back.out) + `)\z`}
	if re.find == nil {
		if _, err := re.backFind.get(); err != nil {
			return nil, &SyntaxError{Description: "Pattern is not supported: " + err.Error(), Pattern: pattern, Index: -1}
		}
	}
	return re, nil
}

func (r *Regex) compileLinear(source string) {
	find, err := regexp.Compile(source)
	if err != nil { // too large for that engine
		return
	}
	whole, err := regexp.Compile(`\A(?:` + source + `)\z`)
	if err != nil {
		return
	}
	r.find, r.whole = find, whole
}

// MustCompile is Compile for patterns in the program's text: it panics on an error.
func MustCompile(pattern string) *Regex {
	re, err := Compile(pattern)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return re
}

// String is Pattern.pattern().
func (r *Regex) String() string { return r.pattern }

// NumGroups is Matcher.groupCount(): group 0 does not count.
func (r *Regex) NumGroups() int { return r.groups }

// GroupNumber gives the number of a named group.
func (r *Regex) GroupNumber(name string) (n int, ok bool) {
	n, ok = r.names[name]
	return n, ok
}

// linearFor tells whether the standard engine may run on s.
func (r *Regex) linearFor(s string) bool {
	return r.find != nil && (!r.plainOnly || !hasLineEnd(s)) && utf8.ValidString(s)
}

func hasLineEnd(s string) bool {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\n', '\r':
			return true
		case 0xC2, 0xE2:
			if strings.HasPrefix(s[i:], "\u0085") || strings.HasPrefix(s[i:], "\u2028") || strings.HasPrefix(s[i:], "\u2029") {
				return true
			}
		}
	}
	return false
}

// Matches is matcher(s).matches(): the pattern against the whole of s. The error is *MatchError.
func (r *Regex) Matches(s string) (bool, error) {
	if r.linearFor(s) {
		return r.whole.MatchString(s), nil
	}
	g, err := r.run(r.backWhole, s, 0)
	return g != nil, err
}

// Find is matcher(s).find(): the pattern anywhere in s. The error is *MatchError.
func (r *Regex) Find(s string) (bool, error) {
	if r.linearFor(s) {
		return r.find.MatchString(s), nil
	}
	g, err := r.run(r.backFind, s, 0)
	return g != nil, err
}

// MatchGroups is Matches giving pairs of byte offsets, start and end, of group 0 and each group; -1 for a group that
// took no part. Nil tells that there is no match.
func (r *Regex) MatchGroups(s string) ([]int, error) {
	if r.linearFor(s) {
		return r.whole.FindStringSubmatchIndex(s), nil
	}
	return r.run(r.backWhole, s, 0)
}

// FindGroups is the first match that starts at byte offset from or later, in the form of MatchGroups.
func (r *Regex) FindGroups(s string, from int) ([]int, error) {
	if r.linearFor(s) && (from == 0 || !r.looksLeft) {
		g := r.find.FindStringSubmatchIndex(s[from:])
		for i := range g {
			if g[i] >= 0 {
				g[i] += from
			}
		}
		return g, nil
	}
	return r.run(r.backFind, s, from)
}

// run matches by regexp2 on code points, surrogates included, and translates offsets back to bytes.
func (r *Regex) run(l *lazyBack, s string, from int) ([]int, error) {
	re, err := l.get()
	if err != nil {
		return nil, &MatchError{Pattern: r.pattern, Err: err}
	}
	in := make([]rune, 0, len(s))
	offsets := make([]int, 0, len(s)+1)
	start := 0
	for i := 0; i < len(s); {
		if i <= from {
			start = len(in)
		}
		c, size := text.DecodeRune(s[i:])
		in = append(in, c)
		offsets = append(offsets, i)
		i += size
	}
	offsets = append(offsets, len(s))
	if from >= len(s) {
		start = len(in)
	}
	var out []int
	err = re.FindRunesMatches(in, start, func(m regexp2.MatchView) bool {
		out = make([]int, 0, 2*r.groups+2)
		for g := 0; g <= r.groups; g++ {
			index, length, ok := m.GroupRange(g)
			if !ok {
				out = append(out, -1, -1)
				continue
			}
			out = append(out, offsets[index], offsets[index+length])
		}
		return false
	})
	if err != nil {
		return nil, &MatchError{Pattern: r.pattern, Err: err}
	}
	return out, nil
}
