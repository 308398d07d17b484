// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
)

// Keys of a connector that Kafka Connect does not have. All are off by default.
const (
	isolateKey      = "penstock.errors.put.isolate"
	retryMaxKey     = "penstock.errors.retry.max"
	causeKey        = "penstock.errors.cause.enable"
	sourceDLQKey    = "penstock.errors.source.deadletterqueue.topic.name"
	dlqFailureKey   = "penstock.errors.deadletterqueue.failure"
	dlqStagePrefix  = "penstock.errors.deadletterqueue.topic."
	callBudgetKey   = "penstock.watchdog.call.ms"
	stallKey        = "penstock.watchdog.stall.ms"
	RestartPolicy   = "penstock.restart.policy"     // RestartPolicy is never or on-failure.
	RestartBackoff  = "penstock.restart.backoff.ms" // RestartBackoff is the wait before the first restart; it doubles.
	RestartMax      = "penstock.restart.max"        // RestartMax is how many restarts in a row there are.
	failOnDLQ       = "fail"
	logOnDLQ        = "log"
	RestartNever    = "never"      // RestartNever leaves a failed task failed, as Connect does.
	RestartOnFailed = "on-failure" // RestartOnFailed restarts failed tasks, and those that hang.
)

const defaultCallBudget = time.Minute

// letterStages are the stages whose letters may have a queue of their own, by the last part of the key.
var letterStages = map[string]batch.Stage{
	"transformation":   batch.Transformation,
	"key_converter":    batch.KeyConverter,
	"value_converter":  batch.ValueConverter,
	"header_converter": batch.HeaderConverter,
	"task_put":         batch.TaskPut,
	"kafka_produce":    batch.KafkaProduce,
}

// ConnectorDef holds the penstock.* keys of a connector's configuration that the engine and the watchdog read.
var ConnectorDef = config.Def{
	config.Bool(isolateKey).Default(false).Low().Doc("Sinks: when a put fails for good, find the rows at fault by putting parts " +
		"of the batch, report those alone, and deliver the others in order. What errors.tolerance says applies to the rows found."),
	config.Int(retryMaxKey).Default(-1).AtLeast(-1).Low().Doc("How often a retriable failure of a converter, a transform or a put " +
		"is retried before it counts as a failure; -1: as long as Connect does."),
	config.Bool(causeKey).Default(false).Low().Doc("Add the header penstock.errors.cause to records of the dead letter queue: JSON " +
		"with a stable error code, the stage, the class, the field, what was expected and what was found."),
	config.String(sourceDLQKey).Default("").Low().Doc("Sources: the topic of a dead letter queue for records that cannot be " +
		"transformed, converted or produced. Needs errors.tolerance=all to go on after one."),
	config.String(dlqFailureKey).Default(failOnDLQ).In(failOnDLQ, logOnDLQ).Low().Doc("What to do when a record cannot be written to " +
		"the dead letter queue: fail the task, so that the record is not lost, or log it and go on, as Connect does."),
	stageTopic("transformation"), stageTopic("key_converter"), stageTopic("value_converter"), stageTopic("header_converter"),
	stageTopic("task_put"), stageTopic("kafka_produce"),
	config.Long(callBudgetKey).Default(defaultCallBudget.Milliseconds()).AtLeast(0).Low().Doc("How long a call into a connector may take " +
		"before the watchdog names it; 0: for ever."),
	config.Long(stallKey).Default(0).AtLeast(0).Low().Doc("How long a task may hold records without any progress before the " +
		"watchdog names it; 0: five times the call budget."),
	config.String(RestartPolicy).Default(RestartNever).In(RestartNever, RestartOnFailed).Low().Doc("Whether a task that failed, or " +
		"that the watchdog found hanging, is restarted by the worker."),
	config.Long(RestartBackoff).Default(10000).AtLeast(1).Low().Doc("Wait before the first restart, in milliseconds. It doubles with " +
		"each one up to 64 times itself, and starts anew after the task has run that long."),
	config.Int(RestartMax).Default(10).AtLeast(0).Low().Doc("How many restarts in a row there are before the task stays failed."),
}

func stageTopic(stage string) *config.Key {
	return config.String(dlqStagePrefix + stage).Default("").Low().Doc("The dead letter queue of records that fail at this stage, instead of the common one.")
}

// ownKeys reads the penstock.* keys of a connector, each falling back to the worker's properties.
func (t *Task) ownKeys() (config.Values, error) { return OwnKeys(t.o.Config, t.o.Worker) }

// OwnKeys reads the keys of ConnectorDef from a connector's configuration, each falling back to the worker's properties.
// The error is a *config.Error.
func OwnKeys(connector map[string]string, worker config.Props) (config.Values, error) {
	props := map[string]string{}
	for _, name := range ConnectorDef.Names() {
		if v, ok := connector[name]; ok {
			props[name] = v
		} else if v, ok := worker.Get(name); ok {
			props[name] = v
		}
	}
	return ConnectorDef.ParseStrings(props)
}
