// SPDX-License-Identifier: Apache-2.0

// Command linearizability checks histories of entities by porcupine, an established checker of linearizability.
//
// It reads a history from standard input, one operation per line, as `operation` in history.go says; the order of the lines
// does not matter. It writes one verdict per entity to standard output, also as JSON lines, in the order in which the entities
// first occur. It exits with 0 if it could judge, whatever the verdicts, and with 2 if the input is wrong.
//
// A history is linearizable if every operation can be given one moment between its call and its return such that all
// operations, carried out one after the other at these moments, give the answers that were seen (Herlihy and Wing 1990).
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"
)

func main() {
	limits := limits{}
	var memoryMiB int64
	flag.DurationVar(&limits.time, "time-limit", 10*time.Second, "for the search of one entity, and as much for its counterexample")
	flag.Int64Var(&memoryMiB, "memory-limit", 512, "for the search of one entity, in MiB, approximately")
	flag.Parse()
	limits.memoryBytes = memoryMiB << 20
	if err := run(limits); err != nil {
		fmt.Fprintf(os.Stderr, "linearizability: %v\n", err)
		os.Exit(2)
	}
}

func run(limits limits) error {
	histories, err := readHistories(os.Stdin)
	if err != nil {
		return err
	}
	verdicts := judgeAll(histories, limits)
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	// Arrows and the like are for people to read.
	encoder.SetEscapeHTML(false)
	for _, verdict := range verdicts {
		if err := encoder.Encode(verdict); err != nil {
			return err
		}
	}
	return out.Flush()
}

// judgeAll judges as many entities at the same time as there are processors.
func judgeAll(histories []*history, limits limits) []verdict {
	verdicts := make([]verdict, len(histories))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var all sync.WaitGroup
	for index, history := range histories {
		slots <- struct{}{}
		all.Go(func() {
			verdicts[index] = judge(history, limits)
			<-slots
		})
	}
	all.Wait()
	return verdicts
}
