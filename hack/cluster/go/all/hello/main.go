// SPDX-License-Identifier: Apache-2.0

// Command hello answers every request with one line. It shows that the cluster
// runs a service, without any of Perdure in it.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
)

func main() {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello %s from %s\n", os.Getenv("TARGET"), os.Getenv("K_REVISION"))
	})
	log.Fatal(http.ListenAndServe(":"+port, nil))
}
