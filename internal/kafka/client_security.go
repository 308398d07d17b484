// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const hidden = "[hidden]"

// security translates security.protocol and what hangs on it. Settings of a protocol that is not in use are parsed
// but not applied, as in Java.
func (p *parser) security(c *ClientConfig) {
	protocol := strings.ToUpper(p.text("security.protocol", "PLAINTEXT"))
	for _, key := range []string{"sasl.client.callback.handler.class", "sasl.login.callback.handler.class", "sasl.login.class", "ssl.engine.factory.class"} {
		if class := p.text(key, ""); class != "" {
			p.fail(key, class, "Java classes cannot be loaded here: leave it unset")
		}
	}
	if strings.HasPrefix(protocol, "SASL_") {
		if m := p.sasl(); m != nil {
			c.common = append(c.common, kgo.SASL(m))
		}
	}
	if strings.HasSuffix(protocol, "SSL") {
		if tc := p.tls(); tc != nil {
			c.tls = tc
			c.common = append(c.common, kgo.DialTLSConfig(tc))
		}
	}
}

const supportedMechanisms = "supported are PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512"

// sasl returns the mechanism, or nil after recording why there is none.
func (p *parser) sasl() sasl.Mechanism {
	const key = "sasl.mechanism"
	mechanism := p.text(key, "GSSAPI")
	var modules []string
	switch mechanism {
	case "PLAIN":
		modules = []string{"org.apache.kafka.common.security.plain.PlainLoginModule"}
	case "SCRAM-SHA-256", "SCRAM-SHA-512":
		modules = []string{"org.apache.kafka.common.security.scram.ScramLoginModule"}
	case "GSSAPI":
		if !p.has(key) {
			p.fail(key, "GSSAPI", "Kerberos is the default mechanism of Kafka's clients and is not supported: set sasl.mechanism; "+supportedMechanisms)
		} else {
			p.fail(key, mechanism, "Kerberos is not supported: "+supportedMechanisms)
		}
		return nil
	default:
		p.fail(key, mechanism, "SASL mechanism is not supported: "+supportedMechanisms)
		return nil
	}
	user, password, token, ok := p.credentials(modules[0])
	if !ok {
		return nil
	}
	switch mechanism {
	case "PLAIN":
		return plain.Auth{User: user, Pass: password}.AsMechanism()
	case "SCRAM-SHA-256":
		return scram.Auth{User: user, Pass: password, IsToken: token}.AsSha256Mechanism()
	default:
		return scram.Auth{User: user, Pass: password, IsToken: token}.AsSha512Mechanism()
	}
}

// credentials reads the one login module of sasl.jaas.config that a Java client would take.
func (p *parser) credentials(module string) (user, password string, token, ok bool) {
	const key = "sasl.jaas.config"
	if !p.has(key) {
		p.fail(key, "null", "Could not find a 'KafkaClient' entry in the JAAS configuration: set "+key+" to `"+module+` required username="..." password="...";`+"`")
		return "", "", false, false
	}
	entries, err := parseJAAS(p.text(key, ""))
	if err != nil {
		p.fail(key, hidden, err.Error())
		return "", "", false, false
	}
	if len(entries) != 1 {
		p.fail(key, hidden, fmt.Sprintf("JAAS config property contains %d login modules, should be 1 module", len(entries)))
		return "", "", false, false
	}
	e := entries[0]
	if !sameLoginModule(e.module, module) {
		p.fail(key, hidden, "Login module "+e.module+" does not serve sasl.mechanism="+p.text("sasl.mechanism", "")+": use "+module)
		return "", "", false, false
	}
	user, haveUser := e.options["username"]
	password, havePassword := e.options["password"]
	if !haveUser || !havePassword {
		p.fail(key, hidden, "username and password must both be given")
		return "", "", false, false
	}
	return user, password, strings.EqualFold(e.options["tokenauth"], "true"), true
}

// sameLoginModule also accepts the package that Confluent and Strimzi images shade the modules into.
func sameLoginModule(have, want string) bool {
	return have == want || strings.HasSuffix(have, "."+want)
}
