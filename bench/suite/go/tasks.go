// Many small goroutines: spawn_join, skynet, fib, nqueens, yield, memory, idle.
package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// ---- spawn_join

// Starts n children that write 1 to a place of their own, and adds up.
func batchWithWaitGroup(results []int64) int64 {
	var children sync.WaitGroup
	children.Add(len(results))
	for i := range results {
		go func(result *int64) {
			*result = 1
			children.Done()
		}(&results[i])
	}
	children.Wait()
	var sum int64
	for _, result := range results {
		sum += result
	}
	return sum
}

// Starts n children that send 1, and adds up.
func batchWithChannel(n int) int64 {
	results := make(chan int64, n)
	for i := 0; i < n; i++ {
		go func() { results <- 1 }()
	}
	var sum int64
	for i := 0; i < n; i++ {
		sum += <-results
	}
	return sum
}

func spawnJoinParent(variant string, n, batch int) int64 {
	var sum int64
	for left := n; left > 0; left -= batch {
		if left < batch {
			batch = left
		}
		if variant == "chan" {
			sum += batchWithChannel(batch)
		} else {
			sum += batchWithWaitGroup(make([]int64, batch))
		}
	}
	return sum
}

func spawnJoin(r *request) {
	n, batch, parents := r.number("n"), r.number("batch"), r.number("parents")
	expect(parents > 0 && n%parents == 0, "n is a multiple of parents")
	if batch == 0 {
		batch = n / parents
	}
	r.repeat(func() (int, extraValues) {
		if parents == 1 {
			expect(spawnJoinParent(r.variant, n, batch) == int64(n), "the sum")
			return n, nil
		}
		sums := make(chan int64, parents)
		for i := 0; i < parents; i++ {
			go func() { sums <- spawnJoinParent(r.variant, n/parents, batch) }()
		}
		var sum int64
		for i := 0; i < parents; i++ {
			sum += <-sums
		}
		expect(sum == int64(n), "the sum")
		return n, nil
	})
}

// ---- skynet

func skynetWithChannel(out chan<- int64, first, size int) {
	if size == 1 {
		out <- int64(first)
		return
	}
	results := make(chan int64)
	for i := 0; i < 10; i++ {
		go skynetWithChannel(results, first+i*(size/10), size/10)
	}
	var sum int64
	for i := 0; i < 10; i++ {
		sum += <-results
	}
	out <- sum
}

func skynetWithWaitGroup(first, size int) int64 {
	if size == 1 {
		return int64(first)
	}
	var children sync.WaitGroup
	var results [10]int64
	children.Add(len(results))
	for i := range results {
		go func(i int) {
			results[i] = skynetWithWaitGroup(first+i*(size/10), size/10)
			children.Done()
		}(i)
	}
	children.Wait()
	var sum int64
	for _, result := range results {
		sum += result
	}
	return sum
}

func isPowerOfTen(n int) bool {
	for n > 1 && n%10 == 0 {
		n /= 10
	}
	return n == 1
}

func skynet(r *request) {
	n := r.number("n")
	expect(isPowerOfTen(n), "n is a power of ten")
	r.repeat(func() (int, extraValues) {
		var sum int64
		if r.variant == "chan" {
			result := make(chan int64)
			go skynetWithChannel(result, 0, n)
			sum = <-result
		} else {
			sum = skynetWithWaitGroup(0, n)
		}
		expect(sum == int64(n)*int64(n-1)/2, "the sum of the leaves")
		return n, nil
	})
}

// ---- fib

func fibWithChannel(n int) int64 {
	if n < 2 {
		return int64(n)
	}
	first := make(chan int64, 1)
	go func() { first <- fibWithChannel(n - 1) }()
	second := fibWithChannel(n - 2)
	return <-first + second
}

