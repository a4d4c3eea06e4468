package main

import "ninefold.dev/inference-chain/core/commit"

func init() { registerVectors("commit.json", commitVectors) }

type commitFile struct {
	Spec    string       `json:"spec"`
	Nonces  []nonceCase  `json:"nonces"`
	Trees   []treeCase   `json:"trees"`
	Checks  []checkCase  `json:"checks"`
	Dense   []denseCase  `json:"dense"`
	Batches []batchChain `json:"batches"`
}

type nonceCase struct {
	NodeIndex u64          `json:"node_index"`
	NodeCount u64          `json:"node_count"`
	Lanes     u64          `json:"lanes"`
	Lane      u64          `json:"lane"`
	K         u64          `json:"k"`
	Position  outcome[u64] `json:"position"`
	Nonce     outcome[u64] `json:"nonce"`
}

// openingCase is a multiproof; siblings are encoded summaries of 52 bytes.
type openingCase struct {
	Index    []u64      `json:"index"`
	X        []u64      `json:"x"`
	Siblings []bytesHex `json:"siblings"`
}

type treeCase struct {
	Positions []u64       `json:"positions"`
	Root      bytesHex    `json:"root"`
	Opening   openingCase `json:"opening"`
}

type checkCase struct {
	Name     string      `json:"name"`
	Count    u64         `json:"count"`
	Root     bytesHex    `json:"root"`
	Previous []u64       `json:"previous_lane_next"`
	Next     []u64       `json:"lane_next"`
	Want     []u64       `json:"sampled"`
	Opening  openingCase `json:"opening"`
	Results  []string    `json:"results"`
}

func commitVectors() (any, error) {
	file := commitFile{Spec: "docs/spec/commit.md"}
	addNonces(&file)
	if err := addTrees(&file); err != nil {
		return nil, err
	}
	if err := addChecks(&file); err != nil {
		return nil, err
	}
	addDense(&file)
	addBatches(&file)
	return file, nil
}

func addNonces(file *commitFile) {
	for _, c := range [][5]uint64{
		{0, 1, 1, 0, 9},
		{1, 2, 16, 3, 5},
		{4, 5, 16, 15, 1_000_000},
		{255, 256, 64, 63, 1<<48 - 1},
		{2, 2, 16, 0, 0},
		{0, 1, 16, 16, 0},
		{0, 1, 64, 0, 1 << 58},
		{0, 0, 16, 0, 0},
		{0, 1, 0, 0, 0},
	} {
		position, positionErr := commit.Position(c[3], c[4])
		nonce, nonceErr := commit.Stride{NodeIndex: c[0], NodeCount: c[1], Lanes: c[2]}.Nonce(c[3], c[4])
		file.Nonces = append(file.Nonces, nonceCase{
			u64(c[0]), u64(c[1]), u64(c[2]), u64(c[3]), u64(c[4]),
			outcomeOf(u64(position), positionErr), outcomeOf(u64(nonce), nonceErr),
		})
	}
}

// thirds returns the positions 0, 3, 6 … of lane 0.
func thirds(n int) []uint64 {
	positions := make([]uint64, n)
	for i := range positions {
		positions[i] = uint64(i) * 3
	}
	return positions
}

func addTrees(file *commitFile) error {
	for _, c := range []struct {
		positions, opened []uint64
	}{
		{[]uint64{9}, []uint64{0}},
		{[]uint64{3, 1<<56 | 2}, []uint64{1}},
		{thirds(3), []uint64{2}},
		{thirds(7), []uint64{0, 5}},
		{thirds(8), []uint64{1, 2, 3}},
		{thirds(37), []uint64{0, 17, 18, 36}},
		{thirds(6), []uint64{0, 1, 2, 3, 4, 5}},
		{[]uint64{0, 5, 1 << 56, 1<<56 | 7, 63<<56 | (1<<48 - 1)}, []uint64{3}},
	} {
		tree, err := commit.NewTree(c.positions)
		if err != nil {
			return err
		}
		opening, err := tree.Open(c.opened)
		if err != nil {
			return err
		}
		root := tree.Root()
		file.Trees = append(file.Trees, treeCase{u64s(c.positions), root[:], openingOf(opening)})
	}
	return nil
}

func openingOf(o commit.Opening) openingCase {
	made := openingCase{Index: u64s(o.Index), X: u64s(o.X), Siblings: []bytesHex{}}
	for _, s := range o.Siblings {
		made.Siblings = append(made.Siblings, s.Append(nil))
	}
	return made
}

func addChecks(file *commitFile) error {
	wide := []uint64{1 << 20, 1 << 20}
	for _, c := range []struct {
		name           string
		positions      []uint64
		count          uint64
		previous, next []uint64
		opened, want   []uint64
		change         func(*commit.Opening)
	}{
		{"honest", thirds(9), 9, nil, wide, []uint64{2, 3, 8}, []uint64{2, 3, 8}, nil},
		{"a leaf is not opened", thirds(9), 9, nil, wide, []uint64{2, 8}, []uint64{2, 3, 8}, nil},
		{"other leaves are opened", thirds(9), 9, nil, wide, []uint64{1, 4}, []uint64{2, 3}, nil},
		{"another position", thirds(9), 9, nil, wide, []uint64{2}, []uint64{2}, func(o *commit.Opening) { o.X[0]++ }},
		{"a sibling too many", thirds(9), 9, nil, wide, []uint64{2}, []uint64{2}, func(o *commit.Opening) {
			o.Siblings = append(o.Siblings, o.Siblings[0])
		}},
		{"a repeated position", []uint64{1, 2, 2, 8}, 4, nil, wide, []uint64{0}, []uint64{0}, nil},
		{"a fallen pair", []uint64{1, 2, 3, 4, 90, 80, 100, 110}, 8, nil, wide, []uint64{0, 4, 6}, []uint64{0, 4, 6}, nil},
		{"a repeated half", []uint64{1, 2, 3, 4, 1, 2, 3, 4}, 8, nil, wide, []uint64{6}, []uint64{6}, nil},
		{"seven leaves claimed as eight", thirds(7), 8, nil, wide, []uint64{0}, []uint64{0}, nil},
		{"below the range", thirds(9), 9, []uint64{7}, wide, []uint64{2, 3}, []uint64{2, 3}, nil},
		{"above the range", thirds(9), 9, nil, []uint64{9}, []uint64{2, 3}, []uint64{2, 3}, nil},
		{"a lane that the node lacks", []uint64{1 << 56}, 1, nil, []uint64{9}, []uint64{0}, []uint64{0}, nil},
	} {
		tree, err := commit.NewUnorderedTree(c.positions)
		if err != nil {
			return err
		}
		opening, err := tree.Open(c.opened)
		if err != nil {
			return err
		}
		if c.change != nil {
			c.change(&opening)
		}
		root := tree.Root()
		claim := commit.Claim{Count: c.count, Root: root, Previous: c.previous, Next: c.next}
		made := checkCase{
			Name: c.name, Count: u64(c.count), Root: root[:], Previous: u64s(c.previous), Next: u64s(c.next),
			Want: u64s(c.want), Opening: openingOf(opening),
		}
		for _, result := range claim.Check(c.want, opening) {
			made.Results = append(made.Results, result.String())
		}
		file.Checks = append(file.Checks, made)
	}
	return nil
}
