// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Proc is a child process whose output goes to a log file. Its methods may be called from any goroutine.
type Proc struct {
	// Name is what errors call the process.
	Name string
	// Log is the path of the file with its standard output and error.
	Log string
	// Started is when the process was executed.
	Started time.Time

	cmd  *exec.Cmd
	from int64         // size of the log when the process was started
	done chan struct{} // closed when the process has ended; err is set before
	err  error
}

// Start runs argv with the environment of this process plus env ("KEY=value"), in folder dir, which is created and
// also takes the log file NAME.log (appended to, so that a restarted worker keeps its history).
func Start(name, dir string, env []string, argv ...string) (*Proc, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	p := &Proc{Name: name, Log: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	if info, err := log.Stat(); err == nil {
		p.from = info.Size()
	}
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, log, log
	p.cmd.Env = append(os.Environ(), env...)
	// Own process group: a Ctrl-C at the terminal reaches the test alone, which then ends its children in order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.Started = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// PID is the process id.
func (p *Proc) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Proc) Done() <-chan struct{} { return p.done }

// Alive tells whether the process still runs.
func (p *Proc) Alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Signal sends sig; a process that has ended is no error.
func (p *Proc) Signal(sig os.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", p.Name, err)
	}
	return nil
}

// Kill ends the process as kill -9 does and waits for its end.
func (p *Proc) Kill() {
	_ = p.Signal(syscall.SIGKILL)
	<-p.done
}

// Stop sends SIGTERM and waits; after the time limit it kills the process and returns an error.
func (p *Proc) Stop(limit time.Duration) error {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if _, err := p.WaitExit(limit); err != nil {
		p.Kill()
		return err
	}
	return nil
}

// WaitExit waits until the process ends by itself and returns its exit code (-1 when a signal ended it).
func (p *Proc) WaitExit(limit time.Duration) (int, error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(limit):
		return 0, fmt.Errorf("%s (pid %d) did not end within %s", p.Name, p.PID(), limit)
	}
}

// Output is everything the process has logged so far.
func (p *Proc) Output() string {
	b, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// outputSinceStart is what this process has logged, without what earlier ones of the same name and folder did.
func (p *Proc) outputSinceStart() string {
	out := p.Output()
	return out[min(int(p.from), len(out)):]
}

// Tail is the last n lines of the log.
func (p *Proc) Tail(n int) string {
	lines := strings.Split(strings.TrimRight(p.Output(), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// ready polls test until it holds; an error tells that the process ended or the time ran out, with the log's tail.
func (p *Proc) ready(limit time.Duration, test func() bool) error {
	end := time.Now().Add(limit)
	for !test() {
		switch {
		case !p.Alive():
			return fmt.Errorf("%s ended with code %d while starting:\n%s", p.Name, p.cmd.ProcessState.ExitCode(), p.Tail(30))
		case time.Now().After(end):
			return fmt.Errorf("%s was not ready within %s:\n%s", p.Name, limit, p.Tail(30))
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil
}

// FreePorts returns n different TCP ports that are free on 127.0.0.1 now. They lie below the kernel's ephemeral range
// where possible: a port handed out as an outgoing connection's own would be taken before the child binds it.
// A port is given once in the life of this process, so that a broker that is down for a while keeps its own.
// E2E_PORTS=FIRST-LAST confines them to a range, for machines that are shared.
func FreePorts(n int) ([]int, error) {
	first, last := 10000, 29999
	if s := os.Getenv("E2E_PORTS"); s != "" {
		if _, err := fmt.Sscanf(s, "%d-%d", &first, &last); err != nil || last < first {
			return nil, fmt.Errorf("E2E_PORTS is %q, and should be FIRST-LAST such as 19000-19099", s)
		}
	}
	given.Lock()
	defer given.Unlock()
	var ports []int
	for try := 0; len(ports) < n; try++ {
		if try > 2000 {
			return nil, fmt.Errorf("no free ports on 127.0.0.1 between %d and %d", first, last)
		}
		port := first + (os.Getpid()*131+int(time.Now().UnixNano()/1000)+try*17)%(last-first+1)
		if given.ports[port] {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		// Held open until all are found, so that they differ.
		defer l.Close()
		ports = append(ports, port)
	}
	for _, p := range ports {
		given.ports[p] = true
	}
	return ports, nil
}

var given = struct {
	sync.Mutex
	ports map[int]bool
}{ports: map[int]bool{}}

// Root is the folder of this module's go.mod, found from the working folder upwards.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod in this folder or above: run inside the source tree")
		}
		dir = parent
	}
}

// script is the path of a file in scripts/.
func script(name string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	return filepath.Join(root, "scripts", name), nil
}
