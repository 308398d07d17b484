// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/penstock-io/penstock/internal/kafka"
	"github.com/penstock-io/penstock/worker/group"
	"github.com/penstock-io/penstock/worker/loglevel"
	"github.com/penstock-io/penstock/worker/store"
)

// Level says how much a finding of the doctor matters.
type Level string

// The levels: a problem speaks against joining, a warning is worth a thought, the others tell.
const (
	LevelOK      Level = "ok"
	LevelInfo    Level = "info"
	LevelWarning Level = "warning"
	LevelProblem Level = "problem"
)

// Finding is one thing that the doctor found.
type Finding struct {
	Level Level  `json:"level"`
	About string `json:"about"` // a key, a topic, a connector, a worker
	Text  string `json:"text"`
}

// Diagnosis is what a worker would meet if it joined its cluster now.
type Diagnosis struct {
	OK        bool            `json:"ok"` // no problems
	ClusterID string          `json:"kafka_cluster_id,omitempty"`
	Group     string          `json:"group_id"`
	Protocol  string          `json:"protocol,omitempty"`
	Findings  []Finding       `json:"findings"`
	Missing   []MissingPlugin `json:"missing_plugins"`
	Members   []Peer          `json:"members"`
	// Moves is what would come to run here, if the cluster's leader balances as Kafka's own does.
	Moves Share `json:"moves_here"`
}

// Peer is a worker that is in the group already.
type Peer struct {
	ID      string `json:"member_id"`
	URL     string `json:"url"`
	Version string `json:"version,omitempty"`
	Share
}

// Share is what one worker runs.
type Share struct {
	Connectors []string `json:"connectors"`
	Tasks      []string `json:"tasks"`
}

func shareOf(w group.Work) Share {
	s := Share{Connectors: append([]string{}, w.Connectors...), Tasks: []string{}}
	for _, t := range w.Tasks {
		s.Tasks = append(s.Tasks, t.String())
	}
	return s
}

// doctor examines a cluster from outside. It reads and asks; it never writes, creates or joins.
type doctor struct {
	cfg    *Config
	log    *slog.Logger
	out    *Diagnosis
	admin  *kafka.Admin
	asks   *groupClient
	topics map[string]kafka.Topic
	found  *store.Scanned // nil when the config topic cannot be read
	look   *group.Description
}

