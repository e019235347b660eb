// The Sigstore timestamp authority with keys in memory, without the metrics listener that its own program binds to a
// fixed port on every interface.
package main

import (
	"flag"
	"log"
	"time"

	authoritylog "github.com/sigstore/timestamp-authority/v2/pkg/log"
	"github.com/sigstore/timestamp-authority/v2/pkg/server"
	"github.com/spf13/viper"
)

const policy = "1.3.6.1.4.1.57264.2"

func main() {
	port := flag.Int("port", 0, "port on 127.0.0.1")
	flag.Parse()
	authoritylog.ConfigureLogger("prod")
	for name, value := range map[string]any{
		"timestamp-signer":         "memory",
		"timestamp-signer-hash":    "sha256",
		"enforce-intermediate-eku": true,
		"default-policy-oid":       policy,
		"accepted-policy-oids":     []string{policy},
		"max-request-body-size":    uint64(1 << 20),
	} {
		viper.Set(name, value)
	}
	authority := server.NewRestAPIServer("127.0.0.1", *port, []string{"http"}, false, 10*time.Second, 10*time.Second)
	authority.CleanupTimeout = time.Second
	log.Fatal(authority.Serve())
}
