// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// An operation is a line of the input. Its kind says what its input and its output are:
//
//	append  adds the value `input` to the end of a list; its output is {"total": 3}, the length with it, or {}
//	list    its output is all values of the list, as ["a","b"]
//	count   its output is the length of the list
//	write   replaces the value of a register by `input`; null deletes it
//	read    its output is the value of the register, or null if there is none
//
// An entity is a list (append, list, count) or a register (write, read), and empty at first.
//
// An operation without a known outcome has no output and no returnUs. It may take effect at any time after its call, or
// never. One that certainly had no effect, because it was refused, is not in the input.
//
// Times are whole microseconds of one monotonic clock. Operations whose times touch count as simultaneous.
type operation struct {
	Entity   string          `json:"entity"`
	Process  string          `json:"process"`
	Kind     string          `json:"kind"`
	Input    *string         `json:"input"`
	Output   json.RawMessage `json:"output"`
	CallUs   int64           `json:"callUs"`
	ReturnUs *int64          `json:"returnUs"`

	isKnown bool
	// Of an append or a write; of a read what it returned.
	value token
	// Of a list.
	values []token
	// Of a count, and of an append that says it; otherwise noTotal.
	total int
}

// A token stands for a value of an entity, so that values are compared quickly.
type token int32

const (
	// none is the value of a register that has none.
	none    token = 0
	noTotal       = -1
)

// A history is all that happened to one entity, in no particular order.
type history struct {
	entity     string
	isRegister bool
	operations []*operation
	names      []string
	tokens     map[string]token
}

// What a broken producer may make this program hold in memory.
const (
	maxLineBytes  = 64 << 20
	maxOperations = 5_000_000
)

func readHistories(in io.Reader) ([]*history, error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 1<<16), maxLineBytes)
	known := map[string]*history{}
	var all []*history
	for number := 1; lines.Scan(); number++ {
		if number > maxOperations {
			return nil, fmt.Errorf("more than %d operations", maxOperations)
		}
		operation := &operation{total: noTotal}
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(operation); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		found := known[operation.Entity]
		if found == nil {
			found = &history{entity: operation.Entity, names: []string{"null"}, tokens: map[string]token{}}
			known[operation.Entity] = found
			all = append(all, found)
		}
		if err := found.add(operation); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	return all, lines.Err()
}

func (h *history) add(o *operation) error {
	isOfRegister := o.Kind == "write" || o.Kind == "read"
	if len(h.operations) == 0 {
		h.isRegister = isOfRegister
	} else if h.isRegister != isOfRegister {
		return fmt.Errorf("%s is both a list and a register", h.entity)
	}
	o.isKnown = o.ReturnUs != nil
	if o.isKnown != (o.Output != nil) {
		return errors.New("only one of output and returnUs is there")
	}
	if o.isKnown && *o.ReturnUs < o.CallUs {
		return errors.New("it returns before it is called")
	}
	if err := h.readInput(o); err != nil {
		return err
	}
	if o.isKnown {
		if err := h.readOutput(o); err != nil {
			return fmt.Errorf("output of %s: %w", o.Kind, err)
		}
	}
	h.operations = append(h.operations, o)
	return nil
}

func (h *history) readInput(o *operation) error {
	switch o.Kind {
	case "append":
		if o.Input == nil {
			return errors.New("an append has no input")
		}
		o.value = h.token(o.Input)
	case "write":
		o.value = h.token(o.Input)
	case "list", "count", "read":
		if o.Input != nil {
			return fmt.Errorf("a %s has an input", o.Kind)
		}
	default:
		return fmt.Errorf("%q is not a kind of operation", o.Kind)
	}
	return nil
}

func (h *history) readOutput(o *operation) error {
	switch o.Kind {
	case "append":
		var reply struct{ Total *int }
		if err := json.Unmarshal(o.Output, &reply); err != nil {
			return err
		}
		if reply.Total != nil {
			o.total = *reply.Total
		}
	case "list":
		var values []string
		if err := json.Unmarshal(o.Output, &values); err != nil {
			return err
		}
		o.values = make([]token, len(values))
		for index := range values {
			o.values[index] = h.token(&values[index])
		}
	case "count":
		return json.Unmarshal(o.Output, &o.total)
	case "read":
		var value *string
		if err := json.Unmarshal(o.Output, &value); err != nil {
			return err
		}
		o.value = h.token(value)
	}
	return nil
}

func (h *history) token(name *string) token {
	if name == nil {
		return none
	}
	if known, ok := h.tokens[*name]; ok {
		return known
	}
	next := token(len(h.names))
	h.names = append(h.names, *name)
	h.tokens[*name] = next
	return next
}

// isQuery says that the operation changes nothing.
func (o *operation) isQuery() bool {
	return o.Kind != "append" && o.Kind != "write"
}
