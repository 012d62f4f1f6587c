package main

import (
	"bufio"
	"fmt"
	"os"
	"os/signal"
	"sort"
	"strings"
	"syscall"
	"time"
)

type extraValues map[string]float64

// User and system time of all threads of this process.
func cpuNs() int64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		fail("getrusage: %v", err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}

// Runs the work as often as was asked for, and reports each time. The work returns its operations.
func (r *request) repeat(work func() (ops int, extra extraValues)) {
	for i := 0; i < r.repetitions; i++ {
		cpu := cpuNs()
		begin := time.Now()
		ops, extra := work()
		wall := time.Since(begin)
		cpu = cpuNs() - cpu
		if extra == nil {
			extra = extraValues{}
		}
		printLine(map[string]any{"workload": r.workload, "variant": r.variant, "threads": r.threads, "rep": i,
			"ops": ops, "wall_ns": wall.Nanoseconds(), "cpu_ns": cpu, "extra": extra})
	}
}

// The server listens now: says so, and reports what it has used when it is told to end.
func (r *request) serveUntilTerminated() {
	before := cpuNs()
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	fmt.Println("ready")
	<-ended
	printLine(map[string]any{"workload": r.workload, "variant": r.variant, "threads": r.threads,
		"cpu_ns": cpuNs() - before})
}

// Resident memory and page tables.
func memoryBytes() int64 {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		fail("%v", err)
	}
	defer file.Close()
	var sum int64
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var kib int64
		line := lines.Text()
		if strings.HasPrefix(line, "VmRSS:") || strings.HasPrefix(line, "VmPTE:") {
			if _, err := fmt.Sscan(strings.Fields(line)[1], &kib); err != nil {
				fail("%q: %v", line, err)
			}
		}
		sum += kib * 1024
	}
	return sum
}

var memoryAtStart int64

func markMemory() { memoryAtStart = memoryBytes() }

func latencies(ns []int64) extraValues {
	sort.Slice(ns, func(a, b int) bool { return ns[a] < ns[b] })
	at := func(q float64) float64 { return float64(ns[int(q*float64(len(ns)-1))]) }
	return extraValues{"p50_ns": at(0.5), "p99_ns": at(0.99), "p999_ns": at(0.999), "max_ns": at(1)}
}

// Seeded numbers, the same in every run.
type random uint64

func seeded(seed int) random { return random(seed*2 + 1) }
func (r *random) below(limit uint64) uint64 {
	x := uint64(*r)
	x ^= x << 13
	x ^= x >> 7
	x ^= x << 17
	*r = random(x)
	return x % limit
}
