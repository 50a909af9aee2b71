package labgloss

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	// Lets the service config ask for health.
	_ "google.golang.org/grpc/health"
	"google.golang.org/grpc/keepalive"
)

// Retries are those of attempts.go, which every version of gRPC for Go has.
const serviceConfig = `{
	"loadBalancingConfig": [{"round_robin": {}}],
	"healthCheckConfig": {"serviceName": "` + service + `"}
}`

const receiveLimitBytes = 4 * 1024 * 1024

// Options say how the service is reached. Zero values are the defaults.
type Options struct {
	// Encrypts; needed for any other machine. With Certificates it is mutual TLS.
	TLS *tls.Config
	// Allows panels in the clear to another machine, where something else encrypts the way.
	Plaintext bool
	// Gives the token that goes with each call, such as TokenFile("token"). Over TLS, or to this machine.
	Token func() (string, error)
	// Allowed for a call whose context has no deadline; 1 s by default.
	Timeout time.Duration
	// Allowed for a batch whose context has no deadline; 10 s by default.
	BatchTimeout time.Duration
	// Makes every call, also while the service refuses most.
	Unthrottled bool
	// Further options of gRPC, such as interceptors.
	Dial []grpc.DialOption
}

func connect(target string, options Options) (*grpc.ClientConn, error) {
	switch elsewhere := !IsLoopback(target); {
	case options.TLS != nil && options.Plaintext:
		return nil, fmt.Errorf("TLS and Plaintext contradict each other: give one of them")
	case options.TLS == nil && elsewhere && !options.Plaintext:
		return nil, fmt.Errorf("the target %s is not on this machine, and panels must not travel unencrypted: give "+
			"TLS, or Plaintext where something else encrypts the way, such as a service mesh", target)
	case options.TLS == nil && elsewhere && options.Token != nil:
		return nil, fmt.Errorf("the target %s is not on this machine, and a token must not travel unencrypted: "+
			"whoever reads it can use it; give TLS", target)
	}
	settings := []grpc.DialOption{
		grpc.WithDefaultServiceConfig(serviceConfig),
		// The configuration above counts, not one that a name server hands out.
		grpc.WithDisableServiceConfig(),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true), grpc.MaxCallRecvMsgSize(receiveLimitBytes)),
		// The service closes connections that are pinged more often than every 10 s.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 60 * time.Second, Timeout: 5 * time.Second}),
		grpc.WithConnectParams(grpc.ConnectParams{
			// A service that is back goes unnoticed for no longer than this.
			Backoff: backoff.Config{
				BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 10 * time.Second,
			},
			MinConnectTimeout: 2 * time.Second,
		}),
	}
	if options.TLS != nil {
		settings = append(settings, grpc.WithTransportCredentials(credentials.NewTLS(options.TLS)))
	} else {
		// Otherwise HTTPS_PROXY would lead panels in the clear through a proxy.
		settings = append(settings, grpc.WithInsecure(), grpc.WithNoProxy())
	}
	return grpc.Dial(target, append(settings, options.Dial...)...)
}

// TokenFile gives the token that a file holds at each call, so that one that is renewed there is taken.
func TokenFile(file string) func() (string, error) {
	return func() (string, error) {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		token := strings.TrimSpace(string(content))
		// Its content is a secret, and is not repeated.
		if token == "" || strings.IndexFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
			return "", fmt.Errorf("%s does not hold one token and nothing else", file)
		}
		return token, nil
	}
}

// IsLoopback says whether a target is on this machine; a form that is not known here is not.
func IsLoopback(target string) bool {
	if strings.HasPrefix(target, "unix:") || strings.HasPrefix(target, "unix-abstract:") {
		return true
	}
	host, _, err := net.SplitHostPort(strings.TrimPrefix(target, "dns:///"))
	if err != nil {
		return false
	}
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
