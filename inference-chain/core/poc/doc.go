// Package poc judges proofs of compute: which claims a seat holder samples,
// what its counts mean, what a jury decides, and how many of a host's claims
// are credited.
//
// Everything is a pure function of its arguments; addresses are raw bytes,
// probabilities are exact rationals. The formulas stand in
// docs/spec/poc-judging.md.
package poc
