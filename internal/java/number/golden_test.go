// SPDX-License-Identifier: Apache-2.0

package number

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

// TestGolden replays what the JVM answered: operation, input and "=result" or "!class: message" per line.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.tsv")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		sc := bufio.NewScanner(f)
		sc.Buffer(nil, 1<<20)
		bad := 0
		for sc.Scan() {
			parts := strings.Split(sc.Text(), "\t")
			op, in, want := unescape(parts[0]), unescape(parts[1]), unescape(parts[2])
			if got := answer(op, in); got != want {
				bad++
				if bad < 40 {
					t.Errorf("%s: %s(%q) = %q, want %q", name, op, in, got, want)
				}
			}
		}
		if err := sc.Err(); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
}

func answer(op, in string) string {
	text, err := perform(op, in)
	var fe *FormatError
	switch {
	case errors.As(err, &fe):
		msg := fe.Message
		if fe.NullMessage {
			msg = "null"
		}
		if fe.CauseClass != "" {
			msg += " / " + fe.CauseClass + ": " + fe.CauseMessage
		}
		return "!" + fe.JavaClass() + ": " + msg
	case err != nil:
		return "!java.lang.ArithmeticException: " + err.Error()
	}
	return "=" + text
}

func perform(op, in string) (string, error) {
	op, args, _ := strings.Cut(op, "|")
	switch op {
	case "byte":
		v, err := ParseByte(in)
		return fmt.Sprint(v), err
	case "short":
		v, err := ParseShort(in)
		return fmt.Sprint(v), err
	case "int":
		v, err := ParseInt(in)
		return fmt.Sprint(v), err
	case "long":
		v, err := ParseLong(in)
		return fmt.Sprint(v), err
	case "hexint":
		v, err := ParseRadix(in, 16, 32)
		return fmt.Sprint(v), err
	case "bigint":
		v, err := ParseBigInteger(in)
		if err != nil {
			return "", err
		}
		return v.String(), nil
	case "double":
		v, err := ParseDouble(in)
		return fmt.Sprintf("%x", bits64(v)), err
	case "float":
		v, err := ParseFloat(in)
		return fmt.Sprintf("%x", bits32(v)), err
	case "dstr":
		b, err := strconv.ParseUint(in, 16, 64)
		return FormatDouble(math.Float64frombits(b)), err
	case "fstr":
		b, err := strconv.ParseUint(in, 16, 32)
		return FormatFloat(math.Float32frombits(uint32(b))), err
	case "narrow":
		return narrow(in)
	}
	return performDecimal(op, args, in)
}

func bits64(v float64) uint64 {
	if v != v {
		return 0x7ff8000000000000
	}
	return math.Float64bits(v)
}

func bits32(v float32) uint32 {
	if v != v {
		return 0x7fc00000
	}
	return math.Float32bits(v)
}

func narrow(in string) (string, error) {
	v, err := ParseDouble(in)
	if err != nil {
		return "", err
	}
	exact := ""
	if d, err := DecimalFromDoubleExact(v); err == nil {
		exact = d.String()
	}
	return fmt.Sprintf("%d|%d|%d|%d|%s", DoubleToInt(v), DoubleToLong(v), DoubleToShort(v), DoubleToByte(v), exact), nil
}

func performDecimal(op, args, in string) (string, error) {
	d, err := ParseDecimal(in)
	if err != nil {
		return "", err
	}
	switch op {
	case "dec":
		plain, long := "", ""
		if d.Scale >= -1000 && d.Scale <= 1000 {
			plain = d.PlainString()
		}
		if d.Scale >= -100000 {
			long = fmt.Sprint(d.Int64())
		}
		back, err := DecimalFromBytes(d.AppendUnscaledBytes(nil), d.Scale)
		if err != nil || !back.Equal(d) {
			return "bytes do not read back", nil
		}
		return fmt.Sprintf("%v|%d|%s|%d|%d|%s|%x|%x|%s|%s|%s", d.Unscaled, d.Scale, d, d.Precision(), d.Sign(), plain,
			math.Float64bits(d.Float64()), math.Float32bits(d.Float32()), long, d.StripTrailingZeros(),
			hex.EncodeToString(d.AppendUnscaledBytes(nil))), nil
	case "exact":
		v, err := d.Int64Exact()
		return fmt.Sprint(v), err
	case "scale":
		scale, mode, _ := strings.Cut(args, "|")
		s, _ := strconv.Atoi(scale)
		m, _ := strconv.Atoi(mode)
		r, err := d.SetScale(int32(s), Rounding(m))
		return r.String(), err
	case "cmp":
		o, err := ParseDecimal(args)
		return fmt.Sprintf("%d|%t", o.Cmp(d), o.Equal(d)), err
	}
	return "", fmt.Errorf("unknown operation %s", op)
}

// unescape undoes \uXXXX; halves of surrogate pairs that stay alone become three bytes each.
func unescape(s string) string {
	var units []uint16
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+6 <= len(s) && s[i+1] == 'u' {
			v, _ := strconv.ParseUint(s[i+2:i+6], 16, 16)
			units = append(units, uint16(v))
			i += 5
			continue
		}
		units = append(units, uint16(s[i]))
	}
	var out []byte
	for i := 0; i < len(units); i++ {
		r := rune(units[i])
		if i+1 < len(units) {
			if p := utf16.DecodeRune(r, rune(units[i+1])); p != utf8.RuneError {
				out = utf8.AppendRune(out, p)
				i++
				continue
			}
		}
		if utf16.IsSurrogate(r) {
			out = append(out, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0xBF, 0x80|byte(r)&0xBF)
			continue
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}

func TestAppendDoesNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 64)
	d := NewDecimal(-1234567, 3)
	if n := testing.AllocsPerRun(100, func() {
		buf = AppendDouble(buf[:0], 1.23456789e-7)
		buf = AppendFloat(buf[:0], 1.5)
		buf = d.Append(buf[:0])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "1e5", "0x1p3", "-.5", "１２", "1e-2147483648", "\xff", "1234567890123456789x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ParseDouble(s)
		ParseBigInteger(s)
		ParseLong(s)
		d, err := ParseDecimal(s)
		if err != nil {
			return
		}
		back, err := ParseDecimal(d.String())
		if err != nil || !back.Equal(d) {
			t.Errorf("%q: %s reads back as %s, %v", s, d, back, err)
		}
	})
}
