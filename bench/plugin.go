// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/zip"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/penstock-io/penstock/internal/e2e/stack"
)

//go:embed peer/*.java
var peerSource embed.FS

// services says which classes the plugin offers, by the interface that Java's ServiceLoader asks for.
var services = map[string]string{
	"org.apache.kafka.connect.sink.SinkConnector":     "io.penstock.connect.NullSinkConnector\n",
	"org.apache.kafka.connect.source.SourceConnector": "io.penstock.connect.DatagenSourceConnector\n",
}

// buildPlugin compiles the JVM's twins of our null sink and generator, against the worker's own jars, into a jar of a
// plugin folder. They have the names of ours: the same connector configuration is posted to both workers.
func (b *bench) buildPlugin() error {
	root, err := stack.Root()
	if err != nil {
		return err
	}
	classes, plugin := filepath.Join(b.dir, "classes"), filepath.Join(b.dir, "bench-plugin")
	sources := filepath.Join(b.dir, "peer")
	dir := filepath.Join(classes, "META-INF", "services")
	for _, d := range []string{dir, plugin} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	if err := os.CopyFS(b.dir, peerSource); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(sources, "*.java"))
	if err != nil {
		return err
	}
	compile := exec.Command(filepath.Join(root, "scripts", "jvm-connect"), append([]string{"compile", classes}, files...)...)
	compile.Stderr = os.Stderr
	if err := compile.Run(); err != nil {
		return fmt.Errorf("compile the JVM's connectors: %w", err)
	}
	for name, class := range services {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(class), 0o644); err != nil {
			return err
		}
	}
	jar, err := os.Create(filepath.Join(plugin, "bench.jar"))
	if err != nil {
		return err
	}
	defer jar.Close()
	z := zip.NewWriter(jar)
	if err := z.AddFS(os.DirFS(classes)); err != nil {
		return err
	}
	b.plugin = plugin
	return z.Close()
}

// newestJava is the java of the highest version in PATH and where Linux distributions install them; "" for the one in PATH.
func newestJava() string {
	found, _ := filepath.Glob("/usr/lib/jvm/*/bin/java") // the pattern is well-formed
	best, version := "", javaVersion("java")
	for _, java := range found {
		if v := javaVersion(java); v > version {
			best, version = java, v
		}
	}
	return best
}

// javaLine is the first line of java -version; "" when it does not run.
func javaLine(java string) string {
	out, err := exec.Command(java, "-version").CombinedOutput()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.ReplaceAll(line, `"`, "")
}

// javaVersion is the major version of a java; 0 when it does not run.
func javaVersion(java string) int {
	_, rest, _ := strings.Cut(javaLine(java), "version ")
	word, _, _ := strings.Cut(rest, " ")
	major, _, _ := strings.Cut(word, ".")
	n, _ := strconv.Atoi(strings.TrimSuffix(major, "-ea")) // what does not parse is no version
	return n
}