// Diagnose examines the cluster that a worker with this configuration would join. It changes nothing there. What is wrong
// is in the diagnosis; the error is about the examination itself.
func Diagnose(ctx context.Context, cfg *Config, log *slog.Logger) (*Diagnosis, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	d := &doctor{cfg: cfg, log: loglevel.Named(log, clientLogger)}
	d.out = &Diagnosis{Group: cfg.Values.String("group.id"), Findings: []Finding{}, Missing: []MissingPlugin{}, Members: []Peer{}, Moves: shareOf(group.Work{})}
	for _, w := range cfg.Warnings {
		d.warn("worker configuration", "%s", w)
	}
	if err := d.open(); err != nil {
		return nil, err
	}
	defer d.asks.close()
	defer d.admin.Close()
	// Each step stops at this, too, when brokers that hold what it asks about do not answer.
	limit, cancel := context.WithTimeout(ctx, 2*d.cfg.StartupTimeout())
	defer cancel()
	if d.reach(limit) {
		d.examineTopics(limit)
		d.readConfigs(limit)
		d.examinePlugins()
		d.examineGroup(limit)
		d.examineExactlyOnce(limit)
		d.examineRights(limit)
		d.examineSinkRights(limit)
		d.examinePeers(limit)
		d.preview()
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	d.out.OK = !slices.ContainsFunc(d.out.Findings, func(f Finding) bool { return f.Level == LevelProblem })
	return d.out, nil
}

func (d *doctor) open() error {
	props := kafka.WorkerClientProps(d.cfg.Props.Strings(), kafka.RoleAdmin)
	props["client.id"] = d.cfg.clientIDBase() + "doctor"
	cfg, err := kafka.Parse(kafka.RoleAdmin, props)
	if err != nil {
		return err
	}
	if d.admin, err = kafka.NewAdmin(cfg, d.log); err != nil {
		return err
	}
	client, err := kafka.NewPlainClient(cfg, d.log)
	if err != nil {
		d.admin.Close()
		return err
	}
	d.asks = &groupClient{&group.Coordinator{Client: client, Group: d.out.Group}, client.Close}
	return nil
}

func (d *doctor) add(level Level, about, format string, args ...any) {
	d.out.Findings = append(d.out.Findings, Finding{level, about, fmt.Sprintf(format, args...)})
}

func (d *doctor) ok(about, format string, args ...any)   { d.add(LevelOK, about, format, args...) }
func (d *doctor) info(about, format string, args ...any) { d.add(LevelInfo, about, format, args...) }
func (d *doctor) warn(about, format string, args ...any) { d.add(LevelWarning, about, format, args...) }
func (d *doctor) problem(about, format string, args ...any) {
	d.add(LevelProblem, about, format, args...)
}

// reach asks the brokers for anything; without them there is nothing else to find out.
func (d *doctor) reach(ctx context.Context) bool {
	limit, cancel := context.WithTimeout(ctx, min(d.cfg.StartupTimeout(), 20*time.Second))
	defer cancel()
	id, err := d.admin.ClusterID(limit)
	if err != nil {
		d.problem(bootstrapKey, "the brokers do not answer: %v", err)
		return false
	}
	d.out.ClusterID = id
	d.ok(bootstrapKey, "connected to Kafka cluster %s", id)
	return true
}

// readConfigs reads the config topic.
func (d *doctor) readConfigs(ctx context.Context) {
	t := d.cfg.internalTopic("config")
	if _, ok := d.topics[t.Name]; !ok {
		return
	}
	props := d.cfg.storeConsumer()
	props["isolation.level"] = "read_committed"
	props["client.id"] = d.cfg.clientIDBase() + "doctor"
	limit, cancel := context.WithTimeout(ctx, d.cfg.StartupTimeout())
	defer cancel()
	found, err := store.ScanConfigs(limit, props, t.Name, d.log)
	if err != nil {
		d.problem(t.Key, "topic %s cannot be read: %v", t.Name, err)
		return
	}
	d.found = found
	for _, w := range found.Warnings {
		d.warn(t.Key, "topic %s: %s", t.Name, w)
	}
	d.ok(t.Key, "topic %s holds %d connectors in %d records", t.Name, len(found.Names()), found.Records)
}

// configs is what is configured; empty when it could not be read.
func (d *doctor) names() []string {
	if d.found == nil {
		return nil
	}
	return d.found.Names()
}

// examinePlugins looks at each connector as if it were to be created here.
func (d *doctor) examinePlugins() {
	for _, name := range d.names() {
		one := d.found.Connector(name)
		missing := d.cfg.missingPlugins(name, one.Config)
		d.out.Missing = append(d.out.Missing, missing...)
		for _, m := range missing {
			d.problem("connector "+name, "this worker does not have the class %s (%s)", m.Class, m.Key)
		}
		if len(missing) > 0 {
			continue
		}
		if one.Inconsistent {
			d.warn("connector "+name, "its tasks are not complete in the config topic; they will be written anew when the connector starts")
		}
		infos, err := d.cfg.Validate(propsConfig(one.Config))
		if err == nil {
			err = configErrors(infos)
		}
		if err != nil {
			d.problem("connector "+name, "this worker does not accept its configuration: %s", firstLines(err.Error()))
			continue
		}
		d.ok("connector "+name, "all of its classes are here; target state %s, %d tasks", d.found.Target(name), len(one.Tasks))
	}
}

// firstLines keeps a text of many lines on one.
func firstLines(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' }), " · ")
}

// preview plays the rounds that would follow.
func (d *doctor) preview() {
	if d.found == nil || d.look == nil {
		return
	}
	var configured group.Work
	for _, name := range d.names() {
		configured.Connectors = append(configured.Connectors, name)
		for id := range d.found.Connector(name).Tasks {
			configured.Tasks = append(configured.Tasks, group.TaskID{Connector: name, Task: int32(id)})
		}
	}
	var members []group.Running
	for _, m := range d.look.Members {
		members = append(members, group.Running{ID: m.ID, Work: m.Work})
	}
	d.out.Moves = shareOf(group.Preview(configured, members, "penstock").Sorted())
	d.info("moves", "of %d connectors and %d tasks, about %d and %d would move here", len(configured.Connectors), len(configured.Tasks),
		len(d.out.Moves.Connectors), len(d.out.Moves.Tasks))
}

// WriteText writes the diagnosis for people: what is wrong first.
func (d *Diagnosis) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "group %s on Kafka cluster %s", d.Group, d.ClusterID)
	if d.Protocol != "" {
		fmt.Fprintf(&b, ", protocol %s", d.Protocol)
	}
	fmt.Fprintf(&b, ", %d members\n", len(d.Members))
	for _, level := range []Level{LevelProblem, LevelWarning, LevelInfo, LevelOK} {
		for _, f := range d.Findings {
			if f.Level == level {
				fmt.Fprintf(&b, "%-8s %s: %s\n", level, f.About, f.Text)
			}
		}
	}
	for _, m := range d.Members {
		fmt.Fprintf(&b, "member   %s runs %d connectors and %d tasks\n", m.URL, len(m.Connectors), len(m.Tasks))
	}
	if n := len(d.Moves.Connectors) + len(d.Moves.Tasks); n > 0 {
		fmt.Fprintf(&b, "moves    connectors %s; tasks %s\n", listed(d.Moves.Connectors), listed(d.Moves.Tasks))
	}
	if d.OK {
		b.WriteString("nothing speaks against joining\n")
	} else {
		b.WriteString("there are problems: do not join yet\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// listed names the first of many.
func listed(names []string) string {
	const most = 20
	if len(names) == 0 {
		return "none"
	}
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
}
