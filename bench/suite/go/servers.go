package main

import (
	"net"
	"net/http"
)

func (r *request) listen() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:"+r.text("port"))
	if err != nil {
		fail("%v", err)
	}
	return listener
}

func echo(connection net.Conn) {
	defer connection.Close()
	buffer := make([]byte, 1024)
	for {
		n, err := connection.Read(buffer)
		if err != nil {
			return
		}
		if _, err := connection.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func echoServer(r *request) {
	listener := r.listen()
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				fail("accept: %v", err)
			}
			go echo(connection)
		}
	}()
	r.serveUntilTerminated()
}

func httpServer(r *request) {
	listener := r.listen()
	hello := []byte("hello world\n")
	http.HandleFunc("/", func(response http.ResponseWriter, _ *http.Request) {
		response.Header().Set("Content-Type", "text/plain")
		response.Write(hello)
	})
	go func() { fail("serve: %v", http.Serve(listener, nil)) }()
	r.serveUntilTerminated()
}
