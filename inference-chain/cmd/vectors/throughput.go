package main

import (
	"math"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/core/throughput"
)

func init() { registerVectors("throughput.json", throughputVectors) }

type throughputFile struct {
	Spec      string         `json:"spec"`
	Ring      ringCase       `json:"ring"`
	Measures  []measureCase  `json:"measures"`
	Windows   []windowsCase  `json:"windows"`
	Expected  []expectedCase `json:"expected"`
	Validated []validCase    `json:"validated"`
}

// ringCase plays credits into one ring; a height beyond the newest one advances it.
type ringCase struct {
	Blocks  u64          `json:"blocks"`
	Credits []creditStep `json:"credits"`
	Sums    []sumCase    `json:"sums"` // after all of them
}

type creditStep struct {
	Newest i64  `json:"newest"`
	Height i64  `json:"height"`
	Tokens u64  `json:"tokens"`
	Counts bool `json:"counts"` // whether the ring holds the height
}

type sumCase struct {
	First i64          `json:"first"`
	Last  i64          `json:"last"`
	Sum   outcome[u64] `json:"sum"`
}

type measureCase struct {
	Tokens []u64        `json:"tokens"` // of blocks 1, 2 …
	First  i64          `json:"first"`
	Last   i64          `json:"last"`
	Period u64          `json:"period"`
	Result outcome[u64] `json:"throughput"`
}

type windowsCase struct {
	Genesis  bool        `json:"genesis"`
	From     i64         `json:"from"`
	Lengths  lengthsCase `json:"lengths"`
	PreFirst i64         `json:"pre_poc_first"`
	PreLast  i64         `json:"pre_poc_last"`
	PocFirst i64         `json:"poc_first"`
	PocLast  i64         `json:"poc_last"`
}

type expectedCase struct {
	Known    bool `json:"known"`
	Real     u64  `json:"real"`
	Capacity u64  `json:"capacity"`
	Expected u64  `json:"expected"`
}

type validCase struct {
	Weight   u64 `json:"poc_weight"`
	Real     u64 `json:"real"`
	Expected u64 `json:"expected"`
	Kept     u64 `json:"kept"`
}

func throughputVectors() (any, error) {
	file := throughputFile{Spec: "docs/spec/throughput.md"}
	for _, build := range []func(*throughputFile) error{addRing, addMeasures, addWindows} {
		if err := build(&file); err != nil {
			return nil, err
		}
	}
	for _, c := range []struct {
		before   throughput.Measured
		capacity uint64
	}{{throughput.Measured{}, 9}, {throughput.Measured{Known: true}, 9}, {throughput.Measured{Tokens: 7, Known: true}, 9}} {
		file.Expected = append(file.Expected, expectedCase{
			c.before.Known, u64(c.before.Tokens), u64(c.capacity), u64(throughput.Expected(c.before, c.capacity)),
		})
	}
	for _, c := range [][3]uint64{
		{100, 50, 50},
		{100, 51, 50},
		{100, 49, 50},
		{100, 1, 3},
		{100, 0, 3},
		{100, 0, 0},
		{0, 1, 3},
		{math.MaxUint64, math.MaxUint64 - 1, math.MaxUint64},
		{1<<61 + 1, 1 << 60, 1<<60 + 1},
	} {
		kept := throughput.ValidateThroughputPerformance(c[0], c[1], c[2])
		file.Validated = append(file.Validated, validCase{u64(c[0]), u64(c[1]), u64(c[2]), u64(kept)})
	}
	return file, nil
}

func addRing(file *throughputFile) error {
	file.Ring.Blocks = 4
	ring, err := throughput.NewRing(4)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		newest, height int64
		tokens         uint64
	}{{1, 1, 5}, {3, 1, 7}, {3, 3, 11}, {3, 4, 13}, {5, 1, 17}, {5, 2, 19}, {5, 5, 23}, {6, 3, 29}, {6, 6, math.MaxUint64}} {
		if ring, err = ring.Advance(c.newest); err != nil {
			return err
		}
		counts := ring.Holds(c.height)
		if counts {
			if ring, err = ring.Credit(c.height, c.tokens); err != nil {
				return err
			}
		}
		file.Ring.Credits = append(file.Ring.Credits, creditStep{i64(c.newest), i64(c.height), u64(c.tokens), counts})
	}
	for _, w := range []epoch.Window{{First: 3, Last: 5}, {First: 2, Last: 5}, {First: 5, Last: 6}, {First: 6, Last: 7}, {First: 4, Last: 3}} {
		sum, err := ring.Sum(w)
		file.Ring.Sums = append(file.Ring.Sums, sumCase{i64(w.First), i64(w.Last), outcomeOf(u64(sum), err)})
	}
	return nil
}

func addMeasures(file *throughputFile) error {
	for _, c := range []struct {
		tokens []uint64
		window epoch.Window
		period uint64
	}{
		{[]uint64{1, 10, 100}, epoch.Window{First: 1, Last: 3}, 3},
		{[]uint64{1, 10, 100}, epoch.Window{First: 1, Last: 3}, 7},
		{[]uint64{1, 10, 100}, epoch.Window{First: 2, Last: 2}, 7},
		{[]uint64{1, 10, 100}, epoch.Window{First: -3, Last: 2}, 7},
		{[]uint64{1, 10, 100}, epoch.Window{First: 2, Last: 4}, 7},
		{[]uint64{1, 10, 100}, epoch.Window{First: 3, Last: 2}, 7},
		{[]uint64{1 << 62, 1 << 62}, epoch.Window{First: 1, Last: 2}, 3},
		{[]uint64{1 << 62, 1 << 62}, epoch.Window{First: 1, Last: 2}, 4},
	} {
		ring, err := throughput.NewRing(8)
		if err != nil {
			return err
		}
		for i, n := range c.tokens {
			if ring, err = ring.Advance(int64(i) + 1); err != nil {
				return err
			}
			if ring, err = ring.Credit(int64(i)+1, n); err != nil {
				return err
			}
		}
		got, err := throughput.MeasureModelThroughputForBlocks(ring, c.window, c.period)
		file.Measures = append(file.Measures, measureCase{
			u64s(c.tokens), i64(c.window.First), i64(c.window.Last), u64(c.period), outcomeOf(u64(got), err),
		})
	}
	return nil
}

func addWindows(file *throughputFile) error {
	testnet := epoch.Lengths{PocExchange: 8, PocValidationExchange: 8, ModelLoading: 4, Inference: 35}
	least := epoch.Lengths{PocExchange: 2, PocValidationExchange: 4, ModelLoading: 3, Inference: 14}
	for _, c := range []struct {
		genesis bool
		from    int64
		lengths epoch.Lengths
	}{{true, 1, testnet}, {false, 36, testnet}, {false, 15, least}, {true, 1_000, least}} {
		heights, err := epoch.Open(c.from, c.lengths)
		if c.genesis {
			heights, err = epoch.Genesis(c.from, c.lengths)
		}
		if err != nil {
			return err
		}
		pre, during := throughput.PrePocWindow(heights, c.lengths.PocPeriod()), throughput.PocWindow(heights)
		file.Windows = append(file.Windows, windowsCase{
			c.genesis, i64(c.from), lengthsOf(c.lengths), i64(pre.First), i64(pre.Last), i64(during.First), i64(during.Last),
		})
	}
	return nil
}
