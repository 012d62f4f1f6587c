// Go's programs of the comparison suite; ../README.md is the protocol. --threads sets GOMAXPROCS.
//
// The code is written so that it means the same to Go 1.19, which gives a loop one variable, and to the newer ones.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
)

// A parameter and the values to measure; the first is the default.
type parameter struct {
	name   string
	values []string
}

type workload struct {
	name       string
	isServer   bool
	variants   []string
	parameters []parameter
	run        func(r *request)
}

func goroutines() []string { return []string{"goroutines"} }
func both() []string       { return []string{"waitgroup", "chan"} }

func workloads() []workload {
	return []workload{
		{name: "spawn_join", variants: both(), run: spawnJoin, parameters: []parameter{
			{"n", []string{"1000000"}}, {"batch", []string{"0", "1000"}}, {"parents", []string{"1"}}}},
		{name: "skynet", variants: both(), run: skynet, parameters: []parameter{{"n", []string{"1000000"}}}},
		{name: "fib", variants: both(), run: fib, parameters: []parameter{{"n", []string{"28"}}}},
		{name: "nqueens", variants: []string{"waitgroup"}, run: nqueens, parameters: []parameter{{"n", []string{"10"}}}},
		{name: "ping_pong", variants: goroutines(), run: pingPong, parameters: []parameter{
			{"n", []string{"1000000"}}, {"buffer", []string{"0", "1"}}}},
		{name: "yield", variants: goroutines(), run: yield, parameters: []parameter{
			{"n", []string{"2000000"}}, {"k", []string{"1", "10", "1000"}}}},
		{name: "channels", variants: goroutines(), run: channels, parameters: []parameter{
			{"n", []string{"1000000"}}, {"producers", []string{"1", "4"}}, {"consumers", []string{"1", "4"}},
			{"buffer", []string{"0", "1", "100", "1024"}}}},
		{name: "select", variants: goroutines(), run: selectFour, parameters: []parameter{
			{"n", []string{"1000000"}}, {"buffer", []string{"0"}}}},
		{name: "oneshot", variants: goroutines(), run: oneshot, parameters: []parameter{{"n", []string{"1000000"}}}},
		{name: "mutex", variants: goroutines(), run: mutex, parameters: []parameter{
			{"n", []string{"1600000"}}, {"hold", []string{"0", "1"}}, {"flows", []string{"8"}}}},
		{name: "timers_sleep", variants: goroutines(), run: timersSleep, parameters: []parameter{{"n", []string{"1000000"}}}},
		{name: "timers_cancel", variants: []string{"timer", "afterfunc"}, run: timersCancel, parameters: []parameter{
			{"n", []string{"1000000"}}, {"mode", []string{"all", "one"}}}},
		{name: "timers_lateness", variants: goroutines(), run: timersLateness, parameters: []parameter{
			{"n", []string{"1000"}}, {"rounds", []string{"100"}}}},
		{name: "sieve", variants: goroutines(), run: sieve, parameters: []parameter{{"n", []string{"2000"}}}},
		{name: "memory", variants: goroutines(), run: memory, parameters: []parameter{
			{"count", []string{"100000", "1000000"}}}},
		{name: "idle", variants: goroutines(), run: idle},
		{name: "echo_server", isServer: true, variants: goroutines(), run: echoServer, parameters: []parameter{
			{"port", []string{"0"}}}},
		{name: "http_server", isServer: true, variants: []string{"net/http"}, run: httpServer, parameters: []parameter{
			{"port", []string{"0"}}}},
	}
}

// One workload as it was asked for.
type request struct {
	workload    string
	variant     string
	threads     int
	repetitions int
	parameters  map[string]*string
}

func (r *request) text(name string) string { return *r.parameters[name] }
func (r *request) number(name string) int {
	value, err := strconv.Atoi(r.text(name))
	if err != nil || value < 0 {
		fail("--%s takes a number, not %q", name, r.text(name))
	}
	return value
}

func fail(format string, values ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", values...)
	os.Exit(1)
}

func expect(isRight bool, what string) {
	if !isRight {
		fail("wrong result: %s", what)
	}
}

// 1, 2, 4 … up to the processors.
func threadCounts() []int {
	counts := []int{1}
	for n := 2; n <= runtime.NumCPU(); n *= 2 {
		counts = append(counts, n)
	}
	return counts
}

func printLine(line any) {
	text, err := json.Marshal(line)
	if err != nil {
		fail("json: %v", err)
	}
	fmt.Println(string(text))
}

func printList() {
	described := []any{}
	for _, w := range workloads() {
		kind := "work"
		if w.isServer {
			kind = "server"
		}
		parameters := map[string][]string{}
		for _, p := range w.parameters {
			parameters[p.name] = p.values
		}
		described = append(described, map[string]any{"name": w.name, "kind": kind, "variants": w.variants,
			"threads": threadCounts(), "parameters": parameters})
	}
	printLine(map[string]any{"system": "go", "versions": map[string]string{"go": runtime.Version()},
		"workloads": described})
}

func (r *request) parse(w workload, arguments []string) {
	flags := flag.NewFlagSet(w.name, flag.ExitOnError)
	flags.StringVar(&r.variant, "variant", w.variants[0], "")
	flags.IntVar(&r.threads, "threads", 1, "GOMAXPROCS")
	flags.IntVar(&r.repetitions, "reps", 4, "repetitions")
	for _, p := range w.parameters {
		r.parameters[p.name] = flags.String(p.name, p.values[0], "")
	}
	if err := flags.Parse(arguments); err != nil || flags.NArg() > 0 {
		fail("%s: unknown argument %q", w.name, flags.Arg(0))
	}
	for _, variant := range w.variants {
		if variant == r.variant {
			return
		}
	}
	fail("%s: no variant %q", w.name, r.variant)
}

func main() {
	markMemory()
	if len(os.Args) < 2 {
		fail("usage: %s --list | <workload> [--<key> <value> ...]", os.Args[0])
	}
	if os.Args[1] == "--list" {
		printList()
		return
	}
	for _, w := range workloads() {
		if w.name != os.Args[1] {
			continue
		}
		r := &request{workload: w.name, parameters: map[string]*string{}}
		r.parse(w, os.Args[2:])
		runtime.GOMAXPROCS(r.threads)
		w.run(r)
		return
	}
	fail("no workload %q", os.Args[1])
}
