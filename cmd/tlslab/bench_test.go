package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/csv"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/pki"
	"example.com/tlslab/kvs/store"
)

// How many requests a second the server answers over TLS, as redis-benchmark measures it with 50 clients: as a ratio to
// Redis itself, and to the same server without a tap. Each figure is the middle one of five, and those that are compared
// take turns, so that what else the machine does meets both.

func BenchmarkAgainstRedis(b *testing.B) {
	for _, name := range []string{"redis-benchmark", "redis-server"} {
		if _, err := exec.LookPath(name); err != nil {
			b.Skip(name + " is not here")
		}
	}
	for _, where := range []string{"memory", "disk"} {
		for _, pipeline := range []int{1, 16} {
			for _, command := range []string{"get", "set"} {
				b.Run(fmt.Sprintf("%s/pipeline-%d/%s", where, pipeline, command), func(b *testing.B) {
					own, others := serveForBench(b, where, nil), redisForBench(b, where)
					compareSpeed(b, command, pipeline, own, others, "of-redis")
				})
			}
		}
	}
}

func BenchmarkInspection(b *testing.B) {
	if _, err := exec.LookPath("redis-benchmark"); err != nil {
		b.Skip("redis-benchmark is not here")
	}
	for _, pipeline := range []int{1, 16} {
		for _, command := range []string{"get", "set"} {
			b.Run(fmt.Sprintf("pipeline-%d/%s", pipeline, command), func(b *testing.B) {
				compareSpeed(b, command, pipeline, serveForBench(b, "memory", inspect.NewTap()), serveForBench(b, "memory", nil), "of-uninspected")
			})
		}
	}
}

// compareSpeed reports how fast the first server is, and how that compares to the second.
func compareSpeed(b *testing.B, command string, pipeline int, first, second benched, unit string) {
	var speeds, ratios []float64
	for b.Loop() {
		for range 5 {
			a := first.speed(b, command, pipeline)
			speeds, ratios = append(speeds, a), append(ratios, a/second.speed(b, command, pipeline))
		}
	}
	slices.Sort(speeds)
	slices.Sort(ratios)
	b.ReportMetric(speeds[len(speeds)/2], "requests/s")
	b.ReportMetric(ratios[len(ratios)/2], unit)
	b.ReportMetric(0, "ns/op")
}

// A benched server listens at a port, with a certificate that its authority signed.
type benched struct {
	port, ca string
	disk     bool
}

// speed returns how many requests a second redis-benchmark has answered.
func (s benched) speed(b *testing.B, command string, pipeline int) float64 {
	requests := 40_000 * pipeline
	if s.disk && command == "set" {
		requests /= 4
	}
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "redis-benchmark", "--tls", "--cacert", s.ca, "-h", "localhost", "-p", s.port,
		"-c", "50", "-P", strconv.Itoa(pipeline), "-n", strconv.Itoa(requests), "-r", "100000", "-t", command, "--csv").Output()
	if err != nil {
		b.Fatalf("redis-benchmark: %v, after it printed %q", err, out)
	}
	lines, err := csv.NewReader(strings.NewReader(string(out))).ReadAll()
	if err != nil || len(lines) != 2 {
		b.Fatalf("redis-benchmark printed %q, %v", out, err)
	}
	speed, err := strconv.ParseFloat(lines[1][1], 64)
	if err != nil {
		b.Fatal(err)
	}
	return speed
}

// serveForBench starts the server in this process, behind the tap if there is one.
func serveForBench(b *testing.B, where string, tap *inspect.Tap) benched {
	var pairs store.Store = new(store.Memory)
	if where == "disk" {
		file, err := store.Open(filepath.Join(b.TempDir(), "pairs.db"), store.Options{})
		if err != nil {
			b.Fatal(err)
		}
		pairs = file
	}
	authority, certificate := authorityForBench(b)
	config := pki.ServerConfig(certificate, tls.NoClientCert, nil)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	listener := tls.NewListener(plain, config)
	if tap != nil {
		listener = tap.Listener(plain, config)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		server := &kernel.Server{Handler: &kvs.Server{Store: pairs}}
		ended <- server.Serve(ctx, listener)
	}()
	b.Cleanup(func() {
		stop()
		<-ended
		pairs.Close()
	})
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return benched{port, fileForBench(b, "ca.pem", authority.PEM()), where == "disk"}
}

// redisForBench starts Redis, with appendfsync always on disk.
func redisForBench(b *testing.B, where string) benched {
	authority, certificate := authorityForBench(b)
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		b.Fatal(err)
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
	key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	ca := fileForBench(b, "ca.pem", authority.PEM())
	words := []string{
		"--port", "0", "--bind", "127.0.0.1", "--tls-port", port, "--tls-auth-clients", "no", "--save", "", "--dir", b.TempDir(),
		"--tls-cert-file", fileForBench(b, "server.pem", chain), "--tls-key-file", fileForBench(b, "server.key", key), "--tls-ca-cert-file", ca,
	}
	if where == "disk" {
		words = append(words, "--appendonly", "yes", "--appendfsync", "always")
	}
	cmd := exec.Command("redis-server", words...)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for range 500 {
		if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			conn.Close()
			return benched{port, ca, where == "disk"}
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.Fatal("Redis does not listen")
	return benched{}
}

func authorityForBench(b *testing.B) (*pki.Authority, tls.Certificate) {
	authority, err := pki.NewAuthority(time.Now())
	if err != nil {
		b.Fatal(err)
	}
	certificate, err := authority.IssueServer("localhost", "127.0.0.1")
	if err != nil {
		b.Fatal(err)
	}
	return authority, certificate
}

func fileForBench(b *testing.B, name string, text []byte) string {
	path := filepath.Join(b.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}
