// SPDX-License-Identifier: Apache-2.0

// A gRPC peer on grpc-go for the interop tests of pkg/grpc. Messages are raw bytes, so no generated code is needed.
//
//	grpc-go -serve             listens on a free port, prints it, and serves until its standard input ends
//	grpc-go -call host:port    makes every call below and prints what came of each as one line of JSON
//
// The methods are those of pkg/grpc/test-peers/interop-peer.ts.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const (
	failText = "kein Öl: 100 % weg"
	mebibyte = 1 << 20
)

// rawCodec passes bytes through. It calls itself "proto" because that is what the other side expects to see.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }

func (rawCodec) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = bytes.Clone(data)
	return nil
}

func main() {
	serving := flag.Bool("serve", false, "serve until standard input ends")
	target := flag.String("call", "", "call the server at this address")
	flag.Parse()
	encoding.RegisterCodec(rawCodec{})
	switch {
	case *serving:
		serve()
	case *target != "":
		call(*target)
	default:
		flag.Usage()
		os.Exit(2)
	}
}

// Server

func serve() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(
		grpc.UnknownServiceHandler(dispatch),
		grpc.ForceServerCodec(rawCodec{}),
		grpc.MaxRecvMsgSize(16*mebibyte),
	)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		server.Stop()
	}()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	if err := server.Serve(listener); err != nil {
		log.Fatal(err)
	}
}

// dispatch serves every method as a stream, which is what a unary call is on the wire.
func dispatch(_ any, stream grpc.ServerStream) error {
	path, _ := grpc.MethodFromServerStream(stream)
	switch strings.TrimPrefix(path, "/interop.Peer/") {
	case "Echo":
		return echo(stream)
	case "Fail":
		stream.SetTrailer(metadata.Pairs("x-why", "because"))
		return status.Error(codes.NotFound, failText)
	case "Never":
		<-stream.Context().Done()
		return status.FromContextError(stream.Context().Err()).Err()
	case "Big":
		return big(stream)
	case "Pipe":
		return pipe(stream)
	default:
		return status.Error(codes.Unimplemented, "no such method")
	}
}

func echo(stream grpc.ServerStream) error {
	incoming, _ := metadata.FromIncomingContext(stream.Context())
	for _, value := range incoming.Get("x-echo") {
		if err := stream.SetHeader(metadata.Pairs("x-echo", value)); err != nil {
			return err
		}
		stream.SetTrailer(metadata.Pairs("x-echo", value))
	}
	for _, value := range incoming.Get("x-echo-bin") {
		stream.SetTrailer(metadata.Pairs("x-echo-bin", value))
	}
	var message []byte
	if err := stream.RecvMsg(&message); err != nil {
		return err
	}
	return stream.SendMsg(&message)
}

func big(stream grpc.ServerStream) error {
	var message []byte
	if err := stream.RecvMsg(&message); err != nil {
		return err
	}
	length, err := strconv.Atoi(string(message))
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	reply := bytes.Repeat([]byte{7}, length)
	return stream.SendMsg(&reply)
}

func pipe(stream grpc.ServerStream) error {
	for {
		var message []byte
		err := stream.RecvMsg(&message)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
}

// Client

// outcome is what one call came to.
type outcome struct {
	Case    string              `json:"case"`
	Code    string              `json:"code"`
	Message string              `json:"message"`
	Length  int                 `json:"length"`
	Same    bool                `json:"same"`
	Header  map[string][]string `json:"header"`
	Trailer map[string][]string `json:"trailer"`
}

func call(target string) {
	connection, err := grpc.NewClient(target,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{}), grpc.MaxCallRecvMsgSize(16*mebibyte)),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	ctx := context.Background()

	withMetadata := metadata.AppendToOutgoingContext(ctx, "x-echo", "one", "x-echo", "two", "x-echo-bin", "\x00\xff")
	unary(withMetadata, connection, "echo", "Echo", []byte("hello"))
	unary(ctx, connection, "empty", "Echo", nil)
	unary(ctx, connection, "fail", "Fail", nil)
	unary(ctx, connection, "unknown", "Nothing", nil)
	unary(ctx, connection, "large", "Echo", bytes.Repeat([]byte("0123456789abcdef"), 4*mebibyte/16))
	unary(ctx, connection, "too large", "Echo", bytes.Repeat([]byte{1}, 4*mebibyte+1))
	unary(ctx, connection, "gzip", "Echo", bytes.Repeat([]byte("pack me "), 20_000), grpc.UseCompressor(gzip.Name))

	short, cancel := context.WithTimeout(ctx, 60*time.Millisecond)
	unary(short, connection, "deadline", "Never", nil)
	cancel()

	cancelled, cancel := context.WithCancel(ctx)
	time.AfterFunc(60*time.Millisecond, cancel)
	unary(cancelled, connection, "cancel", "Never", nil)

	piped(ctx, connection)
}

func unary(ctx context.Context, connection *grpc.ClientConn, name, method string, request []byte, options ...grpc.CallOption) {
	var header, trailer metadata.MD
	var reply []byte
	options = append(options, grpc.Header(&header), grpc.Trailer(&trailer))
	err := connection.Invoke(ctx, "/interop.Peer/"+method, &request, &reply, options...)
	report(outcome{
		Case: name, Code: status.Code(err).String(), Message: status.Convert(err).Message(), Length: len(reply),
		Same: bytes.Equal(request, reply), Header: header, Trailer: trailer,
	})
}

func piped(ctx context.Context, connection *grpc.ClientConn) {
	description := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	stream, err := connection.NewStream(ctx, description, "/interop.Peer/Pipe")
	if err != nil {
		log.Fatal(err)
	}
	var sent, received []byte
	for i := range 20 {
		message := []byte(fmt.Sprintf("message %d;", i))
		sent = append(sent, message...)
		if err := stream.SendMsg(&message); err != nil {
			log.Fatal(err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		log.Fatal(err)
	}
	for {
		var message []byte
		err = stream.RecvMsg(&message)
		if err != nil {
			break
		}
		received = append(received, message...)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	report(outcome{
		Case: "pipe", Code: status.Code(err).String(), Message: status.Convert(err).Message(), Length: len(received),
		Same: bytes.Equal(sent, received), Header: nil, Trailer: stream.Trailer(),
	})
}

func report(result outcome) {
	// Trailers may hold bytes, which JSON cannot: only their length is told.
	for name, values := range result.Trailer {
		if strings.HasSuffix(name, "-bin") {
			for i, value := range values {
				values[i] = fmt.Sprintf("%x", value)
			}
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		log.Fatal(err)
	}
}
