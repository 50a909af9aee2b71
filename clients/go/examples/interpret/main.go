// Prints what a labgloss service says of one panel. Argument: where it is, 127.0.0.1:50051 when left out.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"labgloss"
	labglossv1 "labgloss/v1"
)

func main() {
	target := "127.0.0.1:50051"
	if len(os.Args) > 1 {
		target = os.Args[1]
	}
	if err := interpret(target); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func interpret(target string) error {
	client, err := labgloss.Dial(target, labgloss.Options{})
	if err != nil {
		return err
	}
	defer client.Close()
	report, err := client.Interpret(context.Background(), &labglossv1.Panel{
		Id: "example",
		Patient: &labglossv1.Patient{
			Age: &labglossv1.Patient_AgeYears{AgeYears: 67},
			Sex: labglossv1.Sex_SEX_FEMALE,
		},
		Results: []*labglossv1.Result{
			{Analyte: "magnesium", Value: "0.41", Unit: "mmol/L"},
			{Analyte: "potassium", Value: "2.9", Unit: "mmol/L"},
		},
		Symptoms: []*labglossv1.Symptom{{Text: "cramps in both calves"}},
	})
	if err != nil {
		return err
	}
	fmt.Printf("%s: %s\n", strings.TrimPrefix(report.Urgency.String(), "URGENCY_"), report.Summary)
	for _, result := range report.Results {
		fmt.Println("-", result.Explanation)
	}
	for _, step := range report.Recommendations {
		fmt.Printf("* %s (%s)\n", step.Text, step.TimeFrame)
	}
	return nil
}
