// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"
)

// A verdict is a line of the output.
type verdict struct {
	Entity string `json:"entity"`
	// One of the below.
	Verdict    string `json:"verdict"`
	Operations int    `json:"operations"`
	DurationMs int64  `json:"durationMs"`
	// Lines for people: of a history that is not linearizable a few operations that are wrong by themselves.
	Counterexample []string `json:"counterexample,omitempty"`
}

const (
	ok              = "ok"
	notLinearizable = "not linearizable"
	// The search came to its limits.
	unknown = "unknown"
)

type limits struct {
	time        time.Duration
	memoryBytes int64
}

func judge(history *history, limits limits) verdict {
	begin := time.Now()
	all := cut{untilUs: math.MaxInt64}
	found := history.search(all, limits)
	verdict := verdict{Entity: history.entity, Verdict: found, Operations: len(history.operations)}
	verdict.DurationMs = time.Since(begin).Milliseconds()
	if found == notLinearizable {
		verdict.Counterexample = history.describe(history.shrink(all, limits))
	}
	return verdict
}

// What porcupine keeps for each step of its search beside one bit for each operation, approximately.
const stepBytes = 250

// search looks for a linearization of the part of the history that the cut leaves.
func (h *history) search(cut cut, limits limits) string {
	sights := h.dropUnseen(h.apply(cut))
	model := registerModel()
	if !h.isRegister {
		model = listModel(sights, cut.areSomeHidden())
	}
	// Porcupine remembers every state that it has been in, and has a bound on time, but none on memory. Refusing all
	// steps ends the search soon, with a result that counts only if it is a linearization.
	mostSteps := limits.memoryBytes / int64(stepBytes+len(sights)/8)
	var steps atomic.Int64
	step := model.Step
	model.Step = func(state, input, output any) (bool, any) {
		if steps.Load() > mostSteps {
			return false, state
		}
		isRight, next := step(state, input, output)
		if isRight {
			steps.Add(1)
		}
		return isRight, next
	}
	operations := make([]porcupine.Operation, len(sights))
	for index, sight := range sights {
		returnUs := int64(math.MaxInt64)
		if sight.isKnown {
			returnUs = *sight.ReturnUs
		}
		operations[index] = porcupine.Operation{Input: sight, Call: sight.CallUs, Return: returnUs}
	}
	switch porcupine.CheckOperationsTimeout(model, operations, limits.time) {
	case porcupine.Ok:
		return ok
	case porcupine.Illegal:
		if steps.Load() <= mostSteps {
			return notLinearizable
		}
	}
	return unknown
}

// dropUnseen leaves out operations that can be taken as having had no effect: queries without an answer, and changes without one
// whose value was never seen, if no answer says how many there were. It only makes the search shorter.
func (h *history) dropUnseen(sights []*sight) []*sight {
	seen := map[token]bool{}
	isCounted := false
	for _, sight := range sights {
		if !sight.isKnown {
			continue
		}
		isCounted = isCounted || sight.total != noTotal
		if sight.Kind == "read" {
			seen[sight.value] = true
		}
		for _, value := range sight.values {
			seen[value] = true
		}
	}
	var kept []*sight
	for _, sight := range sights {
		if sight.isKnown || !sight.isQuery() && (isCounted || seen[sight.value]) {
			kept = append(kept, sight)
		}
	}
	return kept
}
