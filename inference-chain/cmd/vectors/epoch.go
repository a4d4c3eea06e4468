package main

import (
	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/core/params"
)

func init() { registerVectors("epoch.json", epochVectors) }

type epochFile struct {
	Spec      string          `json:"spec"`
	Cycles    []cycleCase     `json:"cycles"`
	Formation []formationCase `json:"formed_per_block"`
	Chain     []chainCase     `json:"chain"`
}

type lengthsCase struct {
	PocExchange           u64 `json:"poc_exchange_blocks"`
	PocValidationExchange u64 `json:"poc_validation_exchange_blocks"`
	ModelLoading          u64 `json:"model_loading_blocks"`
	Inference             u64 `json:"inference_blocks"`
}

type heightsCase struct {
	PocStart           i64 `json:"poc_start"`
	PocEnd             i64 `json:"poc_end"`
	PocValidationStart i64 `json:"poc_validation_start"`
	PocValidationEnd   i64 `json:"poc_validation_end"`
	SetNewValidators   i64 `json:"set_new_validators"`
	NextPocStart       i64 `json:"next_poc_start"`
}

type windowCase struct {
	Name  string `json:"name"`
	First i64    `json:"first"`
	Last  i64    `json:"last"`
}

type cycleCase struct {
	Name       string       `json:"name"`
	Genesis    bool         `json:"genesis"`
	From       i64          `json:"from"`
	Lengths    lengthsCase  `json:"lengths"`
	PocPeriod  u64          `json:"poc_period"`
	Generation u64          `json:"generation"`
	Heights    heightsCase  `json:"heights"`
	Windows    []windowCase `json:"windows"`
}

type formationCase struct {
	ModelLoading u64 `json:"model_loading_blocks"`
	Parameter    u64 `json:"formation_hosts_per_block"`
	Hosts        u64 `json:"hosts"`
	Formed       u64 `json:"formed_per_block"`
}

// chainCase is a chain whose live lengths change at given heights.
type chainCase struct {
	Initial i64          `json:"initial_height"`
	Genesis lengthsCase  `json:"genesis"`
	Changes []changeCase `json:"changes"`
	Epochs  []epochCase  `json:"epochs"`
}

type changeCase struct {
	Height  i64         `json:"height"`
	Lengths lengthsCase `json:"lengths"`
}

type epochCase struct {
	Index   u64         `json:"index"`
	Heights heightsCase `json:"heights"`
}

func epochVectors() (any, error) {
	file := epochFile{Spec: "docs/spec/epoch.md"}
	shortest := epoch.Lengths{PocExchange: 2, PocValidationExchange: 4, ModelLoading: 3, Inference: 14}
	longest := epoch.Lengths{
		PocExchange: 1_000_000, PocValidationExchange: 1_000_000, ModelLoading: 1_000_000, Inference: 10_000_000,
	}
	for _, c := range []struct {
		name    string
		genesis bool
		from    int64
		lengths epoch.Lengths
	}{
		{"genesis of the testnet", true, 1, params.Testnet().Lengths()},
		{"the testnet's first round", false, 36, params.Testnet().Lengths()},
		{"genesis of a chain that starts at 1000", true, 1_000, params.Default().Lengths()},
		{"production", false, 15_001, params.Default().Lengths()},
		{"the shortest legal epoch", false, 1, shortest},
		{"the longest legal epoch", false, 1 << 62, longest},
	} {
		made, err := cycleOf(c.name, c.genesis, c.from, c.lengths)
		if err != nil {
			return nil, err
		}
		file.Cycles = append(file.Cycles, made)
	}
	for _, c := range [][3]uint64{{120, 200, 23_600}, {120, 200, 23_601}, {3, 1, 17}, {4, 200, 1_000}, {4, 1, 0}} {
		formed := epoch.FormedPerBlock(c[0], c[1], c[2])
		file.Formation = append(file.Formation, formationCase{u64(c[0]), u64(c[1]), u64(c[2]), u64(formed)})
	}
	changing, err := chainOf(shortest, params.Testnet().Lengths())
	file.Chain = []chainCase{changing}
	return file, err
}

func cycleOf(name string, genesis bool, from int64, l epoch.Lengths) (cycleCase, error) {
	open := epoch.Open
	if genesis {
		open = epoch.Genesis
	}
	heights, err := open(from, l)
	if err != nil {
		return cycleCase{}, err
	}
	made := cycleCase{
		Name: name, Genesis: genesis, From: i64(from), Lengths: lengthsOf(l),
		PocPeriod: u64(l.PocPeriod()), Generation: u64(l.Generation()), Heights: heightsOf(heights),
	}
	add := func(name string, w epoch.Window) {
		made.Windows = append(made.Windows, windowCase{name, i64(w.First), i64(w.Last)})
	}
	for _, stage := range epoch.Stages() {
		add(stage.String(), heights.Window(stage))
	}
	add("batches", heights.Batches())
	add("verdicts", heights.Verdicts())
	add("allocation of 4 blocks", heights.Allocation(4))
	return made, nil
}

// chainOf runs six epochs while governance switches between two lengths at heights
// of different stages.
func chainOf(first, second epoch.Lengths) (chainCase, error) {
	changes := map[int64]epoch.Lengths{15: second, 20: first, 43: second, 70: first, 160: second}
	made := chainCase{Initial: 1, Genesis: lengthsOf(first)}
	clock, err := epoch.Start(1, first)
	if err != nil {
		return chainCase{}, err
	}
	made.Epochs = append(made.Epochs, epochCase{0, heightsOf(clock.Heights)})
	live := first
	for height := int64(1); clock.Opened < 6; height++ {
		if changed, ok := changes[height]; ok {
			live = changed
			made.Changes = append(made.Changes, changeCase{i64(height), lengthsOf(live)})
		}
		if !clock.Due(height) {
			continue
		}
		if clock, err = clock.Open(height, live); err != nil {
			return chainCase{}, err
		}
		made.Epochs = append(made.Epochs, epochCase{u64(clock.Opened), heightsOf(clock.Heights)})
	}
	return made, nil
}

func lengthsOf(l epoch.Lengths) lengthsCase {
	return lengthsCase{u64(l.PocExchange), u64(l.PocValidationExchange), u64(l.ModelLoading), u64(l.Inference)}
}

func heightsOf(h epoch.Heights) heightsCase {
	return heightsCase{
		i64(h.PocStart), i64(h.PocEnd), i64(h.PocValidationStart), i64(h.PocValidationEnd),
		i64(h.SetNewValidators), i64(h.NextPocStart),
	}
}
