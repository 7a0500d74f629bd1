// SPDX-License-Identifier: Apache-2.0

// Reads protobuf's JSON and writes it again as Go's protojson does. The argument is a file with a serialized
// google.protobuf.FileDescriptorSet; each line of standard input is {"type": …, "json": …}, each line of standard output
// {"bytes": …, "json": …} or {"error": …}.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

type question struct {
	Type string `json:"type"`
	JSON string `json:"json"`
}

type answer struct {
	Bytes []byte `json:"bytes,omitempty"`
	JSON  string `json:"json,omitempty"`
	Error string `json:"error,omitempty"`
}

func main() {
	types, err := readTypes(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for lines.Scan() {
		given, err := convert(types, lines.Bytes())
		if err != nil {
			given = answer{Error: err.Error()}
		}
		if err := encoder.Encode(given); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func readTypes(file string) (*dynamicpb.Types, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(data, &set); err != nil {
		return nil, err
	}
	files, err := protodesc.NewFiles(&set)
	if err != nil {
		return nil, err
	}
	return dynamicpb.NewTypes(files), nil
}

func convert(types *dynamicpb.Types, line []byte) (answer, error) {
	var asked question
	if err := json.Unmarshal(line, &asked); err != nil {
		return answer{}, err
	}
	messageType, err := types.FindMessageByName(protoreflect.FullName(asked.Type))
	if err != nil {
		return answer{}, err
	}
	message := messageType.New().Interface()
	if err := (protojson.UnmarshalOptions{Resolver: types}).Unmarshal([]byte(asked.JSON), message); err != nil {
		return answer{}, err
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	if err != nil {
		return answer{}, err
	}
	written, err := protojson.MarshalOptions{Resolver: types, EmitUnpopulated: true}.Marshal(message)
	if err != nil {
		return answer{}, err
	}
	// Its blanks are random on purpose.
	var compact bytes.Buffer
	if err := json.Compact(&compact, written); err != nil {
		return answer{}, err
	}
	return answer{Bytes: data, JSON: compact.String()}, nil
}
