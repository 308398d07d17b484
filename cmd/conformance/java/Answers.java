// SPDX-License-Identifier: Apache-2.0

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TimeZone;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.ConnectSchema;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Values;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.header.Headers;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.storage.Converter;
import org.apache.kafka.connect.storage.HeaderConverter;
import org.apache.kafka.connect.transforms.Transformation;

/**
 * Asks Kafka Connect's own classes: reads cases in the format of the vectors (smt/testdata/vectors/README.md) from
 * standard input, one a line, and writes each with what the class answered as its "expect". Cases that cannot be played,
 * or whose answer shows the address of an object, are left out.
 */
public class Answers {
    static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] args) throws Exception {
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        Locale.setDefault(Locale.US);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ObjectNode c = (ObjectNode) JSON.readTree(line);
            JsonNode answer = answer(c);
            if (answer != null) {
                c.set("expect", answer);
                out.println(JSON.writeValueAsString(c));
            }
        }
        out.flush();
    }

    /** What is not a case fails while it is read, before anything was asked. */
    static class Unplayable extends RuntimeException {
        Unplayable(Throwable cause) {
            super(cause);
        }
    }

    interface Reader<T> {
        T read() throws Exception;
    }

    static <T> T playable(Reader<T> r) {
        try {
            return r.read();
        } catch (Exception e) {
            throw new Unplayable(e);
        }
    }

    static String phase;

    static JsonNode answer(JsonNode c) {
        phase = "configure";
        try {
            return ask(c);
        } catch (Unplayable e) {
            return null;
        } catch (Exception e) {
            ObjectNode out = JSON.createObjectNode();
            ObjectNode error = out.putObject("error");
            error.put("phase", phase).put("class", e.getClass().getName());
            boolean worded = e instanceof NullPointerException || e instanceof ClassCastException
                || e instanceof IndexOutOfBoundsException || e instanceof ArithmeticException;
            if (!worded) {
                error.set("message", e.getMessage() == null ? NullNode.instance : text(e.getMessage().replaceAll("@[0-9a-f]+", "@*")));
            }
            return out;
        } catch (StackOverflowError e) {
            return null;
        }
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    static JsonNode ask(JsonNode c) throws Exception {
        Map<String, String> config = new LinkedHashMap<>();
        if (c.has("config")) {
            c.get("config").fields().forEachRemaining(e -> config.put(e.getKey(), e.getValue().isNull() ? null : string(e.getValue())));
        }
        String op = c.get("op").asText();
        if (op.equals("values.parse")) {
            phase = "parse";
            SchemaAndValue v = Values.parseString(string(c.get("text")));
            return v == null ? null : both(v);
        }
        Object plugin = Class.forName(c.get("class").asText()).getDeclaredConstructor().newInstance();
        if (op.equals("smt")) {
            ConnectRecord<?> record = playable(() -> record(c.get("record")));
            Transformation t = (Transformation) plugin;
            t.configure(config);
            phase = "apply";
            ConnectRecord<?> result = (ConnectRecord<?>) t.apply(record);
            ObjectNode out = JSON.createObjectNode();
            out.set("record", recordOut(result));
            return out;
        }
        byte[] data = playable(() -> data(c));
        Schema schema = playable(() -> schema(c.get("schema")));
        Object value = playable(() -> value(c.get("value"), schema));
        if (plugin instanceof Converter k && op.startsWith("conv")) {
            k.configure(config, c.path("isKey").asBoolean());
            phase = "apply";
            return op.equals("conv.to") ? both(k.toConnectData("t", data)) : bytes(k.fromConnectData("t", schema, value));
        }
        HeaderConverter k = (HeaderConverter) plugin;
        Map<String, String> own = new HashMap<>(config);
        own.put("converter.type", "header");
        k.configure(own);
        phase = "apply";
        return op.equals("hconv.to") ? both(k.toConnectHeader("t", "h", data)) : bytes(k.fromConnectHeader("t", "h", schema, value));
    }

    static byte[] data(JsonNode c) {
        if (c.hasNonNull("bytes")) {
            return Base64.getDecoder().decode(c.get("bytes").asText());
        }
        return c.hasNonNull("text") ? string(c.get("text")).getBytes(StandardCharsets.UTF_8) : null;
    }

    // Reading.

    static String string(JsonNode n) {
        if (n.isTextual()) {
            return n.asText();
        }
        StringBuilder s = new StringBuilder();
        for (JsonNode unit : n.get("u16")) {
            s.append((char) unit.asInt());
        }
        return s.toString();
    }

    static Schema schema(JsonNode n) throws Exception {
        if (n == null || n.isNull()) {
            return null;
        }
        Schema.Type type = Schema.Type.valueOf(n.get("type").asText());
        SchemaBuilder b = switch (type) {
            case ARRAY -> SchemaBuilder.array(schema(n.get("valueSchema")));
            case MAP -> SchemaBuilder.map(schema(n.get("keySchema")), schema(n.get("valueSchema")));
            case STRUCT -> SchemaBuilder.struct();
            default -> SchemaBuilder.type(type);
        };
        if (n.hasNonNull("name")) {
            b.name(string(n.get("name")));
        }
        if (n.hasNonNull("version")) {
            b.version(n.get("version").asInt());
        }
        if (n.hasNonNull("doc")) {
            b.doc(string(n.get("doc")));
        }
        if (n.has("params")) {
            Map<String, String> params = new LinkedHashMap<>();
            for (JsonNode p : n.get("params")) {
                params.put(string(p.get(0)), string(p.get(1)));
            }
            b.parameters(params);
        }
        if (type == Schema.Type.STRUCT) {
            for (JsonNode f : n.get("fields")) {
                b.field(string(f.get("name")), schema(f.get("schema")));
            }
        }
        if (n.path("optional").asBoolean()) {
            b.optional();
        }
        Schema built = b.build();
        if (n.has("default")) {
            // The builder refuses the default of a struct: its schema would have to have the default already.
            set(ConnectSchema.class, built, "defaultValue", value(n.get("default"), b.build()));
        }
        return built;
    }

    static void set(Class<?> type, Object o, String name, Object x) throws Exception {
        java.lang.reflect.Field f = type.getDeclaredField(name);
        f.setAccessible(true);
        f.set(o, x);
    }

    static Object value(JsonNode n, Schema s) throws Exception {
        if (n == null || n.isNull()) {
            return null;
        }
        if (n.isBoolean()) {
            return n.asBoolean();
        }
        if (n.isTextual()) {
            return n.asText();
        }
        String kind = n.fieldNames().next();
        JsonNode v = n.get(kind);
        return switch (kind) {
            case "u16" -> string(n);
            case "i8" -> (byte) v.asInt();
            case "i16" -> (short) v.asInt();
            case "i32" -> v.asInt();
            case "i64" -> Long.parseLong(v.asText());
            case "f32" -> Float.parseFloat(v.asText());
            case "f64" -> Double.parseDouble(v.asText());
            case "bytes" -> Base64.getDecoder().decode(v.asText());
            case "bytebuffer" -> ByteBuffer.wrap(Base64.getDecoder().decode(v.asText()));
            case "dec" -> new BigDecimal(new BigInteger(v.get("unscaled").asText()), v.get("scale").asInt());
            case "bigint" -> new BigInteger(v.asText());
            case "date" -> new java.util.Date(Long.parseLong(v.asText()));
            case "array" -> list(v, s != null && s.type() == Schema.Type.ARRAY ? s.valueSchema() : null);
            case "map" -> map(v, s != null && s.type() == Schema.Type.MAP ? s : null);
            case "struct" -> struct(v, v.has("schema") ? schema(v.get("schema")) : s);
            default -> throw new IllegalArgumentException(kind);
        };
    }

    static Object list(JsonNode n, Schema of) throws Exception {
        List<Object> out = new ArrayList<>();
        for (JsonNode e : n) {
            out.add(value(e, of));
        }
        return out;
    }

    static Object map(JsonNode n, Schema s) throws Exception {
        Map<Object, Object> out = new LinkedHashMap<>();
        for (JsonNode e : n) {
            out.put(value(e.get(0), s == null ? null : s.keySchema()), value(e.get(1), s == null ? null : s.valueSchema()));
        }
        return out;
    }

    static Object struct(JsonNode n, Schema s) throws Exception {
        Struct out = new Struct(s);
        Object[] values = new Object[s.fields().size()];
        for (JsonNode f : n.get("f")) {
            Field field = s.field(string(f.get(0)));
            values[field.index()] = value(f.get(1), field.schema());
        }
        // Struct.put would refuse what a sloppy connector gets into a record, too.
        set(Struct.class, out, "values", values);
        return out;
    }

    static ConnectRecord<?> record(JsonNode n) throws Exception {
        Headers headers = new ConnectHeaders();
        for (JsonNode h : n.get("headers")) {
            Schema s = schema(h.get("schema"));
            headers.add(string(h.get("key")), new SchemaAndValue(s, value(h.get("value"), s)));
        }
        Schema ks = schema(n.get("keySchema"));
        Schema vs = schema(n.get("valueSchema"));
        Object k = value(n.get("key"), ks);
        Object v = value(n.get("value"), vs);
        Integer partition = n.hasNonNull("partition") ? n.get("partition").asInt() : null;
        Long ts = n.hasNonNull("timestamp") ? Long.parseLong(n.get("timestamp").asText()) : null;
        String topic = n.get("topic").isNull() ? null : string(n.get("topic"));
        if (!n.get("kind").asText().equals("sink")) {
            return new SourceRecord(null, null, topic, partition, ks, k, vs, v, ts, headers);
        }
        return new SinkRecord(topic, partition == null ? 0 : partition, ks, k, vs, v, Long.parseLong(n.get("offset").asText()), ts,
            ts == null ? TimestampType.NO_TIMESTAMP_TYPE : TimestampType.CREATE_TIME, headers);
    }

    // Writing.

    static JsonNode text(String s) {
        if (StandardCharsets.UTF_8.newEncoder().canEncode(s)) {
            return TextNode.valueOf(s);
        }
        ObjectNode out = JSON.createObjectNode();
        ArrayNode units = out.putArray("u16");
        for (char c : s.toCharArray()) {
            units.add((int) c);
        }
        return out;
    }

    static JsonNode both(SchemaAndValue v) {
        ObjectNode out = JSON.createObjectNode();
        out.set("schema", schemaOut(v.schema()));
        out.set("value", valueOut(v.value(), v.schema()));
        return out;
    }

    static JsonNode bytes(byte[] b) {
        if (b != null && new String(b, StandardCharsets.ISO_8859_1).contains("[B@")) {
            return null;
        }
        return JSON.createObjectNode().put("bytes", b == null ? null : Base64.getEncoder().encodeToString(b));
    }

    static JsonNode schemaOut(Schema s) {
        if (s == null) {
            return NullNode.instance;
        }
        ObjectNode out = JSON.createObjectNode();
        out.put("type", s.type().name()).put("optional", s.isOptional());
        if (s.name() != null) {
            out.set("name", text(s.name()));
        }
        if (s.version() != null) {
            out.put("version", s.version());
        }
        if (s.doc() != null) {
            out.set("doc", text(s.doc()));
        }
        if (s.parameters() != null) {
            ArrayNode params = out.putArray("params");
            s.parameters().forEach((k, v) -> params.addArray().add(text(k)).add(text(v)));
        }
        if (s.defaultValue() != null) {
            out.set("default", valueOut(s.defaultValue(), s));
        }
        switch (s.type()) {
            case STRUCT -> {
                ArrayNode fields = out.putArray("fields");
                for (Field f : s.fields()) {
                    ObjectNode field = fields.addObject();
                    field.set("name", text(f.name()));
                    field.set("schema", schemaOut(f.schema()));
                }
            }
            case MAP -> {
                out.set("keySchema", schemaOut(s.keySchema()));
                out.set("valueSchema", schemaOut(s.valueSchema()));
            }
            case ARRAY -> out.set("valueSchema", schemaOut(s.valueSchema()));
            default -> { }
        }
        return out;
    }

    static JsonNode valueOut(Object x, Schema s) {
        ObjectNode out = JSON.createObjectNode();
        if (x == null) {
            return NullNode.instance;
        } else if (x instanceof Boolean b) {
            return BooleanNode.valueOf(b);
        } else if (x instanceof String t) {
            return text(t);
        } else if (x instanceof Byte || x instanceof Short || x instanceof Integer) {
            return out.put(x instanceof Byte ? "i8" : x instanceof Short ? "i16" : "i32", ((Number) x).intValue());
        } else if (x instanceof Long || x instanceof Float || x instanceof Double) {
            return out.put(x instanceof Long ? "i64" : x instanceof Float ? "f32" : "f64", x.toString());
        } else if (x instanceof byte[] b) {
            return out.put("bytes", Base64.getEncoder().encodeToString(b));
        } else if (x instanceof ByteBuffer b) {
            byte[] copy = new byte[b.remaining()];
            b.duplicate().get(copy);
            return out.put("bytebuffer", Base64.getEncoder().encodeToString(copy));
        } else if (x instanceof BigDecimal d) {
            out.putObject("dec").put("unscaled", d.unscaledValue().toString()).put("scale", d.scale());
        } else if (x instanceof BigInteger i) {
            out.put("bigint", i.toString());
        } else if (x instanceof java.util.Date d) {
            out.put("date", Long.toString(d.getTime()));
        } else if (x instanceof List<?> l) {
            ArrayNode elements = out.putArray("array");
            l.forEach(e -> elements.add(valueOut(e, s != null && s.type() == Schema.Type.ARRAY ? s.valueSchema() : null)));
        } else if (x instanceof Map<?, ?> m) {
            boolean typed = s != null && s.type() == Schema.Type.MAP;
            ArrayNode entries = out.putArray("map");
            m.forEach((k, v) -> entries.addArray().add(valueOut(k, typed ? s.keySchema() : null)).add(valueOut(v, typed ? s.valueSchema() : null)));
        } else if (x instanceof Struct st) {
            ObjectNode struct = out.putObject("struct");
            if (s == null || !st.schema().equals(s)) {
                struct.set("schema", schemaOut(st.schema()));
            }
            ArrayNode fields = struct.putArray("f");
            for (Field f : st.schema().fields()) {
                fields.addArray().add(text(f.name())).add(valueOut(st.getWithoutDefault(f.name()), f.schema()));
            }
        } else {
            out.putObject("java").put("class", x.getClass().getName()).put("str", x.toString());
        }
        return out;
    }

    static JsonNode recordOut(ConnectRecord<?> r) {
        if (r == null) {
            return NullNode.instance;
        }
        ObjectNode out = JSON.createObjectNode();
        out.put("kind", r instanceof SinkRecord ? "sink" : "source").put("partition", r.kafkaPartition());
        out.set("topic", text(r.topic()));
        if (r instanceof SinkRecord s) {
            out.put("offset", Long.toString(s.kafkaOffset()));
        }
        out.put("timestamp", r.timestamp() == null ? null : r.timestamp().toString());
        out.set("keySchema", schemaOut(r.keySchema()));
        out.set("key", valueOut(r.key(), r.keySchema()));
        out.set("valueSchema", schemaOut(r.valueSchema()));
        out.set("value", valueOut(r.value(), r.valueSchema()));
        ArrayNode headers = out.putArray("headers");
        for (Header h : r.headers()) {
            ObjectNode header = headers.addObject();
            header.set("key", text(h.key()));
            header.set("schema", schemaOut(h.schema()));
            header.set("value", valueOut(h.value(), h.schema()));
        }
        return out;
    }
}
