// Package commit turns a node's valid nonces into something small enough for
// a chain: a count, a range per lane and the root of an ordered Merkle tree.
// It builds such trees, opens sampled leaves, checks openings, and decides
// whether a batch may be accepted.
//
// Everything is a pure function of its arguments. The formulas, their units
// and what an opening proves stand in docs/spec/commit.md.
package commit
