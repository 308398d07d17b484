// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/config/kafkadefs"
	"github.com/penstock-io/penstock/internal/kafka"
	"github.com/penstock-io/penstock/worker/rest"
)

// Worker properties that this package reads.
const (
	bootstrapKey        = "bootstrap.servers"
	offsetFileKey       = "offset.storage.file.filename"
	gracefulKey         = "task.shutdown.graceful.timeout.ms"
	policyKey           = "connector.client.config.override.policy"
	allowlistKey        = "connector.client.config.override.allowlist"
	topicCreationKey    = "topic.creation.enable"
	apiTimeoutKey       = "default.api.timeout.ms"
	privateListenersKey = "penstock.admin.listeners"
	startupTimeoutKey   = "penstock.startup.timeout.ms"
	logLevelKey         = "penstock.log.level"
)

// penstockDef holds the keys that are ours. All have a default.
var penstockDef = config.Def{
	config.List(privateListenersKey).Default("http://127.0.0.1:8084").Low().Doc("Where /metrics and /debug/pprof are served, a list of " +
		"URIs such as http://127.0.0.1:8084. Empty turns them off. When the port of the default is taken, a free one is used and logged."),
	config.Long(startupTimeoutKey).Default(60000).AtLeast(1000).Low().Doc("How long a starting worker waits for Kafka, in " +
		"milliseconds, unless default.api.timeout.ms says otherwise."),
	config.String(kafka.PathKey).Default(string(kafka.DefaultPath)).In(string(kafka.PathClient), string(kafka.PathBatch)).Low().
		Doc("How tasks read and write Kafka: 'batch' moves record batches between connections of its own and columns, 'client' makes " +
			"a record of each row. Producers with a transactional.id always take 'client'."),
	memoryConfig(),
	config.String(joinUnsupportedKey).Default(joinRefuse).InAnyCase(joinRefuse, joinWarn).Low().
		Doc("What a worker does at start when connectors of its cluster need classes it does not have: 'refuse' to join, with a list, " +
			"or 'warn' and join; what is then assigned to it of these connectors fails."),
	config.String(logLevelKey).Default("INFO").InAnyCase("OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL").Low().
		Doc("Level of the root logger at start."),
}

// knownPrefixes cover worker properties that are passed on.
var knownPrefixes = []string{
	"key.converter.", "value.converter.", "header.converter.", "producer.", "consumer.", "admin.", "config.providers.",
	"listeners.https.", "admin.listeners.https.", "metrics.context.", "internal.", "offset.storage.", "config.storage.",
	"status.storage.", "metric.reporters.",
}

// Config is the configuration of a worker: parsed, with ${...} resolved once. It is read-only.
type Config struct {
	// Props are the properties with variables resolved.
	Props config.Props
	// Values are the typed values of Connect's own keys, Own those of penstock.*.
	Values, Own config.Values
	// Transformer resolves variables in connector configurations.
	Transformer *config.Transformer
	// Policy tells which client settings a connector may override.
	Policy kafka.OverridePolicy
	// Warnings are sentences about keys that nobody knows.
	Warnings []string

	distributed bool
}

// LoadConfig reads the properties file of a standalone worker; "" stands for an empty one.
func LoadConfig(path string) (*Config, error) {
	if path == "" {
		return NewConfig(config.Props{})
	}
	p, err := config.LoadProperties(path, config.Latin1)
	if err != nil {
		return nil, fmt.Errorf("read worker properties: %w", err)
	}
	return NewConfig(p.Props())
}

// NewConfig checks the properties of a standalone worker.
func NewConfig(raw config.Props) (*Config, error) { return newConfig(raw, kafkadefs.Standalone) }

// LoadDistributedConfig reads the properties file of a worker of a cluster.
func LoadDistributedConfig(path string) (*Config, error) {
	p, err := config.LoadProperties(path, config.Latin1)
	if err != nil {
		return nil, fmt.Errorf("read worker properties: %w", err)
	}
	return NewDistributedConfig(p.Props())
}

