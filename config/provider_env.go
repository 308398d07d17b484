// SPDX-License-Identifier: Apache-2.0

package config

import (
	"os"
	"regexp"
)

func init() {
	Providers.Register("org.apache.kafka.common.config.provider.EnvVarConfigProvider", newEnvProvider)
}

// envProvider answers ${env:NAME} from the environment, Kafka's
// EnvVarConfigProvider. The parameter allowlist.pattern must match a whole name.
type envProvider struct {
	allowed *regexp.Regexp // nil: all
}

func newEnvProvider(params map[string]string) (Provider, error) {
	const key = "allowlist.pattern"
	pattern, ok := params[key]
	if !ok {
		return &envProvider{}, nil
	}
	// RE2 covers what people write to match names of variables; the look-arounds
	// that Java adds are refused rather than guessed at.
	re, err := regexp.Compile(`^(?:` + pattern + `)$`)
	if err != nil {
		return nil, invalid(key, pattern, "Invalid regex: "+err.Error())
	}
	return &envProvider{allowed: re}, nil
}

func (p *envProvider) Get(path string, keys []string) (ProviderData, error) {
	if path != "" {
		return ProviderData{}, Plain("", "Path is not supported for EnvVarConfigProvider, invalid value '"+path+"'")
	}
	found := map[string]string{}
	for _, k := range keys {
		if p.allowed != nil && !p.allowed.MatchString(k) {
			continue
		}
		if v, ok := os.LookupEnv(k); ok {
			found[k] = v
		}
	}
	return ProviderData{Values: found}, nil
}
