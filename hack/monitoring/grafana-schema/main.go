// SPDX-License-Identifier: Apache-2.0

// Command grafana-schema reads dashboards by the types that Grafana generates from its own schemas, strictly: a field that the
// schema does not have, a value of another type, and a constraint that is not met are errors. It names each file that
// it finds right on standard output, and every error on standard error.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	// Panels and queries are of types of their own, each with a schema.
	plugins.RegisterDefaultPlugins()
	failed := false
	for _, path := range os.Args[1:] {
		if err := check(path); err != nil {
			failed = true
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			continue
		}
		fmt.Println(path)
	}
	if failed {
		os.Exit(1)
	}
}

func check(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var board dashboard.Dashboard
	// It returns an empty list, which is not nil, if nothing is wrong.
	var problems cog.BuildErrors
	if err := board.UnmarshalJSONStrict(text); err != nil && !(errors.As(err, &problems) && len(problems) == 0) {
		return err
	}
	return board.Validate()
}
