// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/worker/rest"
)

// REST extensions. Connect loads Java classes; the one that comes with it is here by its name.
const (
	extensionsKey     = "rest.extension.classes"
	basicAuthClass    = "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension"
	propertyFileClass = "org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule"
	jaasEntryName     = "KafkaConnect"
	jaasFileKey       = "java.security.auth.login.config"
	jaasOptions       = "KAFKA_OPTS"
)

// isBasicAuth knows the extension by its class name, and by the short names under which Connect finds it.
func isBasicAuth(class string) bool {
	return slices.Contains([]string{basicAuthClass, "BasicAuthSecurityRestExtension", "BasicAuthSecurity"}, class)
}

// checkExtensions refuses extensions that are not there: a guard that is silently absent is worse than no start.
func checkExtensions(classes []string) error {
	for _, class := range classes {
		if !isBasicAuth(class) {
			return config.Invalid(extensionsKey, class, "this REST extension is not supported; only "+basicAuthClass+
				" is. Leave it out and guard the listener by other means")
		}
	}
	return nil
}

// restGuard makes the guard of the REST listeners, nil when there is none.
func (c *Config) restGuard(log *slog.Logger) (*rest.BasicAuth, error) {
	if !slices.ContainsFunc(c.Values.List(extensionsKey), isBasicAuth) {
		return nil, nil
	}
	path, where := c.jaasFile(os.Getenv(jaasOptions))
	if path == "" {
		return nil, config.Plain(extensionsKey, basicAuthClass+" needs a JAAS file: set "+jaasFileKey+
			" in the worker's properties, or "+jaasOptions+"=-D"+jaasFileKey+"=FILE in the environment")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the JAAS file of %s: %w", where, err)
	}
	entries, err := parseJAASFile(string(text))
	if err != nil {
		return nil, fmt.Errorf("read the JAAS file %s of %s: %w", path, where, err)
	}
	modules, ok := entries[jaasEntryName]
	if !ok {
		if modules, ok = entries["other"]; !ok { // what Java falls back to
			return nil, config.Plain(extensionsKey, "the JAAS file "+path+" has no entry "+jaasEntryName)
		}
	}
	var lists []map[string]string
	for _, m := range modules {
		users, err := credentialsOf(path, m)
		if err != nil {
			return nil, err
		}
		if len(users) == 0 {
			log.Warn("the credential properties file is empty; all requests will be permitted", slog.String("file", m.options["file"]))
		}
		lists = append(lists, users)
	}
	return rest.NewBasicAuth(log, lists...), nil
}

// credentialsOf reads the file of a login module.
func credentialsOf(path string, m jaasModule) (map[string]string, error) {
	if m.class != propertyFileClass {
		return nil, config.Plain(extensionsKey, "the JAAS file "+path+" names the login module "+m.class+", which is not supported: only "+propertyFileClass+" is")
	}
	file := strings.TrimSpace(m.options["file"])
	if file == "" {
		return nil, config.Plain(extensionsKey, "the JAAS file "+path+" gives "+propertyFileClass+" no option file: Property Credentials file must be specified")
	}
	p, err := config.LoadProperties(file, config.Latin1)
	if err != nil {
		return nil, fmt.Errorf("read the credentials that the JAAS file %s names: %w", path, err)
	}
	return p.Props().Strings(), nil
}

// jaasFile finds the JAAS file and says where it is named: in the worker's properties, or as the system property among the
// options that Kafka's scripts hand to Java.
func (c *Config) jaasFile(options string) (path, where string) {
	path, where = "", jaasFileKey
	if text, ok := c.Props.Get(jaasFileKey); ok {
		path = text
	}
	if path == "" {
		where = jaasOptions
		for _, o := range strings.Fields(options) {
			if text, ok := strings.CutPrefix(strings.Trim(o, `"'`), "-D"+jaasFileKey+"="); ok {
				path = text // the last one counts
			}
		}
	}
	// A second = replaces the list of the JDK's own security file, which we do not have.
	path = strings.Trim(strings.TrimPrefix(strings.TrimSpace(path), "="), `"'`)
	if u, err := url.Parse(path); err == nil && u.Scheme == "file" {
		path = u.Path
	}
	return path, where
}
