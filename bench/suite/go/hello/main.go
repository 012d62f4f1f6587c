// The smallest program with one goroutine: what it takes to compile, and how large it is.
package main

import "fmt"

func main() {
	done := make(chan struct{})
	go func() {
		fmt.Println("hello")
		close(done)
	}()
	<-done
}
