package params

import (
	"strconv"

	"ninefold.dev/inference-chain/core/fixed"
)

// Row is what the table says of one parameter, as text, for documents, queries and
// the simulator.
type Row struct {
	Name    string // as in messages, documents and the simulator
	Kind    string // "integer", "decimal", "choice" or "bool"
	Default string
	Testnet string
	Range   string // legal values, as intervals: [ ] include their end, ( ) do not
	Unit    string
	Error   string // what Validate says when the value is not legal
	Doc     string // one sentence on what the parameter does
}

// entry is one parameter of the table.
type entry interface {
	row() Row
	put(p *Params, testnet bool)
	show(p Params) string
	legal(p Params) bool
}

// count is an integer parameter, legal from low to high inclusive.
type count struct {
	name      string
	at        func(*Params) *uint64
	value     uint64
	testnet   uint64 // 0: as value
	low, high uint64
	unit, doc string
}

func (c count) row() Row {
	legal := "[" + number(c.low) + ", " + number(c.high) + "]"
	return describe(Row{Name: c.name, Kind: "integer", Range: legal, Unit: c.unit, Doc: c.doc}, c)
}

func (c count) put(p *Params, testnet bool) {
	*c.at(p) = c.value
	if testnet && c.testnet != 0 {
		*c.at(p) = c.testnet
	}
}

func (c count) show(p Params) string { return number(*c.at(&p)) }

func (c count) legal(p Params) bool {
	value := *c.at(&p)
	return c.low <= value && value <= c.high
}

// fraction is a decimal parameter.
type fraction struct {
	name            string
	at              func(*Params) *string
	value           string
	testnet         string // "": as value
	low, high       string
	lowOut, highOut bool // whether the end itself is illegal
	unit, doc       string
}

func (f fraction) row() Row {
	opening, closing := "[", "]"
	if f.lowOut {
		opening = "("
	}
	if f.highOut {
		closing = ")"
	}
	legal := opening + f.low + ", " + f.high + closing
	return describe(Row{Name: f.name, Kind: "decimal", Range: legal, Unit: f.unit, Doc: f.doc}, f)
}

func (f fraction) put(p *Params, testnet bool) {
	*f.at(p) = f.value
	if testnet && f.testnet != "" {
		*f.at(p) = f.testnet
	}
}

func (f fraction) show(p Params) string { return *f.at(&p) }

func (f fraction) legal(p Params) bool {
	value, err := fixed.Parse(*f.at(&p))
	low, lowErr := fixed.Parse(f.low)
	high, highErr := fixed.Parse(f.high)
	if err != nil || lowErr != nil || highErr != nil {
		return false
	}
	return (value > low || !f.lowOut && value == low) &&
		(value < high || !f.highOut && value == high)
}

// choice is a parameter with one legal text.
type choice struct {
	name, value, unit, doc string
	at                     func(*Params) *string
}

func (c choice) row() Row {
	return describe(Row{Name: c.name, Kind: "choice", Range: c.value, Unit: c.unit, Doc: c.doc}, c)
}

func (c choice) put(p *Params, _ bool) { *c.at(p) = c.value }

func (c choice) show(p Params) string { return *c.at(&p) }

func (c choice) legal(p Params) bool { return *c.at(&p) == c.value }

// flag is a switch, off by default.
type flag struct {
	name, doc string
	at        func(*Params) *bool
}

func (f flag) row() Row {
	return describe(Row{Name: f.name, Kind: "bool", Range: "true or false", Unit: "switch", Doc: f.doc}, f)
}

func (f flag) put(p *Params, _ bool) { *f.at(p) = false }

func (f flag) show(p Params) string { return strconv.FormatBool(*f.at(&p)) }

func (f flag) legal(Params) bool { return true }

// describe fills in what follows from the entry: its presets and its error text.
func describe(r Row, e entry) Row {
	var production, testnet Params
	e.put(&production, false)
	e.put(&testnet, true)
	r.Default, r.Testnet = e.show(production), e.show(testnet)
	switch r.Kind {
	case "choice":
		r.Error = r.Name + " must be " + r.Range
	case "decimal":
		r.Error = r.Name + " must be a decimal of at most 18 digits in " + r.Range
	default:
		r.Error = r.Name + " must lie in " + r.Range
	}
	return r
}

func number(value uint64) string { return strconv.FormatUint(value, 10) }
