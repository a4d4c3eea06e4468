// Package weight turns judged proofs into weights and weights into consensus
// power.
//
// A host is formed by one pure function of its own facts and the round's, so
// that a cursor may form hosts in any number of blocks and in any order. The
// formulas stand in docs/spec/weight.md.
package weight
