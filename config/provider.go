// SPDX-License-Identifier: Apache-2.0

package config

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// Provider looks up values for ${provider:path:key}, Java's ConfigProvider. It is
// used by several goroutines at once.
type Provider interface {
	// Get returns the values of keys under path. A key that is absent from the
	// result stays literal. The error is an *Error.
	Get(path string, keys []string) (ProviderData, error)
}

// ProviderData is what a provider found.
type ProviderData struct {
	Values map[string]string
	// TTL is how long the values hold, zero for ever. Connect restarts the
	// connector after that time when config.action.reload is restart.
	TTL time.Duration
}

// NewProvider makes a provider from its config.providers.NAME.param.* properties.
type NewProvider func(params map[string]string) (Provider, error)

// Providers is the registry of config providers.
var Providers = NewRegistry[NewProvider]("config provider", "ConfigProvider")

// providersKey lists the names of the providers in use.
const providersKey = "config.providers"

// variable is Kafka's pattern of ${provider:[path:]key}: the groups are provider,
// path with its colon, path, key. There is no nesting and no escape.
var variable = regexp.MustCompile(`\$\{([^}]*?):(([^}]*?):)?([^}]*?)\}`)

// Transformer replaces ${provider:[path:]key} in configurations, Java's
// ConfigTransformer. It is safe for concurrent use. The zero value replaces nothing.
type Transformer struct {
	providers map[string]Provider
}

// NewTransformer makes the providers that the properties name in config.providers,
// each of class config.providers.NAME.class (a class name or an alias) and with the
// parameters config.providers.NAME.param.*. A name without a class is passed over,
// as Kafka does.
func NewTransformer(props Props) (*Transformer, error) {
	t := &Transformer{providers: map[string]Provider{}}
	names, _ := props.Get(providersKey)
	for _, name := range splitList(trim(names)) {
		prefix := providersKey + "." + name + "."
		class, ok := props.Get(prefix + "class")
		if !ok || name == "" {
			continue
		}
		class = trim(class)
		newProvider, _, ok := Providers.Lookup(class)
		if !ok {
			message := "Could not load config provider class or one of its dependencies"
			if s := Providers.Suggest(class); s != "" {
				message += "; did you mean " + s + "?"
			}
			return nil, invalid(prefix+"class", class, message)
		}
		params := map[string]string{}
		for k, v := range props {
			if rest, ok := strings.CutPrefix(k, prefix+"param."); ok && rest != "" && v != nil {
				params[rest] = *v
			}
		}
		p, err := newProvider(params)
		if err != nil {
			return nil, err
		}
		t.providers[name] = p
	}
	return t, nil
}

// WithProviders makes a transformer of ready providers by name, for tests and
// embedding.
func WithProviders(providers map[string]Provider) *Transformer {
	return &Transformer{providers: providers}
}

// Transformed is the outcome of Transform.
type Transformed struct {
	// Props are new; values without variables are shared with the input.
	Props Props
	// Resolved names the keys whose value came out of a provider, at least in
	// part. They are secrets: see RedactWith and Options.Hidden.
	Resolved map[string]bool
	// TTL is the shortest time that a value holds, zero for ever.
	TTL time.Duration
}

// Hidden is Options.Hidden for these properties.
func (t Transformed) Hidden(key string) bool { return t.Resolved[key] }

// Transform replaces the variables in all values. Each path is asked for once. A
// variable of an unknown provider, or of a key that the provider lacks, stays as it
// is. The error is that of the provider.
func (t *Transformer) Transform(props Props) (Transformed, error) {
	out := Transformed{Props: make(Props, len(props)), Resolved: map[string]bool{}}
	found, ttl, err := t.lookup(props)
	if err != nil {
		return Transformed{}, err
	}
	out.TTL = ttl
	for k, v := range props {
		out.Props[k] = v
		if v == nil || !strings.Contains(*v, "${") {
			continue
		}
		if s, changed := replaceVariables(*v, found); changed {
			out.Props[k] = &s
			out.Resolved[k] = true
		}
	}
	return out, nil
}

// at is where a value is: in which provider, under which path.
type at struct{ provider, path string }

func (t *Transformer) lookup(props Props) (map[at]map[string]string, time.Duration, error) {
	wanted := map[at][]string{}
	for _, v := range props {
		if v == nil {
			continue
		}
		for _, m := range variable.FindAllStringSubmatch(*v, -1) {
			place := at{m[1], m[3]}
			if !slices.Contains(wanted[place], m[4]) {
				wanted[place] = append(wanted[place], m[4])
			}
		}
	}
	places := make([]at, 0, len(wanted))
	for place := range wanted {
		places = append(places, place)
	}
	slices.SortFunc(places, func(a, b at) int { // so that the first error is always the same
		return strings.Compare(a.provider+":"+a.path, b.provider+":"+b.path)
	})
	found := map[at]map[string]string{}
	var ttl time.Duration
	for _, place := range places {
		p := t.providers[place.provider]
		if p == nil {
			continue
		}
		slices.Sort(wanted[place])
		data, err := p.Get(place.path, wanted[place])
		if err != nil {
			return nil, 0, err
		}
		found[place] = data.Values
		if data.TTL > 0 && (ttl == 0 || data.TTL < ttl) {
			ttl = data.TTL
		}
	}
	return found, ttl, nil
}

func replaceVariables(s string, found map[at]map[string]string) (string, bool) {
	var sb strings.Builder
	end, changed := 0, false
	for _, m := range variable.FindAllStringSubmatchIndex(s, -1) {
		path := ""
		if m[6] >= 0 {
			path = s[m[6]:m[7]]
		}
		value, ok := found[at{s[m[2]:m[3]], path}][s[m[8]:m[9]]]
		if !ok {
			continue
		}
		sb.WriteString(s[end:m[0]])
		sb.WriteString(value)
		end, changed = m[1], true
	}
	sb.WriteString(s[end:])
	return sb.String(), changed
}

// HasVariable tells whether a value refers to a config provider, known or not.
func HasVariable(value string) bool { return variable.MatchString(value) }
