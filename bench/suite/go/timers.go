package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

func timersSleep(r *request) {
	n := r.number("n")
	r.repeat(func() (int, extraValues) {
		var flows sync.WaitGroup
		var early int64
		numbers := seeded(1)
		flows.Add(n)
		for i := 0; i < n; i++ {
			go func(duration time.Duration) {
				begin := time.Now()
				time.Sleep(duration)
				if time.Since(begin) < duration {
					atomic.AddInt64(&early, 1)
				}
				flows.Done()
			}(time.Duration(numbers.below(uint64(time.Second))))
		}
		flows.Wait()
		expect(early == 0, "no flow woke early")
		return n, nil
	})
}

// Since Go 1.23 a timer whose channel nobody waits for is not in the heap, so `timer` measures an allocation and two
// locks; `afterfunc` is always armed.
func timersCancel(r *request) {
	n, mode := r.number("n"), r.text("mode")
	expect(mode == "all" || mode == "one", "mode is all or one")
	var fired int64
	arm := func() *time.Timer { return time.NewTimer(time.Hour) }
	if r.variant == "afterfunc" {
		arm = func() *time.Timer { return time.AfterFunc(time.Hour, func() { atomic.AddInt64(&fired, 1) }) }
	}
	cancelAll := func() {
		timers := make([]*time.Timer, n)
		for i := range timers {
			timers[i] = arm()
		}
		for _, timer := range timers {
			expect(timer.Stop(), "the timer had not fired")
		}
	}
	cancelEach := func() {
		for i := 0; i < n; i++ {
			expect(arm().Stop(), "the timer had not fired")
		}
	}
	r.repeat(func() (int, extraValues) {
		if mode == "all" {
			cancelAll()
		} else {
			cancelEach()
		}
		expect(atomic.LoadInt64(&fired) == 0, "no timer fired")
		return n, nil
	})
}

func computeFor(duration time.Duration) {
	for begin := time.Now(); time.Since(begin) < duration; {
	}
}

// n flows sleep 1 to 10 ms, `rounds` times each, while one flow for each thread computes 50 µs and yields, again and again.
func timersLateness(r *request) {
	n, rounds := r.number("n"), r.number("rounds")
	r.repeat(func() (int, extraValues) {
		lateness := make([]int64, n*rounds)
		var sleepers, load sync.WaitGroup
		var isDone int32
		load.Add(r.threads)
		for i := 0; i < r.threads; i++ {
			go func() {
				for atomic.LoadInt32(&isDone) == 0 {
					computeFor(50 * time.Microsecond)
					runtime.Gosched()
				}
				load.Done()
			}()
		}
		sleepers.Add(n)
		for i := 0; i < n; i++ {
			go func(numbers random, late []int64) {
				for round := range late {
					duration := time.Millisecond + time.Duration(numbers.below(uint64(9*time.Millisecond)))
					begin := time.Now()
					time.Sleep(duration)
					late[round] = int64(time.Since(begin) - duration)
				}
				sleepers.Done()
			}(seeded(i+1), lateness[i*rounds:(i+1)*rounds])
		}
		sleepers.Wait()
		atomic.StoreInt32(&isDone, 1)
		load.Wait()
		extra := latencies(lateness)
		expect(lateness[0] >= 0, "no flow woke early")
		return n * rounds, extra
	})
}
