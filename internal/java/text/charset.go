// SPDX-License-Identifier: Apache-2.0

package text

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// Charset is a java.nio.charset.Charset. It is immutable and safe for concurrent use.
type Charset struct {
	name   string
	kind   charsetKind
	order  binary.AppendByteOrder // UTF-16, UTF-32
	bom    bool                   // written when encoding
	anyBOM bool                   // honoured and dropped when decoding
	single *singleByte
	multi  encoding.Encoding
	double *doubleByte // decodes in place of multi
	// Where the JVM takes another character than x/text does: pairs of the JVM's and the other's. toOther applies when
	// encoding, fromOther when decoding.
	toOther, fromOther *strings.Replacer
}

// jis are the characters of JIS X 0208 for which Microsoft, and x/text with it, took full-width look-alikes.
var jis = []string{"\u00A2", "\uFFE0", "\u00A3", "\uFFE1", "\u00AC", "\uFFE2", "\u2014", "\u2015", "\u2016", "\u2225", "\u2212", "\uFF0D",
	"\u301C", "\uFF5E"}

var (
	encodeJIS = strings.NewReplacer(append([]string{"\u00A5", "\\", "\u203E", "~"}, jis...)...)
	decodeJIS = func() *strings.Replacer {
		back := slices.Clone(jis)
		slices.Reverse(back)
		return strings.NewReplacer(back...)
	}()
)

var (
	pairsShiftJIS = newDoubleByte(japanese.ShiftJIS, 0x80, 0xA0, 0xFD, 0xFE, 0xFF)
	pairsMS932    = newDoubleByte(japanese.ShiftJIS)
	pairsEUCKR    = newDoubleByte(korean.EUCKR)
	pairsGBK      = newDoubleByte(simplifiedchinese.GBK)
	pairsBig5     = newDoubleByte(traditionalchinese.Big5)
)

type charsetKind uint8

const (
	kindUTF8 charsetKind = iota
	kindLatin1
	kindASCII
	kindUTF16
	kindUTF32
	kindSingle
	kindMulti
)

// CharsetError is what Charset.forName throws: IllegalCharsetNameException for a name of a form no charset can have,
// UnsupportedCharsetException for one that is not known. The message of both is the name.
type CharsetError struct {
	Class string
	Name  string
}

// Error gives getMessage().
func (e *CharsetError) Error() string { return e.Name }

// JavaClass names the exception's class.
func (e *CharsetError) JavaClass() string { return e.Class }

// LookupCharset is Charset.forName: names and aliases in any case. Errors are *CharsetError. A few charsets of the
// JVM are unsupported here: the stateful ISO-2022 family but for Japanese, and IBM's double-byte code pages. Tables
// of East Asian charsets are those of x/text, which differ from the JVM's in rare characters.
func LookupCharset(name string) (*Charset, error) {
	if !legalCharsetName(name) {
		return nil, &CharsetError{Class: "java.nio.charset.IllegalCharsetNameException", Name: name}
	}
	lower := strings.ToLower(name)
	if c := fixedCharsets()[lower]; c != nil {
		return c, nil
	}
	if c := lookupSingleByte(lower); c != nil {
		return c, nil
	}
	return nil, &CharsetError{Class: "java.nio.charset.UnsupportedCharsetException", Name: name}
}

func legalCharsetName(name string) bool {
	for i := 0; i < len(name); i++ {
		c := name[i]
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9':
		case i > 0 && strings.IndexByte("-+:_.", c) >= 0:
		default:
			return false
		}
	}
	return name != ""
}

