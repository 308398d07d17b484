// SPDX-License-Identifier: Apache-2.0
package io.penstock.connect;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.source.SourceConnector;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;

/** Makes the records of penstock's connector of the same name, template "events", as fast as it can. */
public class DatagenSourceConnector extends SourceConnector {
    private Map<String, String> props;

    @Override
    public void start(Map<String, String> props) {
        this.props = props;
    }

    @Override
    public Class<? extends Task> taskClass() {
        return DatagenSourceTask.class;
    }

    @Override
    public List<Map<String, String>> taskConfigs(int maxTasks) {
        List<Map<String, String>> all = new ArrayList<>();
        for (int i = 0; i < maxTasks; i++) {
            Map<String, String> p = new HashMap<>(props);
            p.put("task", Integer.toString(i));
            all.add(p);
        }
        return all;
    }

    @Override
    public ConfigDef config() {
        return new ConfigDef()
            .define("topic", ConfigDef.Type.STRING, ConfigDef.Importance.HIGH, "")
            .define("template", ConfigDef.Type.STRING, "events", ConfigDef.ValidString.in("events"), ConfigDef.Importance.HIGH, "")
            .define("rate", ConfigDef.Type.DOUBLE, 0.0, ConfigDef.Importance.LOW, "only 0: no limit")
            .define("count", ConfigDef.Type.LONG, ConfigDef.Importance.HIGH, "");
    }

    @Override
    public void stop() {
    }

    @Override
    public String version() {
        return "1";
    }

    public static class DatagenSourceTask extends SourceTask {
        private static final int BATCH = 1000;
        private static final Schema ADDRESS = SchemaBuilder.struct().name("io.penstock.datagen.Address")
            .field("city", Schema.STRING_SCHEMA).field("zip", Schema.STRING_SCHEMA).build();
        private static final Schema EVENT = SchemaBuilder.struct().name("io.penstock.datagen.Event")
            .field("id", Schema.INT64_SCHEMA).field("user_id", Schema.INT32_SCHEMA).field("event", Schema.STRING_SCHEMA)
            .field("ts", Schema.INT64_SCHEMA).field("email", Schema.STRING_SCHEMA).field("ip", Schema.STRING_SCHEMA)
            .field("amount", Schema.FLOAT64_SCHEMA).field("currency", Schema.STRING_SCHEMA)
            .field("country", Schema.OPTIONAL_STRING_SCHEMA).field("device", Schema.STRING_SCHEMA)
            .field("active", Schema.BOOLEAN_SCHEMA).field("session", Schema.STRING_SCHEMA).field("address", ADDRESS).build();
        private static final String[] KINDS = {"page_view", "add_to_cart", "purchase", "login", "logout"};
        private String topic;
        private Map<String, ?> partition;
        private long next;
        private long count;

        @Override
        public void start(Map<String, String> props) {
            topic = props.get("topic");
            count = Long.parseLong(props.get("count"));
            partition = Map.of("task", Integer.parseInt(props.get("task")));
        }

        @Override
        public List<SourceRecord> poll() throws InterruptedException {
            if (next >= count) {
                Thread.sleep(200);
                return null;
            }
            List<SourceRecord> out = new ArrayList<>(BATCH);
            for (; out.size() < BATCH && next < count; next++) {
                long user = next * 7919 % 1_000_000;
                Struct event = new Struct(EVENT).put("id", next).put("user_id", (int) user).put("event", KINDS[(int) (user % 5)])
                    .put("ts", 1_760_000_000_000L + next).put("email", "user" + user + "@example.com")
                    .put("ip", "10.1.2." + user % 256).put("amount", user % 10_000 / 100.0).put("currency", "EUR")
                    .put("country", user % 3 == 0 ? null : "DE").put("device", "ios").put("active", user % 2 == 0)
                    .put("session", "5f0c6a1e-9d0b-4c57-8a3e-" + (100_000_000_000L + user))
                    .put("address", new Struct(ADDRESS).put("city", "Hamburg").put("zip", "20095"));
                out.add(new SourceRecord(partition, Map.of("n", next), topic, null, Schema.INT64_SCHEMA, next, EVENT, event));
            }
            return out;
        }

        @Override
        public void stop() {
        }

        @Override
        public String version() {
            return "1";
        }
    }
}
