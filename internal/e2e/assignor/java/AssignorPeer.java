// SPDX-License-Identifier: Apache-2.0

package org.apache.kafka.connect.runtime.distributed;

import org.apache.kafka.common.utils.LogContext;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.connect.storage.ClusterConfigState;
import org.apache.kafka.connect.util.ConnectorTaskId;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * Answers rounds of assignment, one after the other, with Kafka's own assignor.
 *
 * <pre>
 * new MAX_DELAY                        another leader
 * c CONNECTOR TASKS                    configured, before go
 * m MEMBER item,item,...               a member with what it runs: connector or connector:task
 * go NOW COMPLETED GENERATION          answers: delay;member|started|stopped;...
 * </pre>
 */
public final class AssignorPeer {
    private static final class Clock implements Time {
        long now;

        @Override
        public long milliseconds() {
            return now;
        }

        @Override
        public long nanoseconds() {
            return now * 1_000_000;
        }

        @Override
        public void sleep(long ms) {
            now += ms;
        }

        @Override
        public void waitObject(Object o, Supplier<Boolean> condition, long deadline) {
            throw new UnsupportedOperationException();
        }
    }

    private final Clock clock = new Clock();
    private IncrementalCooperativeAssignor assignor;
    private Map<String, Integer> counts = new HashMap<>();
    private Map<String, Map<String, String>> configs = new HashMap<>();
    private Map<String, WorkerCoordinator.ConnectorsAndTasks> members = new HashMap<>();

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        System.setOut(System.err); // whatever logs there
        AssignorPeer peer = new AssignorPeer();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String answer = peer.take(line.split(" ", -1));
            if (answer != null) {
                out.print(answer + "\n");
                out.flush();
            }
        }
    }

    private String take(String[] words) {
        switch (words[0]) {
            case "new":
                assignor = new IncrementalCooperativeAssignor(new LogContext(), clock, Integer.parseInt(words[1]));
                return null;
            case "c":
                counts.put(words[1], Integer.parseInt(words[2]));
                configs.put(words[1], Map.of());
                return null;
            case "m":
                members.put(words[1], work(words[2]));
                return null;
            case "go":
                try {
                    clock.now = Long.parseLong(words[1]);
                    return round(Integer.parseInt(words[2]), Integer.parseInt(words[3]));
                } catch (RuntimeException e) {
                    return "!" + e;
                } finally {
                    counts = new HashMap<>();
                    configs = new HashMap<>();
                    members = new HashMap<>();
                }
            default:
                throw new IllegalArgumentException(words[0]);
        }
    }

    private static WorkerCoordinator.ConnectorsAndTasks work(String text) {
        List<String> connectors = new ArrayList<>();
        List<ConnectorTaskId> tasks = new ArrayList<>();
        for (String item : text.isEmpty() ? new String[0] : text.split(",")) {
            int at = item.lastIndexOf(':');
            if (at < 0) {
                connectors.add(item);
            } else {
                tasks.add(new ConnectorTaskId(item.substring(0, at), Integer.parseInt(item.substring(at + 1))));
            }
        }
        return new WorkerCoordinator.ConnectorsAndTasks.Builder().with(connectors, tasks).build();
    }

    private String round(int completed, int generation) {
        ClusterConfigState state = new ClusterConfigState(0, null, counts, configs, Map.of(), Map.of(), Map.of(), Map.of(), Map.of(), Set.of(), Set.of());
        IncrementalCooperativeAssignor.ClusterAssignment a = assignor.performTaskAssignment(state, completed, generation, members);
        StringBuilder out = new StringBuilder().append(assignor.delay);
        for (String id : new TreeSet<>(members.keySet())) {
            out.append(';').append(id).append('|').append(text(a.newlyAssignedConnectors(id), a.newlyAssignedTasks(id)))
                .append('|').append(text(a.newlyRevokedConnectors(id), a.newlyRevokedTasks(id)));
        }
        return out.toString();
    }

    private static String text(Collection<String> connectors, Collection<ConnectorTaskId> tasks) {
        TreeSet<String> all = new TreeSet<>(connectors);
        all.addAll(tasks.stream().map(t -> t.connector() + ":" + t.task()).collect(Collectors.toList()));
        return String.join(",", all);
    }
}
