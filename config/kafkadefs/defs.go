// SPDX-License-Identifier: Apache-2.0

package kafkadefs

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/penstock-io/penstock/config"
)

// Names of definitions that other packages ask for.
const (
	Standalone           = "org.apache.kafka.connect.runtime.standalone.StandaloneConfig"
	Distributed          = "org.apache.kafka.connect.runtime.distributed.DistributedConfig"
	Connector            = "org.apache.kafka.connect.runtime.ConnectorConfig"
	SourceConnector      = "org.apache.kafka.connect.runtime.SourceConnectorConfig"
	SinkConnector        = "org.apache.kafka.connect.runtime.SinkConnectorConfig"
	Task                 = "org.apache.kafka.connect.runtime.TaskConfig"
	TopicCreationDefault = "org.apache.kafka.connect.runtime.TopicCreationConfig#defaultGroup"
	TopicCreationGroup   = "org.apache.kafka.connect.runtime.TopicCreationConfig#group"
	JSONConverter        = "org.apache.kafka.connect.json.JsonConverter"
	Producer             = "org.apache.kafka.clients.producer.ProducerConfig"
	Consumer             = "org.apache.kafka.clients.consumer.ConsumerConfig"
	Admin                = "org.apache.kafka.clients.admin.AdminClientConfig"
	MirrorMaker          = "org.apache.kafka.connect.mirror.MirrorMakerConfig"
)

const (
	recordedTopicGroup    = "mygroup" // the group name that TopicCreationGroup was recorded for
	connectStorageIface   = "org.apache.kafka.connect.storage."
	subclassValidatorText = "A concrete subclass of "
)

//go:embed defs.json
var defsJSON []byte

// recordedKey is a key as defs.json has it. Absent members have the zero value;
// absent displayName means the name, absent order -1, absent width NONE.
type recordedKey struct {
	Name           string          `json:"name"`
	Type           string          `json:"type"`
	Required       bool            `json:"required"`
	Default        json.RawMessage `json:"default"`
	Importance     string          `json:"importance"`
	Group          string          `json:"group"`
	Order          *int            `json:"order"`
	Width          string          `json:"width"`
	DisplayName    string          `json:"displayName"`
	Dependents     []string        `json:"dependents"`
	Validator      string          `json:"validator"`
	ValidatorClass string          `json:"validatorClass"`
	Recommender    string          `json:"recommender"`
	Internal       bool            `json:"internal"`
	// List holds E and N where a ValidList lets an empty list and a null pass.
	List string `json:"list"`
}

type recording struct {
	KafkaVersion string                       `json:"kafkaVersion"`
	Keys         []recordedKey                `json:"keys"`
	Classes      map[string][]json.RawMessage `json:"classes"`
}

// load builds all definitions once: 73 of them, a millisecond or two.
var load = sync.OnceValue(func() map[string]config.Def {
	var rec recording
	if err := json.Unmarshal(defsJSON, &rec); err != nil {
		panic("BUG: defs.json: " + err.Error())
	}
	defs := make(map[string]config.Def, len(rec.Classes))
	for class, ranges := range rec.Classes {
		var d config.Def
		for _, r := range ranges {
			lo, hi := indexRange(r)
			for i := lo; i <= hi; i++ {
				d = append(d, rec.Keys[i].build(class))
			}
		}
		defs[class] = d
	}
	return defs
})

// indexRange reads 7 or [7,9].
func indexRange(raw json.RawMessage) (lo, hi int) {
	var pair [2]int
	if err := json.Unmarshal(raw, &pair); err == nil {
		return pair[0], pair[1]
	}
	if err := json.Unmarshal(raw, &lo); err != nil {
		panic("BUG: defs.json: " + err.Error())
	}
	return lo, lo
}

// Get returns the definition that a Java class has in Kafka 4.3.1, by full name;
// false when it is not recorded. Definitions are shared: do not change them.
func Get(className string) (config.Def, bool) {
	d, ok := load()[className]
	return d, ok
}

// MustGet is Get for the constants of this package. It panics on other names.
func MustGet(className string) config.Def {
	d, ok := Get(className)
	if !ok {
		panic("BUG: no definition of " + className)
	}
	return d
}

// Names returns the class names of all definitions, sorted.
func Names() []string {
	defs := load()
	names := make([]string, 0, len(defs))
	for n := range defs {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// TopicCreation returns the definition of a topic creation group, without prefix.
// The default group has required keys; the others inherit its values as defaults.
func TopicCreation(group string, replicationFactor int16, partitions int32) config.Def {
	if group == "default" {
		return MustGet(TopicCreationDefault)
	}
	base := MustGet(TopicCreationGroup)
	out := make(config.Def, len(base))
	for i, k := range base {
		info := k.Info()
		info.Group = group
		info.DisplayName = strings.Replace(info.DisplayName, recordedTopicGroup, group, 1)
		switch info.Name {
		case "replication.factor":
			info.Default = replicationFactor
		case "partitions":
			info.Default = partitions
		}
		out[i] = config.NewKey(info)
	}
	return out
}

func (r *recordedKey) build(class string) *config.Key {
	t, ok := config.ParseType(r.Type)
	if !ok {
		panic("BUG: defs.json: type " + r.Type)
	}
	info := config.KeyInfo{
		Name: r.Name, Type: t, Required: r.Required, Default: r.defaultValue(t),
		Importance: importance(r.Importance), Group: r.Group, Order: -1, Width: width(r.Width),
		DisplayName: r.DisplayName, Dependents: r.Dependents, Internal: r.Internal,
		Validator: r.validator(class), Recommender: recommender(r.Recommender),
	}
	if r.Order != nil {
		info.Order = *r.Order
	}
	if info.DisplayName == "" {
		info.DisplayName = info.Name
	}
	info.Doc = documentation(class, info)
	return config.NewKey(info)
}

func (r *recordedKey) defaultValue(t config.Type) any {
	if len(r.Default) == 0 || string(r.Default) == "null" {
		return nil
	}
	var v any
	var err error
	switch t {
	case config.TypeBoolean:
		v, err = decode[bool](r.Default)
	case config.TypeInt, config.TypeShort, config.TypeLong:
		v, err = decode[int64](r.Default)
	case config.TypeDouble:
		v, err = decode[float64](r.Default)
	case config.TypeList:
		v, err = decode[[]string](r.Default)
	default:
		v, err = decode[string](r.Default)
	}
	if err != nil {
		panic(fmt.Sprintf("BUG: defs.json: default of %s: %v", r.Name, err))
	}
	return v
}

func decode[T any](raw json.RawMessage) (v T, err error) {
	err = json.Unmarshal(raw, &v)
	return v, err
}

func importance(s string) config.Importance {
	switch s {
	case "HIGH":
		return config.High
	case "LOW":
		return config.Low
	default:
		return config.Medium
	}
}

func width(s string) config.Width {
	switch s {
	case "SHORT":
		return config.WidthShort
	case "MEDIUM":
		return config.WidthMedium
	case "LONG":
		return config.WidthLong
	default:
		return config.WidthNone
	}
}
