// Replays exchanges: replay TARGET FOLDER [--ca FILE] [--certificate FILE --key FILE] [--token-file FILE]
// [--timeout-ms N]. Prints a line for each exchange, what differed below it, and ends with 1 when anything did.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"labgloss"
	labglossv1 "labgloss/v1"
)

type recorded struct {
	JSON  json.RawMessage
	Bytes []byte
}

type exchange struct {
	Method    string
	Requests  []recorded
	Responses []recorded
	Error     map[string]interface{}
}

// How the client is asked: the message of a request, and what it answered.
type replay struct {
	request proto.Message
	ask     func(context.Context, *labgloss.Client, []proto.Message) ([]proto.Message, error)
}

var methods = map[string]replay{
	"InterpretPanel":         {&labglossv1.InterpretPanelRequest{}, interpret},
	"BatchInterpretPanels":   {&labglossv1.BatchInterpretPanelsRequest{}, batch},
	"StreamInterpretPanels":  {&labglossv1.StreamInterpretPanelsRequest{}, stream},
	"InterpretBundle":        {&labglossv1.InterpretBundleRequest{}, bundle},
	"GetRelease":             {&labglossv1.GetReleaseRequest{}, release},
	"GetRule":                {&labglossv1.GetRuleRequest{}, rule},
	"ListReferenceIntervals": {&labglossv1.ListReferenceIntervalsRequest{}, intervals},
	"ListAnalytes":           {&labglossv1.ListAnalytesRequest{}, analytes},
	"ListSymptoms":           {&labglossv1.ListSymptomsRequest{}, symptoms},
	"ListSources":            {&labglossv1.ListSourcesRequest{}, sources},
	"ListRules":              {&labglossv1.ListRulesRequest{}, rules},
}

func interpret(ctx context.Context, client *labgloss.Client, asked []proto.Message) ([]proto.Message, error) {
	report, err := client.Interpret(ctx, asked[0].(*labglossv1.InterpretPanelRequest).Panel)
	return []proto.Message{&labglossv1.InterpretPanelResponse{Report: report}}, err
}

func batch(ctx context.Context, client *labgloss.Client, asked []proto.Message) ([]proto.Message, error) {
	outcomes, err := client.InterpretBatch(ctx, asked[0].(*labglossv1.BatchInterpretPanelsRequest).Panels)
	return []proto.Message{&labglossv1.BatchInterpretPanelsResponse{Outcomes: outcomes}}, err
}

func stream(ctx context.Context, client *labgloss.Client, asked []proto.Message) ([]proto.Message, error) {
	var panels []*labglossv1.Panel
	var answered []proto.Message
	var of []*labglossv1.StreamInterpretPanelsResponse
	for _, message := range asked {
		response := &labglossv1.StreamInterpretPanelsResponse{}
		answered = append(answered, response)
		for _, panel := range message.(*labglossv1.StreamInterpretPanelsRequest).Panels {
			panels = append(panels, panel)
			of = append(of, response)
		}
	}
	next := func() (*labglossv1.Panel, error) {
		if len(panels) == 0 {
			return nil, io.EOF
		}
		panel := panels[0]
		panels = panels[1:]
		return panel, nil
	}
	each := func(outcome *labglossv1.PanelOutcome) error {
		of[0].Outcomes = append(of[0].Outcomes, outcome)
		of = of[1:]
		return nil
	}
	return answered, client.InterpretStream(ctx, next, each, labgloss.StreamOptions{PanelsPerMessage: 2})
}

func bundle(ctx context.Context, client *labgloss.Client, asked []proto.Message) ([]proto.Message, error) {
	response, err := client.InterpretBundle(ctx, asked[0].(*labglossv1.InterpretBundleRequest))
	return []proto.Message{response}, err
}

func release(ctx context.Context, client *labgloss.Client, _ []proto.Message) ([]proto.Message, error) {
	release, err := client.Release(ctx)
	return []proto.Message{&labglossv1.GetReleaseResponse{Release: release}}, err
}

