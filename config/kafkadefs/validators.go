// SPDX-License-Identifier: Apache-2.0

package kafkadefs

import (
	"strconv"
	"strings"

	"github.com/penstock-io/penstock/config"
)

const (
	configDef = "org.apache.kafka.common.config.ConfigDef$"
	runtime   = "org.apache.kafka.connect.runtime."
)

// validator turns the recorded class and text of a validator into a working one.
func (r *recordedKey) validator(class string) config.Validator {
	switch strings.TrimPrefix(r.ValidatorClass, configDef) {
	case "":
		return nil
	case "Range":
		return parseRange(r.Validator)
	case "ValidString":
		return config.OneOf(items(r.Validator)...)
	case "CaseInsensitiveValidString":
		return config.OneOfAnyCase(items(r.Validator)...)
	case "NonEmptyString":
		return config.NonEmptyString
	case "NonEmptyStringWithoutControlChars":
		return config.NonEmptyStringWithoutControlChars
	case "NonNullValidator":
		return config.NonNull
	case "ValidList":
		return config.ValidList{
			Values:       items(r.Validator),
			EmptyAllowed: strings.Contains(r.List, "E"),
			NullAllowed:  strings.Contains(r.List, "N"),
		}
	case "CompositeValidator":
		return r.composite()
	case "LambdaValidator":
		return r.lambda(class)
	case "org.apache.kafka.connect.transforms.util.RegexValidator":
		return config.ValidRegex
	case "org.apache.kafka.connect.transforms.util.NonEmptyListValidator":
		return config.NonEmptyList
	case runtime + "ConnectorConfig$PluginVersionValidator":
		return pluginVersion
	case runtime + "rest.RestServerConfig$ListenersValidator":
		return listeners
	case runtime + "rest.RestServerConfig$ResponseHttpHeadersValidator":
		return responseHeaders
	case "org.apache.kafka.clients.consumer.internals.AutoOffsetResetStrategy$Validator":
		return offsetReset
	case "org.apache.kafka.clients.consumer.internals.ShareAcknowledgementMode$Validator":
		return shareMode("implicit", "explicit", false)
	case "org.apache.kafka.clients.consumer.internals.ShareAcquireMode$Validator":
		return shareMode("batch_optimized", "record_limit", true)
	}
	panic("BUG: defs.json: validator " + r.ValidatorClass + " of " + r.Name)
}

// composite recognises the combinations that Connect uses.
func (r *recordedKey) composite() config.Validator {
	switch rest, isClass := strings.CutPrefix(r.Validator, subclassValidatorText); {
	case isClass:
		iface, _, _ := strings.Cut(rest, ",")
		kind := config.KindConverter
		if iface == connectStorageIface+"HeaderConverter" {
			kind = config.KindHeaderConverter
		}
		return config.Concrete(iface, kind)
	case r.Validator == "non-empty string, valid regex":
		return config.All(config.NonEmptyString, config.ValidRegex)
	case r.Name == "transforms":
		return config.UniqueAliases("transformation")
	case r.Name == "predicates":
		return config.UniqueAliases("predicate")
	case r.Name == "topic.creation.groups":
		return config.UniqueAliases("topic creation group")
	}
	panic("BUG: defs.json: validator " + r.Validator + " of " + r.Name)
}

