// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestParseValue(t *testing.T) {
	f := func(typ Type, raw string, want any) {
		t.Helper()
		got, err := ParseValue("k", raw, typ, nil)
		if err != nil {
			t.Fatalf("%s %q: %v", typ, raw, err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || fmt.Sprintf("%T", got) != fmt.Sprintf("%T", want) {
			t.Fatalf("%s %q: got %T %v, want %T %v", typ, raw, got, got, want, want)
		}
	}
	f(TypeBoolean, " TRUE\t", true)
	f(TypeInt, "+7", int32(7))
	f(TypeInt, "-2147483648", int32(math.MinInt32))
	f(TypeShort, " 010", int16(10))
	f(TypeLong, "9223372036854775807", int64(math.MaxInt64))
	// digits of other scripts count, as in Character.digit
	f(TypeInt, "\u0661\u0662", int32(12))
	f(TypeDouble, "1d", 1.0)
	f(TypeDouble, "0x1p3", 8.0)
	f(TypeDouble, "-Infinity", math.Inf(-1))
	f(TypeDouble, "1e999", math.Inf(1))
	f(TypeDouble, ".5F", 0.5)
	f(TypeList, " a , b,,c ", []string{"a", "b", "", "c"})
	f(TypeList, " ", []string{})
	f(TypeString, "\x00 a b\n", "a b")
	f(TypeClass, "a.b.C$D", Class{Name: "a.b.C$D"})
}

func TestParseValueErrors(t *testing.T) {
	f := func(typ Type, raw, want string) {
		t.Helper()
		got, err := ParseValue("k", raw, typ, nil)
		if err == nil {
			t.Fatalf("%s %q: got %v, want an error", typ, raw, got)
		}
		if err.Error() != want {
			t.Fatalf("%s %q: got %q, want %q", typ, raw, err, want)
		}
	}
	f(TypeBoolean, "yes", "Invalid value yes for configuration k: Expected value to be either true or false")
	for _, raw := range []string{"", "1_0", "0x10", "1L", "--1", "+", "2147483648", "1.0", "\U0001D7D8"} {
		f(TypeInt, raw, "Invalid value "+raw+" for configuration k: Not a number of type INT")
	}
	for _, raw := range []string{"", "1_0", "0x10", "inf", "nan", "1e", "1dd", "+-1", "."} {
		f(TypeDouble, raw, "Invalid value "+raw+" for configuration k: Not a number of type DOUBLE")
	}
	f(TypeClass, "a b", "Invalid value a b for configuration k: Class a b could not be found.")
}

func TestDoubleText(t *testing.T) {
	f := func(d float64, want string) {
		t.Helper()
		if got := doubleText(d); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	f(1, "1.0")
	f(0.001, "0.001")
	f(0.0001, "1.0E-4")
	f(1e7, "1.0E7")
	f(9999999, "9999999.0")
	f(2e23, "2.0E23")
	f(-math.SmallestNonzeroFloat64, "-4.9E-324")
	f(math.Copysign(0, -1), "-0.0")
	f(1.7976931348623157e308, "1.7976931348623157E308")
}

var sample = Def{
	String("name").Required().High().Validate(NonEmptyStringWithoutControlChars).Doc("Name."),
	Int("tasks.max").Default(1).AtLeast(1),
	Secret("pw").Default("x"),
	String("mode").Default("a").In("a", "b"),
	List("l").Default("p, q"),
	Double("d").Validate(Between(0.5, 1.0)).Default(0.8),
	ClassName("c"),
	Bool("flag").Default(false),
	Short("s").Default(3),
	Long("n").Default(5),
}

func TestParse(t *testing.T) {
	v, err := sample.ParseStrings(map[string]string{"name": "n", "pw": "secret", "x.y": "1", "flag": "True", "c": "a.B"})
	if err != nil {
		t.Fatal(err)
	}
	if v.String("name") != "n" || v.Int("tasks.max") != 1 || v.Password("pw").Reveal() != "secret" || !v.Bool("flag") ||
		v.Short("s") != 3 || v.Long("n") != 5 || v.Double("d") != 0.8 || v.Class("c").Name != "a.B" ||
		!slices.Equal(v.List("l"), []string{"p", "q"}) {
		t.Fatalf("got %v", v)
	}
	if !v.IsSet("name") || v.IsSet("mode") || v.IsNull("c") || !v.Has("mode") || v.Has("x.y") {
		t.Fatal("IsSet, IsNull or Has is wrong")
	}
	if p := v.OriginalsWithPrefix("x."); len(p) != 1 || *p["y"] != "1" {
		t.Fatalf("prefix: %v", p)
	}
	f := func(props map[string]string, want string) {
		t.Helper()
		_, err := sample.ParseStrings(props)
		var e *Error
		if !errors.As(err, &e) || e.Error() != want || e.JavaClass() != ExceptionClass {
			t.Fatalf("got %v, want %s", err, want)
		}
	}
	f(nil, `Missing required configuration "name" which has no default value.`)
	f(map[string]string{"name": "n", "tasks.max": "0"},
		"Invalid value 0 for configuration tasks.max: Value must be at least 1")
	f(map[string]string{"name": "n", "d": "0.2"}, "Invalid value 0.2 for configuration d: Value must be at least 0.5")
	f(map[string]string{"name": "a\x01\x7f"}, "Invalid value a\x01\x7f for configuration name: String may not contain "+
		"control sequences but had the following ASCII chars: 1, 127")
}

func TestValidateCollectsAllErrors(t *testing.T) {
	d := sample.With(Def{String("mode").Required().In("z").Dependents("nowhere")})
	values := d.Validate(NewProps(map[string]string{"tasks.max": "x", "flag": "1"}))
	byName := map[string]Value{}
	for _, v := range values {
		byName[v.Name] = v
	}
	if got := byName["tasks.max"].Errors; len(got) != 2 || !strings.Contains(got[1], "Value must be non-null") {
		t.Errorf("tasks.max: %q", got)
	}
	if got := byName["mode"].Errors; len(got) != 2 || !strings.Contains(got[1], "String must be one of: z") {
		t.Errorf("mode: %q", got)
	}
	if v := byName["nowhere"]; !v.Unknown || v.Visible || len(v.Errors) != 1 {
		t.Errorf("nowhere: %+v", v)
	}
	if len(byName["name"].Errors) != 1 || len(byName["flag"].Errors) != 1 || len(byName["pw"].Errors) != 0 {
		t.Errorf("got %+v", values)
	}
}

func TestNullIsNotAbsent(t *testing.T) {
	d := Def{String("k").Default("x"), String("nn").Default("y").Validate(NonNull)}
	v, err := d.Parse(Props{"k": nil})
	if err != nil || !v.IsNull("k") || v.String("nn") != "y" {
		t.Fatalf("got %v, %v", v, err)
	}
	if _, err = d.Parse(Props{"nn": nil}); err == nil {
		t.Fatal("null passed NonNull")
	}
}

func TestHiddenValuesStayOutOfErrors(t *testing.T) {
	o := Options{Hidden: func(string) bool { return true }}
	props := NewProps(map[string]string{"name": "n", "tasks.max": " hunter2 ", "mode": "hunter2"})
	text := fmt.Sprintf("%+v", sample.ValidateWith(props, o))
	for _, v := range sample.ValidateWith(props, o) {
		if strings.Contains(strings.Join(v.Errors, " "), "hunter2") {
			t.Errorf("%s shows the secret: %q", v.Name, v.Errors)
		}
	}
	if !strings.Contains(text, HiddenText) {
		t.Errorf("got %s", text)
	}
}

func TestPasswordNeverPrints(t *testing.T) {
	p := NewPassword("hunter2")
	raw, err := json.Marshal(map[string]any{"p": p})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "p", p, "any", struct{ P Password }{p})
	for _, s := range []string{
		fmt.Sprint(p), fmt.Sprintf("%d %#v %q %x %+v %s", p, p, p, p, p, p), string(raw), log.String(),
		fmt.Sprintf("%+v", []Password{p}), *ConvertToString(p), Invalid("k", p, "m").Error(),
	} {
		if strings.Contains(s, "hunter2") || strings.Contains(s, "68756e") {
			t.Errorf("shown: %s", s)
		}
	}
}

func TestDefaultMustFit(t *testing.T) {
	f := func(k *Key, v any) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%v passed as a default of %s", v, k.Info().Type)
			}
		}()
		k.Default(v)
	}
	f(Int("k"), "1")
	f(Short("k"), 70000)
	f(Bool("k"), 1)
	f(Long("k"), 1.5)
}