// NewDistributedConfig checks the properties of a worker of a cluster.
func NewDistributedConfig(raw config.Props) (*Config, error) {
	return newConfig(raw, kafkadefs.Distributed)
}

func newConfig(raw config.Props, mode string) (*Config, error) {
	c := &Config{distributed: mode == kafkadefs.Distributed}
	var err error
	if c.Transformer, err = config.NewTransformer(raw); err != nil {
		return nil, err
	}
	t, err := c.Transformer.Transform(raw)
	if err != nil {
		return nil, err
	}
	c.Props = t.Props
	if path, ok := raw["plugin.path"]; ok {
		c.Props["plugin.path"] = path // Connect reads it before there are providers
	}
	o := config.Options{Classes: resolveClass, Hidden: t.Hidden}
	def := kafkadefs.MustGet(mode)
	if c.Values, err = def.ParseWith(c.Props, o); err != nil {
		return nil, err
	}
	if c.Own, err = penstockDef.ParseWith(c.Props, o); err != nil {
		return nil, err
	}
	allow, _ := c.Props.Get(allowlistKey)
	if c.Policy, err = kafka.NewOverridePolicy(c.Values.String(policyKey), splitList(allow)); err != nil {
		return nil, err
	}
	if err := checkExtensions(c.Values.List(extensionsKey)); err != nil {
		return nil, err
	}
	known := []config.Def{
		def, penstockDef, kafkadefs.MustGet(kafkadefs.Distributed), kafkadefs.MustGet(kafkadefs.Admin),
		kafkadefs.MustGet(kafkadefs.Producer), kafkadefs.MustGet(kafkadefs.Consumer), {config.List(allowlistKey), config.String(jaasFileKey)},
	}
	for _, h := range config.UnknownKeys(c.Props, known, knownPrefixes) {
		c.Warnings = append(c.Warnings, h.String())
	}
	return c, nil
}

func splitList(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// OffsetFile is offset.storage.file.filename.
func (c *Config) OffsetFile() string { return c.Values.String(offsetFileKey) }

// GracefulTimeout is how long the tasks of one stop call have together.
func (c *Config) GracefulTimeout() time.Duration {
	return time.Duration(c.Values.Long(gracefulKey)) * time.Millisecond
}

// StartupTimeout is how long to wait for Kafka at start.
func (c *Config) StartupTimeout() time.Duration {
	for _, key := range []string{"admin." + apiTimeoutKey, apiTimeoutKey} {
		if text, ok := c.Props.Get(key); ok {
			if n, err := config.ParseValue(key, text, config.TypeInt, nil); err == nil {
				return time.Duration(n.(int32)) * time.Millisecond
			}
		}
	}
	return time.Duration(c.Own.Long(startupTimeoutKey)) * time.Millisecond
}

// LogLevel is the level of the root logger at start.
func (c *Config) LogLevel() string { return strings.ToUpper(c.Own.String(logLevelKey)) }

// adminProps are the settings of the worker's own admin client.
func (c *Config) adminProps() map[string]string {
	return kafka.AdminProps(c.Props.Strings(), nil, "connect-standalone")
}

// serverOptions are the settings of the REST server.
func (c *Config) serverOptions(log *slog.Logger) rest.ServerOptions {
	v := c.Values
	o := rest.ServerOptions{
		Listeners:          v.List("listeners"),
		AdvertisedHost:     v.String("rest.advertised.host.name"),
		AdvertisedListener: v.String("rest.advertised.listener"),
		AllowOrigin:        v.String("access.control.allow.origin"),
		AllowMethods:       v.String("access.control.allow.methods"),
		ResponseHeaders:    v.String("response.http.headers.config"),
		Log:                log,
	}
	if !v.IsNull("rest.advertised.port") {
		o.AdvertisedPort = v.Int("rest.advertised.port")
	}
	if !v.IsNull("admin.listeners") {
		list := v.List("admin.listeners")
		o.AdminListeners = &list
	}
	return o
}