// fixedCharsetNames lists canonical name, then aliases, as Charset.aliases gives them.
var fixedCharsetNames = []struct {
	names string
	set   Charset
}{
	{"UTF-8 unicode-1-1-utf-8 UTF8", Charset{kind: kindUTF8}},
	{"ISO-8859-1 819 ISO8859-1 l1 ISO_8859-1:1987 ISO_8859-1 8859_1 iso-ir-100 latin1 cp819 ISO8859_1 IBM819 ISO_8859_1 IBM-819 csISOLatin1", Charset{kind: kindLatin1}},
	{"US-ASCII ANSI_X3.4-1968 cp367 csASCII iso-ir-6 ASCII iso_646.irv:1983 ANSI_X3.4-1986 ascii7 default ISO_646.irv:1991 ISO646-US IBM367 646 us", Charset{kind: kindASCII}},
	{"UTF-16 UTF_16 unicode utf16 UnicodeBig", Charset{kind: kindUTF16, order: binary.BigEndian, bom: true, anyBOM: true}},
	{"UTF-16BE X-UTF-16BE UTF_16BE ISO-10646-UCS-2 UnicodeBigUnmarked", Charset{kind: kindUTF16, order: binary.BigEndian}},
	{"UTF-16LE UnicodeLittleUnmarked UTF_16LE X-UTF-16LE", Charset{kind: kindUTF16, order: binary.LittleEndian}},
	{"x-UTF-16LE-BOM UnicodeLittle", Charset{kind: kindUTF16, order: binary.LittleEndian, bom: true, anyBOM: true}},
	{"UTF-32 UTF_32 UTF32", Charset{kind: kindUTF32, order: binary.BigEndian, anyBOM: true}},
	{"UTF-32BE X-UTF-32BE UTF_32BE", Charset{kind: kindUTF32, order: binary.BigEndian}},
	{"UTF-32LE X-UTF-32LE UTF_32LE", Charset{kind: kindUTF32, order: binary.LittleEndian}},
	{"Shift_JIS x-sjis sjis shift-jis ms_kanji csShiftJIS", Charset{kind: kindMulti, multi: japanese.ShiftJIS, double: pairsShiftJIS, toOther: encodeJIS, fromOther: decodeJIS}},
	{"windows-31j MS932 windows-932 csWindows31J", Charset{kind: kindMulti, multi: japanese.ShiftJIS, double: pairsMS932, toOther: encodeJIS}},
	{"EUC-JP csEUCPkdFmtjapanese x-euc-jp eucjis Extended_UNIX_Code_Packed_Format_for_Japanese euc_jp eucjp x-eucjp", Charset{kind: kindMulti, multi: japanese.EUCJP, toOther: encodeJIS, fromOther: decodeJIS}},
	{"ISO-2022-JP csjisencoding iso2022jp jis_encoding jis csISO2022JP", Charset{kind: kindMulti, multi: japanese.ISO2022JP}},
	{"EUC-KR ksc5601-1987 csEUCKR ksc5601_1987 ksc5601 5601 euc_kr ksc_5601 ks_c_5601-1987 euckr", Charset{kind: kindMulti, multi: korean.EUCKR, double: pairsEUCKR}},
	{"x-windows-949 windows949 ms949 windows-949 ms_949", Charset{kind: kindMulti, multi: korean.EUCKR, double: pairsEUCKR}},
	{"GB18030 gb18030-2022", Charset{kind: kindMulti, multi: simplifiedchinese.GB18030}},
	{"GBK CP936 windows-936", Charset{kind: kindMulti, multi: simplifiedchinese.GBK, double: pairsGBK}},
	{"x-mswin-936 ms936 ms_936", Charset{kind: kindMulti, multi: simplifiedchinese.GBK, double: pairsGBK}},
	{"GB2312 euc-cn x-EUC-CN euccn EUC_CN gb2312-80 gb2312-1980", Charset{kind: kindMulti, multi: simplifiedchinese.GBK, double: pairsGBK}},
	{"Big5 csBig5", Charset{kind: kindMulti, multi: traditionalchinese.Big5, double: pairsBig5}},
	{"x-windows-950 ms950 windows-950", Charset{kind: kindMulti, multi: traditionalchinese.Big5, double: pairsBig5}},
	{"Big5-HKSCS big5hk Big5_HKSCS big5hkscs", Charset{kind: kindMulti, multi: traditionalchinese.Big5, double: pairsBig5}},
}

// Name is the canonical name, as Charset.name().
func (c *Charset) Name() string { return c.name }

// IsUTF8 tells that AppendEncode is AppendUTF8 and AppendDecode is AppendFromUTF8, so that callers may skip copies.
func (c *Charset) IsUTF8() bool { return c.kind == kindUTF8 }

// AppendEncode appends s.getBytes(c). What the charset cannot say becomes its replacement, mostly '?'.
func (c *Charset) AppendEncode(dst []byte, s string) []byte {
	switch c.kind {
	case kindUTF8:
		return AppendUTF8(dst, s)
	case kindUTF16:
		return c.encodeUTF16(dst, s)
	case kindMulti:
		return c.encodeMulti(dst, s)
	}
	for i := 0; i < len(s); {
		r, size := DecodeRune(s[i:])
		i += size
		switch {
		case c.kind == kindUTF32:
			if utf16.IsSurrogate(r) {
				r = utf8.RuneError
			}
			dst = c.order.AppendUint32(dst, uint32(r))
		case c.kind == kindSingle:
			dst = append(dst, c.single.encode(r))
		case r < utf8.RuneSelf, r <= 0xFF && c.kind == kindLatin1:
			dst = append(dst, byte(r))
		default:
			dst = append(dst, '?')
		}
	}
	return dst
}