func TestPrefixed(t *testing.T) {
	d := Def{String("a").Dependents("b"), Int("b")}.Prefixed("transforms.x.", "Transforms: x")
	if got := d.Names(); !slices.Equal(got, []string{"transforms.x.a", "transforms.x.b"}) {
		t.Fatalf("got %v", got)
	}
	if i := d[0].Info(); i.Dependents[0] != "transforms.x.b" || i.Group != "Transforms: x" {
		t.Fatalf("got %+v", i)
	}
	if got := d.Groups(); !slices.Equal(got, []string{"Transforms: x"}) {
		t.Fatalf("got %v", got)
	}
}

func TestConvertToString(t *testing.T) {
	f := func(v any, want string) {
		t.Helper()
		if got := ConvertToString(v); got == nil || *got != want {
			t.Fatalf("got %v, want %q", got, want)
		}
	}
	f([]string{"a", "b"}, "a,b")
	f([]string{}, "")
	f(Class{Name: "a.B"}, "a.B")
	f(0.05, "0.05")
	f(int16(3), "3")
	f(true, "true")
	if ConvertToString(nil) != nil {
		t.Fatal("null must stay null")
	}
}

func TestConcrete(t *testing.T) {
	v := Concrete("org.apache.kafka.connect.storage.Converter", KindConverter)
	f := func(value any, want string) {
		t.Helper()
		got := ""
		if err := v.Validate("k", value); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	f(nil, "")
	f(Class{Name: "a.C", Kinds: KindConverter | KindHeaderConverter}, "")
	f(Class{Name: "a.C"}, "Class class a.C does not implement the Converter interface")
	f(Class{Name: "a.C", Kinds: KindConverter, Abstract: true}, "This class is abstract and cannot be created.")
	f(Class{Name: "a.C", Kinds: KindConverter, Abstract: true, Children: "a.C$Key"},
		"This class is abstract and cannot be created. Did you mean a.C$Key?")
	f(Class{Name: "a.C", Kinds: KindConverter, Private: true},
		"Invalid value a.C for configuration k: Could not find a public no-argument constructor for class: a.C.<init>()")
}

func TestCrashHasAProperErrorInstead(t *testing.T) {
	d := Def{Int("k").Validate(NonEmptyString)}
	props := NewProps(map[string]string{"k": "1"})
	if _, err := d.ValidateAsJava(props, Options{}); err == nil {
		t.Error("ValidateAsJava went on")
	}
	if values := d.Validate(props); len(values) != 1 || len(values[0].Errors) != 1 {
		t.Errorf("got %+v", values)
	}
	var e *Error
	if _, err := d.Parse(props); !errors.As(err, &e) {
		t.Errorf("got %v", err)
	}
}

// Recorded with Kafka 4.3.1: parsing drops repetitions before it validates, which
// validation for the REST interface does not.
func TestParseForgivesRepetitions(t *testing.T) {
	d := Def{List("v").Validate(ValidList{EmptyAllowed: true}), List("plain")}
	f := func(text, want, wantErr string) {
		t.Helper()
		v, err := d.ParseStrings(map[string]string{"v": text, "plain": text})
		if wantErr != "" {
			if err == nil || err.Error() != wantErr {
				t.Fatalf("%q: got %v, want %s", text, err, wantErr)
			}
			return
		}
		if err != nil || strings.Join(v.List("v"), "|") != want || len(v.List("plain")) != strings.Count(text, ",")+1 {
			t.Fatalf("%q: got %v, %v", text, v, err)
		}
	}
	f("a,a", "a", "")
	f(" a , b,a", "a|b", "")
	f(",", "", "Configuration 'v' values must not be empty.")
	f("a,,a", "", "Configuration 'v' values must not be empty.")
	if got := d.Validate(NewProps(map[string]string{"v": "a,a"}))[0].Errors; len(got) != 1 ||
		got[0] != "Configuration 'v' values must not be duplicated." {
		t.Fatalf("got %q", got)
	}
}
