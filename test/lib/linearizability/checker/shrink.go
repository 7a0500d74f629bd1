// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// A cut leaves a part of a history, such that the part of a linearizable history is linearizable. So a part that is not proves
// that the whole is not. What can be left out:
//
//   - everything after a moment. A change that had not returned by then has an unknown outcome, a query is left out.
//   - a query.
//   - a value: of a list, what appended it, and the value itself wherever it was seen; of a register, whatever wrote it or read it.
type cut struct {
	untilUs int64
	queries map[*operation]bool
	values  map[token]bool
}

func (c cut) areSomeHidden() bool {
	return len(c.values) > 0
}

func (h *history) apply(cut cut) []*sight {
	var sights []*sight
	for _, operation := range h.operations {
		isKnown := operation.isKnown && *operation.ReturnUs <= cut.untilUs
		if operation.CallUs > cut.untilUs || operation.isQuery() && (!isKnown || cut.queries[operation]) {
			continue
		}
		isOfValue := operation.Kind != "list" && operation.Kind != "count"
		if isOfValue && cut.values[operation.value] {
			continue
		}
		left := &sight{operation: operation, isKnown: isKnown, values: operation.values}
		if len(cut.values) > 0 {
			isCut := func(value token) bool { return cut.values[value] }
			left.values = slices.DeleteFunc(slices.Clone(operation.values), isCut)
		}
		sights = append(sights, left)
	}
	return sights
}

// shrink returns a cut of a history that is not linearizable whose rest is not either and cannot be made smaller step by step;
// or a greater one if the time is over before.
func (h *history) shrink(whole cut, limits limits) cut {
	end := time.Now().Add(limits.time)
	isStillWrong := func(cut cut) bool {
		limits.time = time.Until(end)
		return limits.time > 0 && h.search(cut, limits) == notLinearizable
	}
	smallest := h.endEarly(whole, isStillWrong)
	var parts []func(cut)
	for _, sight := range h.apply(smallest) {
		if sight.isQuery() {
			parts = append(parts, func(cut cut) { cut.queries[sight.operation] = true })
		}
	}
	for value := range h.names {
		parts = append(parts, func(cut cut) { cut.values[token(value)] = true })
	}
	// Halves first, then quarters and so on: nearly everything can be left out.
	for size := (len(parts) + 1) / 2; size > 0 && time.Now().Before(end); size /= 2 {
		for from := 0; from < len(parts); {
			to := min(from+size, len(parts))
			smaller := smallest.clone()
			for _, leaveOut := range parts[from:to] {
				leaveOut(smaller)
			}
			if isStillWrong(smaller) {
				smallest = smaller
				parts = slices.Delete(parts, from, to)
			} else {
				from = to
			}
		}
	}
	return smallest
}

// endEarly finds the first answer that is wrong: a beginning of a linearizable history is linearizable, so it halves.
func (h *history) endEarly(whole cut, isStillWrong func(cut) bool) cut {
	var returnsUs []int64
	for _, operation := range h.operations {
		if operation.isKnown {
			returnsUs = append(returnsUs, *operation.ReturnUs)
		}
	}
	slices.Sort(returnsUs)
	smallest := whole
	for from, to := 0, len(returnsUs)-1; from <= to; {
		middle := (from + to) / 2
		earlier := cut{untilUs: returnsUs[middle]}
		if isStillWrong(earlier) {
			smallest, to = earlier, middle-1
		} else {
			from = middle + 1
		}
	}
	return smallest
}

func (c cut) clone() cut {
	copied := cut{untilUs: c.untilUs, queries: map[*operation]bool{}, values: map[token]bool{}}
	for query := range c.queries {
		copied.queries[query] = true
	}
	for value := range c.values {
		copied.values[value] = true
	}
	return copied
}

// How much of a counterexample is shown. It ends with the answer that is wrong.
const (
	mostLines  = 20
	mostValues = 8
)

// describe shows what a cut leaves, one line per operation by the time of its call, with times since the first operation of the
// entity.
func (h *history) describe(cut cut) []string {
	sights := h.dropUnseen(h.apply(cut))
	slices.SortStableFunc(sights, func(a, b *sight) int { return int(a.CallUs - b.CallUs) })
	beginUs := int64(math.MaxInt64)
	for _, operation := range h.operations {
		beginUs = min(beginUs, operation.CallUs)
	}
	lines := []string{fmt.Sprintf("%d of %d operations, which no order explains:", len(sights), len(h.operations))}
	if left := len(sights) - mostLines; left > 0 {
		lines = append(lines, fmt.Sprintf("(%d operations before these)", left))
		sights = sights[left:]
	}
	for _, sight := range sights {
		returned := "…"
		if sight.operation.isKnown {
			returned = fmt.Sprintf("%.3f", float64(*sight.ReturnUs-beginUs)/1000)
		}
		called := float64(sight.CallUs-beginUs) / 1000
		lines = append(lines, fmt.Sprintf("%.3f–%s ms, %s: %s", called, returned, sight.Process, h.describeOne(sight)))
	}
	return lines
}

func (h *history) describeOne(sight *sight) string {
	var answer string
	switch {
	case !sight.operation.isKnown:
		answer = "no answer"
	case sight.Kind == "list":
		answer = h.describeValues(sight)
	case sight.Kind == "count":
		answer = fmt.Sprint(sight.total)
	case sight.Kind == "read":
		answer = h.names[sight.value]
	case sight.total != noTotal:
		answer = fmt.Sprintf("done, total %d", sight.total)
	default:
		answer = "done"
	}
	if sight.isQuery() {
		return fmt.Sprintf("%s → %s", sight.Kind, answer)
	}
	return fmt.Sprintf("%s %s → %s", sight.Kind, h.names[sight.value], answer)
}

func (h *history) describeValues(sight *sight) string {
	var names []string
	for _, value := range sight.values[max(0, len(sight.values)-mostValues):] {
		names = append(names, h.names[value])
	}
	shown := fmt.Sprintf("[%s]", strings.Join(names, ", "))
	if len(names) == len(sight.operation.values) {
		return shown
	}
	return fmt.Sprintf("%s of its %d values", shown, len(sight.operation.values))
}
