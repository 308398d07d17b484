// SPDX-License-Identifier: Apache-2.0

package config

import "strings"

// Redact returns a copy of props that is safe to log or show: values of PASSWORD
// keys become [hidden], and so do those of keys that d does not define but whose
// name says that they are secret. A value that only refers to a config provider,
// ${...}, is shown: the reference is no secret.
func Redact(props Props, d Def) map[string]string { return RedactWith(props, d, nil) }

// RedactWith is Redact for resolved properties: hidden tells which values came out
// of a config provider (see Transformed.Hidden) and is asked first. It may be nil.
func RedactWith(props Props, d Def, hidden func(key string) bool) map[string]string {
	types := make(map[string]Type, len(d))
	for _, k := range d {
		types[k.info.Name] = k.info.Type
	}
	out := make(map[string]string, len(props))
	for k, v := range props {
		switch t, known := types[k]; {
		case v == nil:
			continue
		case hidden != nil && hidden(k):
			out[k] = HiddenText
		case onlyVariables(*v):
			out[k] = *v
		case known && t == TypePassword, !known && soundsSecret(k):
			out[k] = HiddenText
		default:
			out[k] = *v
		}
	}
	return out
}

// onlyVariables tells whether a value consists of references and nothing else. A
// text around them could be half of the secret.
func onlyVariables(value string) bool {
	return HasVariable(value) && trim(variable.ReplaceAllString(value, "")) == ""
}

// soundsSecret judges a key by its name. It errs on the side of hiding.
func soundsSecret(key string) bool {
	k := strings.ToLower(key)
	for _, word := range []string{"password", "passwd", "secret", "jaas.config", "token", "credential", "private.key",
		"api.key", "apikey", "access.key", "passphrase", "user.info", "keystore.key"} {
		if strings.Contains(k, word) {
			return true
		}
	}
	return false
}
