// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/penstock-io/penstock/internal/faultproxy"
)

// Kind is a kind of fault.
type Kind string

// The faults.
const (
	KillWorker    Kind = "kill-worker"    // kill -9, and a start soon after
	StopWorker    Kind = "stop-worker"    // SIGTERM, exit code 0, and a start
	PauseWorker   Kind = "pause-worker"   // SIGSTOP for a while, shorter or longer than the group's session
	KillBroker    Kind = "kill-broker"    // kill -9 of a node, often the one that leads most
	RestartBroker Kind = "restart-broker" // SIGTERM, which moves its leaders away first
	MoveLeaders   Kind = "move-leaders"   // every partition gets another leader, brokers staying up
	Cut           Kind = "cut"            // connections are cut, reset, half open, silent, refused or slow
	FullDisk      Kind = "full-disk"      // no room for the sink's files and the source's offset file
	Zombie        Kind = "zombie"         // SIGSTOP until other workers have taken over, SIGCONT
)

// strike is one fault that struck.
type strike struct {
	kind   Kind
	detail string
	// start is when it struck, until when its causes were over, recovered when everything written had arrived.
	start, until, recovered time.Time
	// before and after are how many records had been repeated when it struck, and when the next one did.
	before, after again
}

// again counts records that arrived more than once: in topics, and in files beyond what the topics have.
type again struct{ topic, file int }

// session is the session timeout of the sinks' groups: a pause or silence beyond it costs a member its group. A request
// that is not answered is given up so much sooner that another heartbeat fits in, as with Kafka's defaults.
const (
	session        = 6 * time.Second
	requestTimeout = session * 2 / 5
)

// between is a random duration.
func (r *run) between(low, high time.Duration) time.Duration {
	return low + time.Duration(r.rng.Int64N(int64(high-low)))
}

// inject lets a fault happen and heals it.
func (r *run) inject(ctx context.Context, k Kind) (detail string, err error) {
	switch k {
	case KillWorker:
		return r.killWorker()
	case StopWorker:
		return r.restartWorker()
	case Zombie:
		return r.zombie()
	case PauseWorker:
		return r.pauseWorker()
	case KillBroker, RestartBroker:
		return r.breakBroker(ctx, k)
	case MoveLeaders:
		return "", r.sys.moveLeaders(ctx)
	case Cut:
		return r.cut(), nil
	case FullDisk:
		return r.fillDisk()
	}
	return "", fmt.Errorf("no such fault: %s", k)
}

// killWorker ends a worker as kill -9 does and starts it again: soon, and in a cluster of several in half of the cases only
// when the others have noticed.
func (r *run) killWorker() (string, error) {
	m := r.anyone()
	away := r.between(0, 500*time.Millisecond)
	if len(r.members) > 1 && r.rng.IntN(2) == 0 {
		away = r.between(clusterSession, clusterSession+3*time.Second)
	}
	m.worker.Kill()
	time.Sleep(away)
	return fmt.Sprintf("%s, away for %s", m.name, away.Round(time.Millisecond)), r.start(m)
}

func (r *run) restartWorker() (string, error) {
	m := r.anyone()
	if err := m.stop(); err != nil {
		return m.name, err
	}
	return m.name, r.start(m)
}

func (r *run) pauseWorker() (string, error) {
	d := r.between(300*time.Millisecond, 2*time.Second)
	if r.rng.IntN(2) == 0 {
		d = r.between(session+time.Second, session+3*time.Second)
	}
	m := r.anyone()
	if err := m.worker.Signal(syscall.SIGSTOP); err != nil {
		return "", err
	}
	time.Sleep(d)
	return fmt.Sprintf("%s for %s", m.name, d.Round(time.Millisecond)), m.worker.Signal(syscall.SIGCONT)
}

// breakBroker takes a node away for a while: in three of four cases the one that leads most of the case's partitions.
func (r *run) breakBroker(ctx context.Context, k Kind) (string, error) {
	node := r.sys.Cluster.Nodes[r.rng.IntN(nodes)]
	if r.rng.IntN(4) > 0 {
		if by, err := r.sys.leaders(ctx, r.topics()...); err == nil {
			for _, n := range r.sys.Cluster.Nodes {
				if by[n.ID] > by[node.ID] {
					node = n
				}
			}
		}
	}
	if k == KillBroker {
		node.Kill()
	} else if err := node.Stop(60 * time.Second); err != nil {
		return "", err
	}
	away := r.between(0, 3*time.Second)
	time.Sleep(away)
	if err := node.Start(); err != nil {
		return "", err
	}
	return fmt.Sprintf("node %d, away for %s and its start", node.ID, away.Round(time.Millisecond)), node.WaitReady(5 * time.Minute)
}

