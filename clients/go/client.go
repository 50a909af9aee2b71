// Package labgloss asks a labgloss service to explain laboratory panels.
//
//	client, err := labgloss.Dial("127.0.0.1:50051", labgloss.Options{})
//	...
//	report, err := client.Interpret(ctx, &labglossv1.Panel{Results: []*labglossv1.Result{
//		{Analyte: "magnesium", Value: "0.41", Unit: "mmol/L"},
//	}})
//
// Panels and reports are the messages of labgloss/v1; every field is commented in proto/labgloss/v1.
package labgloss

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	labglossv1 "labgloss/v1"
)

const (
	service = "labgloss.v1.InterpretationService"

	defaultTimeout      = time.Second
	defaultBatchTimeout = 10 * time.Second

	// What the service takes in one message of a batch or stream.
	panelsLimit       = 100
	messageLimitBytes = 1024 * 1024
	// Tag and length of one panel in the message, at most.
	panelFrameBytes = 6
)

// Client is a connection to the service, for any number of goroutines. Every error of a call is an *Error, but for what
// Options.Token or the functions of a stream return.
//
// Where the context of a call has no deadline, Options.Timeout counts, connecting and retries included.
type Client struct {
	connection     *grpc.ClientConn
	interpretation labglossv1.InterpretationServiceClient
	fhir           labglossv1.FhirServiceClient
	knowledge      labglossv1.KnowledgeServiceClient
	health         healthpb.HealthClient
	options        Options
	budget         retryBudget
	throttle       *throttle
}

// Dial gives a client of the target, as gRPC writes it: "host:port", "dns:///host:port", "unix:path". Where it names
// several backends, calls go in turn to those whose health service says that they serve. Nothing is connected yet.
//
// The error says that panels or a token would travel in the clear to another machine.
func Dial(target string, options Options) (*Client, error) {
	connection, err := connect(target, options)
	if err != nil {
		return nil, err
	}
	client := &Client{
		connection:     connection,
		interpretation: labglossv1.NewInterpretationServiceClient(connection),
		fhir:           labglossv1.NewFhirServiceClient(connection),
		knowledge:      labglossv1.NewKnowledgeServiceClient(connection),
		health:         healthpb.NewHealthClient(connection),
		options:        options,
	}
	client.budget.tokens = maxTokens
	if !options.Unthrottled {
		client.throttle = newThrottle()
	}
	return client, nil
}

// Close ends the connection and the calls under way.
func (c *Client) Close() error { return c.connection.Close() }

// Interpret gives the report on one panel. A result that cannot be judged is no error: the report refuses it.
func (c *Client) Interpret(ctx context.Context, panel *labglossv1.Panel) (*labglossv1.Report, error) {
	var response *labglossv1.InterpretPanelResponse
	err := c.call(ctx, c.timeout(), func(ctx context.Context) (err error) {
		response, err = c.interpretation.InterpretPanel(ctx, &labglossv1.InterpretPanelRequest{Panel: panel})
		return err
	})
	if err != nil {
		return nil, err
	}
	if response.Report == nil {
		return nil, defect("the service answered without a report")
	}
	if err := checkSame(panel, response.Report.PanelId); err != nil {
		return nil, err
	}
	return response.Report, nil
}