func fibWithWaitGroup(n int) int64 {
	if n < 2 {
		return int64(n)
	}
	var first int64
	var child sync.WaitGroup
	child.Add(1)
	go func() {
		first = fibWithWaitGroup(n - 1)
		child.Done()
	}()
	second := fibWithWaitGroup(n - 2)
	child.Wait()
	return first + second
}

func fibNumber(n int) int64 {
	var a, b int64 = 0, 1
	for ; n > 0; n-- {
		a, b = b, a+b
	}
	return a
}

func fib(r *request) {
	n := r.number("n")
	r.repeat(func() (int, extraValues) {
		var result int64
		if r.variant == "chan" {
			result = fibWithChannel(n)
		} else {
			result = fibWithWaitGroup(n)
		}
		expect(result == fibNumber(n), "fib(n)")
		return int(2*fibNumber(n+1) - 1), nil
	})
}

// ---- nqueens

const queensMax = 16

// True when a queen in `column` of the next row is safe from those in the first rows.
func isSafe(columns *[queensMax]int8, rows int, column int8) bool {
	for i := 0; i < rows; i++ {
		distance := int8(rows - i)
		if columns[i] == column || columns[i] == column-distance || columns[i] == column+distance {
			return false
		}
	}
	return true
}

func queensFrom(columns [queensMax]int8, row, n int) int64 {
	if row == n {
		return 1
	}
	var children sync.WaitGroup
	var results [queensMax]int64
	for column := int8(0); column < int8(n); column++ {
		if !isSafe(&columns, row, column) {
			continue
		}
		children.Add(1)
		go func(column int8) {
			next := columns
			next[row] = column
			results[column] = queensFrom(next, row+1, n)
			children.Done()
		}(column)
	}
	children.Wait()
	var sum int64
	for _, result := range results {
		sum += result
	}
	return sum
}

// Without goroutines: the legal places of all rows, and the solutions.
func countQueens(columns [queensMax]int8, row, n int) (places, solutions int64) {
	if row == n {
		return 0, 1
	}
	for column := int8(0); column < int8(n); column++ {
		if !isSafe(&columns, row, column) {
			continue
		}
		columns[row] = column
		p, s := countQueens(columns, row+1, n)
		places, solutions = places+p+1, solutions+s
	}
	return places, solutions
}

func nqueens(r *request) {
	n := r.number("n")
	expect(n <= queensMax, "n is at most 16")
	places, solutions := countQueens([queensMax]int8{}, 0, n)
	r.repeat(func() (int, extraValues) {
		expect(queensFrom([queensMax]int8{}, 0, n) == solutions, "the number of solutions")
		return int(places), nil
	})
}

// ---- yield

func yield(r *request) {
	n, k := r.number("n"), r.number("k")
	r.repeat(func() (int, extraValues) {
		var flows sync.WaitGroup
		var total int64
		flows.Add(k)
		for i := 0; i < k; i++ {
			go func() {
				count := 0
				for ; count < n/k; count++ {
					runtime.Gosched()
				}
				atomic.AddInt64(&total, int64(count))
				flows.Done()
			}()
		}
		flows.Wait()
		expect(total == int64(n/k*k), "the count")
		return int(total), nil
	})
}

// ---- memory

func memory(r *request) {
	count := r.number("count")
	r.repeat(func() (int, extraValues) {
		event := make(chan struct{})
		var waiting int64
		var flows sync.WaitGroup
		flows.Add(count)
		for i := 0; i < count; i++ {
			go func() {
				atomic.AddInt64(&waiting, 1)
				<-event
				flows.Done()
			}()
		}
		for atomic.LoadInt64(&waiting) < int64(count) {
			runtime.Gosched()
		}
		each := float64(memoryBytes()-memoryAtStart) / float64(count)
		close(event)
		flows.Wait()
		return count, extraValues{"bytes_each": each}
	})
}

// ---- idle

func idle(r *request) {
	r.repeat(func() (int, extraValues) {
		time.Sleep(time.Second)
		return 1, nil
	})
}
