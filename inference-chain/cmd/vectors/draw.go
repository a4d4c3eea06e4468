package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"

	"ninefold.dev/inference-chain/core/draw"
)

func init() { registerVectors("draw.json", drawVectors) }

type drawFile struct {
	Spec     string         `json:"spec"`
	Streams  []streamCase   `json:"streams"`
	Uniform  []uniformCase  `json:"uniform"`
	Distinct []distinctCase `json:"distinct"`
	Juries   []juryCase     `json:"juries"`
}

type streamCase struct {
	Domain string     `json:"domain"`
	Fields []bytesHex `json:"fields"`
	Words  []u64      `json:"words"`
}

type uniformCase struct {
	Seed  bytesHex `json:"seed"`
	Model string   `json:"model"`
	N     u64      `json:"n"`
	Draws []u64    `json:"draws"`
}

type distinctCase struct {
	Seed    bytesHex `json:"seed"`
	Holder  bytesHex `json:"holder"`
	Host    bytesHex `json:"host"`
	Size    u64      `json:"size"`
	Claims  u64      `json:"claims"`
	Indices []u64    `json:"indices"`
}

type juryCase struct {
	Name       string     `json:"name"`
	Seed       bytesHex   `json:"seed"`
	Host       bytesHex   `json:"host"`
	Weights    []u64      `json:"weights"`
	Excluded   []int      `json:"excluded_ranks"`
	Seats      u64        `json:"seats"`
	Electorate u64        `json:"electorate"`
	Panel      []seatCase `json:"panel"`
}

type seatCase struct {
	Rank  int `json:"rank"`
	Count u64 `json:"count"`
}

// seedOf and addressOf are the inputs of all vectors that need a block hash or an
// account.
func seedOf(name string) []byte {
	hash := sha256.Sum256([]byte("seed " + name))
	return hash[:]
}

func addressOf(name string) []byte {
	hash := sha256.Sum256([]byte("address " + name))
	return hash[:20]
}

func drawVectors() (any, error) {
	file := drawFile{Spec: "docs/spec/draw.md"}
	for _, build := range []func(*drawFile) error{addStreams, addUniform, addDistinct, addJuries} {
		if err := build(&file); err != nil {
			return nil, err
		}
	}
	return file, nil
}

func addStreams(file *drawFile) error {
	cases := []struct {
		domain string
		fields [][]byte
	}{
		{draw.DomainJury, [][]byte{seedOf("1"), addressOf("host")}},
		{draw.DomainSample, [][]byte{seedOf("1"), addressOf("holder"), addressOf("host")}},
		{draw.DomainSlot, [][]byte{seedOf("2"), []byte("org/model-7b")}},
		{draw.DomainSlot, [][]byte{seedOf("2"), {}}},
	}
	for _, c := range cases {
		stream, err := draw.NewStream(c.domain, c.fields...)
		if err != nil {
			return err
		}
		made := streamCase{Domain: c.domain}
		for _, field := range c.fields {
			made.Fields = append(made.Fields, field)
		}
		for range 9 {
			made.Words = append(made.Words, u64(stream.Uint64()))
		}
		file.Streams = append(file.Streams, made)
	}
	return nil
}

func addUniform(file *drawFile) error {
	for _, n := range []uint64{1, 2, 3, 10, 1_000_003, 1 << 32, 1<<63 - 1, 1 << 63, 1<<63 + 1, math.MaxUint64} {
		made := uniformCase{Seed: seedOf("3"), Model: "org/model", N: u64(n)}
		stream, err := draw.SlotStream(made.Seed, made.Model)
		if err != nil {
			return err
		}
		for range 12 {
			value, err := stream.Uniform(n)
			if err != nil {
				return err
			}
			made.Draws = append(made.Draws, u64(value))
		}
		file.Uniform = append(file.Uniform, made)
	}
	return nil
}

func addDistinct(file *drawFile) error {
	sizes := [][2]uint64{{0, 5}, {5, 0}, {1, 1}, {3, 3}, {4, 3}, {7, 8}, {20, 23}, {200, 199}, {200, 201}, {200, 4_194_304}, {16, 1<<63 + 5}}
	for i, size := range sizes {
		holder, host := addressOf(fmt.Sprint("holder ", i)), addressOf("host")
		indices, err := draw.Sample(seedOf("4"), holder, host, size[0], size[1])
		if err != nil {
			return err
		}
		file.Distinct = append(file.Distinct, distinctCase{
			Seed: seedOf("4"), Holder: holder, Host: host,
			Size: u64(size[0]), Claims: u64(size[1]), Indices: u64s(indices),
		})
	}
	return nil
}

// cumulative is an electorate in memory.
type cumulative []uint64

func (c cumulative) Len() int                            { return len(c) }
func (c cumulative) Cumulative(rank int) (uint64, error) { return c[rank], nil }

func addJuries(file *drawFile) error {
	cases := []struct {
		name     string
		weights  []uint64
		excluded []int
		seats    uint64
	}{
		{"four equal validators, the host is the first", []uint64{100, 100, 100, 100}, []int{0}, 32},
		{"a new host is judged by everybody", []uint64{7, 1_000, 250, 3}, nil, 32},
		{"adjacent exclusions", []uint64{5, 6, 7, 8, 9, 10}, []int{1, 2, 3}, 32},
		{"the first and the last are excluded", []uint64{1 << 40, 3, 5, 1 << 40}, []int{0, 3}, 32},
		{"members without weight are never drawn", []uint64{0, 4, 0, 0, 4, 0}, []int{2}, 16},
		{"the only other member takes every seat", []uint64{9, 1}, []int{0}, 128},
		{"nobody may judge a sole member", []uint64{12}, []int{0}, 32},
		{"nobody is left", []uint64{1, 2}, []int{0, 1}, 32},
		{"weights near 2^63", []uint64{1 << 62, 1<<62 - 1, 1 << 62}, []int{1}, 32},
	}
	for _, c := range cases {
		made, err := juryOf(c.name, c.weights, c.excluded, c.seats)
		if err != nil {
			return err
		}
		file.Juries = append(file.Juries, made)
	}
	return nil
}

func juryOf(name string, weights []uint64, excluded []int, seats uint64) (juryCase, error) {
	var members cumulative
	var total uint64
	for _, weight := range weights {
		total += weight
		members = append(members, total)
	}
	var intervals []draw.Interval
	for _, rank := range excluded {
		start := members[rank] - weights[rank]
		intervals = draw.Exclude(intervals, draw.Interval{Start: start, Weight: weights[rank]})
	}
	drawn := draw.JuryDraw{
		Seed: seedOf("jury"), Host: addressOf(name), Members: members, Excluded: intervals, Seats: seats,
	}
	panel, err := draw.Jury(drawn)
	if err != nil {
		return juryCase{}, err
	}
	made := juryCase{
		Name: name, Seed: drawn.Seed, Host: bytes.Clone(drawn.Host), Weights: u64s(weights),
		Excluded: append([]int{}, excluded...), Seats: u64(seats),
		Electorate: u64(panel.Electorate), Panel: []seatCase{},
	}
	for _, seat := range panel.Seats {
		made.Panel = append(made.Panel, seatCase{Rank: seat.Rank, Count: u64(seat.Count)})
	}
	return made, nil
}
