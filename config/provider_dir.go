// SPDX-License-Identifier: Apache-2.0

package config

import (
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

func init() {
	Providers.Register("org.apache.kafka.common.config.provider.DirectoryConfigProvider", newDirProvider)
}

// maxSecretBytes bounds a file that holds one value.
const maxSecretBytes = 16 << 20

// dirProvider answers ${dir:path:file} with the content of a file, its newline
// included, Kafka's DirectoryConfigProvider: the shape of Kubernetes secrets.
type dirProvider struct{ allowed allowedPaths }

func newDirProvider(params map[string]string) (Provider, error) {
	a, err := newAllowedPaths(params)
	return &dirProvider{a}, err
}

func (p *dirProvider) Get(path string, keys []string) (ProviderData, error) {
	found := map[string]string{}
	path, ok := p.allowed.check(path)
	if path == "" || !ok {
		return ProviderData{Values: found}, nil
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return ProviderData{Values: found}, nil // Kafka warns and goes on
	}
	for _, k := range keys {
		if k == "" || k != filepath.Base(k) {
			continue // the key is a name in this directory, not a way out of it
		}
		file := filepath.Join(path, k)
		info, err := os.Stat(file)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		var raw []byte
		if info.Size() <= maxSecretBytes {
			raw, err = os.ReadFile(file)
		}
		if err != nil || info.Size() > maxSecretBytes {
			return ProviderData{}, Plain("", "Could not read file "+file+" for property "+k)
		}
		if !utf8.Valid(raw) {
			raw = []byte(strings.ToValidUTF8(string(raw), "\uFFFD"))
		}
		found[k] = string(raw)
	}
	return ProviderData{Values: found}, nil
}