// lambda tells apart what Java wrote as anonymous functions: by key, because two
// of them share a text by mistake.
func (r *recordedKey) lambda(class string) config.Validator {
	switch {
	case r.Name == "spec":
		return castSpec(r.Validator)
	case r.Name == "renames":
		return renames(r.Validator)
	case strings.Contains(class, "TopicCreationConfig") && (r.Name == "include" || r.Name == "exclude"):
		return regexList(r.Validator)
	case strings.HasSuffix(r.Name, "replication.factor"):
		return positiveOrDefault(r.Validator, "Replication factor must be positive and not larger than the number of "+
			"brokers in the Kafka cluster, or -1 to use the broker's default")
	case strings.HasSuffix(r.Name, "partitions"):
		return positiveOrDefault(r.Validator, "Number of partitions must be positive, or -1 to use the broker's default")
	case r.Name == "connect.protocol":
		return connectProtocol(r.Validator)
	case r.Name == "inter.worker.key.generation.algorithm":
		return algorithm(r.Validator, keyGeneratorAlgorithms, keyGeneratorAliases)
	case r.Name == "inter.worker.signature.algorithm":
		return algorithm(r.Validator, macAlgorithms, macAliases)
	case r.Name == "inter.worker.verification.algorithms":
		return verificationAlgorithms(r.Validator)
	case r.Name == "transaction.boundary.interval.ms":
		return orNull(config.AtLeast(0))
	case r.Name == "compression.gzip.level":
		return gzipLevel(r.Validator)
	}
	panic("BUG: defs.json: validator " + r.Validator + " of " + r.Name)
}

// items reads "[a, b]" and "(case insensitive) [a, b]"; nil for "".
func items(text string) []string {
	text = strings.TrimPrefix(text, "(case insensitive) ")
	text = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	if text == "" {
		return nil
	}
	return strings.Split(text, ", ")
}

// parseRange reads "[1,...]", "[...,9]", "[1,...,9]", with bounds that are whole or not.
func parseRange(text string) config.Validator {
	parts := strings.Split(strings.Trim(text, "[]"), ",")
	whole := !strings.Contains(strings.ReplaceAll(text, "...", ""), ".")
	number := func(s string) float64 {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			panic("BUG: defs.json: range " + text)
		}
		return f
	}
	low, high := parts[0], parts[len(parts)-1]
	switch {
	case high == "..." && whole:
		return config.AtLeast(int64(number(low)))
	case high == "...":
		return config.AtLeast(number(low))
	case low == "..." && whole:
		return config.AtMost(int64(number(high)))
	case low == "...":
		return config.AtMost(number(high))
	case whole:
		return config.Between(int64(number(low)), int64(number(high)))
	default:
		return config.Between(number(low), number(high))
	}
}

// nullPointer is what Java's unboxing of a null throws.
func nullPointer(key, instead string) error {
	return &config.Crash{Class: "java.lang.NullPointerException", Instead: config.Invalid(key, nil, instead)}
}

func orNull(v config.Validator) config.Validator {
	return config.ValidatorFunc{Text: v.String(), Check: func(key string, value any) error {
		if value == nil {
			return nil
		}
		return v.Validate(key, value)
	}}
}

func positiveOrDefault(text, message string) config.Validator {
	return config.ValidatorFunc{Text: text, Check: func(key string, value any) error {
		var n int64
		switch v := value.(type) {
		case int16:
			n = int64(v)
		case int32:
			n = int64(v)
		default:
			return nullPointer(key, message)
		}
		if n != -1 && n < 1 {
			return config.Invalid(key, value, message)
		}
		return nil
	}}
}

func gzipLevel(text string) config.Validator {
	return config.ValidatorFunc{Text: text, Check: func(key string, value any) error {
		n, ok := value.(int32)
		if !ok {
			return config.Invalid(key, nil, "Value must be non-null")
		}
		if n != -1 && (n < 1 || n > 9) {
			return config.Invalid(key, value, "Value must be between 1 and 9 or equal to -1")
		}
		return nil
	}}
}

func regexList(text string) config.Validator {
	return config.ValidatorFunc{Text: text, Check: func(key string, value any) error {
		list, ok := value.([]string)
		if !ok {
			return nullPointer(key, "Value must be non-null")
		}
		for _, pattern := range list {
			if err := config.CheckRegex(pattern); err != nil {
				return config.Invalid(key, value, "Syntax error in regular expression: "+err.Error())
			}
		}
		return nil
	}}
}

