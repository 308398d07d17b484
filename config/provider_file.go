// SPDX-License-Identifier: Apache-2.0

package config

import (
	"os"
	"path/filepath"
	"strings"
)

func init() {
	Providers.Register("org.apache.kafka.common.config.provider.FileConfigProvider", newFileProvider)
}

// fileProvider answers ${file:path:key} from UTF-8 .properties files, Kafka's
// FileConfigProvider.
type fileProvider struct{ allowed allowedPaths }

func newFileProvider(params map[string]string) (Provider, error) {
	a, err := newAllowedPaths(params)
	return &fileProvider{a}, err
}

func (p *fileProvider) Get(path string, keys []string) (ProviderData, error) {
	found := map[string]string{}
	if path == "" {
		return ProviderData{Values: found}, nil
	}
	path, ok := p.allowed.check(path)
	if !ok {
		return ProviderData{Values: found}, nil
	}
	props, err := LoadProperties(path, UTF8)
	if err != nil {
		// The cause could quote the file, which is full of secrets.
		return ProviderData{}, Plain("", "Could not read properties from file "+path)
	}
	for _, k := range keys {
		if v, ok := props.Get(k); ok {
			found[k] = v
		}
	}
	return ProviderData{Values: found}, nil
}

// allowedPaths are the folders and files of the parameter allowed.paths; nil
// allows everything.
type allowedPaths []string

func newAllowedPaths(params map[string]string) (allowedPaths, error) {
	text := params["allowed.paths"]
	if text == "" {
		return nil, nil
	}
	var a allowedPaths
	for p := range strings.SplitSeq(strings.TrimRight(text, ","), ",") {
		p = filepath.Clean(p)
		if !filepath.IsAbs(p) {
			return nil, Plain("allowed.paths", "Path "+p+" is not absolute")
		}
		if _, err := os.Stat(p); err != nil {
			return nil, Plain("allowed.paths", "Path "+p+" does not exist")
		}
		a = append(a, p)
	}
	return a, nil
}

// check returns the path to open, or false when it lies outside. Like Kafka it
// compares cleaned names and does not look through symbolic links.
func (a allowedPaths) check(path string) (string, bool) {
	if a == nil {
		return path, true
	}
	path = filepath.Clean(path)
	for _, dir := range a {
		if path == dir || strings.HasPrefix(path, strings.TrimRight(dir, "/")+"/") {
			return path, true
		}
	}
	return "", false
}
