// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"slices"

	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/worker/rest"
)

// result is AbstractHerder.generateResult: values without a definition first, then every key of def in its order. Of
// several values of one name the last counts.
func (v *validation) result(def config.Def, values []config.Value, groups []string) part {
	p := part{groups: groups}
	byName := map[string]config.Value{}
	for _, x := range values {
		byName[x.Name] = x
		if _, ok := def.Find(x.Name); !ok {
			p.errors += len(x.Errors)
			p.configs = append(p.configs, rest.ConfigInfo{Value: v.describe(x, nil, "")})
		}
	}
	for _, k := range def {
		info := k.Info()
		d := describeKey(info, "")
		c := rest.ConfigInfo{Definition: &d}
		if x, ok := byName[info.Name]; ok {
			p.errors += len(x.Errors)
			c.Value = v.describe(x, &info, "")
		}
		p.configs = append(p.configs, c)
	}
	return p
}

// prefixed is AbstractHerder.prefixedConfigInfos: it counts keys with errors, not errors.
func (v *validation) prefixed(def config.Def, values []config.Value, prefix string) part {
	var p part
	for _, x := range values {
		c := rest.ConfigInfo{}
		var key *config.KeyInfo
		if info, ok := def.Find(x.Name); ok {
			key = &info
			d := describeKey(info, prefix)
			c.Definition = &d
			if info.Group != "" && !slices.Contains(p.groups, info.Group) {
				p.groups = append(p.groups, info.Group)
			}
		}
		if len(x.Errors) > 0 {
			p.errors++
		}
		x.Visible = true
		c.Value = v.describe(x, key, prefix)
		p.configs = append(p.configs, c)
	}
	return p
}

// describe is AbstractHerder.convertConfigValue. What came out of a config provider stays hidden.
func (v *validation) describe(x config.Value, key *config.KeyInfo, prefix string) *rest.ConfigValue {
	out := &rest.ConfigValue{Name: prefix + x.Name, Value: config.ConvertToString(x.Value), Errors: x.Errors, Visible: x.Visible}
	if out.Value != nil && v.hidden(out.Name) && (key == nil || key.Type != config.TypeClass) {
		hidden := config.HiddenText
		out.Value = &hidden
	}
	for _, r := range x.Recommended {
		out.Recommended = append(out.Recommended, config.ConvertToString(r))
	}
	return out
}

// merge is AbstractHerder.mergeConfigInfos.
func (v *validation) merge(name string, parts ...part) rest.ConfigInfos {
	out := rest.ConfigInfos{Name: name}
	for _, p := range parts {
		out.ErrorCount += p.errors
		out.Configs = append(out.Configs, p.configs...)
		for _, g := range p.groups {
			if !slices.Contains(out.Groups, g) {
				out.Groups = append(out.Groups, g)
			}
		}
	}
	return out
}

// configErrors returns the refusal of a configuration that did not pass, nil when it did.
func configErrors(c rest.ConfigInfos) error {
	if c.ErrorCount == 0 {
		return nil
	}
	m := "Connector configuration is invalid and contains the following " + itoa(c.ErrorCount) + " error(s):"
	for _, i := range c.Configs {
		if i.Value == nil {
			continue
		}
		for _, e := range i.Value.Errors {
			m += "\n" + e
		}
	}
	return rest.BadRequest(m + "\nYou can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`")
}
