// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

// setting reads a number from the environment.
func setting(t *testing.T, key string, otherwise int) int {
	t.Helper()
	text := os.Getenv(key)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return n
}

var shared struct {
	once sync.Once
	sys  *System
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.sys != nil {
		shared.sys.Close()
		if os.Getenv("E2E_KEEP") != "" {
			fmt.Println("kept", shared.sys.Dir)
			os.Exit(code)
		}
		_ = os.RemoveAll(shared.sys.Dir)
	}
	os.Exit(code)
}

// system starts the brokers for the first test that needs them.
func system(t *testing.T) *System {
	t.Helper()
	shared.once.Do(func() {
		dir, err := os.MkdirTemp("", "penstock-faults-")
		if err != nil {
			shared.err = err
			return
		}
		binary, kind := os.Getenv("E2E_BINARY"), stack.Penstock
		if os.Getenv("E2E_WORKER") == string(stack.JVM) {
			kind = stack.JVM
		} else if binary == "" {
			binary = filepath.Join(dir, "penstock")
			if shared.err = stack.Build(binary); shared.err != nil {
				return
			}
		}
		shared.sys, shared.err = StartSystem(dir, kind, binary)
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.sys
}

// play runs a case. Its summary goes to standard output and is added to the file E2E_REPORT.
func play(t *testing.T, c Case) {
	t.Helper()
	c.Log, c.LogLevel = t.Logf, os.Getenv("E2E_LOG")
	r, err := system(t).Run(context.Background(), c)
	if r != nil {
		fmt.Println(r.Summary())
		if path := os.Getenv("E2E_REPORT"); path != "" {
			report(t, path, r.Summary())
		}
	}
	if err != nil {
		t.Fatalf("seed %d: %v", c.Seed, err)
	}
}

func report(t *testing.T, path, line string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, line); err != nil {
		t.Fatal(err)
	}
}

// Restarts of the worker and of brokers, losses of leaders and cuts of connections under load, on both Kafka paths.
func TestRestartsAndCuts(t *testing.T) {
	n := setting(t, "E2E_FAULTS", 3)
	seed := uint64(setting(t, "E2E_SEED", 1))
	for _, path := range []string{"batch", "client"} {
		t.Run("path="+path, func(t *testing.T) {
			// Each kind in turn, in an order of the seed.
			kinds := []Kind{Cut, StopWorker, MoveLeaders, Cut, KillBroker, KillWorker, RestartBroker, Cut, PauseWorker, MoveLeaders}
			var faults []Kind
			r := rand.New(rand.NewPCG(seed, 11))
			for len(faults) < n {
				round := append([]Kind(nil), kinds[:min(len(kinds), n-len(faults))]...)
				r.Shuffle(len(round), func(i, j int) { round[i], round[j] = round[j], round[i] })
				faults = append(faults, round...)
			}
			play(t, Case{Name: "restarts-" + path, Role: Both, Path: path, Faults: faults, Seed: seed})
		})
	}
}

// Without kill -9, an idempotent source repeats nothing at all and keeps its order: the rules say so for every case
// without KillWorker.
func TestIdempotentSource(t *testing.T) {
	n := setting(t, "E2E_FAULTS", 3)
	seed := uint64(setting(t, "E2E_SEED", 1))
	for _, path := range []string{"batch", "client"} {
		t.Run("path="+path, func(t *testing.T) {
			kinds := []Kind{Cut, KillBroker, StopWorker, MoveLeaders, Cut, PauseWorker, RestartBroker}
			r := rand.New(rand.NewPCG(seed, 12))
			var faults []Kind
			for range max(2, n/2) {
				faults = append(faults, kinds[r.IntN(len(kinds))])
			}
			play(t, Case{Name: "idempotent-" + path, Role: Source, Path: path, Faults: faults, Seed: seed})
		})
	}
}

// Every role under every fault of the matrix, E2E_ROUNDS times.
func TestCrashMatrix(t *testing.T) {
	rounds := setting(t, "E2E_ROUNDS", 1)
	seed := uint64(setting(t, "E2E_SEED", 1))
	for _, role := range []Role{Source, Sink, Both} {
		t.Run(string(role), func(t *testing.T) {
			var faults []Kind
			r := rand.New(rand.NewPCG(seed, 13))
			for range rounds {
				round := []Kind{KillWorker, KillBroker, Cut, FullDisk, PauseWorker}
				if rounds > 1 { // the long form is about kills
					round = append(round, KillWorker, KillWorker, KillWorker, KillBroker)
				}
				r.Shuffle(len(round), func(i, j int) { round[i], round[j] = round[j], round[i] })
				faults = append(faults, round...)
			}
			play(t, Case{Name: "matrix-" + string(role), Role: role, Path: os.Getenv("E2E_PATH"), Faults: faults, Seed: seed})
		})
	}
}

// Exactly-once sources of a cluster: what was committed is there once, whatever strikes. In the long form one worker makes a
// million records with a kill every few seconds, and E2E_FAULTS of all kinds strike two workers.
func TestExactlyOnce(t *testing.T) {
	n := setting(t, "E2E_FAULTS", 3)
	seed := uint64(setting(t, "E2E_SEED", 1))
	long := n > 3
	t.Run("kills", func(t *testing.T) {
		if !long {
			t.Skip("E2E_FAULTS above 3 asks for the long form")
		}
		play(t, Case{Name: "once-kills", Role: Source, Workers: 1, ExactlyOnce: true, Path: os.Getenv("E2E_PATH"),
			Faults: []Kind{KillWorker}, Records: setting(t, "E2E_RECORDS", 1_000_000), Seed: seed})
	})
	t.Run("two workers", func(t *testing.T) {
		faults := []Kind{KillWorker, Cut, Zombie}
		if long {
			r := rand.New(rand.NewPCG(seed, 14))
			for len(faults) < n {
				round := []Kind{KillWorker, Zombie, KillBroker, Cut, PauseWorker, MoveLeaders, KillWorker, StopWorker, RestartBroker, Cut}
				r.Shuffle(len(round), func(i, j int) { round[i], round[j] = round[j], round[i] })
				faults = append(faults, round...)
			}
			faults = faults[:n]
		}
		play(t, Case{Name: "once-cluster", Role: Both, Workers: 2, ExactlyOnce: true, Path: os.Getenv("E2E_PATH"), Faults: faults, Seed: seed})
	})
}

// A cluster without exactly-once support: failover repeats no more than a flush interval.
func TestFailover(t *testing.T) {
	n := setting(t, "E2E_FAULTS", 3)
	seed := uint64(setting(t, "E2E_SEED", 1))
	if n <= 3 {
		t.Skip("E2E_FAULTS above 3 asks for the long form")
	}
	kinds := []Kind{KillWorker, Zombie, StopWorker, KillWorker, KillBroker, Cut}
	r := rand.New(rand.NewPCG(seed, 15))
	var faults []Kind
	for len(faults) < n/2 {
		r.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
		faults = append(faults, kinds...)
	}
	play(t, Case{Name: "failover", Role: Both, Workers: 2, Path: os.Getenv("E2E_PATH"), Faults: faults[:n/2], Seed: seed})
}

// The faults of E2E_KINDS (a list with commas), in this order, on role E2E_ROLE and path E2E_PATH, with E2E_WORKERS of a
// cluster and, when E2E_ONCE is set, exactly-once sources: to look into one.
func TestChosen(t *testing.T) {
	list := os.Getenv("E2E_KINDS")
	if list == "" {
		t.Skip("E2E_KINDS chooses the faults")
	}
	c := Case{Name: "chosen", Role: Both, Path: os.Getenv("E2E_PATH"), Seed: uint64(setting(t, "E2E_SEED", 1)), Rate: setting(t, "E2E_RATE", 0),
		Records: setting(t, "E2E_RECORDS", 0), Workers: setting(t, "E2E_WORKERS", 0), ExactlyOnce: os.Getenv("E2E_ONCE") != ""}
	if role := os.Getenv("E2E_ROLE"); role != "" {
		c.Role = Role(role)
	}
	for kind := range strings.SplitSeq(list, ",") {
		c.Faults = append(c.Faults, Kind(kind))
	}
	play(t, c)
}
