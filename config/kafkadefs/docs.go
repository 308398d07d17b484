// SPDX-License-Identifier: Apache-2.0

package kafkadefs

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/penstock-io/penstock/config"
)

//go:embed docs.txt
var docsText string

// loadDocs reads lines of "key: text" or "SimpleClass/key: text".
var loadDocs = sync.OnceValue(func() map[string]string {
	docs := map[string]string{}
	for line := range strings.Lines(docsText) {
		if key, text, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !strings.HasPrefix(line, "#") {
			docs[key] = text
		}
	}
	return docs
})

// documentation returns the text for a key of a class, that of the key anywhere,
// or a sentence made of its name.
func documentation(class string, info config.KeyInfo) string {
	docs := loadDocs()
	base, _, _ := strings.Cut(class, "#")
	simple, _, _ := strings.Cut(base[strings.LastIndexByte(base, '.')+1:], "$")
	if text := docs[simple+"/"+info.Name]; text != "" {
		return text
	}
	if text := docs[info.Name]; text != "" {
		return text
	}
	if info.DisplayName != info.Name {
		return info.DisplayName + "."
	}
	return "Kafka's setting " + info.Name + "."
}
