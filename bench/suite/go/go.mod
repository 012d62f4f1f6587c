module sennit.dev/bench/suite/go

go 1.23