// cut breaks connections to one node or to all, in one of the ways a network has.
func (r *run) cut() string {
	targets := r.sys.proxies()
	where := "all nodes"
	if r.rng.IntN(3) > 0 {
		i := r.rng.IntN(nodes)
		targets, where = []*faultproxy.Proxy{r.sys.plain[i], r.sys.secure[i]}, fmt.Sprintf("node %d", i+1)
	}
	each := func(f func(*faultproxy.Proxy)) {
		for _, p := range targets {
			f(p)
		}
	}
	direction := faultproxy.Direction(r.rng.IntN(2))
	way := [2]string{"requests", "responses"}[direction]
	reset := r.rng.IntN(2) == 0
	switch r.rng.IntN(8) {
	case 0, 1, 2: // wherever in a message: several times, so that it is in many
		for range 5 {
			n := int64(1) << r.rng.IntN(19)
			each(func(p *faultproxy.Proxy) { p.CutAfter(direction, n+r.rng.Int64N(n), reset) })
			time.Sleep(r.between(100*time.Millisecond, 600*time.Millisecond))
		}
		return fmt.Sprintf("%s: five times inside %s", where, way)
	case 3:
		each(func(p *faultproxy.Proxy) { p.Cut(reset) })
		return where + ": all connections at once"
	case 4:
		each(func(p *faultproxy.Proxy) { p.HalfOpen(direction) })
		return fmt.Sprintf("%s: half open, %s lost", where, way)
	case 5:
		d := r.between(500*time.Millisecond, session*3/2)
		each(func(p *faultproxy.Proxy) { p.Silence(true) })
		time.Sleep(d)
		r.sys.heal()
		return fmt.Sprintf("%s: silent for %s", where, d.Round(time.Millisecond))
	case 6:
		d := r.between(200*time.Millisecond, 3*time.Second)
		each(func(p *faultproxy.Proxy) { p.Refuse(true); p.Cut(true) })
		time.Sleep(d)
		r.sys.heal()
		return fmt.Sprintf("%s: refused for %s", where, d.Round(time.Millisecond))
	default:
		d := r.between(20*time.Millisecond, 200*time.Millisecond)
		each(func(p *faultproxy.Proxy) { p.Delay(d) })
		time.Sleep(2 * time.Second)
		each(func(p *faultproxy.Proxy) { p.Cut(reset) })
		r.sys.heal()
		return fmt.Sprintf("%s: %s slower, then cut", where, d.Round(time.Millisecond))
	}
}

// fillDisk leaves no room where sinks and offset file are. Sinks have to fail and say why; then there is room again, and
// somebody restarts the tasks.
func (r *run) fillDisk() (string, error) {
	if err := r.disk.fill(); err != nil {
		return "", err
	}
	var failed []string
	waitUntil := time.Now().Add(r.between(3*time.Second, 5*time.Second))
	limit := time.Now().Add(20 * time.Second)
	for time.Now().Before(limit) && (len(failed) < len(r.sinks()) || time.Now().Before(waitUntil)) {
		time.Sleep(50 * time.Millisecond)
		failed = failed[:0]
		for _, name := range r.sinks() {
			if s, err := r.awake().Status(name); err == nil {
				if trace, ok := s.Failed(); ok {
					if !strings.Contains(strings.ToLower(trace), "no space left on device") {
						return "", fmt.Errorf("the trace of %s does not name the full disk: %s", name, trace)
					}
					failed = append(failed, name)
				}
			}
		}
	}
	if err := r.disk.empty(); err != nil {
		return "", err
	}
	for _, name := range failed {
		if err := r.awake().Call("POST", "/connectors/"+name+"/restart?includeTasks=true&onlyFailed=true", nil, nil); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d of %d sinks failed and were restarted", len(failed), len(r.sinks())), nil
}
