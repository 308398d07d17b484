// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"errors"
	"slices"
	"strings"

	"github.com/penstock-io/penstock/codec"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/config/kafkadefs"
	"github.com/penstock-io/penstock/connectors"
	"github.com/penstock-io/penstock/internal/java/regex"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/internal/kafka"
	"github.com/penstock-io/penstock/worker/rest"
)

const (
	classKey      = "connector.class"
	versionKey    = "connector.plugin.version"
	dlqTopicKey   = "errors.deadletterqueue.topic.name"
	topicsKey     = "topics"
	topicsRegexp  = "topics.regex"
	converterType = "converter.type"
)

// validation is one run of AbstractHerder.validateConnectorConfig.
type validation struct {
	worker *Config
	props  config.Props
	keys   []string // of props, as the user ordered them
	o      config.Options
	hidden func(key string) bool
}

// part is a share of the answer: what ConfigInfos is in Connect.
type part struct {
	errors  int
	groups  []string
	configs []rest.ConfigInfo
}

// Validate checks the configuration of a connector as Connect does and answers with every key. The error is a bad request
// when there is no connector to ask, else that of a config provider.
func (c *Config) Validate(cfg rest.Config) (rest.ConfigInfos, error) {
	t, err := c.Transformer.Transform(cfg.Props())
	if err != nil {
		return rest.ConfigInfos{}, err
	}
	v := &validation{worker: c, props: t.Props, keys: cfg.Keys(), hidden: t.Hidden}
	v.o = config.Options{Classes: resolveClass, Hidden: t.Hidden}
	name, ok := v.props.Get(classKey)
	if !ok {
		return rest.ConfigInfos{}, rest.BadRequest("Connector config " + v.show() + " contains no connector type")
	}
	p, class, err := findConnector(name)
	if err != nil {
		return rest.ConfigInfos{}, rest.BadRequest(err.Error())
	}
	if requirement, ok := v.props.Get(versionKey); ok {
		err := checkVersion(class, requirement, connectorVersion(p))
		if e := (*errVersion)(nil); errors.As(err, &e) {
			return v.wrongVersion(name, p, e)
		}
		if err != nil {
			return rest.ConfigInfos{}, rest.BadRequest(err.Error())
		}
	}
	return v.run(name, p)
}

// show is Map.toString of the properties, without secrets.
func (v *validation) show() string {
	shown := config.RedactWith(v.props, nil, v.hidden)
	var b strings.Builder
	b.WriteByte('{')
	for i, at := range text.AppendHashOrder(nil, v.keys, copiedCapacity(len(v.keys))) {
		if i > 0 {
			b.WriteString(", ")
		}
		value, ok := shown[v.keys[at]]
		if !ok {
			value = "null"
		}
		b.WriteString(v.keys[at] + "=" + value)
	}
	b.WriteByte('}')
	return b.String()
}

// wrongVersion answers for a connector whose version is not here: the framework's keys alone are checked.
func (v *validation) wrongVersion(name string, p connectors.Plugin, cause *errVersion) (rest.ConfigInfos, error) {
	def := withDefault(kafkadefs.MustGet(kafkadefs.Connector), versionKey, connectorVersion(p))
	values, err := def.ValidateAsJava(v.props, v.o)
	if err != nil {
		return rest.ConfigInfos{}, crash(err)
	}
	for i := range values {
		switch values[i].Name {
		case versionKey:
			values[i].Recommended = nil
			for _, s := range cause.available {
				values[i].Recommended = append(values[i].Recommended, s)
			}
			fallthrough
		case classKey:
			values[i].Errors = append(values[i].Errors, cause.Error())
		}
	}
	return v.merge(name, v.result(def, v.nulls(values), def.Groups())), nil
}