func rule(ctx context.Context, client *labgloss.Client, asked []proto.Message) ([]proto.Message, error) {
	rule, err := client.Rule(ctx, asked[0].(*labglossv1.GetRuleRequest).Id)
	return []proto.Message{&labglossv1.GetRuleResponse{Rule: rule}}, err
}

func intervals(ctx context.Context, client *labgloss.Client, asked []proto.Message) ([]proto.Message, error) {
	only := asked[0].(*labglossv1.ListReferenceIntervalsRequest)
	found, err := client.ReferenceIntervals(ctx, only.Analyte, only.Variant)
	return []proto.Message{&labglossv1.ListReferenceIntervalsResponse{Intervals: found}}, err
}

func analytes(ctx context.Context, client *labgloss.Client, _ []proto.Message) ([]proto.Message, error) {
	found, err := client.Analytes(ctx)
	return []proto.Message{&labglossv1.ListAnalytesResponse{Analytes: found}}, err
}

func symptoms(ctx context.Context, client *labgloss.Client, _ []proto.Message) ([]proto.Message, error) {
	found, err := client.Symptoms(ctx)
	return []proto.Message{&labglossv1.ListSymptomsResponse{Symptoms: found}}, err
}

func sources(ctx context.Context, client *labgloss.Client, _ []proto.Message) ([]proto.Message, error) {
	found, err := client.Sources(ctx)
	return []proto.Message{&labglossv1.ListSourcesResponse{Sources: found}}, err
}

func rules(ctx context.Context, client *labgloss.Client, asked []proto.Message) ([]proto.Message, error) {
	only := asked[0].(*labglossv1.ListRulesRequest)
	found, err := client.Rules(ctx, only.Kind, only.Analyte)
	return []proto.Message{&labglossv1.ListRulesResponse{Rules: found}}, err
}

// What is not as it was recorded.
func differences(client *labgloss.Client, came *arrivals, exchange exchange) []string {
	ctx := context.Background()
	replay := methods[exchange.Method[strings.Index(exchange.Method, "/")+1:]]
	var found []string
	var requests []proto.Message
	for _, recorded := range exchange.Requests {
		request, spelled := empty(replay.request), empty(replay.request)
		must(proto.Unmarshal(recorded.Bytes, request))
		must(protojson.Unmarshal(recorded.JSON, spelled))
		requests = append(requests, request)
		if !proto.Equal(request, spelled) {
			found = append(found, "request: its JSON is another message than its bytes")
		}
	}
	responses, err := replay.ask(ctx, client, requests)
	var failure *labgloss.Error
	switch {
	case errors.As(err, &failure):
		return append(found, errorDifferences(failure, exchange.Error)...)
	case err != nil:
		return append(found, err.Error())
	case exchange.Error != nil:
		return append(found, "answered, where an error was recorded")
	case len(responses) != len(exchange.Responses):
		return append(found, "another number of messages was answered")
	}
	for index, recorded := range exchange.Responses {
		if recorded.Bytes != nil && (index >= len(*came) || !bytes.Equal((*came)[index], recorded.Bytes)) {
			found = append(found, "response: other bytes")
		}
		spelled, err := protojson.Marshal(responses[index])
		must(err)
		if !reflect.DeepEqual(value(spelled), value(recorded.JSON)) {
			found = append(found, "response: other JSON")
		}
	}
	return found
}

// The messages of the last call as they came, in their order: written anew by gRPC for Go, the fields of a oneof would be
// the last.
type arrivals [][]byte

func (a *arrivals) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (a *arrivals) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (a *arrivals) HandleConn(context.Context, stats.ConnStats)                       {}
func (a *arrivals) HandleRPC(_ context.Context, event stats.RPCStats) {
	switch event := event.(type) {
	case *stats.Begin:
		*a = nil
	case *stats.InPayload:
		*a = append(*a, append([]byte(nil), event.Data...))
	}
}

