// Goroutines that talk: ping_pong, channels, select, oneshot, mutex, sieve.
package main

import (
	"runtime"
	"sync"
	"sync/atomic"
)

func pingPong(r *request) {
	n, buffer := r.number("n"), r.number("buffer")
	r.repeat(func() (int, extraValues) {
		there, back := make(chan int, buffer), make(chan int, buffer)
		go func() {
			for v := range there {
				back <- v
			}
			close(back)
		}()
		for i := 0; i < n; i++ {
			there <- i
			expect(<-back == i, "the number that came back")
		}
		close(there)
		<-back
		return n, nil
	})
}

// The share of the i-th of k flows that do n things together.
func share(n, k, i int) int {
	if i < n%k {
		return n/k + 1
	}
	return n / k
}

func channels(r *request) {
	n, buffer := r.number("n"), r.number("buffer")
	producers, consumers := r.number("producers"), r.number("consumers")
	r.repeat(func() (int, extraValues) {
		messages := make(chan int64, buffer)
		sums := make(chan int64, consumers)
		left := int64(producers)
		for p := 0; p < producers; p++ {
			go func(count int) {
				for i := 0; i < count; i++ {
					messages <- int64(i)
				}
				if atomic.AddInt64(&left, -1) == 0 {
					close(messages)
				}
			}(share(n, producers, p))
		}
		for c := 0; c < consumers; c++ {
			go func() {
				var sum int64
				for v := range messages {
					sum += v
				}
				sums <- sum
			}()
		}
		var sum, expected int64
		for c := 0; c < consumers; c++ {
			sum += <-sums
		}
		for p := 0; p < producers; p++ {
			count := int64(share(n, producers, p))
			expected += count * (count - 1) / 2
		}
		expect(sum == expected, "the sum")
		return n, nil
	})
}

func selectFour(r *request) {
	n, buffer := r.number("n"), r.number("buffer")
	r.repeat(func() (int, extraValues) {
		var from [4]chan int64
		for i := range from {
			from[i] = make(chan int64, buffer)
			go func(to chan<- int64, first int) {
				for v := first; v < n; v += 4 {
					to <- int64(v)
				}
			}(from[i], i)
		}
		var sum int64
		for i := 0; i < n; i++ {
			select {
			case v := <-from[0]:
				sum += v
			case v := <-from[1]:
				sum += v
			case v := <-from[2]:
				sum += v
			case v := <-from[3]:
				sum += v
			}
		}
		expect(sum == int64(n)*int64(n-1)/2, "the sum")
		return n, nil
	})
}

func oneshot(r *request) {
	n := r.number("n")
	r.repeat(func() (int, extraValues) {
		var sum int64
		for i := 0; i < n; i++ {
			result := make(chan int64, 1)
			go func(v int64) { result <- v }(int64(i))
			sum += <-result
		}
		expect(sum == int64(n)*int64(n-1)/2, "the sum")
		return n, nil
	})
}

func mutex(r *request) {
	n, flows, hold := r.number("n"), r.number("flows"), r.number("hold") != 0
	r.repeat(func() (int, extraValues) {
		var lock sync.Mutex
		var all sync.WaitGroup
		count := 0
		all.Add(flows)
		for f := 0; f < flows; f++ {
			go func(times int) {
				for i := 0; i < times; i++ {
					lock.Lock()
					count++
					if hold {
						runtime.Gosched()
					}
					lock.Unlock()
				}
				all.Done()
			}(share(n, flows, f))
		}
		all.Wait()
		expect(count == n, "the count")
		return n, nil
	})
}

// A filter ends when its input is closed, and closes its output. The generator is told to end by a flag, so that no
// filter needs a select for it.
func sieve(r *request) {
	n := r.number("n")
	expected := nthPrime(n)
	r.repeat(func() (int, extraValues) {
		var isDone int32
		in := make(chan int)
		go func(out chan<- int) {
			for i := 2; atomic.LoadInt32(&isDone) == 0; i++ {
				out <- i
			}
			close(out)
		}(in)
		prime := 0
		for i := 0; i < n; i++ {
			prime = <-in
			out := make(chan int)
			go func(in <-chan int, out chan<- int, prime int) {
				for v := range in {
					if v%prime != 0 {
						out <- v
					}
				}
				close(out)
			}(in, out, prime)
			in = out
		}
		atomic.StoreInt32(&isDone, 1)
		for range in {
		}
		expect(prime == expected, "the prime")
		return n, nil
	})
}

func nthPrime(n int) int {
	var primes []int
	for i := 2; len(primes) < n; i++ {
		isPrime := true
		for _, p := range primes {
			if p*p > i {
				break
			}
			if i%p == 0 {
				isPrime = false
				break
			}
		}
		if isPrime {
			primes = append(primes, i)
		}
	}
	return primes[n-1]
}