func (v *validation) run(name string, p connectors.Plugin) (rest.ConfigInfos, error) {
	def := v.enriched(name, p)
	values, err := def.ValidateAsJava(v.props, v.o)
	if err != nil {
		return rest.ConfigInfos{}, crash(err)
	}
	if p.Kind == connectors.SinkKind {
		values = v.checkSink(values)
	}
	if v.worker.distributed {
		values = v.checkCluster(values, p)
	}
	values = v.nulls(values)
	v.converterVersions(values)
	own, err := v.own(p)
	if err != nil {
		return rest.ConfigInfos{}, err
	}
	converters := v.converters(values)
	all := def.With(p.Def)
	groups := def.Groups()
	for _, g := range p.Def.Groups() {
		if !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	parts := []part{v.result(all, append(append(values, own...), v.penstock()...), groups)}
	clients, err := v.clients(p)
	if err != nil {
		return rest.ConfigInfos{}, err
	}
	parts = append(parts, clients...)
	return v.merge(name, append(parts, converters...)...), nil
}

// crash is what an exception that is no ConfigException becomes: an error of the worker.
func crash(err error) error {
	var c *config.Crash
	if errors.As(err, &c) {
		return rest.BadRequest(c.Error())
	}
	return err
}

// nulls adds the error of a key whose value is null.
func (v *validation) nulls(values []config.Value) []config.Value {
	const message = "Null value can not be supplied as the configuration value."
	var keys []string
	for k, s := range v.props {
		if s == nil {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, at := range text.HashOrder(keys) {
		i := slices.IndexFunc(values, func(x config.Value) bool { return x.Name == keys[at] })
		if i < 0 {
			values = append(values, config.Value{Name: keys[at], Visible: true})
			i = len(values) - 1
		}
		values[i].Errors = append(values[i].Errors, message)
	}
	return values
}

// own is Connector.validate: the connector's table, and what tables cannot say.
func (v *validation) own(p connectors.Plugin) ([]config.Value, error) {
	def := kafkadefs.WithPlugins(p.Def, pluginsForRecommenders)
	values, err := def.ValidateAsJava(v.props, v.o)
	if err != nil {
		return nil, crash(err)
	}
	if p.Validate == nil {
		return values, nil
	}
	for _, e := range p.Validate(v.props.Strings()) {
		i := slices.IndexFunc(values, func(x config.Value) bool { return x.Name == e.Key })
		if i < 0 {
			values = append(values, config.Value{Name: e.Key, Visible: true})
			i = len(values) - 1
		}
		if !slices.Contains(values[i].Errors, e.Error()) {
			values[i].Errors = append(values[i].Errors, e.Error())
		}
	}
	return values, nil
}

// checkSink is SinkConnectorConfig.validate.
func (v *validation) checkSink(values []config.Value) []config.Value {
	add := func(key, message string) {
		for i := range values {
			if values[i].Name == key {
				values[i].Errors = append(values[i].Errors, message)
			}
		}
	}
	topics, _ := v.props.Get(topicsKey)
	pattern, _ := v.props.Get(topicsRegexp)
	dlq, _ := v.props.Get(dlqTopicKey)
	dlq = text.Trim(dlq)
	hasTopics, hasPattern := !text.IsBlank(topics), !text.IsBlank(pattern)
	switch {
	case hasTopics && hasPattern:
		m := "topics and topics.regex are mutually exclusive options, but both are set."
		add(topicsKey, m)
		add(topicsRegexp, m)
	case !hasTopics && !hasPattern:
		m := "Must configure one of topics or topics.regex"
		add(topicsKey, m)
		add(topicsRegexp, m)
	}
	if dlq == "" {
		return values
	}
	if hasTopics {
		if list := topicList(topics); slices.Contains(list, dlq) {
			add(topicsKey, "The DLQ topic '"+dlq+"' may not be included in the list of topics ('topics=["+
				strings.Join(list, ", ")+"]') consumed by the connector")
		}
	}
	if hasPattern {
		if re, err := regex.Compile(pattern); err == nil {
			if ok, err := re.Matches(dlq); err == nil && ok {
				add(topicsRegexp, "The DLQ topic '"+dlq+"' may not be matched by the regex for the topics ('topics.regex="+
					pattern+"') consumed by the connector")
			}
		}
	}
	return values
}

// topicList is SinkConnectorConfig.parseTopicsList.
func topicList(topics string) []string {
	parsed, err := config.ParseValue(topicsKey, topics, config.TypeList, nil)
	if err != nil {
		return nil
	}
	var out []string
	for _, t := range parsed.([]string) {
		if t != "" && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// converters checks the converters that the connector sets itself: header, key, value.
func (v *validation) converters(values []config.Value) []part {
	var out []part
	for _, c := range [3]struct{ key, side string }{
		{"header.converter", "header"}, {"key.converter", "key"}, {"value.converter", "value"},
	} {
		name, given := v.props.Get(c.key)
		i := slices.IndexFunc(values, func(x config.Value) bool { return x.Name == c.key })
		if !given || i < 0 || len(values[i].Errors) > 0 || v.hasErrors(values, c.key+".plugin.version") {
			continue
		}
		class, _ := resolveClass(text.Trim(name))
		var def config.Def
		if c.side == "header" {
			p, _, _ := codec.HeaderRegistry.Lookup(class.Name)
			def = p.Def
		} else {
			p, _, _ := codec.Registry.Lookup(class.Name)
			def = p.Def
		}
		prefix := c.key + "."
		props := withPrefix(v.props, prefix)
		if _, ok := props[converterType]; !ok {
			props[converterType] = &c.side
		}
		o := v.o
		o.Hidden = func(key string) bool { return v.hidden(prefix + key) }
		checked, err := def.ValidateAsJava(props, o)
		if err != nil {
			values[i].Errors = append(values[i].Errors, "Failed to perform config validation for "+c.side+" converter: "+err.Error())
			continue
		}
		out = append(out, v.prefixed(def, hashValues(checked), prefix))
	}
	return out
}

func (v *validation) hasErrors(values []config.Value, key string) bool {
	return slices.ContainsFunc(values, func(x config.Value) bool { return x.Name == key && len(x.Errors) > 0 })
}

// converterVersions checks the versions that the connector wants of the converters it sets itself.
func (v *validation) converterVersions(values []config.Value) {
	for _, key := range [3]string{"key.converter", "value.converter", "header.converter"} {
		name, given := v.props.Get(key)
		requirement, wanted := v.props.Get(key + ".plugin.version")
		class, ok := resolveClass(text.Trim(name))
		if !given || !wanted || !ok || v.hasErrors(values, key) || v.hasErrors(values, key+".plugin.version") {
			continue
		}
		var have []string // Connect counts a class once for each kind of plugin it is
		for _, k := range [2]config.Kind{config.KindConverter, config.KindHeaderConverter} {
			if class.Kinds&k != 0 {
				have = append(have, Version)
			}
		}
		if err := checkVersion(class.Name, requirement, have...); err != nil {
			for i := range values {
				if values[i].Name == key || values[i].Name == key+".plugin.version" {
					values[i].Errors = append(values[i].Errors, err.Error())
				}
			}
		}
	}
}

// withPrefix returns the properties under prefix, without it.
func withPrefix(props config.Props, prefix string) config.Props {
	out := config.Props{}
	for k, s := range props {
		if rest, ok := strings.CutPrefix(k, prefix); ok && rest != "" {
			out[rest] = s
		}
	}
	return out
}

// hashValues puts values in the order of a java.util.HashMap of their names.
func hashValues(values []config.Value) []config.Value {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = v.Name
	}
	out := make([]config.Value, 0, len(values))
	for _, at := range text.HashOrder(names) {
		out = append(out, values[at])
	}
	return out
}

// clients checks the overrides of client settings that the connector makes use of.
func (v *validation) clients(p connectors.Plugin) ([]part, error) {
	dlq, _ := v.props.Get(dlqTopicKey)
	sink, hasDLQ := p.Kind == connectors.SinkKind, !text.IsBlank(dlq)
	createsTopics := false
	for k := range v.props {
		createsTopics = createsTopics || strings.HasPrefix(k, "topic.creation.")
	}
	var out []part
	for _, c := range [3]struct {
		used        bool
		prefix, def string
	}{ // checked in Connect's order, shown in the order producer, consumer, admin
		{!sink || hasDLQ, kafka.ProducerOverridePrefix, kafkadefs.Producer},
		{sink, kafka.ConsumerOverridePrefix, kafkadefs.Consumer},
		{sink && hasDLQ || !sink && createsTopics, kafka.AdminOverridePrefix, kafkadefs.Admin},
	} {
		if !c.used {
			continue
		}
		p, err := v.client(c.prefix, kafkadefs.MustGet(c.def))
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func (v *validation) client(prefix string, def config.Def) (part, error) {
	props := withPrefix(v.props, prefix)
	keys := make([]string, 0, len(props))
	for k := range props {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var values []config.Value
	for _, at := range text.HashOrder(keys) {
		key := keys[at]
		value := config.Value{Name: key, Visible: true}
		if raw := props[key]; raw != nil {
			value.Value = *raw
			if k, ok := def.Find(key); ok {
				parsed, err := config.ParseValue(key, *raw, k.Type, resolveClass)
				if err != nil {
					if v.hidden(prefix + key) {
						err = config.Invalid(key, config.HiddenText, "not a value of type "+k.Type.String())
					}
					return part{}, err
				}
				value.Value = parsed
			}
		}
		if why := v.worker.Policy.Refuse(key); why != "" {
			value.Errors = []string{why}
		}
		values = append(values, value)
	}
	return v.prefixed(def, values, prefix), nil
}
