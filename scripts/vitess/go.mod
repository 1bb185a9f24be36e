// The Vitess that tests and benchmarks run against; `programs` builds it.
module whimbrel/scripts/vitess

go 1.26.2

require vitess.io/vitess v0.24.0
