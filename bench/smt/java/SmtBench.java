// SPDX-License-Identifier: Apache-2.0

import com.sun.management.OperatingSystemMXBean;
import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.transforms.Transformation;

/**
 * Times Kafka Connect's own transforms, for bench/smt. Arguments: a file of cases (class, form and key=value pairs,
 * separated by tabs), a file of records as JSON, milliseconds to warm up and to measure. A line per case comes out:
 * nanoseconds of processor time of the whole process, and bytes allocated, per record.
 */
public class SmtBench {
    static volatile Object sink;

    static final Schema ADDRESS = SchemaBuilder.struct().field("city", Schema.STRING_SCHEMA).field("zip", Schema.STRING_SCHEMA).build();
    static final Schema ORDER = SchemaBuilder.struct()
        .field("id", Schema.INT64_SCHEMA).field("customer", Schema.OPTIONAL_STRING_SCHEMA).field("email", Schema.STRING_SCHEMA)
        .field("status", Schema.STRING_SCHEMA).field("amount", Schema.FLOAT64_SCHEMA).field("qty", Schema.INT32_SCHEMA)
        .field("paid", Schema.BOOLEAN_SCHEMA).field("coupon", Schema.OPTIONAL_STRING_SCHEMA).field("created", Schema.INT64_SCHEMA)
        .field("shipped", Timestamp.builder().optional().build()).field("note", Schema.OPTIONAL_STRING_SCHEMA)
        .field("address", ADDRESS).build();

    static Struct order(Map<?, ?> m) {
        Map<?, ?> a = (Map<?, ?>) m.get("address");
        return new Struct(ORDER).put("id", m.get("id")).put("customer", m.get("customer")).put("email", m.get("email"))
            .put("status", m.get("status")).put("amount", m.get("amount")).put("qty", ((Long) m.get("qty")).intValue())
            .put("paid", m.get("paid")).put("coupon", m.get("coupon")).put("created", m.get("created"))
            .put("shipped", new java.util.Date((Long) m.get("created"))).put("note", m.get("note"))
            .put("address", new Struct(ADDRESS).put("city", a.get("city")).put("zip", a.get("zip")));
    }

    static SinkRecord record(Schema schema, Object value, int i) {
        return new SinkRecord("topic-1", 3, null, null, schema, value, i, 1700000000123L, TimestampType.CREATE_TIME);
    }

    interface Round {
        void run();
    }

    public static void main(String[] args) throws Exception {
        List<byte[]> texts = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(args[1]))) {
            texts.add(line.getBytes(StandardCharsets.UTF_8));
        }
        JsonConverter json = new JsonConverter();
        json.configure(Map.of("schemas.enable", "false", "converter.type", "value"));
        List<SinkRecord> maps = new ArrayList<>();
        List<SinkRecord> structs = new ArrayList<>();
        for (int i = 0; i < texts.size(); i++) {
            Object value = json.toConnectData("topic-1", texts.get(i)).value();
            maps.add(record(null, value, i));
            structs.add(record(ORDER, order((Map<?, ?>) value), i));
        }
        // The first case must not pay for the JVM's start.
        warm(() -> through(null, json, texts), 4 * Long.parseLong(args[2]));
        for (String line : Files.readAllLines(Path.of(args[0]))) {
            String[] parts = line.split("\t");
            Map<String, String> config = new HashMap<>();
            for (int i = 2; i < parts.length; i++) {
                int eq = parts[i].indexOf('=');
                config.put(parts[i].substring(0, eq), parts[i].substring(eq + 1));
            }
            Transformation<SinkRecord> smt = make(parts[0], config);
            Round round = switch (parts[1]) {
                case "struct" -> () -> apply(smt, structs);
                case "map" -> () -> apply(smt, maps);
                default -> () -> through(smt, json, texts);
            };
            measure(round, texts.size(), Long.parseLong(args[2]), Long.parseLong(args[3]));
            if (smt != null) {
                smt.close();
            }
        }
    }

    @SuppressWarnings("unchecked")
    static Transformation<SinkRecord> make(String name, Map<String, String> config) throws Exception {
        if (name.isEmpty()) {
            return null;
        }
        Transformation<SinkRecord> smt = (Transformation<SinkRecord>) Class.forName(name).getDeclaredConstructor().newInstance();
        smt.configure(config);
        return smt;
    }

    static void apply(Transformation<SinkRecord> smt, List<SinkRecord> records) {
        for (SinkRecord r : records) {
            sink = smt.apply(r);
        }
    }

    static void through(Transformation<SinkRecord> smt, JsonConverter json, List<byte[]> texts) {
        for (int i = 0; i < texts.size(); i++) {
            SchemaAndValue v = json.toConnectData("topic-1", texts.get(i));
            SinkRecord r = record(v.schema(), v.value(), i);
            if (smt != null) {
                r = smt.apply(r);
            }
            if (r != null) {
                sink = json.fromConnectData("topic-1", r.valueSchema(), r.value());
            }
        }
    }

    static void warm(Round round, long millis) {
        var os = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long until = os.getProcessCpuTime() + millis * 1_000_000;
        while (os.getProcessCpuTime() < until) {
            round.run();
        }
    }

    static void measure(Round round, int records, long warmMillis, long millis) {
        var os = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long me = Thread.currentThread().getId();
        warm(round, warmMillis);
        // The median of some slices: the compiler's threads may still be at work in one, the collector in another.
        double[] slices = new double[9];
        long allocated = threads.getThreadAllocatedBytes(me);
        long all = 0;
        for (int i = 0; i < slices.length; i++) {
            long start = os.getProcessCpuTime();
            long end = start;
            long n = 0;
            while (end - start < millis * 1_000_000 / slices.length) {
                round.run();
                n += records;
                end = os.getProcessCpuTime();
            }
            slices[i] = (double) (end - start) / n;
            all += n;
        }
        allocated = threads.getThreadAllocatedBytes(me) - allocated;
        Arrays.sort(slices);
        System.out.printf(java.util.Locale.ROOT, "%.2f\t%.1f%n", slices[slices.length / 2], (double) allocated / all);
        System.out.flush();
    }
}