func (c *Charset) encodeUTF16(dst []byte, s string) []byte {
	if c.bom && s != "" {
		dst = c.order.AppendUint16(dst, 0xFEFF)
	}
	for i := 0; i < len(s); {
		r, size := DecodeRune(s[i:])
		i += size
		switch {
		case r >= 0x10000:
			hi, lo := utf16.EncodeRune(r)
			dst = c.order.AppendUint16(dst, uint16(hi))
			dst = c.order.AppendUint16(dst, uint16(lo))
		case utf16.IsSurrogate(r):
			dst = c.order.AppendUint16(dst, utf8.RuneError)
		default:
			dst = c.order.AppendUint16(dst, uint16(r))
		}
	}
	return dst
}

// encodeMulti encodes runs at a time; a run ends before a character that the charset lacks.
func (c *Charset) encodeMulti(dst []byte, s string) []byte {
	enc := c.multi.NewEncoder()
	if c.toOther != nil {
		s = c.toOther.Replace(s)
	}
	if out, err := enc.String(s); err == nil && !hasSurrogate(s) {
		return append(dst, out...)
	}
	var run []byte
	for i := 0; i < len(s); {
		r, size := DecodeRune(s[i:])
		if _, err := enc.String(s[i : i+size]); err != nil || utf16.IsSurrogate(r) {
			run = append(run, '?')
		} else {
			run = append(run, s[i:i+size]...)
		}
		i += size
	}
	out, err := enc.Bytes(run)
	if err != nil { // cannot be: each character was tried
		return append(dst, '?')
	}
	return append(dst, out...)
}

// AppendDecode appends new String(b, c) as WTF-8.
func (c *Charset) AppendDecode(dst, b []byte) []byte {
	switch c.kind {
	case kindUTF8:
		return AppendFromUTF8(dst, b)
	case kindUTF16:
		return c.decodeUTF16(dst, b)
	case kindUTF32:
		return c.decodeUTF32(dst, b)
	case kindMulti:
		var out []byte
		if c.double != nil {
			out = c.double.appendDecode(nil, b)
		} else if decoded, err := c.multi.NewDecoder().Bytes(b); err == nil {
			out = decoded
		} else {
			return append(dst, replacement...)
		}
		if c.fromOther != nil {
			return append(dst, c.fromOther.Replace(string(out))...)
		}
		return append(dst, out...)
	}
	for _, x := range b {
		switch {
		case c.kind == kindSingle:
			dst = utf8.AppendRune(dst, rune(c.single.runes[x]))
		case x < utf8.RuneSelf, c.kind == kindLatin1:
			dst = utf8.AppendRune(dst, rune(x))
		default:
			dst = append(dst, replacement...)
		}
	}
	return dst
}

type byteOrder interface {
	Uint16(b []byte) uint16
	Uint32(b []byte) uint32
}

func (c *Charset) readOrder() byteOrder {
	if c.order == binary.AppendByteOrder(binary.LittleEndian) {
		return binary.LittleEndian
	}
	return binary.BigEndian
}

func (c *Charset) decodeUTF16(dst, b []byte) []byte {
	order := c.readOrder()
	if c.anyBOM && len(b) >= 2 {
		switch {
		case b[0] == 0xFE && b[1] == 0xFF:
			order, b = binary.BigEndian, b[2:]
		case b[0] == 0xFF && b[1] == 0xFE:
			order, b = binary.LittleEndian, b[2:]
		}
	}
	for len(b) >= 2 {
		u := order.Uint16(b)
		switch {
		case u >= 0xDC00 && u <= 0xDFFF:
			dst = append(dst, replacement...)
		case u >= 0xD800 && u <= 0xDBFF:
			if len(b) < 4 {
				return append(dst, replacement...)
			}
			// A high half takes what follows with it, pair or not.
			dst = utf8.AppendRune(dst, utf16.DecodeRune(rune(u), rune(order.Uint16(b[2:]))))
			b = b[2:]
		default:
			dst = utf8.AppendRune(dst, rune(u))
		}
		b = b[2:]
	}
	if len(b) > 0 {
		dst = append(dst, replacement...)
	}
	return dst
}

func (c *Charset) decodeUTF32(dst, b []byte) []byte {
	order := c.readOrder()
	if c.anyBOM && len(b) >= 4 {
		switch {
		case binary.BigEndian.Uint32(b) == 0xFEFF:
			b = b[4:]
		case binary.LittleEndian.Uint32(b) == 0xFEFF:
			order, b = binary.LittleEndian, b[4:]
		}
	}
	var units []uint16 // halves given one by one may form pairs
	for ; len(b) >= 4; b = b[4:] {
		u := order.Uint32(b)
		switch {
		case u > utf8.MaxRune:
			units = append(units, utf8.RuneError)
		case u >= 0x10000:
			hi, lo := utf16.EncodeRune(rune(u))
			units = append(units, uint16(hi), uint16(lo))
		default:
			units = append(units, uint16(u))
		}
	}
	if len(b) > 0 {
		units = append(units, utf8.RuneError)
	}
	return appendFromUTF16(dst, units)
}