// InterpretBatch gives one outcome, report or error, for each of up to 100 panels, in their order; one bad panel spoils
// no other.
func (c *Client) InterpretBatch(ctx context.Context, panels []*labglossv1.Panel) ([]*labglossv1.PanelOutcome, error) {
	var response *labglossv1.BatchInterpretPanelsResponse
	err := c.call(ctx, c.batchTimeout(), func(ctx context.Context) (err error) {
		request := &labglossv1.BatchInterpretPanelsRequest{Panels: panels}
		response, err = c.interpretation.BatchInterpretPanels(ctx, request)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := checkOutcomes(panels, response.Outcomes); err != nil {
		return nil, err
	}
	return response.Outcomes, nil
}

// StreamOptions say how a stream is cut. A zero is the default.
type StreamOptions struct {
	// 1 to 100; 50 by default.
	PanelsPerMessage int
	// So many messages are sent ahead of the outcomes; 4 by default.
	MessagesUnderWay int
}

// InterpretStream takes panels from next until it returns io.EOF, and gives each outcome, in their order, to each.
// Panels are read only as they are needed. Where the service refuses a message as a whole, that is the outcome of each
// of its panels. There is no deadline but that of the context, and nothing is retried: the outcomes so far stand; send
// the rest again. Whatever else next or each returns ends the stream, and is returned.
func (c *Client) InterpretStream(
	ctx context.Context,
	next func() (*labglossv1.Panel, error),
	each func(*labglossv1.PanelOutcome) error,
	options StreamOptions,
) error {
	most := options.MessagesUnderWay
	if most <= 0 {
		most = 4
	}
	packing := packing{next: next, most: options.PanelsPerMessage}
	if packing.most <= 0 || packing.most > panelsLimit {
		packing.most = 50
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ctx, err := c.withToken(ctx)
	if err != nil {
		return err
	}
	stream, err := c.interpretation.StreamInterpretPanels(ctx)
	if err != nil {
		return errorOf(err)
	}
	// Sent beside what is read: a service that waits for its answers to be taken reads no further.
	messages := make(chan []*labglossv1.Panel, most+1)
	defer close(messages)
	go send(stream, messages)

	var underWay [][]*labglossv1.Panel
	for ended := false; !ended || len(underWay) > 0; {
		if !ended && len(underWay) < most {
			message, err := packing.message()
			if err != nil && err != io.EOF {
				return err
			}
			if len(message) > 0 {
				underWay = append(underWay, message)
				messages <- message
			}
			if ended = err == io.EOF; ended {
				messages <- nil
			}
			continue
		}
		panels := underWay[0]
		underWay = underWay[1:]
		response, err := stream.Recv()
		if err == io.EOF {
			return defect("the stream ended with panels unanswered")
		}
		if err != nil {
			return errorOf(err)
		}
		if err := giveOutcomes(panels, response, each); err != nil {
			return err
		}
	}
	if _, err := stream.Recv(); err == nil {
		return defect("the service answered more messages than it was sent")
	} else if err != io.EOF {
		return errorOf(err)
	}
	return nil
}

// InterpretBundle gives the answer to a FHIR R4 Bundle: a Bundle, the report, the panel that was read, and what was not
// read. Where the context has no deadline, Options.BatchTimeout counts, because a Bundle may be as large.
func (c *Client) InterpretBundle(
	ctx context.Context, request *labglossv1.InterpretBundleRequest,
) (*labglossv1.InterpretBundleResponse, error) {
	var response *labglossv1.InterpretBundleResponse
	err := c.call(ctx, c.batchTimeout(), func(ctx context.Context) (err error) {
		response, err = c.fhir.InterpretBundle(ctx, request)
		return err
	})
	if err != nil {
		return nil, err
	}
	if response.Report == nil || len(response.Bundle) == 0 {
		return nil, defect("the service answered a Bundle without a report")
	}
	return response, nil
}

// Release gives the release that is loaded: version, digest, scope, counts, choices.
func (c *Client) Release(ctx context.Context) (*labglossv1.Release, error) {
	var response *labglossv1.GetReleaseResponse
	err := c.call(ctx, c.timeout(), func(ctx context.Context) (err error) {
		response, err = c.knowledge.GetRelease(ctx, &labglossv1.GetReleaseRequest{})
		return err
	})
	return response.GetRelease(), err
}

// Rule gives the rule of this id, as a report names it; reason RULE_NOT_FOUND when there is none.
func (c *Client) Rule(ctx context.Context, id string) (*labglossv1.Rule, error) {
	var response *labglossv1.GetRuleResponse
	err := c.call(ctx, c.timeout(), func(ctx context.Context) (err error) {
		response, err = c.knowledge.GetRule(ctx, &labglossv1.GetRuleRequest{Id: id})
		return err
	})
	return response.GetRule(), err
}

// Analytes gives every analyte, by id.
func (c *Client) Analytes(ctx context.Context) ([]*labglossv1.Analyte, error) {
	var all []*labglossv1.Analyte
	err := c.listed(ctx, func(ctx context.Context, token string) (string, error) {
		page, err := c.knowledge.ListAnalytes(ctx, &labglossv1.ListAnalytesRequest{PageToken: token})
		all = append(all, page.GetAnalytes()...)
		return page.GetNextPageToken(), err
	})
	return all, err
}

// ReferenceIntervals gives every reference interval, by id; only those of one analyte or variant where it is not empty.
func (c *Client) ReferenceIntervals(
	ctx context.Context, analyte, variant string,
) ([]*labglossv1.ReferenceInterval, error) {
	var all []*labglossv1.ReferenceInterval
	err := c.listed(ctx, func(ctx context.Context, token string) (string, error) {
		request := &labglossv1.ListReferenceIntervalsRequest{Analyte: analyte, Variant: variant, PageToken: token}
		page, err := c.knowledge.ListReferenceIntervals(ctx, request)
		all = append(all, page.GetIntervals()...)
		return page.GetNextPageToken(), err
	})
	return all, err
}

// Rules gives every rule, by id; only those of one kind or analyte where it is not unspecified or empty.
func (c *Client) Rules(ctx context.Context, kind labglossv1.RuleKind, analyte string) ([]*labglossv1.Rule, error) {
	var all []*labglossv1.Rule
	err := c.listed(ctx, func(ctx context.Context, token string) (string, error) {
		request := &labglossv1.ListRulesRequest{Kind: kind, Analyte: analyte, PageToken: token}
		page, err := c.knowledge.ListRules(ctx, request)
		all = append(all, page.GetRules()...)
		return page.GetNextPageToken(), err
	})
	return all, err
}

// Symptoms gives every symptom of the vocabulary, by id.
func (c *Client) Symptoms(ctx context.Context) ([]*labglossv1.VocabularySymptom, error) {
	var all []*labglossv1.VocabularySymptom
	err := c.listed(ctx, func(ctx context.Context, token string) (string, error) {
		page, err := c.knowledge.ListSymptoms(ctx, &labglossv1.ListSymptomsRequest{PageToken: token})
		all = append(all, page.GetSymptoms()...)
		return page.GetNextPageToken(), err
	})
	return all, err
}

// Sources gives every source, by id.
func (c *Client) Sources(ctx context.Context) ([]*labglossv1.Source, error) {
	var all []*labglossv1.Source
	err := c.listed(ctx, func(ctx context.Context, token string) (string, error) {
		page, err := c.knowledge.ListSources(ctx, &labglossv1.ListSourcesRequest{PageToken: token})
		all = append(all, page.GetSources()...)
		return page.GetNextPageToken(), err
	})
	return all, err
}

// Healthy says whether the service says that it serves; false also when it is not reached.
func (c *Client) Healthy(ctx context.Context) (bool, error) {
	ctx, cancel := bounded(ctx, c.timeout())
	defer cancel()
	ctx, err := c.withToken(ctx)
	if err != nil {
		return false, err
	}
	response, err := c.health.Check(ctx, &healthpb.HealthCheckRequest{Service: service}, grpc.WaitForReady(false))
	if err == nil {
		return response.Status == healthpb.HealthCheckResponse_SERVING, nil
	}
	switch failure := errorOf(err); failure.Code {
	case codes.Unavailable, codes.DeadlineExceeded, codes.NotFound, codes.Canceled:
		return false, nil
	default:
		return false, failure
	}
}

func (c *Client) timeout() time.Duration {
	if c.options.Timeout == 0 {
		return defaultTimeout
	}
	return c.options.Timeout
}

func (c *Client) batchTimeout() time.Duration {
	if c.options.BatchTimeout == 0 {
		return defaultBatchTimeout
	}
	return c.options.BatchTimeout
}

func (c *Client) withToken(ctx context.Context) (context.Context, error) {
	if c.options.Token == nil {
		return ctx, nil
	}
	token, err := c.options.Token()
	if err != nil {
		return ctx, err
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token), nil
}

func (c *Client) call(ctx context.Context, allowed time.Duration, made func(context.Context) error) error {
	ctx, cancel := bounded(ctx, allowed)
	defer cancel()
	ctx, err := c.withToken(ctx)
	if err != nil {
		return err
	}
	if c.throttle != nil {
		if err := c.throttle.ask(); err != nil {
			return err
		}
	}
	failure := c.budget.attempt(ctx, made)
	if c.throttle != nil {
		c.throttle.ended(failure)
	}
	// A nil *Error in an error is not nil.
	if failure == nil {
		return nil
	}
	return failure
}

func (c *Client) listed(ctx context.Context, page func(context.Context, string) (string, error)) error {
	token := ""
	for {
		following := ""
		err := c.call(ctx, c.timeout(), func(ctx context.Context) (err error) {
			following, err = page(ctx, token)
			return err
		})
		if err != nil || following == "" {
			return err
		}
		token = following
	}
}

func bounded(ctx context.Context, allowed time.Duration) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, allowed)
}

// Sends messages until there is an empty one, or no more. An error of sending comes again, and better, on receiving.
func send(stream labglossv1.InterpretationService_StreamInterpretPanelsClient, messages <-chan []*labglossv1.Panel) {
	for panels := range messages {
		if panels == nil {
			_ = stream.CloseSend()
			return
		}
		if stream.Send(&labglossv1.StreamInterpretPanelsRequest{Panels: panels}) != nil {
			return
		}
	}
}

// Panels gathered into messages of at most so many, none larger than the service takes.
type packing struct {
	next func() (*labglossv1.Panel, error)
	most int
	held *labglossv1.Panel
}

// The next message, and io.EOF with the last, which may be empty.
func (p *packing) message() ([]*labglossv1.Panel, error) {
	var message []*labglossv1.Panel
	size := 0
	for len(message) < p.most {
		panel := p.held
		p.held = nil
		if panel == nil {
			var err error
			if panel, err = p.next(); err != nil {
				return message, err
			}
		}
		added := proto.Size(panel) + panelFrameBytes
		if len(message) > 0 && size+added > messageLimitBytes {
			p.held = panel
			break
		}
		message = append(message, panel)
		size += added
	}
	return message, nil
}

func giveOutcomes(
	panels []*labglossv1.Panel,
	response *labglossv1.StreamInterpretPanelsResponse,
	each func(*labglossv1.PanelOutcome) error,
) error {
	outcomes := response.Outcomes
	if refused := response.Error; refused != nil {
		outcomes = nil
		for _, panel := range panels {
			outcome := &labglossv1.PanelOutcome_Error{Error: refused}
			outcomes = append(outcomes, &labglossv1.PanelOutcome{PanelId: panel.Id, Outcome: outcome})
		}
	}
	if err := checkOutcomes(panels, outcomes); err != nil {
		return err
	}
	for _, outcome := range outcomes {
		if err := each(outcome); err != nil {
			return err
		}
	}
	return nil
}

func checkOutcomes(panels []*labglossv1.Panel, outcomes []*labglossv1.PanelOutcome) error {
	if len(panels) != len(outcomes) {
		return defect("the service answered for another number of panels than was asked")
	}
	for index, outcome := range outcomes {
		if err := checkSame(panels[index], outcome.PanelId); err != nil {
			return err
		}
		if outcome.Outcome == nil {
			return defect("the service answered a panel with neither report nor error")
		}
		if report := outcome.GetReport(); report != nil {
			if err := checkSame(panels[index], report.PanelId); err != nil {
				return err
			}
		}
	}
	return nil
}

// A report that reaches the wrong patient is the worst that can happen here, and the check costs nothing.
func checkSame(panel *labglossv1.Panel, answered string) error {
	if panel.GetId() != answered {
		return defect("the service answered for another panel than was asked: the ids differ")
	}
	return nil
}

func defect(message string) error {
	return &Error{Code: codes.Internal, Message: message, cause: errors.New(message)}
}