func connectProtocol(text string) config.Validator {
	return config.ValidatorFunc{Text: text, Check: func(key string, value any) error {
		s, _ := value.(string)
		switch strings.ToUpper(s) {
		case "EAGER", "COMPATIBLE", "SESSIONED":
			return nil
		}
		return config.Invalid(key, value, "Invalid Connect protocol compatibility")
	}}
}

// The algorithms of OpenJDK 21, in the order in which its messages list them.
var (
	macAlgorithms = strings.Fields(`SslMacSHA1 HmacSHA3-512 HmacSHA3-256 HmacSHA512 HmacPBESHA384 HmacPBESHA1
		HmacSHA512/256 HmacMD5 HmacSHA256 PBEWithHmacSHA384 HmacPBESHA224 HmacSHA1 HmacPBESHA512/224
		PBEWithHmacSHA512/224 PBEWithHmacSHA224 HmacSHA3-384 HmacSHA3-224 PBEWithHmacSHA1 PBEWithHmacSHA256
		HmacSHA512/224 HmacPBESHA256 HmacSHA224 HmacSHA384 HmacPBESHA512 SslMacMD5 PBEWithHmacSHA512
		HmacPBESHA512/256 PBEWithHmacSHA512/256`)
	keyGeneratorAlgorithms = strings.Fields(`RC2 HmacSHA3-384 ChaCha20 SunTlsRsaPremasterSecret HmacSHA3-512
		HmacSHA3-256 HmacSHA3-224 SunTlsKeyMaterial DESede ARCFOUR HmacSHA512 AES SunTlsPrf HmacSHA512/256
		HmacSHA512/224 HmacSHA224 HmacMD5 HmacSHA256 DES HmacSHA384 HmacSHA1 SunTlsMasterSecret SunTls12Prf
		Blowfish`)
	macAliases = strings.Fields(`1.2.840.113549.2.7 1.2.840.113549.2.8 1.2.840.113549.2.9 1.2.840.113549.2.10
		1.2.840.113549.2.11 1.2.840.113549.2.12 1.2.840.113549.2.13 2.16.840.1.101.3.4.2.13
		2.16.840.1.101.3.4.2.14 2.16.840.1.101.3.4.2.15 2.16.840.1.101.3.4.2.16`)
	keyGeneratorAliases = append(strings.Fields(`1.2.840.113549.3.4 2.16.840.1.101.3.4.1 RC4 TripleDES
		SunTls12MasterSecret SunTls12KeyMaterial SunTls12RsaPremasterSecret SunTlsExtendedMasterSecret`), macAliases...)
)

func knownAlgorithm(name string, known, aliases []string) bool {
	for _, list := range [][]string{known, aliases} {
		for _, k := range list {
			if strings.EqualFold(k, name) || strings.EqualFold("OID."+k, name) && strings.Contains(k, ".") {
				return true
			}
		}
	}
	return false
}

func unsupported(key, name string, known []string) error {
	return config.Invalid(key, name, "the algorithm is not supported by this JVM; the supported algorithms are: ["+
		strings.Join(known, ", ")+"]")
}

func algorithm(text string, known, aliases []string) config.Validator {
	return config.ValidatorFunc{Text: text, Check: func(key string, value any) error {
		s, ok := value.(string)
		if !ok {
			return nullPointer(key, "Value must be non-null")
		}
		if !knownAlgorithm(s, known, aliases) {
			return unsupported(key, s, known)
		}
		return nil
	}}
}

func verificationAlgorithms(text string) config.Validator {
	return config.ValidatorFunc{Text: text, Check: func(key string, value any) error {
		list, ok := value.([]string)
		if !ok {
			return nullPointer(key, "At least one signature verification algorithm must be provided")
		}
		if len(list) == 0 {
			return config.Invalid(key, value, "At least one signature verification algorithm must be provided")
		}
		for _, s := range list {
			if !knownAlgorithm(s, macAlgorithms, macAliases) {
				return unsupported(key, s, macAlgorithms)
			}
		}
		return nil
	}}
}
