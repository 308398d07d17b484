// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mapProvider answers from "path/key".
type mapProvider map[string]string

func (m mapProvider) Get(path string, keys []string) (ProviderData, error) {
	found := map[string]string{}
	for _, k := range keys {
		if v, ok := m[path+"/"+k]; ok {
			found[k] = v
		}
	}
	return ProviderData{Values: found, TTL: time.Minute}, nil
}

func TestTransform(t *testing.T) {
	tr := WithProviders(map[string]Provider{"p": mapProvider{
		"/k": "K", "a/k": "AK", "a/b:k": "odd", "/$": "dollar", "/deep": "${p:k}", "c/": "empty key",
	}})
	f := func(value, want string) {
		t.Helper()
		out, err := tr.Transform(NewProps(map[string]string{"x": value}))
		if err != nil {
			t.Fatal(err)
		}
		if got := *out.Props["x"]; got != want {
			t.Fatalf("%s: got %q, want %q", value, got, want)
		}
		if out.Hidden("x") != (value != want) {
			t.Fatalf("%s: hidden is %v", value, out.Hidden("x"))
		}
	}
	f("plain", "plain")
	f("${p:k}", "K")
	f("${p:a:k}", "AK")
	f("<${p:k}|${p:a:k}>", "<K|AK>")
	// what is missing or of an unknown provider stays
	f("${p:missing} ${q:k} ${p:k}", "${p:missing} ${q:k} K")
	// the path ends at the first colon, the rest is the key
	f("${p:a:b:k}", "odd")
	// no nesting, no second round, no escapes
	f("${p:deep}", "${p:k}")
	f("$${p:k}", "$K")
	f("${p}", "${p}")
	f("${p:${p:k}}", "${p:${p:k}}")
	f("${p:c:}", "empty key")
}

func TestTransformKeepsNullsAndReportsTTL(t *testing.T) {
	tr := WithProviders(map[string]Provider{"p": mapProvider{"/k": "K"}})
	out, err := tr.Transform(Props{"n": nil})
	if err != nil || out.TTL != 0 || out.Props["n"] != nil {
		t.Fatalf("got %+v, %v", out, err)
	}
	if _, ok := out.Props["n"]; !ok {
		t.Fatal("the null is gone")
	}
	if out, _ = tr.Transform(NewProps(map[string]string{"a": "${p:k}"})); out.TTL != time.Minute {
		t.Fatalf("TTL is %v", out.TTL)
	}
	var zero Transformer
	if out, err = zero.Transform(NewProps(map[string]string{"a": "${p:k}"})); err != nil || *out.Props["a"] != "${p:k}" {
		t.Fatalf("got %v, %v", out, err)
	}
}

func TestProviders(t *testing.T) {
	dir := t.TempDir()
	secrets := filepath.Join(dir, "s.properties")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(secrets, "user=é\npass=s3cret \n")
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(dir, "d", "token"), "abc\n")
	t.Setenv("PENSTOCK_TEST_A", "from env")
	t.Setenv("OTHER_TEST_A", "not allowed")
	tr, err := NewTransformer(NewProps(map[string]string{
		"config.providers":                             "env, file,dir ,ghost",
		"config.providers.env.class":                   "EnvVarConfigProvider",
		"config.providers.env.param.allowlist.pattern": "PENSTOCK_.*",
		"config.providers.file.class":                  "org.apache.kafka.common.config.provider.FileConfigProvider",
		"config.providers.file.param.allowed.paths":    dir,
		"config.providers.dir.class":                   "Directory",
	}))
	if err != nil {
		t.Fatal(err)
	}
	f := func(value, want string) {
		t.Helper()
		out, err := tr.Transform(NewProps(map[string]string{"x": value}))
		if err != nil {
			t.Fatal(err)
		}
		if got := *out.Props["x"]; got != want {
			t.Fatalf("%s: got %q, want %q", value, got, want)
		}
	}
	f("${env:PENSTOCK_TEST_A}", "from env")
	f("${env:OTHER_TEST_A}", "${env:OTHER_TEST_A}")
	f("${file:"+secrets+":user}/${file:"+secrets+":pass}", "é/s3cret ")
	f("${file:"+secrets+":nope}", "${file:"+secrets+":nope}")
	f("${dir:"+dir+"/d:token}", "abc\n")
	f("${dir:"+dir+"/d:../s.properties}", "${dir:"+dir+"/d:../s.properties}")
	f("${dir:"+dir+"/nope:token}", "${dir:"+dir+"/nope:token}")
	// outside of the allowed paths, also through dots: as if it were not there
	f("${file:"+dir+"/../x:k}", "${file:"+dir+"/../x:k}")
	f("${file:"+dir+"x:k}", "${file:"+dir+"x:k}")

	fails := func(value, want string) {
		t.Helper()
		_, err := tr.Transform(NewProps(map[string]string{"x": value}))
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(e.Error(), want) {
			t.Fatalf("%s: got %v, want %s", value, err, want)
		}
	}
	fails("${file:"+dir+"/nope:k}", "Could not read properties from file "+dir+"/nope")
	fails("${env:path:K}", "Path is not supported for EnvVarConfigProvider, invalid value 'path'")
}

func TestNewTransformerErrors(t *testing.T) {
	f := func(key, value, want string) {
		t.Helper()
		props := map[string]string{"config.providers": "p", "config.providers.p.class": "FileConfigProvider"}
		props[key] = value
		_, err := NewTransformer(NewProps(props))
		if err == nil || err.Error() != want {
			t.Fatalf("got %v, want %s", err, want)
		}
	}
	f("config.providers.p.class", "FileConfigProvidr", "Invalid value FileConfigProvidr for configuration "+
		"config.providers.p.class: Could not load config provider class or one of its dependencies; "+
		"did you mean FileConfigProvider?")
	f("config.providers.p.param.allowed.paths", "a/b", "Path a/b is not absolute")
	f("config.providers.p.param.allowed.paths", "/no/such/place", "Path /no/such/place does not exist")
}

func TestRedact(t *testing.T) {
	d := Def{Secret("pw"), String("url"), String("ssl.password.hint")}
	props := NewProps(map[string]string{
		"pw": "s", "url": "u", "ssl.password.hint": "h", "my.api.key": "s", "producer.sasl.jaas.config": "s",
		"ref.password": "${file:/x:k}", "half.password": "pre${file:/x:k}", "resolved": "s",
	})
	got := RedactWith(props, d, func(k string) bool { return k == "resolved" })
	want := map[string]string{
		"pw": HiddenText, "url": "u", "ssl.password.hint": "h", "my.api.key": HiddenText,
		"producer.sasl.jaas.config": HiddenText, "ref.password": "${file:/x:k}", "half.password": HiddenText,
		"resolved": HiddenText,
	}
	for k, w := range want {
		if got[k] != w {
			t.Errorf("%s: got %q, want %q", k, got[k], w)
		}
	}
}

func FuzzTransform(f *testing.F) {
	for _, s := range []string{"${p:k}", "${p:a:b:c}", "${${p:k}}", "$${p:k}}", "${p:", "${:}"} {
		f.Add(s)
	}
	tr := WithProviders(map[string]Provider{"p": mapProvider{"/k": "v"}})
	f.Fuzz(func(t *testing.T, s string) {
		out, err := tr.Transform(NewProps(map[string]string{"x": s}))
		if err != nil {
			t.Fatal(err)
		}
		if !HasVariable(s) && *out.Props["x"] != s {
			t.Fatalf("%q became %q", s, *out.Props["x"])
		}
	})
}
