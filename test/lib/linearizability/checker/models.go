// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/anishathalye/porcupine"

// A sight is an operation as far as the models look at it.
type sight struct {
	*operation
	// False also for an operation that is taken as unknown because only the time before its return is looked at.
	isKnown bool
	// Of a list: those of its values that are looked at, and the place in the tree of lists where they lead to.
	values []token
	place  int
}

// registerModel is a register: its state is a token.
func registerModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return none },
		Step: func(state, input, _ any) (bool, any) {
			sight := input.(*sight)
			if sight.isQuery() {
				return sight.value == state.(token), state
			}
			return true, sight.value
		},
	}
}

// A listState is the state of a list. Its values are a place in the tree of all lists that were seen; two lists are at the same
// place if and only if they have the same values in the same order.
type listState struct {
	// astray if no list was seen that begins like this one, so that none can be seen any more.
	place  int
	length int
	total  int
	// How often it was seen since the last append.
	shown int
}

type edge struct {
	place int
	value token
}

const astray = -1

// listModel is a list to which values are only ever appended.
//
// The longest list that was seen says in which order its values were appended, because the list was at some time just that one.
// So the model refuses all other orders, and the search need not try them. No linearization is lost by that.
// And a list that was seen comes before the next append, because it never is the same again. So the model refuses that append
// until all who have seen the list have done so, and the search notices at once what it would otherwise notice when they return.
//
// areSomeHidden: appends are left out, and their values in lists with them. The state's total is then the least that it can be,
// because what was left out may have been appended at any time.
func listModel(sights []*sight, areSomeHidden bool) porcupine.Model {
	tree := map[edge]int{}
	due := map[int]int{}
	var longest []token
	for _, sight := range sights {
		if sight.Kind != "list" {
			continue
		}
		if len(sight.values) > len(longest) {
			longest = sight.values
		}
		sight.place = 0
		for _, value := range sight.values {
			next, ok := tree[edge{sight.place, value}]
			if !ok {
				next = len(tree) + 1
				tree[edge{sight.place, value}] = next
			}
			sight.place = next
		}
		due[sight.place]++
	}
	canBe := func(seen, least int) bool { return seen == least || areSomeHidden && seen > least }
	return porcupine.Model{
		Init: func() any { return listState{} },
		Step: func(before, input, _ any) (bool, any) {
			state, sight := before.(listState), input.(*sight)
			if sight.Kind == "list" {
				isRight := sight.place == state.place && len(sight.values) == state.length
				state.shown++
				return isRight, state
			}
			if sight.Kind == "count" {
				isRight := canBe(sight.total, state.total)
				state.total = sight.total
				return isRight, state
			}
			if state.shown < due[state.place] {
				return false, state
			}
			state.shown = 0
			if state.length < len(longest) && longest[state.length] != sight.value {
				return false, state
			}
			if next, ok := tree[edge{state.place, sight.value}]; ok {
				state.place = next
			} else {
				state.place = astray
			}
			state.length++
			state.total++
			if !sight.isKnown || sight.total == noTotal {
				return true, state
			}
			isRight := canBe(sight.total, state.total)
			state.total = sight.total
			return isRight, state
		},
	}
}