// Words of gRPC itself differ from language to language: what is not recorded is not compared.
func errorDifferences(failure *labgloss.Error, recorded map[string]interface{}) []string {
	if recorded == nil {
		return []string{"failed, where an answer was recorded: " + failure.Error()}
	}
	violations := []map[string]string{}
	for _, bad := range failure.Violations {
		reason := strings.TrimPrefix(bad.Reason.String(), "VIOLATION_REASON_")
		violations = append(violations, map[string]string{
			"field": bad.Field, "reason": reason, "description": bad.Description,
		})
	}
	details := []map[string]interface{}{}
	for _, detail := range status.Convert(errors.Unwrap(failure)).Proto().GetDetails() {
		name := detail.GetTypeUrl()[strings.LastIndex(detail.GetTypeUrl(), "/")+1:]
		details = append(details, map[string]interface{}{"type": name, "bytes": detail.GetValue()})
	}
	metadata := failure.Metadata
	if metadata == nil {
		metadata = map[string]string{}
	}
	got := map[string]interface{}{
		"code":         failure.Code,
		"message":      failure.Message,
		"reason":       "",
		"metadata":     metadata,
		"violations":   violations,
		"retryAfterMs": nil,
		"details":      details,
	}
	if failure.Reason != labglossv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		got["reason"] = strings.TrimPrefix(failure.Reason.String(), "ERROR_REASON_")
	}
	if failure.RetryAfter != 0 {
		got["retryAfterMs"] = failure.RetryAfter.Milliseconds()
	}
	var found []string
	for key, expected := range recorded {
		spelled, err := json.Marshal(got[key])
		must(err)
		if !reflect.DeepEqual(value(spelled), expected) {
			found = append(found, fmt.Sprintf("error: other %s: %s", key, spelled))
		}
	}
	return found
}

func empty(message proto.Message) proto.Message { return message.ProtoReflect().New().Interface() }

func value(spelled []byte) (value interface{}) {
	must(json.Unmarshal(spelled, &value))
	return value
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func options(ca, certificate, key, tokenFile string, timeoutMs int) labgloss.Options {
	options := labgloss.Options{Timeout: time.Duration(timeoutMs) * time.Millisecond}
	if tokenFile != "" {
		options.Token = labgloss.TokenFile(tokenFile)
	}
	if ca == "" {
		return options
	}
	trusted, err := os.ReadFile(ca)
	must(err)
	options.TLS = &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	options.TLS.RootCAs.AppendCertsFromPEM(trusted)
	if certificate != "" {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		must(err)
		options.TLS.Certificates = []tls.Certificate{pair}
	}
	return options
}

func main() {
	ca, certificate, key := flag.String("ca", "", ""), flag.String("certificate", "", ""), flag.String("key", "", "")
	tokenFile, timeoutMs := flag.String("token-file", "", ""), flag.Int("timeout-ms", 10000, "")
	must(flag.CommandLine.Parse(os.Args[3:]))
	settings, came := options(*ca, *certificate, *key, *tokenFile, *timeoutMs), &arrivals{}
	settings.Dial = []grpc.DialOption{grpc.WithStatsHandler(came)}
	client, err := labgloss.Dial(os.Args[1], settings)
	must(err)
	defer client.Close()
	healthy, err := client.Healthy(context.Background())
	must(err)
	fmt.Println(map[bool]string{true: "healthy", false: "not healthy"}[healthy])
	files, err := filepath.Glob(filepath.Join(os.Args[2], "*.json"))
	must(err)
	code := 0
	for _, file := range files {
		var exchange exchange
		content, err := os.ReadFile(file)
		must(err)
		must(json.Unmarshal(content, &exchange))
		found := differences(client, came, exchange)
		verdict := "as recorded"
		if len(found) > 0 {
			verdict, code = "differs", 1
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		fmt.Println(strings.Join(append([]string{name + ": " + verdict}, found...), "\n  "))
	}
	os.Exit(code)
}
